-- +++
-- title = "Milestone forecast"
-- help = "When each open milestone will be done at the pace of its own history, and how probable its due date is."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "p_hit"
-- section = "Milestone drift"
-- panel = "table"
-- +++
-- The method is that of the function milestone_forecast: a double bootstrap over weeks of history, in which completions and
-- changes of scope go together, in tickets. The history is the milestone's own; where that is too short it is that of all
-- milestones of the project, which is then taken to finish what is due first. It begins after the planning days, and moves
-- between milestones of the project change no scope. With too short a history there is no forecast, and `state` says so.
-- `p_hit` is the share of futures that end by the due date, `p_never` of those that do not end in time. Dates are UTC.
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  outlook.p_hit,
  outlook.p50_on,
  outlook.p85_on,
  outlook.p95_on,
  outlook.p_never,
  outlook.p85_days - outlook.p50_days AS buffer_days,
  outlook.due_on,
  outlook.scope,
  outlook.remaining,
  outlook.state,
  outlook.weeks AS n
FROM milestone_outlook AS outlook
INNER JOIN milestone ON milestone.milestone = outlook.milestone
ORDER BY milestone.project NULLS LAST, milestone.milestone
