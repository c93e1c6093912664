-- +++
-- title = "Achievements"
-- help = "Goals and milestones that were closed lately: when, and how many days after their due date and their baseline."
-- unit = "days"
-- level = "team"
-- labels = ["kind", "item", "title"]
-- value = "days_late"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 7, min = 1, max = 3660, help = "days up to as_of" }
-- +++
-- Days are of UTC; a negative number is early. A closed milestone was reached or given up; its source does not
-- tell: `open_tickets` says how many of its tickets were open at as_of.
WITH closed AS (
  SELECT
    CAST('goal' AS VARCHAR) AS kind,
    ticket AS item,
    title,
    project,
    due_on,
    CAST(NULL AS DATE) AS baseline_on,
    done_at AS at
  FROM ticket
  WHERE kind = 'goal'
    AND NOT is_open
    AND NOT deleted
  UNION ALL
  SELECT
    CAST('milestone' AS VARCHAR) AS kind,
    milestone AS item,
    title,
    project,
    due_on,
    baseline_on,
    closed_at AS at
  FROM milestone
  WHERE NOT is_open
    AND NOT deleted
),
left_open AS (
  SELECT
    milestone,
    COUNT(*) AS tickets
  FROM ticket
  WHERE is_open
    AND milestone IS NOT NULL
  GROUP BY milestone
)
SELECT
  closed.kind,
  closed.item,
  closed.title,
  days_between(closed.due_on, CAST(closed.at AS DATE)) AS days_late,
  CAST(closed.at AS DATE) AS closed_on,
  closed.due_on,
  closed.baseline_on,
  CASE WHEN closed.kind = 'milestone' THEN COALESCE(left_open.tickets, 0) END AS open_tickets,
  closed.project
FROM closed
LEFT JOIN left_open ON closed.kind = 'milestone' AND left_open.milestone = closed.item
WHERE closed.at > days_before($as_of, $window_days)
  AND closed.at <= $as_of
ORDER BY closed.kind, closed.at, closed.item
