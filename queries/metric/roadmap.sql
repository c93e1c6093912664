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
-- Shares are of tickets. A milestone without tickets has none. `overdue`: the due date has passed, by days of
-- the milestone's team, see the view milestone_zone.
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
  COALESCE(milestone.due_on < day_in($as_of, milestone_zone.timezone), FALSE) AS overdue,
  COALESCE(work.scope, 0) AS scope,
  COALESCE(work.scope - work.done, 0) AS remaining,
  milestone.owner IS NOT NULL AS has_owner
FROM milestone
INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
LEFT JOIN work ON work.milestone = milestone.milestone
LEFT JOIN ticket AS goal ON goal.ticket = milestone.goal AND NOT goal.deleted
WHERE milestone.is_open
ORDER BY milestone.goal NULLS LAST, milestone.due_on NULLS LAST, milestone.milestone
