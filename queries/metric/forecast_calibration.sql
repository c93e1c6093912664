-- +++
-- title = "Forecast calibration"
-- help = "How good forecasts of finished milestones would have been, made with only what was known at the time."
-- unit = "ratio"
-- level = "team"
-- labels = ["progress"]
-- value = "coverage_85"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 730, min = 28, max = 3660, help = "milestones closed in this many days up to as_of" }
-- trials = { type = "int", default = 2000, min = 100, max = 100000, help = "futures that are played" }
-- +++
-- Each closed milestone is forecast at 20, 40, 60 and 80 % of the time from its first event to its baseline, as of then. Coverage
-- is the share that closed by the percentile; 85 % must cover about 85 %, in both directions. Pinball loss is in days.
-- The Brier score is of P(hit) against closing by the due date that held then; its skill is against always saying the base
-- rate, and against always saying that the due date holds. `recalibration_85` is by how much the days up to the 85th
-- percentile must be multiplied for it to cover 85 % of these cases.
WITH resolved AS (
  SELECT
    key_hash,
    milestone,
    created_at,
    closed_at,
    baseline_on
  FROM milestone
  WHERE NOT is_open
    AND NOT deleted
    AND closed_at > days_before($as_of, $window_days)
    AND baseline_on IS NOT NULL
),
replay AS (
  SELECT
    resolved.key_hash,
    resolved.milestone,
    resolved.closed_at,
    step.percent,
    days_before(
      resolved.created_at,
      -(days_between(CAST(resolved.created_at AS DATE), resolved.baseline_on) * step.percent / 100)
    ) AS at
  FROM resolved
  CROSS JOIN (VALUES (20), (40), (60), (80)) AS step (percent)
),
made AS (
  SELECT
    replay.milestone,
    replay.percent,
    replay.closed_at,
    replay.at,
    milestone_revision.due_on
  FROM replay
  INNER JOIN milestone_revision
    ON milestone_revision.key_hash = replay.key_hash
    AND milestone_revision.from_at <= replay.at
    AND (milestone_revision.to_at IS NULL OR milestone_revision.to_at > replay.at)
  WHERE replay.at < replay.closed_at
),
forecast_moment AS (
  SELECT DISTINCT
    milestone,
    at,
    due_on
  FROM made
),
judged AS (
  SELECT
    made.percent,
    outlook.known,
    millis_between(made.at, made.closed_at) AS actual_ms,
    outlook.p50_days,
    outlook.p85_days,
    outlook.p95_days,
    outlook.p_hit,
    CASE WHEN made.due_on IS NOT NULL THEN CAST(CAST(made.closed_at AS DATE) <= made.due_on AS INT) END AS hit
  FROM made
  INNER JOIN milestone_outlook AS outlook ON outlook.milestone = made.milestone AND outlook.at = made.at
),
scored AS (
  SELECT
    progress,
    known,
    actual_ms <= COALESCE(p50_days, 100000) * 86400000 AS in_50,
    actual_ms <= COALESCE(p85_days, 100000) * 86400000 AS in_85,
    actual_ms <= COALESCE(p95_days, 100000) * 86400000 AS in_95,
    CASE WHEN actual_ms > p50_days * 86400000 THEN 50 * (actual_ms - p50_days * 86400000) ELSE 50 * (p50_days * 86400000 - actual_ms) END AS pinball_50,
    CASE WHEN actual_ms > p85_days * 86400000 THEN 85 * (actual_ms - p85_days * 86400000) ELSE 15 * (p85_days * 86400000 - actual_ms) END AS pinball_85,
    CASE WHEN actual_ms > p95_days * 86400000 THEN 95 * (actual_ms - p95_days * 86400000) ELSE 5 * (p95_days * 86400000 - actual_ms) END AS pinball_95,
    CASE WHEN hit IS NOT NULL THEN CAST(ROUND((p_hit - hit) * (p_hit - hit) * 1000000000) AS BIGINT) END AS brier,
    CASE WHEN p_hit IS NOT NULL THEN hit END AS hit,
    CASE WHEN p85_days > 0 THEN actual_ms * 1000 / (p85_days * 86400) END AS stretch
  FROM (
    SELECT CONCAT(CAST(percent AS VARCHAR), ' %') AS progress, known, actual_ms, p50_days, p85_days, p95_days, p_hit, hit FROM judged
    UNION ALL
    SELECT CAST('all' AS VARCHAR) AS progress, known, actual_ms, p50_days, p85_days, p95_days, p_hit, hit FROM judged
  ) AS each
)
SELECT
  progress,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_85) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_85,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_50) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_50,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_95) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_95,
  COUNT(*) FILTER (WHERE known) AS n,
  COUNT(*) FILTER (WHERE NOT known) AS insufficient_data,
  ROUND(CAST(SUM(pinball_50) AS DOUBLE) / COUNT(pinball_50) / CAST(8640000000 AS DOUBLE), 3) AS pinball_50_days,
  ROUND(CAST(SUM(pinball_85) AS DOUBLE) / COUNT(pinball_85) / CAST(8640000000 AS DOUBLE), 3) AS pinball_85_days,
  ROUND(CAST(SUM(pinball_95) AS DOUBLE) / COUNT(pinball_95) / CAST(8640000000 AS DOUBLE), 3) AS pinball_95_days,
  ROUND(CAST(SUM(brier) AS DOUBLE) / COUNT(brier) / 1000000000, 6) AS brier,
  ROUND(
    1 - CAST(SUM(brier) AS DOUBLE) / 1000000000
    / NULLIF(CAST(SUM(hit) AS DOUBLE) * (COUNT(hit) - SUM(hit)) / COUNT(hit), 0),
    6
  ) AS skill_to_base_rate,
  ROUND(1 - CAST(SUM(brier) AS DOUBLE) / 1000000000 / NULLIF(COUNT(hit) - SUM(hit), 0), 6) AS skill_to_due_date,
  ROUND(CAST(percentile_nearest(stretch, 0.85) AS DOUBLE) / 1000000, 3) AS recalibration_85
FROM scored
GROUP BY progress
ORDER BY progress
