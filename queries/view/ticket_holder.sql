-- +++
-- help = "The people to whom each ticket is assigned, bots left out. Goals and deleted tickets are no work."
-- from = ["ticket", "person_of", "person"]
-- +++
WITH assigned AS (
  SELECT
    key_hash,
    ticket,
    is_open,
    done_at,
    UNNEST(assignees) AS person
  FROM ticket
  WHERE NOT deleted
    AND kind IS DISTINCT FROM 'goal'
)
SELECT DISTINCT
  assigned.key_hash,
  assigned.ticket,
  assigned.is_open,
  assigned.done_at,
  COALESCE(person_of.person, assigned.person) AS person
FROM assigned
LEFT JOIN person_of ON person_of.identity = assigned.person
LEFT JOIN person ON person.person = COALESCE(person_of.person, assigned.person)
WHERE NOT COALESCE(person.kind <> 'human', is_bot(assigned.person))
