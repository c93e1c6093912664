-- +++
-- title = "Source silence"
-- help = "Hours since each source last sent something, and whether that is unusual for it."
-- unit = "hours"
-- level = "team"
-- labels = ["source"]
-- value = "hours"
-- gauges = ["silent", "last_at"]
-- section = "Data quality"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 28, min = 1, max = 366, help = "days up to a source's last event in which its events are counted" }
-- events_min = { type = "int", default = 28, min = 2, max = 1000000, help = "a source with fewer events in that time is never called silent" }
-- silent_hours = { type = "int", default = 96, min = 1, max = 8784, help = "a source that sends more is silent after this many hours; the default spans a long weekend" }
-- +++
-- Hours run from the latest event that had happened by as_of and was known by known_at.
WITH event AS (
  SELECT source, effective_at FROM commits
  UNION ALL
  SELECT source, effective_at FROM reviews
  UNION ALL
  SELECT source, effective_at FROM tickets
  UNION ALL
  SELECT source, effective_at FROM directory
),
latest AS (
  SELECT
    source,
    MAX(effective_at) AS at
  FROM event
  WHERE effective_at <= $as_of
  GROUP BY source
),
told AS (
  SELECT
    latest.source,
    latest.at,
    COUNT(*) AS n
  FROM latest
  INNER JOIN event
    ON event.source = latest.source
    AND event.effective_at <= latest.at
    AND millis_between(event.effective_at, latest.at) < days_to_ms($window_days)
  GROUP BY latest.source, latest.at
)
SELECT
  source,
  ms_to_hours(millis_between(at, $as_of)) AS hours,
  n >= $events_min AND millis_between(at, $as_of) > hours_to_ms($silent_hours) AS silent,
  at AS last_at,
  n
FROM told
ORDER BY source
