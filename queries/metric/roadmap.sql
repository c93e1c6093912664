-- +++
-- title = "Roadmap"
-- help = "Open milestones with the goal that they serve, their dates, and how much of their work is done."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "done_share"
-- section = "Milestone drift"
-- panel = "table"
-- +++
-- Shares are of tickets. A milestone without tickets has none. `overdue` is by days of UTC: the due date has passed.
WITH work AS (
  SELECT
    milestone,
    COUNT(*) AS scope,
    COUNT(*) FILTER (WHERE done) AS done
  FROM milestone_work
  WHERE is_current
    AND milestone IS NOT NULL
  GROUP BY milestone
)
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  ratio(work.done, work.scope) AS done_share,
  milestone.goal,
  goal.title AS goal_title,
  milestone.start_on,
  milestone.baseline_on,
  milestone.due_on,
  COALESCE(milestone.due_on < CAST($as_of AS DATE), FALSE) AS overdue,
  COALESCE(work.scope, 0) AS scope,
  COALESCE(work.scope - work.done, 0) AS remaining,
  milestone.owner IS NOT NULL AS has_owner
FROM milestone
LEFT JOIN work ON work.milestone = milestone.milestone
LEFT JOIN ticket AS goal ON goal.ticket = milestone.goal AND NOT goal.deleted
WHERE milestone.is_open
ORDER BY milestone.goal NULLS LAST, milestone.due_on NULLS LAST, milestone.milestone
