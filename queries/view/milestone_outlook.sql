-- +++
-- help = "The forecast of each milestone and moment of forecast_moment: percentiles of the days that remain, P(hit), P(never), and what they rest on."
-- from = ["forecast_choice", "milestone_zone"]
-- once = true
-- over = "forecast_moment"
-- +++
-- The models are those of the view forecast_model, the choice among them is that of forecast_choice. Dates are of the zone of
-- the milestone's team, see milestone_zone. With too short a history and too few closed milestones there is no forecast, and
-- `state` says so.
SELECT
  choice.milestone,
  choice.at,
  choice.due_on,
  choice.method,
  choice.p_hit,
  choice.p_never,
  choice.p50_days,
  choice.p85_days,
  choice.p95_days,
  day_in(days_before(choice.at, -choice.p50_days) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p50_on,
  day_in(days_before(choice.at, -choice.p85_days) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p85_on,
  day_in(days_before(choice.at, -choice.p95_days) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p95_on,
  choice.due_days,
  choice.planned_until,
  choice.scope,
  choice.remaining,
  choice.done,
  choice.added,
  choice.queued,
  CASE
    WHEN choice.method = 'past milestones' THEN 'past milestones'
    WHEN choice.method IS NULL AND choice.scope = 0 THEN 'no tickets'
    WHEN choice.method IS NULL THEN 'insufficient data'
    WHEN choice.own THEN 'own history'
    ELSE 'history of the project'
  END AS state,
  choice.weeks,
  choice.past_n,
  choice.own_past_n,
  choice.replays,
  choice.loss_pace,
  choice.loss_reference,
  choice.loss_ending,
  choice.loss_blend,
  choice.method IS NOT NULL AS known
FROM forecast_choice AS choice
LEFT JOIN milestone_zone ON milestone_zone.milestone = choice.milestone
