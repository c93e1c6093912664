-- +++
-- help = "How far off forecasts of closed milestones would have been, made at 20, 40, 60 and 80% of their baseline duration with what was known then."
-- from = ["forecast_choice", "forecast_past", "milestone_past", "milestone_zone"]
-- once = true
-- +++
-- The duration runs from the milestone's first event to its baseline. The stretches are by how much, in millionths, the
-- days up to each percentile would have to be multiplied to reach the day of closing: none where the percentile was never
-- to be reached, or at once.
SELECT
  past.milestone,
  past.project,
  past.percent,
  past.at,
  past.closed_at,
  past.baseline_ms,
  choice.method IS NOT NULL AS known,
  choice.method,
  millis_between(past.at, past.closed_at) AS actual_ms,
  choice.p50_days,
  choice.p85_days,
  choice.p95_days,
  choice.p_hit,
  CASE WHEN past.due_on IS NOT NULL THEN CAST(day_in(past.closed_at, milestone_zone.timezone) <= past.due_on AS INT) END AS hit,
  1000000 * quantile_loss(choice.days, millis_between(past.at, past.closed_at)) / past.baseline_ms AS loss,
  models.loss_pace,
  models.loss_reference,
  models.loss_ending,
  models.loss_blend,
  1000000 * ABS(millis_between(day_end(past.due_on, milestone_zone.timezone), past.closed_at)) / 2 / past.baseline_ms AS loss_due_date,
  1000000 * ABS(days_to_ms(models.reference[10]) - millis_between(past.at, past.closed_at)) / 2 / past.baseline_ms AS loss_usual_slip,
  CASE WHEN choice.p50_days > 0 THEN 1000000 * millis_between(past.at, past.closed_at) / days_to_ms(choice.p50_days) END AS stretch_50,
  CASE WHEN choice.p85_days > 0 THEN 1000000 * millis_between(past.at, past.closed_at) / days_to_ms(choice.p85_days) END AS stretch_85,
  CASE WHEN choice.p95_days > 0 THEN 1000000 * millis_between(past.at, past.closed_at) / days_to_ms(choice.p95_days) END AS stretch_95
FROM milestone_past AS past
INNER JOIN milestone_zone ON milestone_zone.milestone = past.milestone
INNER JOIN forecast_past AS models
  ON models.milestone = past.milestone AND models.at = past.at AND models.step = past.percent
INNER JOIN forecast_choice(forecast_past) AS choice ON choice.milestone = past.milestone AND choice.at = past.at
WHERE past.open
