-- +++
-- help = "What each model of forecasts would have said of closed milestones with what was known at the time, and how far off it was."
-- from = ["forecast_model", "milestone_past"]
-- once = true
-- [params]
-- past_trials = { type = "int", default = 2000, min = 100, max = 100000, help = "futures that are played for each closed milestone and moment" }
-- replayed_max = { type = "int", default = 400, min = 10, max = 20000, help = "the milestones that were closed last are forecast again, at most so many" }
-- +++
-- Has the columns of forecast_model. A loss is the mean pinball loss at 5, 10, ... 95%, in millionths of the baseline duration; a future
-- that does not end within its horizon counts as ending there. `blend` is the average of the models, weighed by what each
-- had lost by then (the function quantile_blend).
WITH replayed AS (
  SELECT milestone
  FROM milestone_past
  WHERE percent = 20
  ORDER BY closed_at DESC, milestone
  LIMIT $replayed_max
),
moment AS (
  SELECT
    past.milestone,
    past.at,
    past.due_on,
    $past_trials AS trials
  FROM milestone_past AS past
  INNER JOIN replayed ON replayed.milestone = past.milestone
  WHERE past.open
),
model AS (
  SELECT
    past.percent AS step,
    past.closed_at,
    millis_between(past.at, past.closed_at) AS actual_ms,
    past.baseline_ms AS full_ms,
    model.milestone,
    model.at,
    model.due_on,
    model.due_days,
    model.week_at,
    model.percent,
    model.baseline_ms,
    model.past_n,
    model.own_past_n,
    model.reference,
    model.pace,
    model.p_hit_at_pace,
    model.p_never,
    model.ending,
    model.as_is,
    model.done,
    model.added,
    model.queued,
    model.own,
    model.planned_until,
    model.scope,
    model.remaining,
    model.weeks
  FROM forecast_model(moment) AS model
  INNER JOIN milestone_past AS past ON past.milestone = model.milestone AND past.at = model.at
),
scored AS (
  SELECT
    step,
    closed_at,
    milestone,
    at,
    week_at,
    1000000 * quantile_loss(pace, actual_ms) / full_ms AS loss_pace,
    1000000 * quantile_loss(reference, actual_ms) / full_ms AS loss_reference,
    1000000 * quantile_loss(ending, actual_ms) / full_ms AS loss_ending
  FROM model
),
past_loss AS (
  SELECT
    weeks.week_at,
    scored.step,
    SUM(scored.loss_pace) / COUNT(*) AS pace,
    SUM(scored.loss_reference) / COUNT(*) AS reference,
    SUM(scored.loss_ending) / COUNT(*) AS ending
  FROM (SELECT DISTINCT week_at FROM model) AS weeks
  INNER JOIN scored ON scored.closed_at <= weeks.week_at
  WHERE scored.loss_pace + scored.loss_reference + scored.loss_ending IS NOT NULL
  GROUP BY weeks.week_at, scored.step
),
blended AS (
  SELECT
    model.step,
    model.milestone,
    model.at,
    quantile_blend(model.pace, model.reference, model.ending, past_loss.pace, past_loss.reference, past_loss.ending) AS blend
  FROM model
  INNER JOIN past_loss ON past_loss.week_at = model.week_at AND past_loss.step = model.step
)
SELECT
  model.step,
  model.closed_at,
  model.actual_ms,
  model.full_ms,
  model.milestone,
  model.at,
  model.due_on,
  model.due_days,
  model.week_at,
  model.percent,
  model.baseline_ms,
  model.past_n,
  model.own_past_n,
  model.reference,
  model.pace,
  model.p_hit_at_pace,
  model.p_never,
  model.ending,
  model.as_is,
  model.done,
  model.added,
  model.queued,
  model.own,
  model.planned_until,
  model.scope,
  model.remaining,
  model.weeks,
  scored.loss_pace,
  scored.loss_reference,
  scored.loss_ending,
  1000000 * quantile_loss(blended.blend, model.actual_ms) / model.full_ms AS loss_blend
FROM model
INNER JOIN scored ON scored.milestone = model.milestone AND scored.at = model.at AND scored.step = model.step
LEFT JOIN blended ON blended.milestone = model.milestone AND blended.at = model.at AND blended.step = model.step
