-- +++
-- help = "The closed milestones that forecasts learn from, at 20, 40, 60 and 80% of their baseline duration: what remained then, and how it ended."
-- from = ["milestone", "milestone_revision", "milestone_zone", "scope_change"]
-- once = true
-- [params]
-- past_days = { type = "int", default = 730, min = 28, max = 3660, help = "forecasts learn from milestones closed in this many days up to as_of" }
-- +++
-- The duration runs from the milestone's first event to its baseline. `ratio` is how long it took in all, in millionths of
-- that; `ending` is what was done from then to the end, in millionths of what remained: less than a million where scope was cut.
-- A baseline of less than five days has no such steps. A milestone that was closed by `at` has no forecast there (`open`), but its ratio counts.
WITH closed AS (
  SELECT
    milestone.key_hash,
    milestone.milestone,
    milestone.project,
    milestone.created_at,
    milestone.closed_at,
    days_to_ms(days_between(day_in(milestone.created_at, milestone_zone.timezone), milestone.baseline_on)) AS baseline_ms
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE NOT milestone.is_open
    AND NOT milestone.deleted
    AND milestone.closed_at > days_before($as_of, $past_days)
    AND milestone.baseline_on IS NOT NULL
),
step AS (
  SELECT
    closed.key_hash,
    closed.milestone,
    closed.project,
    closed.created_at,
    closed.closed_at,
    closed.baseline_ms,
    each.percent,
    days_before(closed.created_at, -(closed.baseline_ms / days_to_ms(1) * each.percent / 100)) AS at
  FROM closed
  CROSS JOIN (VALUES (20), (40), (60), (80)) AS each (percent)
  WHERE closed.baseline_ms >= days_to_ms(5)
),
work AS (
  SELECT
    step.key_hash,
    step.percent,
    SUM(scope_change.tickets - scope_change.done_tickets) FILTER (WHERE scope_change.at <= step.at) AS remaining,
    SUM(scope_change.done_tickets) FILTER (WHERE scope_change.at > step.at) AS done_after
  FROM step
  INNER JOIN scope_change ON scope_change.milestone = step.milestone AND scope_change.at <= step.closed_at
  GROUP BY step.key_hash, step.percent
)
SELECT
  step.milestone,
  COALESCE(step.project, CONCAT('milestone ', step.milestone)) AS project,
  step.percent,
  step.created_at,
  step.closed_at,
  step.at,
  step.at < step.closed_at AS open,
  milestone_revision.due_on,
  step.baseline_ms,
  1000000 * millis_between(step.created_at, step.closed_at) / step.baseline_ms AS ratio,
  CASE WHEN work.remaining > 0 THEN 1000000 * GREATEST(COALESCE(work.done_after, 0), 0) / work.remaining END AS ending
FROM step
LEFT JOIN work ON work.key_hash = step.key_hash AND work.percent = step.percent
LEFT JOIN milestone_revision
  ON milestone_revision.key_hash = step.key_hash
  AND holds_at(milestone_revision.from_at, milestone_revision.to_at, step.at)
