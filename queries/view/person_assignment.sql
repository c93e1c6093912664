-- +++
-- help = "Stays of people among the assignees of tickets, with people in place of their identities."
-- from = ["assignment", "who"]
-- +++
SELECT
  assignment.key_hash,
  assignment.ticket,
  COALESCE(who.person, assignment.person) AS person,
  assignment.from_at,
  assignment.to_at,
  assignment.is_open,
  COALESCE(who.bot, is_bot(assignment.person)) AS bot
FROM assignment
LEFT JOIN who ON who.identity = assignment.person
