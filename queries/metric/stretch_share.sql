-- +++
-- title = "Stretch share"
-- help = "Share of each team's assigned tickets in areas that are new to their assignee, and how many of these have an expert at hand."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "stretch_share"
-- section = "Delegation balance"
-- panel = "bargauge"
-- shared_params = ["expert_min"]
-- [params]
-- stretch_max = { type = "float", default = 0.2, min = 0, max = 1, help = "with a smaller affinity to its area a ticket is a stretch" }
-- healthy_min = { type = "float", default = 0.1, min = 0, max = 1, help = "from this share on a team learns" }
-- healthy_max = { type = "float", default = 0.3, min = 0, max = 1, help = "up to this share a team is not overstretched" }
-- ask_above = { type = "float", default = 0.5, min = 0, max = 1, help = "above this share, and at none, someone should ask why" }
-- +++
-- An area is a component of tickets. Its touches are the commits that name a ticket of that component, each for its authors,
-- and the reviews of changes that name one, weighed by age. Affinity is a person's own share of an area's touches; of
-- a ticket with several components or assignees the highest counts. Tickets without a component, or in an area nobody
-- touched, are left out and counted. A supported stretch has an expert other than the assignees in the team.
WITH holder AS (
  SELECT
    COALESCE(team_member.team, '(none)') AS team,
    ticket_holder.key_hash,
    ticket_holder.ticket,
    ticket_holder.person
  FROM ticket_holder
  LEFT JOIN team_member ON team_member.person = ticket_holder.person
  WHERE ticket_holder.is_open
),
touched AS (
  SELECT DISTINCT area FROM area_affinity
),
expert AS (
  SELECT
    holder.team,
    holder.key_hash,
    COUNT(*) AS experts
  FROM (SELECT DISTINCT team, key_hash, ticket FROM holder) AS holder
  INNER JOIN ticket_area ON ticket_area.ticket = holder.ticket
  INNER JOIN area_affinity AS affinity ON affinity.area = ticket_area.area AND affinity.affinity >= $expert_min
  INNER JOIN team_member ON team_member.team = holder.team AND team_member.person = affinity.person
  LEFT JOIN holder AS own
    ON own.team = holder.team
    AND own.key_hash = holder.key_hash
    AND own.person = affinity.person
  WHERE own.person IS NULL
  GROUP BY holder.team, holder.key_hash
),
judged AS (
  SELECT
    holder.team,
    holder.key_hash,
    MAX(CASE WHEN touched.area IS NOT NULL THEN COALESCE(affinity.affinity, 0.0) END) AS affinity
  FROM holder
  LEFT JOIN ticket_area ON ticket_area.ticket = holder.ticket
  LEFT JOIN touched ON touched.area = ticket_area.area
  LEFT JOIN area_affinity AS affinity ON affinity.area = ticket_area.area AND affinity.person = holder.person
  GROUP BY holder.team, holder.key_hash
),
counted AS (
  SELECT
    judged.team,
    COUNT(judged.affinity) AS n,
    COUNT(*) FILTER (WHERE judged.affinity < $stretch_max) AS stretch,
    COUNT(*) FILTER (WHERE judged.affinity < $stretch_max AND expert.experts > 0) AS supported,
    COUNT(*) FILTER (WHERE judged.affinity IS NULL) AS left_out
  FROM judged
  LEFT JOIN expert ON expert.team = judged.team AND expert.key_hash = judged.key_hash
  GROUP BY judged.team
)
SELECT
  team,
  ratio(stretch, n) AS stretch_share,
  stretch,
  supported,
  n,
  left_out,
  CASE
    WHEN n = 0 THEN NULL
    WHEN stretch = 0 THEN 'ask: nobody learns'
    WHEN CAST(stretch AS DOUBLE) / n > $ask_above THEN 'ask: too much is new'
    WHEN CAST(stretch AS DOUBLE) / n BETWEEN $healthy_min AND $healthy_max THEN 'healthy'
    ELSE 'watch'
  END AS state
FROM counted
ORDER BY team
