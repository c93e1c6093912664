-- +++
-- help = "Every open goal, milestone and ticket with how many people answer for it, and its due date."
-- from = ["ticket", "milestone", "person_of"]
-- +++
-- Owners are the distinct assignees, bots among them, else the owner; for a goal the owner goes first. Names of one
-- person are one owner. A milestone's baseline stands for its due date until one is stated.
WITH assigned AS (
  SELECT
    key_hash,
    UNNEST(assignees) AS person
  FROM ticket
  WHERE is_open
),
held AS (
  SELECT
    assigned.key_hash,
    COUNT(DISTINCT COALESCE(person_of.person, assigned.person)) AS people
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  GROUP BY assigned.key_hash
)
SELECT
  CASE WHEN ticket.kind = 'goal' THEN 'goal' ELSE 'ticket' END AS kind,
  ticket.ticket AS item,
  ticket.project,
  ticket.title,
  CASE
    WHEN ticket.kind = 'goal' AND ticket.owner IS NOT NULL THEN 1
    WHEN held.people > 0 THEN held.people
    WHEN ticket.owner IS NOT NULL THEN 1
    ELSE 0
  END AS owners,
  ticket.due_on
FROM ticket
LEFT JOIN held ON held.key_hash = ticket.key_hash
WHERE ticket.is_open
UNION ALL
SELECT
  'milestone' AS kind,
  milestone AS item,
  project,
  title,
  CASE WHEN owner IS NOT NULL THEN 1 ELSE 0 END AS owners,
  due_on
FROM milestone
WHERE is_open
