-- +++
-- help = "Weekly series of each team over the last two years: tickets and points done, changes merged, reviews requested and done, and the median working hours to a response."
-- from = ["team_ticket", "person_review", "person_calendar", "person_membership", "change", "who", "week"]
-- once = true
-- shared_params = ["p50_n_min"]
-- [params]
-- series_weeks = { type = "int", default = 104, min = 1, max = 106, help = "weeks before the one that as_of is in" }
-- +++
-- One row per team, series and week from the first week of the team's series on, which is marked `first`; a week
-- without any is 0, and of too few responses is left out. Weeks begin on Monday, UTC. A person counts for the teams of the
-- moment. A response counts in the week in which it came: requests still open have none yet.
WITH review AS (
  SELECT
    CASE WHEN reviewer IS NULL THEN team END AS team,
    key_hash,
    reviewer,
    CAST('reviews_requested' AS VARCHAR) AS series,
    opened_at,
    opened_at AS at
  FROM person_review
  WHERE kind <> 'volunteered'
    AND (is_open OR ended_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks)))
    AND opened_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks))
    AND NOT self_review
    AND NOT bot
  UNION ALL
  SELECT
    CASE WHEN reviewer IS NULL THEN team END AS team,
    key_hash,
    reviewer,
    CAST('reviews_done' AS VARCHAR) AS series,
    opened_at,
    ended_at AS at
  FROM person_review
  WHERE outcome = 'done'
    AND NOT is_open
    AND ended_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks))
    AND NOT self_review
    AND NOT bot
),
merged AS (
  SELECT
    COALESCE(who.person, change.author) AS person,
    change.key_hash,
    change.merged_at AS at
  FROM change
  LEFT JOIN who ON who.identity = change.author
  WHERE NOT change.is_open
    AND change.merged_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks))
    AND NOT COALESCE(who.bot, is_bot(change.author))
),
deed AS (
  SELECT
    team,
    series,
    key_hash,
    reviewer AS person,
    opened_at,
    at
  FROM review
  UNION ALL
  SELECT
    CAST(NULL AS VARCHAR) AS team,
    CAST('changes_merged' AS VARCHAR) AS series,
    key_hash,
    person,
    at AS opened_at,
    at
  FROM merged
),
counted AS (
  SELECT DISTINCT
    COALESCE(deed.team, person_membership.team, '(none)') AS team,
    deed.series,
    deed.key_hash,
    deed.person,
    deed.opened_at,
    date_trunc('week', deed.at) AS from_at
  FROM deed
  LEFT JOIN person_membership
    ON person_membership.person = deed.person
    AND holds_at(person_membership.from_at, person_membership.to_at, deed.at)
),
finished AS (
  SELECT
    team,
    key_hash,
    points_hundredths,
    date_trunc('week', done_at) AS from_at
  FROM team_ticket
  WHERE NOT is_open
    AND done_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks))
),
answered AS (
  SELECT DISTINCT
    COALESCE(person_membership.team, '(none)') AS team,
    person_review.key_hash,
    person_review.reviewer,
    person_review.opened_at,
    date_trunc('week', person_review.ended_at) AS from_at,
    business_age_ms(
      person_review.opened_at, person_review.pauses, person_review.ended_at,
      person_calendar.timezone, person_calendar.hours, person_calendar.away
    ) AS working_ms
  FROM person_review
  LEFT JOIN person_calendar ON person_calendar.person = person_review.reviewer
  LEFT JOIN person_membership
    ON person_membership.person = person_review.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, person_review.ended_at)
  WHERE person_review.outcome = 'done'
    AND NOT person_review.is_open
    AND person_review.kind <> 'volunteered'
    AND person_review.ended_at >= date_trunc('week', days_before($as_of, 7 * $series_weeks))
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
total AS (
  SELECT
    team,
    series,
    from_at,
    CAST(COUNT(*) AS DOUBLE) AS value
  FROM counted
  GROUP BY team, series, from_at
  UNION ALL
  SELECT
    team,
    CAST('tickets_done' AS VARCHAR) AS series,
    from_at,
    CAST(COUNT(*) AS DOUBLE) AS value
  FROM finished
  GROUP BY team, from_at
  UNION ALL
  SELECT
    team,
    CAST('points_done' AS VARCHAR) AS series,
    from_at,
    points(SUM(points_hundredths)) AS value
  FROM finished
  WHERE points_hundredths IS NOT NULL
  GROUP BY team, from_at
  UNION ALL
  SELECT
    team,
    CAST('response_hours' AS VARCHAR) AS series,
    from_at,
    CAST(percentile_nearest(working_ms, 0.5, $p50_n_min) AS DOUBLE) / hours_to_ms(1) AS value
  FROM answered
  GROUP BY team, from_at
),
begun AS (
  SELECT
    team,
    series,
    MIN(from_at) AS from_at
  FROM total
  WHERE value IS NOT NULL
  GROUP BY team, series
)
SELECT
  begun.team,
  begun.series,
  week.label AS week,
  week.from_at,
  week.complete,
  week.from_at = begun.from_at AS first,
  COALESCE(total.value, 0.0) AS value
FROM begun
INNER JOIN week ON week.from_at >= begun.from_at AND week.n <= $series_weeks
LEFT JOIN total
  ON total.team = begun.team
  AND total.series = begun.series
  AND total.from_at = week.from_at
WHERE total.value IS NOT NULL
  OR begun.series <> 'response_hours'
