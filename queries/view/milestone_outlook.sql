-- +++
-- help = "The forecast of each milestone and moment of forecast_moment: percentiles of the days that remain, P(hit), P(never), and what they rest on."
-- from = ["forecast_moment", "milestone_history", "milestone_zone"]
-- once = true
-- over = "forecast_moment"
-- [params]
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history there is no forecast" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- +++
-- The method is that of the function milestone_forecast: a double bootstrap over weeks of history, in which completions and
-- changes of scope go together, in tickets. The history is the milestone's own; where that is too short it is that of all
-- milestones of the project, which is then taken to finish what is due first: see the view milestone_history. It begins after
-- the planning days, and moves between milestones of the project change no scope. With too short a history there is no
-- forecast, and `state` says so.
-- `p_hit` is the share of futures that end by the due date, `p_never` of those that do not end in time. Dates are
-- of the zone of the milestone's team, see milestone_zone.
-- The futures are drawn from the milestone, the days (not the moments) of both clocks and this definition: through a day a
-- forecast changes only when its history does, and a change is shown against the same futures without it.
-- How long the history is, and how much work there is and is left.
WITH state AS (
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
    CASE
      WHEN asked.at >= day_end(asked.due_on, milestone_zone.timezone) THEN -1
      ELSE millis_between(asked.at, day_end(asked.due_on, milestone_zone.timezone)) / days_to_ms(1)
    END AS due_days
  FROM forecast_moment AS asked
  INNER JOIN milestone_zone ON milestone_zone.milestone = asked.milestone
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
outlook AS (
  SELECT
    milestone,
    at,
    own,
    weeks,
    milestone_forecast(
      days_ago,
      done,
      added,
      weeks,
      remaining,
      due_days,
      $horizon_factor * GREATEST(
        COALESCE(due_days, 0),
        COALESCE(remaining * 7 * weeks / CASE WHEN pace > 0 THEN pace END, 0),
        $horizon_days_min
      ),
      trials,
      CONCAT(milestone, '|', CAST(CAST(at AS DATE) AS VARCHAR), '|', CAST(CAST($known_at AS DATE) AS VARCHAR), '|', $definition)
    ) AS forecast
  FROM day
  GROUP BY milestone, at, own, weeks, remaining, due_days, trials, pace
)
SELECT
  asked.milestone,
  asked.at,
  asked.due_on,
  outlook.forecast['p_hit'] AS p_hit,
  outlook.forecast['p_never'] AS p_never,
  outlook.forecast['p50_days'] AS p50_days,
  outlook.forecast['p85_days'] AS p85_days,
  outlook.forecast['p95_days'] AS p95_days,
  day_in(days_before(asked.at, -outlook.forecast['p50_days']) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p50_on,
  day_in(days_before(asked.at, -outlook.forecast['p85_days']) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p85_on,
  day_in(days_before(asked.at, -outlook.forecast['p95_days']) - INTERVAL '1 microsecond', milestone_zone.timezone) AS p95_on,
  state.planned_until,
  COALESCE(state.scope, 0) AS scope,
  COALESCE(state.remaining, 0) AS remaining,
  CASE
    WHEN COALESCE(state.scope, 0) = 0 THEN 'no tickets'
    WHEN outlook.milestone IS NULL THEN 'insufficient data'
    WHEN outlook.own THEN 'own history'
    ELSE 'history of the project'
  END AS state,
  COALESCE(outlook.weeks, 0) AS weeks,
  outlook.forecast IS NOT NULL AS known
FROM forecast_moment AS asked
LEFT JOIN milestone_zone ON milestone_zone.milestone = asked.milestone
LEFT JOIN state ON state.milestone = asked.milestone AND state.at = asked.at
LEFT JOIN outlook ON outlook.milestone = asked.milestone AND outlook.at = asked.at
