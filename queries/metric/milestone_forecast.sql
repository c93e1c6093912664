-- +++
-- title = "Milestone forecast"
-- help = "When each open milestone will be done, by its pace and by how past milestones went, and how probable its due date is."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "p_hit"
-- gauges = ["p_never", "forecast_late_days"]
-- section = "Milestone drift"
-- panel = "table"
-- shared_params = ["milestones_min"]
-- +++
-- Four models compete, and the one that lost least on past milestones at the same progress is in force; `method` names it:
-- "pace", a double bootstrap over weeks of history, in which completions and changes of scope go together, in tickets;
-- "pace, usual ending", the same weeks' completions, with what past milestones did in the end of what remained;
-- "past milestones", the reference class: how long these took for each day of their baseline duration; "combination", the average of
-- the three, weighed by past losses. The losses are mean pinball losses as shares of the baseline duration, over `replays` forecasts
-- of closed milestones, with what was known at the time: see the views forecast_model, forecast_past and forecast_choice.
-- The history is the milestone's own; where that is too short it is that of all milestones of the project, which is then
-- taken to finish what is due first. It begins after the planning days, and moves between milestones of the project change
-- no scope. With too short a history and too few closed milestones there is no forecast, and `state` says so.
-- `p_hit` is the probability that it ends by the due date, `p_never` the share of futures that do not end at the pace of the history,
-- scope included. Where that is over 15%, `never_at_pace` warns, next to the date, with what would have to change to meet the due
-- date: `scope_to_cut`, in tickets, or `pace_to_reach`, in tickets a week, where `pace` is what is done now. Dates are
-- of the zone of the milestone's team, see the view milestone_zone.
-- Through a day (UTC) the same futures are drawn, so numbers change only when the history does.
-- The recalibrated dates are those that would have covered 50, 85 and 95% of the closed milestones at the same progress, 20
-- to 80% of the baseline duration in steps of 20: the days up to each are multiplied as forecast_calibration says,
-- by a quarter to four, as forecasts by the same method showed. Forecasts that named no day are not learnt from. `recalibration` says when there were too few milestones
-- (`recalibration_n`) to learn from; a milestone needs a baseline to count.
-- `forecast_drift_days` is from the baseline to the 50th percentile of the forecast, `forecast_late_days` from the due date to
-- the 85th. The first is split in whole days that add up to it exactly:
-- `drift_by_date` is what the plan admits, due date less baseline. The rest came after the plan in force was made, that is
-- when its due date was set, but not before the planning days were over. `drift_by_scope` are the tickets added since, less
-- those removed, at the pace that the plan asked for: its remaining tickets in the days that it had. `drift_by_estimate` is
-- the same of points re-estimated. `drift_by_throughput` is what remains: work slower than the plan asked for, or, where
-- negative, faster. An open milestone without a forecast, a due date or planned work has no split.
-- Likely late is what is less likely than not to meet its due date; without a forecast or a date it is NULL.
WITH correction AS (
  SELECT
    percent,
    method,
    COUNT(DISTINCT milestone) FILTER (WHERE stretch_85 IS NOT NULL) AS milestones,
    percentile_nearest(LEAST(GREATEST(stretch_50, 250000), 4000000), 0.5) FILTER (WHERE stretch_50 IS NOT NULL) AS stretch_50,
    percentile_nearest(LEAST(GREATEST(stretch_85, 250000), 4000000), 0.85) FILTER (WHERE stretch_85 IS NOT NULL) AS stretch_85,
    percentile_nearest(LEAST(GREATEST(stretch_95, 250000), 4000000), 0.95) FILTER (WHERE stretch_95 IS NOT NULL) AS stretch_95
  FROM forecast_error
  WHERE known
  GROUP BY percent, method
),
progress AS (
  SELECT
    milestone,
    CASE
      WHEN days > 0
      THEN LEAST(GREATEST(20 * CAST(ROUND(
        CAST(5 * millis_between(created_at, $as_of) AS DOUBLE) / days_to_ms(days)
      ) AS BIGINT), 20), 80)
    END AS percent
  FROM (
    SELECT
      milestone.milestone,
      milestone.created_at,
      days_between(day_in(milestone.created_at, milestone_zone.timezone), milestone.baseline_on) AS days
    FROM milestone
    INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
    WHERE milestone.is_open
  ) AS planned
),
stretched AS (
  SELECT
    outlook.milestone,
    correction.milestones,
    correction.milestones >= $milestones_min AS enough,
    CAST(CEIL(CAST(outlook.p50_days * correction.stretch_50 AS DOUBLE) / 1000000) AS BIGINT) AS p50_days,
    CAST(CEIL(CAST(outlook.p85_days * correction.stretch_85 AS DOUBLE) / 1000000) AS BIGINT) AS p85_days,
    CAST(CEIL(CAST(outlook.p95_days * correction.stretch_95 AS DOUBLE) / 1000000) AS BIGINT) AS p95_days
  FROM milestone_outlook AS outlook
  INNER JOIN progress ON progress.milestone = outlook.milestone
  INNER JOIN correction ON correction.percent = progress.percent AND correction.method = outlook.method
),
dated AS (
  SELECT
    milestone,
    from_at,
    due_on,
    LAG(due_on) OVER (PARTITION BY key_hash ORDER BY revision) AS due_before
  FROM milestone_revision
),
stated AS (
  SELECT
    milestone,
    MAX(from_at) AS at
  FROM dated
  WHERE due_on IS DISTINCT FROM due_before
  GROUP BY milestone
),
plan AS (
  SELECT
    outlook.milestone,
    outlook.due_on,
    GREATEST(stated.at, outlook.planned_until) AS at,
    day_in(GREATEST(stated.at, outlook.planned_until), milestone_zone.timezone) AS begun_on
  FROM milestone_outlook AS outlook
  INNER JOIN stated ON stated.milestone = outlook.milestone
  INNER JOIN milestone_zone ON milestone_zone.milestone = outlook.milestone
  WHERE outlook.known
),
moved AS (
  SELECT
    plan.milestone,
    days_between(plan.begun_on, plan.due_on) AS days,
    SUM(scope_counted.tickets - scope_counted.done_tickets) FILTER (WHERE scope_counted.at <= plan.at) AS tickets,
    SUM(scope_counted.points_hundredths - scope_counted.done_points_hundredths) FILTER (WHERE scope_counted.at <= plan.at) AS points,
    COALESCE(SUM(scope_counted.tickets - scope_counted.done_tickets) FILTER (
      WHERE scope_counted.at > plan.at AND scope_counted.what IN ('added', 'removed')
    ), 0) AS tickets_added,
    COALESCE(SUM(scope_counted.points_hundredths - scope_counted.done_points_hundredths) FILTER (
      WHERE scope_counted.at > plan.at AND scope_counted.what = 're-estimated'
    ), 0) AS points_added
  FROM plan
  INNER JOIN scope_counted ON scope_counted.milestone = plan.milestone
  GROUP BY plan.milestone, plan.at, plan.begun_on, plan.due_on
),
cause AS (
  SELECT
    milestone,
    CAST(ROUND(CAST(tickets_added * days AS DOUBLE) / tickets) AS BIGINT) AS by_scope,
    CASE
      WHEN points > 0 THEN CAST(ROUND(CAST(points_added * days AS DOUBLE) / points) AS BIGINT)
      ELSE 0
    END AS by_estimate
  FROM moved
  WHERE days > 0
    AND tickets > 0
)
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  outlook.p_hit,
  outlook.p50_on,
  outlook.p85_on,
  outlook.p95_on,
  outlook.p_never,
  outlook.p85_days - outlook.p50_days AS buffer_days,
  outlook.due_on,
  outlook.scope,
  outlook.remaining,
  outlook.state,
  outlook.weeks AS n,
  outlook.method,
  outlook.past_n AS past_milestones,
  outlook.replays,
  ROUND(CAST(outlook.loss_pace AS DOUBLE) / 1000000, 3) AS loss_pace,
  ROUND(CAST(outlook.loss_ending AS DOUBLE) / 1000000, 3) AS loss_ending,
  ROUND(CAST(outlook.loss_reference AS DOUBLE) / 1000000, 3) AS loss_reference,
  ROUND(CAST(outlook.loss_blend AS DOUBLE) / 1000000, 3) AS loss_combination,
  COALESCE(outlook.p_never > 0.15, FALSE) AS never_at_pace,
  ROUND(CAST(outlook.done AS DOUBLE) / outlook.weeks, 1) AS pace,
  CASE
    WHEN outlook.p_never > 0.15 AND outlook.due_days > 0
    THEN ROUND(CAST(outlook.queued * 7 AS DOUBLE) / outlook.due_days + CAST(outlook.added AS DOUBLE) / outlook.weeks, 1)
  END AS pace_to_reach,
  CASE
    WHEN outlook.p_never > 0.15 AND outlook.due_days > 0
    THEN GREATEST(outlook.queued - CAST(FLOOR(CAST((outlook.done - outlook.added) * outlook.due_days AS DOUBLE) / (7 * outlook.weeks)) AS BIGINT), 0)
  END AS scope_to_cut,
  CASE WHEN stretched.enough THEN day_in(days_before($as_of, -stretched.p50_days) - INTERVAL '1 microsecond', milestone_zone.timezone) END AS p50_recalibrated_on,
  CASE WHEN stretched.enough THEN day_in(days_before($as_of, -stretched.p85_days) - INTERVAL '1 microsecond', milestone_zone.timezone) END AS p85_recalibrated_on,
  CASE WHEN stretched.enough THEN day_in(days_before($as_of, -stretched.p95_days) - INTERVAL '1 microsecond', milestone_zone.timezone) END AS p95_recalibrated_on,
  CASE WHEN stretched.enough THEN 'as past milestones closed' ELSE 'too little history' END AS recalibration,
  COALESCE(stretched.milestones, 0) AS recalibration_n,
  milestone.baseline_on,
  days_between(milestone.baseline_on, outlook.p50_on) AS forecast_drift_days,
  days_between(outlook.due_on, outlook.p85_on) AS forecast_late_days,
  CASE WHEN cause.milestone IS NOT NULL THEN days_between(milestone.baseline_on, outlook.due_on) END AS drift_by_date,
  cause.by_scope AS drift_by_scope,
  cause.by_estimate AS drift_by_estimate,
  days_between(outlook.due_on, outlook.p50_on) - cause.by_scope - cause.by_estimate AS drift_by_throughput,
  outlook.p_hit < 0.5 AS likely_late
FROM milestone_outlook AS outlook
INNER JOIN milestone ON milestone.milestone = outlook.milestone
INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
LEFT JOIN stretched ON stretched.milestone = outlook.milestone
LEFT JOIN cause ON cause.milestone = outlook.milestone
ORDER BY milestone.project NULLS LAST, milestone.milestone
