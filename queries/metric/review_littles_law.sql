-- +++
-- title = "Little's law of reviews"
-- help = "Arrival rate times mean time against the mean number of open requests; the time under the curve must equal the requests' own time, to the millisecond."
-- unit = "reviews"
-- level = "team"
-- labels = ["team"]
-- value = "mean_open"
-- section = "Review load"
-- panel = "table"
-- shared_params = ["window_days"]
-- +++
-- L = lambda W (Little 1961). `overlap_ms` sums the part of each request's life that lies in the window; `area_ms` adds
-- up open requests times the time until the next change. That both are equal holds for any history, and shows that the
-- view of episodes neither loses nor doubles time. Rate times mean time equals the mean open only where what came in
-- before the window weighs as much as what is left after it: `balance` is their ratio.
-- Time is wall-clock time, draft included. Teams are the reviewer's at the request.
WITH request AS (
  SELECT
    key_hash,
    reviewer,
    team,
    opened_at,
    GREATEST(opened_at, days_before($as_of, $window_days)) AS begin_at,
    LEAST(COALESCE(ended_at, $as_of), $as_of) AS end_at,
    ended_at
  FROM person_review
  WHERE (is_open OR ended_at > days_before($as_of, $window_days))
    AND opened_at <= $as_of
    AND kind <> 'volunteered'
    AND NOT self_review
    AND NOT bot
),
life AS (
  SELECT DISTINCT
    COALESCE(CASE WHEN request.reviewer IS NULL THEN request.team END, person_membership.team, '(none)') AS team,
    request.key_hash,
    request.reviewer,
    request.opened_at,
    request.begin_at,
    request.end_at,
    request.ended_at
  FROM request
  LEFT JOIN person_membership
    ON person_membership.person = request.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, request.opened_at)
),
overlap AS (
  SELECT
    team,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE opened_at > days_before($as_of, $window_days)) AS arrivals,
    COUNT(*) FILTER (WHERE ended_at IS NOT NULL) AS departures,
    SUM(arrow_cast(end_at, 'Int64') - arrow_cast(begin_at, 'Int64')) AS overlap_us,
    SUM(millis_between(opened_at, ended_at)) AS finished_ms
  FROM life
  GROUP BY team
),
change_of_open AS (
  SELECT team, begin_at AS at, 1 AS step FROM life
  UNION ALL
  SELECT team, end_at AS at, -1 AS step FROM life
),
moment AS (
  SELECT
    team,
    at,
    SUM(step) AS step
  FROM change_of_open
  GROUP BY team, at
),
level AS (
  SELECT
    team,
    at,
    SUM(step) OVER (PARTITION BY team ORDER BY at) AS open,
    LEAD(at) OVER (PARTITION BY team ORDER BY at) AS until_at
  FROM moment
),
area AS (
  SELECT
    team,
    SUM(open * (arrow_cast(until_at, 'Int64') - arrow_cast(at, 'Int64'))) AS area_us
  FROM level
  WHERE until_at IS NOT NULL
  GROUP BY team
)
SELECT
  overlap.team,
  ratio(overlap.overlap_us, 1000 * days_to_ms($window_days)) AS mean_open,
  ratio(overlap.arrivals, $window_days) AS arrivals_per_day,
  ROUND(CAST(overlap.finished_ms AS DOUBLE) / NULLIF(overlap.departures, 0) / days_to_ms(1), 6) AS mean_days,
  ROUND(
    CAST(overlap.arrivals AS DOUBLE) / $window_days * overlap.finished_ms / NULLIF(overlap.departures, 0) / days_to_ms(1),
    6
  ) AS rate_times_mean,
  ROUND(
    CAST(overlap.arrivals AS DOUBLE) * overlap.finished_ms * 1000 / NULLIF(overlap.departures, 0) / NULLIF(overlap.overlap_us, 0),
    6
  ) AS balance,
  overlap.arrivals,
  overlap.departures,
  overlap.overlap_us / 1000 AS overlap_ms,
  COALESCE(area.area_us, 0) / 1000 AS area_ms,
  overlap.overlap_us = COALESCE(area.area_us, 0) AS identity_holds,
  overlap.n
FROM overlap
LEFT JOIN area ON area.team = overlap.team
ORDER BY overlap.team
