-- +++
-- title = "Milestone forecast"
-- help = "When each open milestone will be done at the pace of its own history, and how probable its due date is."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "p_hit"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history there is no forecast" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- trials = { type = "int", default = 10000, min = 100, max = 100000, help = "futures that are played" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- +++
-- The method is that of the function milestone_forecast: a double bootstrap over the weeks of the milestone's own history,
-- in which completions and changes of scope go together, in tickets. The history begins after the planning days;
-- a milestone whose history is too short has no forecast, and `state` says so. `p_hit` is the share of futures that end by the
-- due date, `p_never` of those that do not end in time. Dates are UTC.
WITH asked AS (
  SELECT
    milestone,
    $as_of AS at,
    due_on
  FROM milestone
  WHERE is_open
),
started AS (
  SELECT
    milestone,
    days_before(MIN(at), -$planning_days) AS at
  FROM scope_change
  WHERE milestone IN (SELECT milestone FROM asked)
  GROUP BY milestone
),
state AS (
  SELECT
    asked.milestone,
    asked.at,
    asked.due_on,
    LEAST(millis_between(started.at, asked.at) / 604800000, $weeks_max) AS weeks,
    SUM(scope_change.tickets) AS scope,
    SUM(scope_change.done_tickets) AS done
  FROM asked
  INNER JOIN started ON started.milestone = asked.milestone
  INNER JOIN scope_change ON scope_change.milestone = asked.milestone AND scope_change.at <= asked.at
  GROUP BY asked.milestone, asked.at, asked.due_on, started.at
),
pace AS (
  SELECT
    state.milestone,
    state.at,
    SUM(scope_change.done_tickets) AS done
  FROM state
  INNER JOIN scope_change
    ON scope_change.milestone = state.milestone
    AND scope_change.at <= state.at
    AND scope_change.at > days_before(state.at, 7 * state.weeks)
  WHERE state.weeks >= $weeks_min
  GROUP BY state.milestone, state.at
),
question AS (
  SELECT
    state.milestone,
    state.at,
    state.weeks,
    state.scope,
    state.scope - state.done AS remaining,
    CASE
      WHEN CAST(state.at AS DATE) > state.due_on THEN -1
      ELSE millis_between(state.at, days_before(arrow_cast(state.due_on, 'Timestamp(Microsecond, Some("UTC"))'), -1)) / 86400000
    END AS due_days,
    COALESCE(pace.done, 0) AS done
  FROM state
  LEFT JOIN pace ON pace.milestone = state.milestone AND pace.at = state.at
  WHERE state.weeks >= $weeks_min
    AND state.scope > 0
),
day AS (
  SELECT
    question.milestone,
    question.at,
    millis_between(scope_change.at, question.at) / 86400000 AS days_ago,
    scope_change.done_tickets AS done,
    scope_change.tickets AS added
  FROM question
  INNER JOIN scope_change
    ON scope_change.milestone = question.milestone
    AND scope_change.at <= question.at
    AND scope_change.at > days_before(question.at, 7 * question.weeks)
  UNION ALL
  SELECT
    milestone,
    at,
    0 AS days_ago,
    0 AS done,
    0 AS added
  FROM question
),
outlook AS (
  SELECT
    question.milestone,
    question.at,
    question.weeks,
    question.remaining,
    milestone_forecast(
      day.days_ago,
      day.done,
      day.added,
      question.weeks,
      question.remaining,
      question.due_days,
      $horizon_factor * GREATEST(
        COALESCE(question.due_days, 0),
        COALESCE(question.remaining * 7 * question.weeks / CASE WHEN question.done > 0 THEN question.done END, 0),
        $horizon_days_min
      ),
      $trials,
      CONCAT(question.milestone, '|', CAST(arrow_cast(question.at, 'Int64') AS VARCHAR), '|', CAST(arrow_cast($known_at, 'Int64') AS VARCHAR))
    ) AS forecast
  FROM question
  INNER JOIN day ON day.milestone = question.milestone AND day.at = question.at
  GROUP BY question.milestone, question.at, question.weeks, question.remaining, question.due_days, question.done
)
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  outlook.forecast['p_hit'] AS p_hit,
  CAST(days_before($as_of, -outlook.forecast['p50_days']) - INTERVAL '1 microsecond' AS DATE) AS p50_on,
  CAST(days_before($as_of, -outlook.forecast['p85_days']) - INTERVAL '1 microsecond' AS DATE) AS p85_on,
  CAST(days_before($as_of, -outlook.forecast['p95_days']) - INTERVAL '1 microsecond' AS DATE) AS p95_on,
  outlook.forecast['p_never'] AS p_never,
  outlook.forecast['p85_days'] - outlook.forecast['p50_days'] AS buffer_days,
  milestone.due_on,
  COALESCE(state.scope, 0) AS scope,
  COALESCE(state.scope - state.done, 0) AS remaining,
  CASE
    WHEN COALESCE(state.scope, 0) = 0 THEN 'no tickets'
    WHEN outlook.milestone IS NULL THEN 'insufficient data'
    ELSE 'forecast'
  END AS state,
  COALESCE(GREATEST(state.weeks, 0), 0) AS n
FROM milestone
LEFT JOIN state ON state.milestone = milestone.milestone
LEFT JOIN outlook ON outlook.milestone = milestone.milestone
WHERE milestone.is_open
ORDER BY milestone.project NULLS LAST, milestone.milestone
