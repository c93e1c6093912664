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
-- [params]
-- project = { type = "text", default = "", help = "only milestones of this project; without a name, all" }
-- +++
-- Each closed milestone, of the 400 that were closed last, is forecast at 20, 40, 60 and 80% of the time from its first event to its baseline, as of then. Coverage
-- is the share that closed by the percentile; 85% must cover about 85%, in both directions. A forecast that names no day
-- covers nothing: `never_85` is the share of these, and pinball loss, in days, leaves them out. The losses of the models, of the forecast in
-- force of the due date as stated then and of the usual slip (the median of past milestones, as one day) are mean pinball losses at 5 to 95%, as shares of the baseline duration, over the
-- `compared` forecasts that all of them made (half of the continuous ranked probability score; a future that ends at no time counts as the
-- longest that was played): see the view forecast_past.
-- The Brier score is of P(hit) against closing by the due date that held then; its skill is against always saying the base
-- rate, and against always saying that the due date holds.
-- `recalibration_50`, `_85` and `_95` are by how much the days up to each percentile must be multiplied, by a quarter to four, for it to cover its
-- share of the cases that named a day; they need as many as `milestones_min` says. milestone_forecast does so by the row of the milestone's progress: early forecasts tend to be too
-- sure, late ones too cautious. `recalibrated_50`, `_85` and `_95` are the coverage of forecasts that were multiplied so, each
-- by what the milestones that closed before its moment showed at the same progress; `recalibrated_n` are those with enough of these.
WITH correction AS (
  SELECT
    later.milestone,
    later.percent,
    percentile_nearest(LEAST(GREATEST(past.stretch_50, 250000), 4000000), 0.5) FILTER (WHERE past.stretch_50 IS NOT NULL) AS stretch_50,
    percentile_nearest(LEAST(GREATEST(past.stretch_85, 250000), 4000000), 0.85) FILTER (WHERE past.stretch_85 IS NOT NULL) AS stretch_85,
    percentile_nearest(LEAST(GREATEST(past.stretch_95, 250000), 4000000), 0.95) FILTER (WHERE past.stretch_95 IS NOT NULL) AS stretch_95
  FROM forecast_error AS later
  INNER JOIN forecast_error AS past
    ON past.percent = later.percent
    AND past.method = later.method
    AND past.closed_at <= later.at
  WHERE later.known
    AND past.stretch_85 IS NOT NULL
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
    error.p85_days IS NULL AS never,
    error.loss,
    error.loss_pace,
    error.loss_reference,
    error.loss_ending,
    error.loss_due_date,
    error.loss_usual_slip,
    error.loss + error.loss_pace + error.loss_reference + error.loss_ending + error.loss_due_date IS NOT NULL AS compared,
    correction.milestone IS NOT NULL AS corrected,
    error.stretch_50 <= correction.stretch_50 AS kept_50,
    error.stretch_85 <= correction.stretch_85 AS kept_85,
    error.stretch_95 <= correction.stretch_95 AS kept_95
  FROM forecast_error AS error
  LEFT JOIN correction ON correction.milestone = error.milestone AND correction.percent = error.percent
  WHERE $project IN ('', error.project)
),
scored AS (
  SELECT
    CASE WHEN alone THEN CONCAT(CAST(percent AS VARCHAR), ' %') ELSE 'all' END AS progress,
    known,
    COALESCE(actual_ms <= p50_ms, FALSE) AS in_50,
    COALESCE(actual_ms <= p85_ms, FALSE) AS in_85,
    COALESCE(actual_ms <= p95_ms, FALSE) AS in_95,
    GREATEST(50 * (actual_ms - p50_ms), 50 * (p50_ms - actual_ms)) AS pinball_50,
    GREATEST(85 * (actual_ms - p85_ms), 15 * (p85_ms - actual_ms)) AS pinball_85,
    GREATEST(95 * (actual_ms - p95_ms), 5 * (p95_ms - actual_ms)) AS pinball_95,
    CASE WHEN hit IS NOT NULL THEN CAST(ROUND((p_hit - hit) * (p_hit - hit) * 1000000000) AS BIGINT) END AS brier,
    CASE WHEN p_hit IS NOT NULL THEN hit END AS hit,
    corrected,
    COALESCE(kept_50, FALSE) AS kept_50,
    COALESCE(kept_85, FALSE) AS kept_85,
    COALESCE(kept_95, FALSE) AS kept_95,
    never,
    loss,
    loss_pace,
    loss_reference,
    loss_ending,
    loss_due_date,
    loss_usual_slip,
    compared,
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
  ratio(COUNT(*) FILTER (WHERE known AND never), COUNT(*) FILTER (WHERE known)) AS never_85,
  COUNT(*) FILTER (WHERE compared) AS compared,
  ROUND(CAST(SUM(loss) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss,
  ROUND(CAST(SUM(loss_pace) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss_pace,
  ROUND(CAST(SUM(loss_reference) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss_reference,
  ROUND(CAST(SUM(loss_ending) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss_ending,
  ROUND(CAST(SUM(loss_due_date) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss_due_date,
  ROUND(CAST(SUM(loss_usual_slip) FILTER (WHERE compared) AS DOUBLE) / COUNT(*) FILTER (WHERE compared) / 1000000, 3) AS loss_usual_slip,
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
  ROUND(CAST(
    percentile_nearest(LEAST(GREATEST(stretch_85, 250000), 4000000), 0.85, $milestones_min) FILTER (WHERE stretch_85 IS NOT NULL) AS DOUBLE
  ) / 1000000, 3) AS recalibration_85,
  ROUND(CAST(
    percentile_nearest(LEAST(GREATEST(stretch_50, 250000), 4000000), 0.5, $milestones_min) FILTER (WHERE stretch_50 IS NOT NULL) AS DOUBLE
  ) / 1000000, 3) AS recalibration_50,
  ROUND(CAST(
    percentile_nearest(LEAST(GREATEST(stretch_95, 250000), 4000000), 0.95, $milestones_min) FILTER (WHERE stretch_95 IS NOT NULL) AS DOUBLE
  ) / 1000000, 3) AS recalibration_95,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_85), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_85,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_50), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_50,
  ratio(COUNT(*) FILTER (WHERE corrected AND kept_95), COUNT(*) FILTER (WHERE corrected)) AS recalibrated_95,
  COUNT(*) FILTER (WHERE corrected) AS recalibrated_n
FROM scored
GROUP BY progress
ORDER BY progress
