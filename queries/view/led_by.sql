-- +++
-- help = "Whom each lead leads: the people who are at as_of in a team that names them its lead or in which they have that role, or in a team below it."
-- from = ["team", "person_of", "person_membership"]
-- once = true
-- +++
-- A lead who is in the team, too, is among them.
WITH leads AS (
  SELECT
    COALESCE(person_of.person, team.lead) AS lead,
    team.team
  FROM team
  LEFT JOIN person_of ON person_of.identity = team.lead
  WHERE team.lead IS NOT NULL
    AND NOT team.deleted
  UNION
  SELECT
    person AS lead,
    team
  FROM person_membership
  WHERE LOWER(role) = 'lead'
    AND holds_at(from_at, to_at, $as_of)
)
SELECT DISTINCT
  leads.lead,
  person_membership.person
FROM leads
INNER JOIN person_membership
  ON person_membership.team = leads.team
  AND holds_at(person_membership.from_at, person_membership.to_at, $as_of)
