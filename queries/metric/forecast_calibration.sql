-- +++
-- title = "Forecast calibration"
-- help = "How good forecasts of finished milestones would have been, made with only what was known at the time."
-- unit = "ratio"
-- level = "team"
-- labels = ["progress"]
-- value = "coverage_85"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 730, min = 28, max = 3660, help = "milestones closed in this many days up to as_of" }
-- weeks_min = { type = "int", default = 8, min = 2, max = 53, help = "with a shorter history there is no forecast" }
-- weeks_max = { type = "int", default = 26, min = 2, max = 53, help = "weeks of history that are drawn from" }
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- trials = { type = "int", default = 2000, min = 100, max = 100000, help = "futures that are played" }
-- horizon_factor = { type = "int", default = 3, min = 1, max = 20, help = "a future that takes longer than this multiple of the planned remaining time never ends" }
-- horizon_days_min = { type = "int", default = 28, min = 1, max = 3660, help = "least planned remaining time, for milestones at or past their due date" }
-- +++
-- Each closed milestone is forecast at 20, 40, 60 and 80 % of the time from its first event to its baseline, as of then. Coverage
-- is the share that closed by the percentile; 85 % must cover about 85 %, in both directions. Pinball loss is in days.
-- The Brier score is of P(hit) against closing by the due date that held then; its skill is against always saying the base
-- rate, and against always saying that the due date holds. `recalibration_85` is by how much the days up to the 85th
-- percentile must be multiplied for it to cover 85 % of these cases.
WITH resolved AS (
  SELECT
    key_hash,
    milestone,
    created_at,
    closed_at,
    baseline_on
  FROM milestone
  WHERE NOT is_open
    AND NOT deleted
    AND closed_at > days_before($as_of, $window_days)
    AND baseline_on IS NOT NULL
),
replay AS (
  SELECT
    resolved.key_hash,
    resolved.milestone,
    resolved.closed_at,
    step.percent,
    days_before(
      resolved.created_at,
      -(days_between(CAST(resolved.created_at AS DATE), resolved.baseline_on) * step.percent / 100)
    ) AS at
  FROM resolved
  CROSS JOIN (VALUES (20), (40), (60), (80)) AS step (percent)
),
made AS (
  SELECT
    replay.milestone,
    replay.percent,
    replay.closed_at,
    replay.at,
    milestone_revision.due_on
  FROM replay
  INNER JOIN milestone_revision
    ON milestone_revision.key_hash = replay.key_hash
    AND milestone_revision.from_at <= replay.at
    AND (milestone_revision.to_at IS NULL OR milestone_revision.to_at > replay.at)
  WHERE replay.at < replay.closed_at
),
asked AS (
  SELECT DISTINCT
    milestone,
    at,
    due_on
  FROM made
),
stream AS (
  SELECT
    asked.milestone,
    asked.at,
    asked.due_on,
    peer.milestone AS peer,
    peer.milestone = asked.milestone AS own,
    peer.milestone = asked.milestone
    OR COALESCE(
      peer.created_at <= asked.at
      AND (peer.closed_at IS NULL OR peer.closed_at > asked.at)
      AND NOT peer.deleted
      AND revision.due_on <= asked.due_on,
      FALSE
    ) AS ahead
  FROM asked
  INNER JOIN milestone AS self ON self.milestone = asked.milestone
  INNER JOIN milestone AS peer
    ON COALESCE(peer.project, CONCAT('milestone ', peer.milestone)) = COALESCE(self.project, CONCAT('milestone ', self.milestone))
  LEFT JOIN milestone_revision AS revision
    ON revision.key_hash = peer.key_hash
    AND revision.from_at <= asked.at
    AND (revision.to_at IS NULL OR revision.to_at > asked.at)
),
planned AS (
  SELECT
    milestone,
    days_before(MIN(at), -$planning_days) AS until_at
  FROM scope_change
  WHERE milestone IN (SELECT peer FROM stream)
  GROUP BY milestone
),
moved AS (
  SELECT
    stream.milestone,
    stream.at,
    stream.own,
    stream.ahead,
    planned.until_at,
    scope_change.at AS moved_at,
    scope_change.tickets,
    scope_change.done_tickets,
    CASE WHEN scope_change.what IN ('done', 'reopened') THEN scope_change.done_tickets ELSE 0 END AS done,
    CASE
      WHEN scope_change.what IN ('added', 'removed') AND scope_change.at > planned.until_at
      THEN scope_change.tickets - scope_change.done_tickets
      ELSE 0
    END AS added,
    inside.peer IS NOT NULL AS inside
  FROM stream
  INNER JOIN planned ON planned.milestone = stream.peer
  INNER JOIN scope_change ON scope_change.milestone = stream.peer AND scope_change.at <= stream.at
  LEFT JOIN stream AS inside
    ON inside.milestone = stream.milestone
    AND inside.at = stream.at
    AND inside.peer = scope_change.other
),
state AS (
  SELECT
    milestone,
    at,
    LEAST(millis_between(MIN(until_at) FILTER (WHERE own), at) / 604800000, $weeks_max) AS own_weeks,
    LEAST(millis_between(MIN(until_at), at) / 604800000, $weeks_max) AS stream_weeks,
    COALESCE(SUM(tickets) FILTER (WHERE own), 0) AS scope,
    COALESCE(SUM(tickets - done_tickets) FILTER (WHERE own), 0) AS remaining,
    COALESCE(SUM(tickets - done_tickets) FILTER (WHERE ahead), 0) AS queued
  FROM moved
  GROUP BY milestone, at
),
basis AS (
  SELECT
    asked.milestone,
    asked.at,
    COALESCE(state.own_weeks >= $weeks_min, FALSE) AS own,
    CASE WHEN state.own_weeks >= $weeks_min THEN state.own_weeks ELSE state.stream_weeks END AS weeks,
    CASE WHEN state.own_weeks >= $weeks_min OR state.remaining = 0 THEN state.remaining ELSE state.queued END AS remaining,
    CASE
      WHEN CAST(asked.at AS DATE) > asked.due_on THEN -1
      ELSE millis_between(asked.at, days_before(arrow_cast(asked.due_on, 'Timestamp(Microsecond, Some("UTC"))'), -1)) / 86400000
    END AS due_days
  FROM asked
  INNER JOIN state ON state.milestone = asked.milestone AND state.at = asked.at
  WHERE state.scope > 0
    AND state.stream_weeks >= $weeks_min
),
day AS (
  SELECT
    basis.milestone,
    basis.at,
    millis_between(moved.moved_at, basis.at) / 86400000 AS days_ago,
    moved.done,
    CASE WHEN moved.inside AND NOT basis.own THEN 0 ELSE moved.added END AS added
  FROM basis
  INNER JOIN moved
    ON moved.milestone = basis.milestone
    AND moved.at = basis.at
    AND moved.moved_at > days_before(basis.at, 7 * basis.weeks)
  WHERE moved.own OR NOT basis.own
  UNION ALL
  SELECT
    milestone,
    at,
    0 AS days_ago,
    0 AS done,
    0 AS added
  FROM basis
),
pace AS (
  SELECT
    milestone,
    at,
    SUM(done) AS done
  FROM day
  GROUP BY milestone, at
),
outlook AS (
  SELECT
    basis.milestone,
    basis.at,
    basis.own,
    basis.weeks,
    milestone_forecast(
      day.days_ago,
      day.done,
      day.added,
      basis.weeks,
      basis.remaining,
      basis.due_days,
      $horizon_factor * GREATEST(
        COALESCE(basis.due_days, 0),
        COALESCE(basis.remaining * 7 * basis.weeks / CASE WHEN pace.done > 0 THEN pace.done END, 0),
        $horizon_days_min
      ),
      $trials,
      CONCAT(basis.milestone, '|', CAST(arrow_cast(basis.at, 'Int64') AS VARCHAR), '|', CAST(arrow_cast($known_at, 'Int64') AS VARCHAR))
    ) AS forecast
  FROM basis
  INNER JOIN pace ON pace.milestone = basis.milestone AND pace.at = basis.at
  INNER JOIN day ON day.milestone = basis.milestone AND day.at = basis.at
  GROUP BY basis.milestone, basis.at, basis.own, basis.weeks, basis.remaining, basis.due_days, pace.done
),
judged AS (
  SELECT
    made.percent,
    outlook.forecast IS NOT NULL AS known,
    millis_between(made.at, made.closed_at) AS actual_ms,
    outlook.forecast['p50_days'] AS p50_days,
    outlook.forecast['p85_days'] AS p85_days,
    outlook.forecast['p95_days'] AS p95_days,
    outlook.forecast['p_hit'] AS p_hit,
    CASE WHEN made.due_on IS NOT NULL THEN CAST(CAST(made.closed_at AS DATE) <= made.due_on AS INT) END AS hit
  FROM made
  LEFT JOIN outlook ON outlook.milestone = made.milestone AND outlook.at = made.at
),
scored AS (
  SELECT
    progress,
    known,
    actual_ms <= COALESCE(p50_days, 100000) * 86400000 AS in_50,
    actual_ms <= COALESCE(p85_days, 100000) * 86400000 AS in_85,
    actual_ms <= COALESCE(p95_days, 100000) * 86400000 AS in_95,
    CASE WHEN actual_ms > p50_days * 86400000 THEN 50 * (actual_ms - p50_days * 86400000) ELSE 50 * (p50_days * 86400000 - actual_ms) END AS pinball_50,
    CASE WHEN actual_ms > p85_days * 86400000 THEN 85 * (actual_ms - p85_days * 86400000) ELSE 15 * (p85_days * 86400000 - actual_ms) END AS pinball_85,
    CASE WHEN actual_ms > p95_days * 86400000 THEN 95 * (actual_ms - p95_days * 86400000) ELSE 5 * (p95_days * 86400000 - actual_ms) END AS pinball_95,
    CASE WHEN hit IS NOT NULL THEN CAST(ROUND((p_hit - hit) * (p_hit - hit) * 1000000000) AS BIGINT) END AS brier,
    CASE WHEN p_hit IS NOT NULL THEN hit END AS hit,
    CASE WHEN p85_days > 0 THEN actual_ms * 1000 / (p85_days * 86400) END AS stretch
  FROM (
    SELECT CONCAT(CAST(percent AS VARCHAR), ' %') AS progress, known, actual_ms, p50_days, p85_days, p95_days, p_hit, hit FROM judged
    UNION ALL
    SELECT CAST('all' AS VARCHAR) AS progress, known, actual_ms, p50_days, p85_days, p95_days, p_hit, hit FROM judged
  ) AS each
)
SELECT
  progress,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_85) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_85,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_50) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_50,
  ROUND(CAST(COUNT(*) FILTER (WHERE known AND in_95) AS DOUBLE) / NULLIF(COUNT(*) FILTER (WHERE known), 0), 6) AS coverage_95,
  COUNT(*) FILTER (WHERE known) AS n,
  COUNT(*) FILTER (WHERE NOT known) AS insufficient_data,
  ROUND(CAST(SUM(pinball_50) AS DOUBLE) / COUNT(pinball_50) / CAST(8640000000 AS DOUBLE), 3) AS pinball_50_days,
  ROUND(CAST(SUM(pinball_85) AS DOUBLE) / COUNT(pinball_85) / CAST(8640000000 AS DOUBLE), 3) AS pinball_85_days,
  ROUND(CAST(SUM(pinball_95) AS DOUBLE) / COUNT(pinball_95) / CAST(8640000000 AS DOUBLE), 3) AS pinball_95_days,
  ROUND(CAST(SUM(brier) AS DOUBLE) / COUNT(brier) / 1000000000, 6) AS brier,
  ROUND(
    1 - CAST(SUM(brier) AS DOUBLE) / 1000000000
    / NULLIF(CAST(SUM(hit) AS DOUBLE) * (COUNT(hit) - SUM(hit)) / COUNT(hit), 0),
    6
  ) AS skill_to_base_rate,
  ROUND(1 - CAST(SUM(brier) AS DOUBLE) / 1000000000 / NULLIF(COUNT(hit) - SUM(hit), 0), 6) AS skill_to_due_date,
  ROUND(CAST(percentile_nearest(stretch, 0.85) AS DOUBLE) / 1000000, 3) AS recalibration_85
FROM scored
GROUP BY progress
ORDER BY progress
