-- +++
-- help = "How far off forecasts of closed milestones would have been, made at 20, 40, 60 and 80% of their baseline duration with what was known then."
-- from = ["milestone", "milestone_revision", "milestone_outlook", "milestone_zone"]
-- once = true
-- [params]
-- window_days = { type = "int", default = 730, min = 28, max = 3660, help = "milestones closed in this many days up to as_of" }
-- replay_trials = { type = "int", default = 2000, min = 100, max = 100000, help = "futures that are played" }
-- +++
-- The duration runs from the milestone's first event to its baseline. The stretches are by how much, in millionths, the
-- days up to each percentile would have to be multiplied to reach the day of closing: 0 where the percentile was never
-- to be reached, so that any day keeps it, and none where it was to be reached at once.
WITH resolved AS (
  SELECT
    milestone.key_hash,
    milestone.milestone,
    milestone.created_at,
    milestone.closed_at,
    milestone.baseline_on,
    milestone_zone.timezone
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE NOT milestone.is_open
    AND NOT milestone.deleted
    AND milestone.closed_at > days_before($as_of, $window_days)
    AND milestone.baseline_on IS NOT NULL
),
replay AS (
  SELECT
    resolved.key_hash,
    resolved.milestone,
    resolved.closed_at,
    resolved.timezone,
    step.percent,
    days_before(
      resolved.created_at,
      -(days_between(day_in(resolved.created_at, resolved.timezone), resolved.baseline_on) * step.percent / 100)
    ) AS at
  FROM resolved
  CROSS JOIN (VALUES (20), (40), (60), (80)) AS step (percent)
),
made AS (
  SELECT
    replay.milestone,
    replay.percent,
    replay.closed_at,
    replay.timezone,
    replay.at,
    milestone_revision.due_on
  FROM replay
  INNER JOIN milestone_revision
    ON milestone_revision.key_hash = replay.key_hash
    AND holds_at(milestone_revision.from_at, milestone_revision.to_at, replay.at)
  WHERE replay.at < replay.closed_at
),
moment AS (
  SELECT DISTINCT
    milestone,
    at,
    due_on,
    $replay_trials AS trials
  FROM made
)
SELECT
  made.milestone,
  made.percent,
  made.at,
  made.closed_at,
  outlook.known,
  millis_between(made.at, made.closed_at) AS actual_ms,
  outlook.p50_days,
  outlook.p85_days,
  outlook.p95_days,
  outlook.p_hit,
  CASE WHEN made.due_on IS NOT NULL THEN CAST(day_in(made.closed_at, made.timezone) <= made.due_on AS INT) END AS hit,
  CASE
    WHEN outlook.known AND outlook.p50_days IS NULL THEN 0
    WHEN outlook.p50_days > 0 THEN 1000000 * millis_between(made.at, made.closed_at) / days_to_ms(outlook.p50_days)
  END AS stretch_50,
  CASE
    WHEN outlook.known AND outlook.p85_days IS NULL THEN 0
    WHEN outlook.p85_days > 0 THEN 1000000 * millis_between(made.at, made.closed_at) / days_to_ms(outlook.p85_days)
  END AS stretch_85,
  CASE
    WHEN outlook.known AND outlook.p95_days IS NULL THEN 0
    WHEN outlook.p95_days > 0 THEN 1000000 * millis_between(made.at, made.closed_at) / days_to_ms(outlook.p95_days)
  END AS stretch_95
FROM made
INNER JOIN milestone_outlook(moment) AS outlook ON outlook.milestone = made.milestone AND outlook.at = made.at
