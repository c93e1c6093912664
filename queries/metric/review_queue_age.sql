-- +++
-- title = "Review queue age"
-- help = "How old the open review requests of each team are, in working and in wall-clock hours, without time in draft."
-- unit = "hours"
-- level = "team"
-- labels = ["team"]
-- value = "p85_hours"
-- section = "Review load"
-- panel = "bargauge"
-- shared_params = ["p50_n_min", "p85_n_min", "p95_n_min"]
-- +++
-- Teams are those of the reviewer at $as_of; an unclaimed request to a team is in that team's queue.
-- Working time is by the reviewer's calendar.
WITH request AS (
  SELECT
    person_review.key_hash,
    person_review.reviewer,
    person_review.team,
    person_review.opened_at,
    age_ms(person_review.opened_at, person_review.pauses, $as_of) AS wall_ms,
    business_age_ms(
      person_review.opened_at, person_review.pauses, $as_of,
      person_calendar.timezone, person_calendar.hours, person_calendar.away
    ) AS working_ms
  FROM person_review
  LEFT JOIN person_calendar ON person_calendar.person = person_review.reviewer
  WHERE person_review.is_open
    AND person_review.change_open
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
queued AS (
  SELECT DISTINCT
    COALESCE(CASE WHEN request.reviewer IS NULL THEN request.team END, person_membership.team, '(none)') AS team,
    request.key_hash,
    request.reviewer,
    request.opened_at,
    request.wall_ms,
    request.working_ms
  FROM request
  LEFT JOIN person_membership
    ON person_membership.person = request.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, $as_of)
)
SELECT
  team,
  ms_to_hours(percentile_nearest(working_ms, 0.5, $p50_n_min)) AS p50_hours,
  ms_to_hours(percentile_nearest(working_ms, 0.85, $p85_n_min)) AS p85_hours,
  ms_to_hours(percentile_nearest(working_ms, 0.95, $p95_n_min)) AS p95_hours,
  ms_to_hours(MAX(working_ms)) AS max_hours,
  ms_to_hours(percentile_nearest(wall_ms, 0.5, $p50_n_min)) AS wall_p50_hours,
  ms_to_hours(percentile_nearest(wall_ms, 0.85, $p85_n_min)) AS wall_p85_hours,
  ms_to_hours(percentile_nearest(wall_ms, 0.95, $p95_n_min)) AS wall_p95_hours,
  ms_to_hours(MAX(wall_ms)) AS wall_max_hours,
  COUNT(*) AS n
FROM queued
GROUP BY team
ORDER BY team
