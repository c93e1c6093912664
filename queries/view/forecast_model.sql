-- +++
-- help = "What each model of forecasts says of each milestone and moment of forecast_moment: days at 5, 10, ... 95% probability."
-- from = ["forecast_moment", "milestone", "milestone_history", "milestone_past", "milestone_revision", "milestone_zone"]
-- once = true
-- over = "forecast_moment"
-- [params]
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history, weeks are not drawn from" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- past_min = { type = "int", default = 3, min = 1, max = 1000, help = "with fewer closed milestones, nothing is learnt from how they went" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- horizon_days_max = { type = "int", default = 3660, min = 28, max = 7300, help = "longest future that is played where scope no longer grows" }
-- +++
-- `pace` is a double bootstrap over weeks of history, in which completions and changes of scope go together, in tickets
-- (the function milestone_forecast). The history is the milestone's own; where that is too short it is that of all milestones
-- of the project, which is then taken to finish what is due first: see the view milestone_history. It begins after
-- the planning days, and moves between milestones of the project change no scope.
-- `ending` draws the same weeks' completions, and what is done of what remains from past milestones of the project, else of
-- the organisation, at the same progress: scope grows until shortly before the end, and is cut or moved out there. `as_is`
-- takes the scope as it stands.
-- `reference` is the reference class: how long past milestones took for each day of their baseline duration, those of the
-- project and, with a weight that fades, those of the organisation (the function reference_days). It needs no tickets.
-- What had closed by the moment is known of the project, and by the beginning of its week of the organisation.
-- The futures are drawn from the milestone and the day (not the moment) that is asked about:
-- through a day a forecast changes only when its history does, and a change is shown against the same futures without it.
WITH asked AS (
  SELECT
    moment.milestone,
    moment.at,
    moment.due_on,
    moment.trials,
    COALESCE(milestone.project, CONCAT('milestone ', milestone.milestone)) AS project,
    date_trunc('week', moment.at) AS week_at,
    millis_between(milestone.created_at, moment.at) AS elapsed_ms,
    days_to_ms(days_between(day_in(milestone.created_at, milestone_zone.timezone), milestone_revision.baseline_on)) AS baseline_ms,
    CASE
      WHEN moment.at >= day_end(moment.due_on, milestone_zone.timezone) THEN -1
      ELSE millis_between(moment.at, day_end(moment.due_on, milestone_zone.timezone)) / days_to_ms(1)
    END AS due_days
  FROM forecast_moment AS moment
  INNER JOIN milestone ON milestone.milestone = moment.milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  LEFT JOIN milestone_revision
    ON milestone_revision.key_hash = milestone.key_hash
    AND holds_at(milestone_revision.from_at, milestone_revision.to_at, moment.at)
),
-- Progress is time gone of the baseline duration, in the steps at which past milestones are looked at.
placed AS (
  SELECT
    milestone,
    at,
    project,
    week_at,
    CASE
      WHEN baseline_ms > 0 THEN LEAST(GREATEST(20 * CAST(ROUND(CAST(5 * elapsed_ms AS DOUBLE) / baseline_ms) AS BIGINT), 20), 80)
    END AS percent,
    CASE WHEN baseline_ms > 0 THEN 1000000 * elapsed_ms / baseline_ms END AS elapsed,
    CASE WHEN baseline_ms > 0 THEN baseline_ms END AS baseline_ms
  FROM asked
),
-- How the project's own past milestones went.
own_past AS (
  SELECT
    placed.milestone,
    placed.at,
    COUNT(*) FILTER (WHERE past.percent = 20) AS n,
    spread(past.ratio, 64) FILTER (WHERE past.percent = 20) AS ratios,
    COUNT(past.ending) FILTER (WHERE past.percent = placed.percent) AS endings_n,
    spread(past.ending, 64) FILTER (WHERE past.percent = placed.percent) AS endings
  FROM placed
  INNER JOIN milestone_past AS past
    ON past.project = placed.project
    AND past.closed_at <= placed.at
    AND past.milestone <> placed.milestone
  GROUP BY placed.milestone, placed.at
),
-- How all of the organisation's went, as of the beginning of each week that is asked about.
all_past AS (
  SELECT
    weeks.week_at,
    past.percent,
    COUNT(*) AS n,
    spread(past.ratio, 99) AS ratios,
    COUNT(past.ending) AS endings_n,
    spread(past.ending, 99) AS endings
  FROM (SELECT DISTINCT week_at FROM placed) AS weeks
  INNER JOIN milestone_past AS past ON past.closed_at <= weeks.week_at
  GROUP BY weeks.week_at, past.percent
),
learnt AS (
  SELECT
    placed.milestone,
    placed.at,
    placed.percent,
    placed.baseline_ms,
    GREATEST(COALESCE(own_past.n, 0), COALESCE(all_past.n, 0)) AS past_n,
    COALESCE(own_past.n, 0) AS own_past_n,
    CASE
      WHEN GREATEST(COALESCE(own_past.n, 0), COALESCE(all_past.n, 0)) >= $past_min
      THEN reference_days(own_past.ratios, all_past.ratios, placed.elapsed, placed.baseline_ms)
    END AS reference,
    CASE
      WHEN own_past.endings_n >= $past_min THEN own_past.endings
      WHEN all_past.endings_n >= $past_min THEN all_past.endings
    END AS endings
  FROM placed
  LEFT JOIN own_past ON own_past.milestone = placed.milestone AND own_past.at = placed.at
  LEFT JOIN all_past ON all_past.week_at = placed.week_at AND all_past.percent = placed.percent
),
-- How long the history is, and how much work there is and is left.
state AS (
  SELECT
    milestone,
    at,
    LEAST(millis_between(MIN(planned_until) FILTER (WHERE own), at) / days_to_ms(7), $weeks_max) AS own_weeks,
    LEAST(millis_between(MIN(planned_until), at) / days_to_ms(7), $weeks_max) AS stream_weeks,
    MIN(planned_until) FILTER (WHERE own) AS planned_until,
    COALESCE(SUM(tickets) FILTER (WHERE own), 0) AS scope,
    COALESCE(SUM(tickets - done_tickets) FILTER (WHERE own), 0) AS remaining,
    COALESCE(SUM(tickets - done_tickets) FILTER (WHERE ahead), 0) AS queued
  FROM milestone_history
  GROUP BY milestone, at
),
-- Whose history counts, how many weeks of it, what is left to do in it, and the days until the due date.
basis AS (
  SELECT
    asked.milestone,
    asked.at,
    asked.trials,
    COALESCE(state.own_weeks >= $weeks_min, FALSE) AS own,
    CASE WHEN state.own_weeks >= $weeks_min THEN state.own_weeks ELSE state.stream_weeks END AS weeks,
    CASE WHEN state.own_weeks >= $weeks_min OR state.remaining = 0 THEN state.remaining ELSE state.queued END AS remaining,
    asked.due_days
  FROM asked
  INNER JOIN state ON state.milestone = asked.milestone AND state.at = asked.at
  WHERE state.scope > 0
    AND state.stream_weeks >= $weeks_min
),
-- What was done and added on each day of the history; one row without any where nothing was.
day AS (
  SELECT
    basis.milestone,
    basis.at,
    basis.own,
    basis.weeks,
    basis.remaining,
    basis.due_days,
    basis.trials,
    COALESCE(millis_between(moved.moved_at, basis.at) / days_to_ms(1), 0) AS days_ago,
    COALESCE(moved.done, 0) AS done,
    CASE WHEN moved.inside AND NOT basis.own THEN 0 ELSE COALESCE(moved.added, 0) END AS added,
    SUM(COALESCE(moved.done, 0)) OVER (PARTITION BY basis.milestone, basis.at) AS pace
  FROM basis
  LEFT JOIN milestone_history AS moved
    ON moved.milestone = basis.milestone
    AND moved.at = basis.at
    AND moved.moved_at > days_before(basis.at, 7 * basis.weeks)
    AND (moved.own OR NOT basis.own)
),
-- The futures.
drawn AS (
  SELECT
    day.milestone,
    day.at,
    day.own,
    day.weeks,
    day.pace,
    day.remaining,
    SUM(day.added) AS added,
    milestone_forecast(
      day.days_ago, day.done, day.added, day.weeks, day.remaining, day.due_days, day.days_max, day.trials, day.seed, NULL
    ) AS pace_forecast,
    milestone_forecast(
      day.days_ago, day.done, day.added, day.weeks, day.remaining, day.due_days, $horizon_days_max, day.trials, day.seed,
      COALESCE(learnt.endings, make_array(1000000))
    ) AS ending_forecast
  FROM (
    SELECT
      milestone,
      at,
      own,
      weeks,
      remaining,
      due_days,
      trials,
      days_ago,
      done,
      added,
      pace,
      $horizon_factor * GREATEST(
        COALESCE(due_days, 0),
        COALESCE(remaining * 7 * weeks / CASE WHEN pace > 0 THEN pace END, 0),
        $horizon_days_min
      ) AS days_max,
      CONCAT(milestone, '|', CAST(CAST(at AS DATE) AS VARCHAR)) AS seed
    FROM day
  ) AS day
  INNER JOIN learnt ON learnt.milestone = day.milestone AND learnt.at = day.at
  GROUP BY
    day.milestone, day.at, day.own, day.weeks, day.remaining, day.due_days, day.trials, day.pace, day.days_max, day.seed, learnt.endings
)
SELECT
  asked.milestone,
  asked.at,
  asked.due_on,
  asked.due_days,
  asked.week_at,
  learnt.percent,
  learnt.baseline_ms,
  learnt.past_n,
  learnt.own_past_n,
  learnt.reference,
  drawn.pace_forecast['days'] AS pace,
  drawn.pace_forecast['p_hit'] AS p_hit_at_pace,
  drawn.pace_forecast['p_never'] AS p_never,
  CASE WHEN learnt.endings IS NOT NULL AND drawn.pace > 0 THEN drawn.ending_forecast['days'] END AS ending,
  CASE WHEN learnt.endings IS NULL AND drawn.pace > 0 THEN drawn.ending_forecast['days'] END AS as_is,
  drawn.pace AS done,
  drawn.added,
  drawn.remaining AS queued,
  drawn.own,
  state.planned_until,
  COALESCE(state.scope, 0) AS scope,
  COALESCE(state.remaining, 0) AS remaining,
  COALESCE(drawn.weeks, 0) AS weeks
FROM asked
INNER JOIN learnt ON learnt.milestone = asked.milestone AND learnt.at = asked.at
LEFT JOIN state ON state.milestone = asked.milestone AND state.at = asked.at
LEFT JOIN drawn ON drawn.milestone = asked.milestone AND drawn.at = asked.at
