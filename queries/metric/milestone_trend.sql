-- +++
-- title = "Milestone trend"
-- help = "What each open milestone's due date and forecast were at the end of each week: the slip chart."
-- unit = "days"
-- level = "team"
-- labels = ["milestone", "week"]
-- value = "p50_slip_days"
-- section = "Milestone drift"
-- panel = "timeseries"
-- [params]
-- weeks = { type = "int", default = 12, min = 1, max = 106, help = "reports listed, the one at as_of included" }
-- slope_reports = { type = "int", default = 6, min = 2, max = 106, help = "the slope is over this many last reports" }
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history there is no forecast" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- trials = { type = "int", default = 2000, min = 100, max = 100000, help = "futures that are played" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- +++
-- A report is made at the end of each ISO week, and at as_of, from what had happened by then. `slope` is the median slope
-- (Theil 1950, Sen 1968) of the forecast over the last reports: 1 is a slip of a day each day.
WITH report AS (
  SELECT
    n,
    label,
    CASE WHEN n = 0 THEN $as_of ELSE days_before(from_at, -7) END AS at
  FROM week
  WHERE n < $weeks
),
asked AS (
  SELECT
    milestone.milestone,
    report.at,
    milestone_revision.due_on
  FROM milestone
  INNER JOIN milestone_revision ON milestone_revision.key_hash = milestone.key_hash
  INNER JOIN report
    ON report.at >= milestone_revision.from_at
    AND (milestone_revision.to_at IS NULL OR milestone_revision.to_at > report.at)
  WHERE milestone.is_open
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
),
reported AS (
  SELECT
    asked.milestone,
    report.n,
    report.label,
    asked.at,
    asked.due_on,
    CAST(days_before(asked.at, -outlook.forecast['p50_days']) - INTERVAL '1 microsecond' AS DATE) AS p50_on
  FROM asked
  INNER JOIN report ON report.at = asked.at
  LEFT JOIN outlook ON outlook.milestone = asked.milestone AND outlook.at = asked.at
),
slope AS (
  SELECT
    milestone,
    theil_sen(
      CAST(arrow_cast(at, 'Int64') AS DOUBLE) / CAST(86400000000 AS DOUBLE),
      CAST(arrow_cast(p50_on, 'Int32') AS DOUBLE)
    ) AS slope,
    COUNT(*) AS n
  FROM reported
  WHERE n < $slope_reports
    AND p50_on IS NOT NULL
  GROUP BY milestone
)
SELECT
  reported.milestone,
  reported.label AS week,
  days_between(reported.due_on, reported.p50_on) AS p50_slip_days,
  reported.due_on,
  reported.p50_on,
  ROUND(slope.slope, 6) AS slope,
  COALESCE(slope.n, 0) AS n,
  reported.at AS reported_at
FROM reported
LEFT JOIN slope ON slope.milestone = reported.milestone
ORDER BY reported.milestone, reported.at
