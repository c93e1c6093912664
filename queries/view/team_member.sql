-- +++
-- help = "Who is in each team at as_of, bots left out, and whether as its lead."
-- from = ["person_membership"]
-- once = true
-- +++
SELECT
  team,
  person,
  BOOL_OR(COALESCE(LOWER(role) = 'lead', FALSE)) AS is_lead
FROM person_membership
WHERE holds_at(from_at, to_at, $as_of)
  AND NOT bot
GROUP BY team, person
