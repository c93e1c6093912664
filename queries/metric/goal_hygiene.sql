-- +++
-- title = "Goal hygiene"
-- help = "Share of open goals, milestones and tickets that have exactly one owner and a due date of their own."
-- unit = "ratio"
-- level = "team"
-- labels = ["kind"]
-- value = "share"
-- gauges = ["open", "with_single_owner", "with_due_date"]
-- section = "Delegation balance"
-- panel = "bargauge"
-- +++
-- Who counts as an owner, and what as a due date, is said at the view open_item; the metric ownership_gaps lists what lacks them.
WITH counted AS (
  SELECT
    kind,
    COUNT(*) AS open,
    COUNT(*) FILTER (WHERE owners = 1) AS with_single_owner,
    COUNT(*) FILTER (WHERE due_on IS NOT NULL) AS with_due_date,
    COUNT(*) FILTER (WHERE owners = 1 AND due_on IS NOT NULL) AS with_both
  FROM open_item
  GROUP BY kind
),
listed AS (
  SELECT kind FROM (VALUES ('goal'), ('milestone'), ('ticket')) AS listed (kind)
)
SELECT
  listed.kind,
  COALESCE(counted.open, 0) AS open,
  COALESCE(counted.with_single_owner, 0) AS with_single_owner,
  COALESCE(counted.with_due_date, 0) AS with_due_date,
  COALESCE(counted.with_both, 0) AS with_both,
  ratio(counted.with_both, counted.open) AS share
FROM listed
LEFT JOIN counted ON counted.kind = listed.kind
ORDER BY listed.kind
