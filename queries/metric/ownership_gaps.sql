-- +++
-- title = "Ownership gaps"
-- help = "Open goals and milestones that do not have exactly one owner and a due date, and what each lacks."
-- unit = "gaps"
-- level = "team"
-- labels = ["kind", "item", "title"]
-- value = "gaps"
-- section = "Delegation balance"
-- panel = "table"
-- +++
-- The list behind goal_hygiene, without tickets. Who counts as an owner is said at the view open_item.
SELECT
  kind,
  item,
  title,
  CASE WHEN owners = 1 THEN 0 ELSE 1 END + CASE WHEN due_on IS NULL THEN 1 ELSE 0 END AS gaps,
  CASE
    WHEN owners = 0 AND due_on IS NULL THEN 'an owner and a date'
    WHEN owners > 1 AND due_on IS NULL THEN 'one owner of several, and a date'
    WHEN owners = 0 THEN 'an owner'
    WHEN owners > 1 THEN 'one owner of several'
    ELSE 'a date'
  END AS lacks,
  owners,
  due_on,
  project
FROM open_item
WHERE kind IN ('goal', 'milestone')
  AND (owners <> 1 OR due_on IS NULL)
ORDER BY kind, item
