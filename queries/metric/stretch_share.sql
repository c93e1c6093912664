-- +++
-- title = "Stretch share"
-- help = "Share of each team's assigned tickets in areas that are new to their assignee, and how many of these have an expert at hand."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "stretch_share"
-- section = "Delegation balance"
-- panel = "bargauge"
-- [params]
-- half_life_days = { type = "int", default = 180, min = 1, max = 3660, help = "a commit or review counts half after this many days" }
-- history_days = { type = "int", default = 730, min = 28, max = 3660, help = "commits and reviews of this many days count" }
-- stretch_max = { type = "float", default = 0.2, min = 0, max = 1, help = "with a smaller affinity to its area a ticket is a stretch" }
-- expert_min = { type = "float", default = 0.5, min = 0, max = 1, help = "somebody with at least this affinity to an area is an expert" }
-- healthy_min = { type = "float", default = 0.1, min = 0, max = 1, help = "from this share on a team learns" }
-- healthy_max = { type = "float", default = 0.3, min = 0, max = 1, help = "up to this share a team is not overstretched" }
-- ask_above = { type = "float", default = 0.5, min = 0, max = 1, help = "above this share, and at none, somebody should ask why" }
-- +++
-- An area is a component of tickets. Its touches are the commits that name a ticket of that component, each for its authors,
-- and the reviews of changes that name one, weighed by age. Affinity is a person's own share of an area's touches; of
-- a ticket with several components or assignees the highest counts. Tickets without a component, or in an area nobody
-- touched, are left out and counted. A supported stretch has an expert other than the assignees in the team.
WITH component AS (
  SELECT
    ticket,
    UNNEST(components) AS area
  FROM ticket
  WHERE NOT deleted
),
commit AS (
  SELECT DISTINCT
    repo,
    sha,
    author,
    co_authors,
    tickets,
    effective_at AS at
  FROM commits
  WHERE array_length(tickets) > 0
    AND effective_at > days_before($as_of, $history_days)
),
deed AS (
  SELECT
    UNNEST(tickets) AS ticket,
    sha AS what,
    author AS person,
    at
  FROM commit
  UNION ALL
  SELECT
    ticket,
    sha AS what,
    UNNEST(co_authors) AS person,
    at
  FROM (SELECT UNNEST(tickets) AS ticket, sha, co_authors, at FROM commit) AS together
  UNION ALL
  SELECT
    named.ticket,
    CONCAT(named.repo, '#', named.change) AS what,
    person_review.reviewer AS person,
    person_review.ended_at AS at
  FROM (SELECT key_hash, repo, change, UNNEST(tickets) AS ticket FROM change) AS named
  INNER JOIN person_review ON person_review.key_hash = named.key_hash
  WHERE person_review.outcome = 'done'
    AND NOT person_review.is_open
    AND person_review.ended_at > days_before($as_of, $history_days)
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
touch AS (
  SELECT DISTINCT
    component.area,
    COALESCE(person_of.person, deed.person) AS person,
    deed.what,
    deed.at
  FROM deed
  INNER JOIN component ON component.ticket = deed.ticket
  LEFT JOIN person_of ON person_of.identity = deed.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, deed.person)
  WHERE NOT COALESCE(person.kind <> 'human', is_bot(deed.person))
),
weighed AS (
  SELECT
    area,
    person,
    SUM(CAST(ROUND(
      1000000 * POWER(CAST(0.5 AS DOUBLE), CAST(millis_between(at, $as_of) AS DOUBLE) / 86400000 / $half_life_days)
    ) AS BIGINT)) AS weight
  FROM touch
  GROUP BY area, person
),
area_weight AS (
  SELECT
    area,
    SUM(weight) AS weight
  FROM weighed
  GROUP BY area
),
affinity AS (
  SELECT
    weighed.area,
    weighed.person,
    CAST(weighed.weight AS DOUBLE) / NULLIF(area_weight.weight, 0) AS affinity
  FROM weighed
  INNER JOIN area_weight ON area_weight.area = weighed.area
),
assigned AS (
  SELECT
    key_hash,
    ticket,
    UNNEST(assignees) AS person
  FROM ticket
  WHERE is_open
    AND kind IS DISTINCT FROM 'goal'
),
member AS (
  SELECT DISTINCT
    team,
    person
  FROM person_membership
  WHERE from_at <= $as_of
    AND (to_at IS NULL OR to_at > $as_of)
    AND NOT bot
),
holder AS (
  SELECT DISTINCT
    COALESCE(member.team, '(none)') AS team,
    assigned.key_hash,
    assigned.ticket,
    COALESCE(person_of.person, assigned.person) AS person
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, assigned.person)
  LEFT JOIN member ON member.person = COALESCE(person_of.person, assigned.person)
  WHERE NOT COALESCE(person.kind <> 'human', is_bot(assigned.person))
),
expert AS (
  SELECT
    holder.team,
    holder.key_hash,
    COUNT(*) AS experts
  FROM (SELECT DISTINCT team, key_hash, ticket FROM holder) AS holder
  INNER JOIN component ON component.ticket = holder.ticket
  INNER JOIN affinity ON affinity.area = component.area AND affinity.affinity >= $expert_min
  INNER JOIN member ON member.team = holder.team AND member.person = affinity.person
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
    MAX(CASE WHEN area_weight.area IS NOT NULL THEN COALESCE(affinity.affinity, 0.0) END) AS affinity
  FROM holder
  LEFT JOIN component ON component.ticket = holder.ticket
  LEFT JOIN area_weight ON area_weight.area = component.area
  LEFT JOIN affinity ON affinity.area = component.area AND affinity.person = holder.person
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
  ROUND(CAST(stretch AS DOUBLE) / NULLIF(n, 0), 6) AS stretch_share,
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
