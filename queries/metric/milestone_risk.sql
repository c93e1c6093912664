-- +++
-- title = "Milestone risk"
-- help = "Open milestones on a five by five grid: how likely their due date is missed, and by how many working days."
-- unit = "points"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "risk"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history there is no forecast" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- trials = { type = "int", default = 10000, min = 100, max = 100000, help = "futures that are played" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- red = { type = "int", default = 15, min = 1, max = 25, help = "from this risk on a milestone is red" }
-- amber = { type = "int", default = 8, min = 1, max = 25, help = "from this risk on a milestone is amber" }
-- +++
-- Likelihood: 1 - P(hit) up to 0.1, 0.3, 0.5, 0.7, more. Impact: working days from the due date to the 85th percentile, up to
-- 0, 5, 10, 20, more; one more, to at most 5, when an open milestone depends on this one. A percentile that is never
-- reached is the largest impact. Without a forecast or a due date there is no risk, which is not no risk.
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
),
needed AS (
  SELECT DISTINCT UNNEST(depends_on) AS milestone
  FROM milestone
  WHERE is_open
),
graded AS (
  SELECT
    milestone.project,
    milestone.milestone,
    milestone.title,
    milestone.due_on,
    outlook.forecast['p_hit'] AS p_hit,
    CAST(days_before($as_of, -outlook.forecast['p85_days']) - INTERVAL '1 microsecond' AS DATE) AS p85_on,
    working_days_between(milestone.due_on, CAST(days_before($as_of, -outlook.forecast['p85_days']) - INTERVAL '1 microsecond' AS DATE)) AS late_days,
    needed.milestone IS NOT NULL AS needed,
    outlook.forecast IS NOT NULL AND milestone.due_on IS NOT NULL AS known
  FROM milestone
  LEFT JOIN outlook ON outlook.milestone = milestone.milestone
  LEFT JOIN needed ON needed.milestone = milestone.milestone
  WHERE milestone.is_open
),
placed AS (
  SELECT
    project,
    milestone,
    title,
    due_on,
    p_hit,
    p85_on,
    late_days,
    needed,
    CASE
      WHEN NOT known THEN NULL
      WHEN p_hit >= 0.9 THEN 1
      WHEN p_hit >= 0.7 THEN 2
      WHEN p_hit >= 0.5 THEN 3
      WHEN p_hit >= 0.3 THEN 4
      ELSE 5
    END AS likelihood,
    CASE
      WHEN NOT known THEN NULL
      ELSE LEAST(
        5,
        CASE
          WHEN late_days <= 0 THEN 1
          WHEN late_days <= 5 THEN 2
          WHEN late_days <= 10 THEN 3
          WHEN late_days <= 20 THEN 4
          ELSE 5
        END + CASE WHEN needed THEN 1 ELSE 0 END
      )
    END AS impact
  FROM graded
)
SELECT
  project,
  milestone,
  title,
  likelihood * impact AS risk,
  CASE
    WHEN likelihood IS NULL THEN NULL
    WHEN likelihood * impact >= $red THEN 'red'
    WHEN likelihood * impact >= $amber THEN 'amber'
    ELSE 'green'
  END AS colour,
  likelihood,
  impact,
  p_hit,
  due_on,
  p85_on,
  late_days AS late_working_days,
  needed AS needed_by_others
FROM placed
ORDER BY project NULLS LAST, milestone
