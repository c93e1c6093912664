-- +++
-- help = "What hangs on each open change: of the tickets that it names, whether one is an open incident, the first due date, and the least P(hit)."
-- from = ["change", "ticket", "milestone", "milestone_outlook"]
-- once = true
-- +++
-- A ticket without a date has its milestone's. Only open tickets and milestones have a date and a P(hit) here.
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
  MIN(COALESCE(ticket.due_on, milestone.due_on)) FILTER (WHERE ticket.is_open) AS due_on,
  MIN(outlook.p_hit) FILTER (WHERE ticket.is_open) AS p_hit
FROM named
INNER JOIN ticket ON ticket.ticket = named.ticket AND NOT ticket.deleted
LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND milestone.is_open
LEFT JOIN milestone_outlook AS outlook ON outlook.milestone = milestone.milestone
GROUP BY named.key_hash
