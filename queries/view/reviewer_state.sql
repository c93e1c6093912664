-- +++
-- help = "Each reviewer of a team with their open reviews, their weight and age, what is usual for the team, and whether they are overloaded."
-- from = ["change", "person_membership", "person_review", "team_member"]
-- once = true
-- shared_params = ["membership", "reference_days", "reference_n_min"]
-- [params]
-- roster_days = { type = "int", default = 28, min = 1, max = 366, help = "people without a team count as reviewers when they reviewed within this many days" }
-- lines_per_hour = { type = "int", default = 400, min = 1, max = 100000, help = "added and deleted lines that take one hour to review" }
-- hours_min = { type = "float", default = 0.1, min = 0, max = 100, help = "least hours that one review counts" }
-- hours_max = { type = "float", default = 4.0, min = 0, max = 100, help = "most hours that one review counts" }
-- budget_hours = { type = "float", default = 3.2, min = 0.1, max = 40, help = "hours of review that one person has a week (Sadowski 2018)" }
-- open_min = { type = "int", default = 5, min = 1, max = 1000, help = "fewer open reviews than this are never many" }
-- open_factor = { type = "int", default = 2, min = 1, max = 100, help = "many is this multiple of the roster median" }
-- reference_p = { type = "float", default = 0.85, min = 0.5, max = 0.99, help = "percentile of those reviews beyond which an open one is old" }
-- overload_days = { type = "int", default = 3, min = 1, max = 10, help = "working days running on which the signs must hold" }
-- +++
-- Rows: members of each team at $as_of, and reviewers without a team under '(none)'. Somebody in two teams counts in both.
-- Two of three signs make a person overloaded, when they hold on each of the last working days: many open reviews, more
-- hours of them than the weekly budget, and one that is older than what is usual for the team.
WITH moment AS (
  SELECT
    n,
    CASE WHEN n = 0 THEN $as_of ELSE working_days_before($as_of, n - 1) END AS at
  FROM (SELECT UNNEST(range(0, $overload_days + 1)) AS n) AS numbered
),
sized AS (
  SELECT
    key_hash,
    CASE
      WHEN lines IS NOT NULL THEN LEAST(
        GREATEST(hours_to_ms(lines) / $lines_per_hour, hours_to_ms($hours_min)),
        hours_to_ms($hours_max)
      )
    END AS weight_ms
  FROM change
  WHERE is_open OR closed_at > days_before($as_of, $overload_days * 3 + 7)
),
episode AS (
  SELECT
    key_hash,
    reviewer,
    kind,
    outcome,
    opened_at,
    ended_at,
    end_event,
    pauses
  FROM person_review
  WHERE (is_open OR ended_at > days_before($as_of, GREATEST($reference_days, $roster_days) + $overload_days * 3 + 7))
    AND reviewer IS NOT NULL
    AND NOT self_review
    AND NOT bot
),
roster AS (
  SELECT team, person FROM team_member
  UNION ALL
  SELECT DISTINCT
    '(none)' AS team,
    episode.reviewer AS person
  FROM episode
  LEFT JOIN team_member ON team_member.person = episode.reviewer
  WHERE team_member.person IS NULL
    AND (
      episode.ended_at IS NULL
      OR (episode.outcome = 'done' AND episode.ended_at > days_before($as_of, $roster_days))
    )
),
held AS (
  SELECT
    moment.n,
    episode.reviewer,
    COUNT(*) AS open_reviews,
    SUM(sized.weight_ms) AS weight_ms,
    COUNT(*) - COUNT(sized.weight_ms) AS unsized,
    MAX(age_ms(episode.opened_at, episode.pauses, moment.at)) AS oldest_ms
  FROM episode
  INNER JOIN moment
    ON episode.opened_at <= moment.at
    AND (episode.ended_at IS NULL OR episode.ended_at > moment.at)
  LEFT JOIN sized ON sized.key_hash = episode.key_hash
  GROUP BY moment.n, episode.reviewer
),
load AS (
  SELECT
    moment.n,
    moment.at,
    roster.team,
    roster.person,
    COALESCE(held.open_reviews, 0) AS open_reviews,
    CASE WHEN held.reviewer IS NULL THEN 0 ELSE held.weight_ms END AS weight_ms,
    COALESCE(held.unsized, 0) AS unsized,
    held.oldest_ms
  FROM roster
  CROSS JOIN moment
  LEFT JOIN held ON held.n = moment.n AND held.reviewer = roster.person
),
typical AS (
  SELECT
    n,
    team,
    median_nearest(open_reviews) AS median_open
  FROM load
  GROUP BY n, team
),
finished AS (
  SELECT DISTINCT
    COALESCE(person_membership.team, '(none)') AS team,
    episode.end_event,
    episode.reviewer,
    episode.ended_at,
    age_ms(episode.opened_at, episode.pauses, episode.ended_at) AS age_ms
  FROM episode
  LEFT JOIN person_membership
    ON person_membership.person = episode.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, CASE WHEN $membership = 'current' THEN $as_of ELSE episode.ended_at END)
  WHERE episode.outcome = 'done'
    AND episode.kind <> 'volunteered'
),
reference AS (
  SELECT
    moment.n,
    finished.team,
    percentile_nearest(finished.age_ms, $reference_p, $reference_n_min) AS old_ms
  FROM finished
  INNER JOIN moment
    ON finished.ended_at <= moment.at
    AND finished.ended_at > days_before(moment.at, $reference_days)
  GROUP BY moment.n, finished.team
),
judged AS (
  SELECT
    load.n,
    load.team,
    load.person,
    load.open_reviews,
    load.weight_ms,
    load.unsized,
    load.oldest_ms,
    typical.median_open,
    reference.old_ms,
    CAST(load.open_reviews >= GREATEST($open_min, $open_factor * typical.median_open) AS INT)
    + CAST(COALESCE(load.weight_ms > hours_to_ms($budget_hours), FALSE) AS INT)
    + CAST(COALESCE(load.oldest_ms > reference.old_ms, FALSE) AS INT) >= 2 AS overloaded
  FROM load
  INNER JOIN typical ON typical.n = load.n AND typical.team = load.team
  LEFT JOIN reference ON reference.n = load.n AND reference.team = load.team
),
overload AS (
  SELECT
    team,
    person,
    BOOL_AND(overloaded) AS overloaded
  FROM judged
  WHERE n > 0
  GROUP BY team, person
)
SELECT
  judged.team,
  judged.person,
  judged.open_reviews,
  judged.weight_ms,
  judged.unsized,
  judged.oldest_ms,
  judged.median_open,
  judged.old_ms,
  overload.overloaded
FROM judged
INNER JOIN overload ON overload.team = judged.team AND overload.person = judged.person
WHERE judged.n = 0
