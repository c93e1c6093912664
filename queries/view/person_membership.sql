-- +++
-- help = "Stays of people in teams, with people in place of their identities; a member of a team is in the teams above it."
-- from = ["membership", "who", "team_above"]
-- once = true
-- +++
WITH stay AS (
  SELECT
    membership.team,
    COALESCE(who.person, membership.person) AS person,
    membership.role,
    membership.from_at,
    membership.to_at,
    COALESCE(who.bot, is_bot(membership.person)) AS bot
  FROM membership
  LEFT JOIN who ON who.identity = membership.person
)
SELECT
  team,
  person,
  role,
  from_at,
  to_at,
  bot
FROM stay
UNION ALL
SELECT
  team_above.above AS team,
  stay.person,
  CAST(NULL AS VARCHAR) AS role,
  stay.from_at,
  stay.to_at,
  stay.bot
FROM stay
INNER JOIN team_above ON team_above.team = stay.team
