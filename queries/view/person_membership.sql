-- +++
-- help = "Stays of people in teams, with people in place of their identities; whoever is in a team is in the teams above it."
-- from = ["membership", "person_of", "person", "team_above"]
-- once = true
-- +++
WITH stay AS (
  SELECT
    membership.team,
    COALESCE(person_of.person, membership.person) AS person,
    membership.role,
    membership.from_at,
    membership.to_at,
    is_bot(membership.person) AS named_as_bot
  FROM membership
  LEFT JOIN person_of ON person_of.identity = membership.person
),
everywhere AS (
  SELECT
    team,
    person,
    role,
    from_at,
    to_at,
    named_as_bot
  FROM stay
  UNION ALL
  SELECT
    team_above.above AS team,
    stay.person,
    CAST(NULL AS VARCHAR) AS role,
    stay.from_at,
    stay.to_at,
    stay.named_as_bot
  FROM stay
  INNER JOIN team_above ON team_above.team = stay.team
)
SELECT
  everywhere.team,
  everywhere.person,
  everywhere.role,
  everywhere.from_at,
  everywhere.to_at,
  COALESCE(person.kind <> 'human', everywhere.named_as_bot) AS bot
FROM everywhere
LEFT JOIN person ON person.person = everywhere.person
