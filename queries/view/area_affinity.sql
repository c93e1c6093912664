-- +++
-- help = "Each person's own share of what was done in each area, by age."
-- from = ["commits", "change", "ticket_area", "person_review", "who"]
-- once = true
-- [params]
-- half_life_days = { type = "int", default = 180, min = 1, max = 3660, help = "a commit or review counts half after this many days" }
-- history_days = { type = "int", default = 730, min = 28, max = 3660, help = "commits and reviews of this many days count" }
-- +++
-- An area is a component of tickets. Its touches are the commits that name a ticket of that component, each for its authors,
-- and the reviews of changes that name one, weighed by age.
WITH named_commit AS (
  SELECT DISTINCT
    repo,
    sha,
    author,
    co_authors,
    tickets,
    effective_at AS at
  FROM commits
  WHERE array_length(tickets) > 0
    AND COALESCE(on_default, TRUE)
    AND effective_at > days_before($as_of, $history_days)
),
deed AS (
  SELECT
    UNNEST(tickets) AS ticket,
    sha AS what,
    author AS person,
    at
  FROM named_commit
  UNION ALL
  SELECT
    ticket,
    sha AS what,
    UNNEST(co_authors) AS person,
    at
  FROM (SELECT UNNEST(tickets) AS ticket, sha, co_authors, at FROM named_commit) AS together
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
    ticket_area.area,
    COALESCE(who.person, deed.person) AS person,
    deed.what,
    deed.at
  FROM deed
  INNER JOIN ticket_area ON ticket_area.ticket = deed.ticket
  LEFT JOIN who ON who.identity = deed.person
  WHERE NOT COALESCE(who.bot, is_bot(deed.person))
),
weighed AS (
  SELECT
    area,
    person,
    SUM(CAST(ROUND(
      1000000 * POWER(CAST(0.5 AS DOUBLE), CAST(millis_between(at, $as_of) AS DOUBLE) / days_to_ms(1) / $half_life_days)
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
)
SELECT
  weighed.area,
  weighed.person,
  CAST(weighed.weight AS DOUBLE) / NULLIF(area_weight.weight, 0) AS affinity
FROM weighed
INNER JOIN area_weight ON area_weight.area = weighed.area
