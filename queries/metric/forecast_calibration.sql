-- +++
-- title = "Forecast calibration"
-- help = "How good forecasts of finished milestones would have been, made with only what was known at the time."
-- unit = "ratio"
-- level = "team"
-- labels = ["progress"]
-- value = "coverage_85"
-- section = "Milestone drift"
-- panel = "table"
-- shared_params = ["milestones_min"]
-- +++
-- Each closed milestone is forecast at 20, 40, 60 and 80% of the time from its first event to its baseline, as of then. Coverage
-- is the share that closed by the percentile; 85% must cover about 85%, in both directions. Pinball loss is in days.
-- The Brier score is of P(hit) against closing by the due date that held then; its skill is against always saying the base
-- rate, and against always saying that the due date holds.
-- `recalibration_50`, `_85` and `_95` are by how much the days up to each percentile must be multiplied for it to cover its
-- share of these cases. milestone_forecast does so by the row of the milestone's progress: early forecasts tend to be too
-- sure, late ones too cautious. `recalibrated_50`, `_85` and `_95` are the coverage of forecasts that were multiplied so, each
-- by what the milestones that closed before its moment showed at the same progress; `recalibrated_n` are those with enough of these.
WITH correction AS (
  SELECT
    later.milestone,
    later.percent,
    percentile_nearest(past.stretch_50, 0.5) AS stretch_50,
    percentile_nearest(past.stretch_85, 0.85) AS stretch_85,
    percentile_nearest(past.stretch_95, 0.95) AS stretch_95
  FROM forecast_error AS later
  INNER JOIN forecast_error AS past ON past.percent = later.percent AND past.closed_at <= later.at
  WHERE later.known
    AND past.known
  GROUP BY later.milestone, later.percent
  HAVING COUNT(DISTINCT past.milestone) >= $milestones_min
),
judged AS (
  SELECT
    error.percent,
    error.known,
    error.actual_ms,
    days_to_ms(error.p50_days) AS p50_ms,
    days_to_ms(error.p85_days) AS p85_ms,
    days_to_ms(error.p95_days) AS p95_ms,
    error.p_hit,
    error.hit,
    error.stretch_50,
    error.stretch_85,
    error.stretch_95,
    correction.milestone IS NOT NULL AS corrected,
    error.stretch_50 <= correction.stretch_50 AS kept_50,
    error.stretch_85 <= correction.stretch_85 AS kept_85,
    error.stretch_95 <= correction.stretch_95 AS kept_95
  FROM forecast_error AS error
  LEFT JOIN correction ON correction.milestone = error.milestone AND correction.percent = error.percent
),
scored AS (
  SELECT
    CASE WHEN alone THEN CONCAT(CAST(percent AS VARCHAR), ' %') ELSE 'all' END AS progress,
    known,
    COALESCE(actual_ms <= p50_ms, TRUE) AS in_50,
    COALESCE(actual_ms <= p85_ms, TRUE) AS in_85,
    COALESCE(actual_ms <= p95_ms, TRUE) AS in_95,
    GREATEST(50 * (actual_ms - p50_ms), 50 * (p50_ms - actual_ms)) AS pinball_50,
    GREATEST(85 * (actual_ms - p85_ms), 15 * (p85_ms - actual_ms)) AS pinball_85,
    GREATEST(95 * (actual_ms - p95_ms), 5 * (p95_ms - actual_ms)) AS pinball_95,
    CASE WHEN hit IS NOT NULL THEN CAST(ROUND((p_hit - hit) * (p_hit - hit) * 1000000000) AS BIGINT) END AS brier,
    CASE WHEN p_hit IS NOT NULL THEN hit END AS hit,
    corrected,
    COALESCE(kept_50, FALSE) AS kept_50,
    COALESCE(kept_85, FALSE) AS kept_85,
    COALESCE(kept_95, FALSE) AS kept_95,
    stretch_50,
    stretch_85,
    stretch_95
  FROM judged
  CROSS JOIN (VALUES (TRUE), (FALSE)) AS each (alone)
)
SELECT
  progress,
  ratio(COUNT(*) FILTER (WHERE known AND in_85), COUNT(*) FILTER (WHERE known)) AS coverage_85,
  ratio(COUNT(*) FILTER (WHERE known AND in_50), COUNT(*) FILTER (WHERE known)) AS coverage_50,
  ratio(COUNT(*) FILTER (WHERE known AND in_95), COUNT(*) FILTER (WHERE known)) AS coverage_95,
  COUNT(*) FILTER (WHERE known) AS n,
  COUNT(*) FILTER (WHERE NOT known) AS insufficient_data,
  ms_to_days(CAST(SUM(pinball_50) AS DOUBLE) / COUNT(pinball_50) / 100) AS pinball_50_days,
  ms_to_days(CAST(SUM(pinball_85) AS DOUBLE) / COUNT(pinball_85) / 100) AS pinball_85_days,
  ms_to_days(CAST(SUM(pinball_95) AS DOUBLE) / COUNT(pinball_95) / 100) AS pinball_95_days,
  ROUND(CAST(SUM(brier) AS DOUBLE) / COUNT(brier) / 1000000000, 6) AS brier,
  ROUND(
    1 - CAST(SUM(brier) AS DOUBLE) / 1000000000
    / NULLIF(CAST(SUM(hit) AS DOUBLE) * (COUNT(hit) - SUM(hit)) / COUNT(hit), 0),
    6
  ) AS skill_to_base_rate,
  ROUND(1 - CAST(SUM(brier) AS DOUBLE) / 1000000000 / NULLIF(COUNT(hit) - SUM(hit), 0), 6) AS skill_to_due_date,
  ROUND(CAST(percentile_nearest(stretch_85, 0.85) AS DOUBLE) / 1000000, 3) AS recalibration_85,
  ROUND(CAST(percentile_nearest(stretch_50, 0.5) AS DOUBLE) / 1000000, 3) AS recalibration_50,
  ROUND(CAST(percentile_nearest(stretch_95, 0.95) AS DOUBLE) / 1000000, 3) AS recalibration_95,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_85), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_85,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_50), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_50,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_95), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_95,
  COUNT(*) FILTER (WHERE corrected) AS recalibrated_n
FROM scored
GROUP BY progress
ORDER BY progress
