-- +++
-- title = "Throughput"
-- help = "Tickets and points that each team finished in each week."
-- unit = "tickets"
-- level = "team"
-- labels = ["team", "week"]
-- value = "done"
-- section = "Flow"
-- panel = "timeseries"
-- shared_params = ["weeks"]
-- +++
-- Weeks are ISO weeks in UTC. Done is the last done with no later reopen as of T, so a reopened ticket leaves its week.
-- A ticket counts once for each team that an assignee was in then. Points are of estimated tickets only.
WITH finished AS (
  SELECT
    team,
    key_hash,
    points_hundredths,
    reopens,
    date_trunc('week', done_at) AS from_at
  FROM team_ticket
  WHERE NOT is_open
    AND done_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
),
slot AS (
  SELECT DISTINCT
    finished.team,
    week.label,
    week.from_at,
    week.complete
  FROM finished
  INNER JOIN week ON week.n < $weeks
)
SELECT
  slot.team,
  slot.label AS week,
  COUNT(finished.key_hash) AS done,
  points(SUM(finished.points_hundredths)) AS points,
  COUNT(finished.key_hash) - COUNT(finished.points_hundredths) AS unestimated,
  COUNT(finished.key_hash) FILTER (WHERE finished.reopens > 0) AS reopened_before,
  COUNT(finished.key_hash) AS n,
  slot.complete
FROM slot
LEFT JOIN finished ON finished.team = slot.team AND finished.from_at = slot.from_at
GROUP BY slot.team, slot.label, slot.complete
ORDER BY slot.team, slot.label
