-- +++
-- help = "What hangs on each open change: of the tickets that it names, whether one is an open incident, the first due date and the working days until then, and the least P(hit)."
-- from = ["change", "ticket", "milestone", "milestone_outlook", "milestone_zone", "team_zone"]
-- once = true
-- +++
-- A ticket without a date has its milestone's or its sprint's, the earlier. Days are of the zone of the ticket's team, else of its milestone. Only open tickets and milestones have a date and a P(hit) here.
WITH named AS (
  SELECT
    key_hash,
    UNNEST(tickets) AS ticket
  FROM change
  WHERE is_open
    AND NOT draft
)
SELECT
  named.key_hash,
  BOOL_OR(ticket.is_open AND COALESCE(ticket.kind = 'incident', FALSE)) AS incident,
  MIN(COALESCE(ticket.due_on, LEAST(milestone.due_on, sprint.due_on))) FILTER (WHERE ticket.is_open) AS due_on,
  MIN(working_days_between(
    day_in($as_of, COALESCE(team_zone.timezone, milestone_zone.timezone)),
    COALESCE(ticket.due_on, LEAST(milestone.due_on, sprint.due_on))
  )) FILTER (WHERE ticket.is_open) AS due_working_days,
  MIN(LEAST(outlook.p_hit, sprint_outlook.p_hit)) FILTER (WHERE ticket.is_open) AS p_hit
FROM named
INNER JOIN ticket ON ticket.ticket = named.ticket AND NOT ticket.deleted
LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND milestone.is_open
LEFT JOIN milestone AS sprint ON sprint.milestone = ticket.sprint AND sprint.is_open
LEFT JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
LEFT JOIN team_zone ON team_zone.team = ticket.team
LEFT JOIN milestone_outlook AS outlook ON outlook.milestone = milestone.milestone
LEFT JOIN milestone_outlook AS sprint_outlook ON sprint_outlook.milestone = sprint.milestone
GROUP BY named.key_hash
