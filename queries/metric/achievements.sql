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
-- Days are those of the team that answers for it, see the view milestone_zone; a negative number is early. A closed milestone was reached or given up; its source does not
-- tell: `open_tickets` says how many of its tickets were open at as_of.
WITH closed AS (
  SELECT
    CAST('goal' AS VARCHAR) AS kind,
    ticket AS item,
    title,
    project,
    due_on,
    CAST(NULL AS DATE) AS baseline_on,
    COALESCE(of_team.timezone, of_project.timezone, 'UTC') AS timezone,
    done_at AS at
  FROM ticket
  LEFT JOIN team_zone AS of_team ON of_team.team = ticket.team
  LEFT JOIN team_zone AS of_project ON of_project.team = ticket.project
  WHERE kind = 'goal'
    AND NOT is_open
    AND NOT deleted
  UNION ALL
  SELECT
    CAST('milestone' AS VARCHAR) AS kind,
    milestone.milestone AS item,
    title,
    project,
    due_on,
    baseline_on,
    milestone_zone.timezone,
    closed_at AS at
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE NOT is_open
    AND NOT deleted
),
left_open AS (
  SELECT
    ticket_membership.milestone,
    COUNT(*) AS tickets
  FROM ticket_membership
  INNER JOIN ticket ON ticket.key_hash = ticket_membership.key_hash AND ticket.is_open
  GROUP BY ticket_membership.milestone
)
SELECT
  closed.kind,
  closed.item,
  closed.title,
  days_between(closed.due_on, day_in(closed.at, closed.timezone)) AS days_late,
  day_in(closed.at, closed.timezone) AS closed_on,
  closed.due_on,
  closed.baseline_on,
  CASE WHEN closed.kind = 'milestone' THEN COALESCE(left_open.tickets, 0) END AS open_tickets,
  closed.project
FROM closed
LEFT JOIN left_open ON closed.kind = 'milestone' AND left_open.milestone = closed.item
WHERE closed.at > days_before($as_of, $window_days)
  AND closed.at <= $as_of
ORDER BY closed.kind, closed.at, closed.item
