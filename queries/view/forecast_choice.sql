-- +++
-- help = "The forecast in force of each milestone and moment of forecast_model: that of the model that lost least on past milestones at the same progress."
-- from = ["forecast_model", "forecast_past"]
-- once = true
-- over = "forecast_model"
-- [params]
-- replays_min = { type = "int", default = 20, min = 2, max = 1000, help = "with fewer past milestones that all models forecast, none is preferred for its losses" }
-- never_max = { type = "float", default = 0.15, min = 0, max = 1, help = "where more futures than this never end, the pace alone gives no date" }
-- +++
-- Only losses of milestones that had closed by the beginning of the moment's week count (view forecast_past).
-- Where too few were forecast by all models, the reference class goes first, then the throughput with the usual ending, then
-- the pace. A pace at which more than 15% of the futures never end gives no date of its own while another model has one; the
-- last of these is the throughput with the scope as it stands. `p_never` says it beside the date.
WITH past_loss AS (
  SELECT
    weeks.week_at,
    past.step,
    COUNT(*) AS n,
    SUM(past.loss_pace) / COUNT(*) AS pace,
    SUM(past.loss_reference) / COUNT(*) AS reference,
    SUM(past.loss_ending) / COUNT(*) AS ending,
    SUM(past.loss_blend) / COUNT(past.loss_blend) AS blend
  FROM (SELECT DISTINCT week_at FROM forecast_model) AS weeks
  INNER JOIN forecast_past AS past ON past.closed_at <= weeks.week_at
  WHERE past.loss_pace + past.loss_reference + past.loss_ending IS NOT NULL
  GROUP BY weeks.week_at, past.step
),
offered AS (
  SELECT
    model.milestone,
    model.at,
    model.pace,
    model.reference,
    model.ending,
    model.as_is,
    quantile_blend(model.pace, model.reference, model.ending, past_loss.pace, past_loss.reference, past_loss.ending) AS blend,
    model.p_never <= $never_max AS ends,
    past_loss.n,
    past_loss.pace AS loss_pace,
    past_loss.reference AS loss_reference,
    past_loss.ending AS loss_ending,
    past_loss.blend AS loss_blend
  FROM forecast_model AS model
  LEFT JOIN past_loss ON past_loss.week_at = model.week_at AND past_loss.step = model.percent
),
judged AS (
  SELECT
    milestone,
    at,
    pace,
    reference,
    ending,
    as_is,
    blend,
    ends,
    n,
    loss_pace,
    loss_reference,
    loss_ending,
    loss_blend,
    CASE
      WHEN n >= $replays_min THEN LEAST(
        CASE WHEN blend IS NOT NULL THEN loss_blend END,
        CASE WHEN reference IS NOT NULL THEN loss_reference END,
        CASE WHEN ending IS NOT NULL THEN loss_ending END,
        CASE WHEN ends THEN loss_pace END
      )
    END AS least
  FROM offered
),
picked AS (
  SELECT
    milestone,
    at,
    pace,
    reference,
    ending,
    as_is,
    blend,
    n,
    loss_pace,
    loss_reference,
    loss_ending,
    loss_blend,
    CASE
      WHEN blend IS NOT NULL AND loss_blend = least THEN 'combination'
      WHEN reference IS NOT NULL AND loss_reference = least THEN 'past milestones'
      WHEN ending IS NOT NULL AND loss_ending = least THEN 'pace, usual ending'
      WHEN ends AND loss_pace = least THEN 'pace'
      WHEN reference IS NOT NULL THEN 'past milestones'
      WHEN ending IS NOT NULL THEN 'pace, usual ending'
      WHEN ends THEN 'pace'
      WHEN as_is IS NOT NULL THEN 'pace, scope as it stands'
      WHEN pace IS NOT NULL THEN 'pace'
    END AS method
  FROM judged
),
given AS (
  SELECT
    milestone,
    at,
    method,
    CASE method
      WHEN 'combination' THEN blend
      WHEN 'past milestones' THEN reference
      WHEN 'pace, usual ending' THEN ending
      WHEN 'pace, scope as it stands' THEN as_is
      ELSE pace
    END AS days,
    n,
    loss_pace,
    loss_reference,
    loss_ending,
    loss_blend
  FROM picked
)
SELECT
  model.milestone,
  model.at,
  model.due_on,
  given.method,
  given.days,
  CASE WHEN given.method <> 'pace' OR model.p_never <= 0.5 THEN given.days[10] END AS p50_days,
  CASE WHEN given.method <> 'pace' OR model.p_never <= 0.15 THEN given.days[17] END AS p85_days,
  CASE WHEN given.method <> 'pace' OR model.p_never <= 0.05 THEN given.days[19] END AS p95_days,
  CASE WHEN given.method = 'pace' THEN model.p_hit_at_pace ELSE quantile_share(given.days, model.due_days) END AS p_hit,
  model.p_never,
  model.due_days,
  model.own,
  model.done,
  model.added,
  model.queued,
  model.planned_until,
  model.scope,
  model.remaining,
  model.weeks,
  model.past_n,
  model.own_past_n,
  COALESCE(given.n, 0) AS replays,
  given.loss_pace,
  given.loss_reference,
  given.loss_ending,
  given.loss_blend
FROM forecast_model AS model
INNER JOIN given ON given.milestone = model.milestone AND given.at = model.at
