-- +++
-- help = "Stays of people among the assignees of tickets, with people in place of their identities."
-- from = ["assignment", "person_of", "person"]
-- +++
SELECT
  assignment.key_hash,
  assignment.ticket,
  COALESCE(person_of.person, assignment.person) AS person,
  assignment.from_at,
  assignment.to_at,
  assignment.is_open,
  COALESCE(person.kind <> 'human', is_bot(assignment.person)) AS bot
FROM assignment
LEFT JOIN person_of ON person_of.identity = assignment.person
LEFT JOIN person ON person.person = COALESCE(person_of.person, assignment.person)
