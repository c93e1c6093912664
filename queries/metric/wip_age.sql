-- +++
-- title = "Age of work in progress"
-- help = "How many tickets of each team are in progress and how long ago they were first started."
-- unit = "days"
-- level = "team"
-- labels = ["team"]
-- value = "p85_days"
-- section = "Flow"
-- panel = "bargauge"
-- shared_params = ["p50_n_min", "p85_n_min", "p95_n_min"]
-- +++
-- Days have 24 hours. `paused` counts open tickets that were started and are not in progress now.
WITH item AS (
  SELECT
    team,
    key_hash,
    active_since IS NOT NULL AS in_progress,
    CASE WHEN active_since IS NOT NULL THEN millis_between(started_at, $as_of) END AS age_ms
  FROM team_ticket
  WHERE is_open
    AND started_at IS NOT NULL
)
SELECT
  team,
  COUNT(*) FILTER (WHERE in_progress) AS in_progress,
  ms_to_days(percentile_nearest(age_ms, 0.5, $p50_n_min)) AS p50_days,
  ms_to_days(percentile_nearest(age_ms, 0.85, $p85_n_min)) AS p85_days,
  ms_to_days(percentile_nearest(age_ms, 0.95, $p95_n_min)) AS p95_days,
  ms_to_days(MAX(age_ms)) AS max_days,
  COUNT(*) FILTER (WHERE NOT in_progress) AS paused,
  COUNT(*) FILTER (WHERE in_progress) AS n
FROM item
GROUP BY team
ORDER BY team
