-- +++
-- title = "Milestone drift"
-- help = "How far each milestone's due date has moved from its baseline, how fast it moves, and how often it was re-planned."
-- unit = "days"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "slip_days"
-- gauges = ["replans", "replans_after_due", "late_replan_age_days"]
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- rate_days = { type = "int", default = 28, min = 1, max = 366, help = "days over which the slip rate is taken" }
-- rate_days_min = { type = "int", default = 7, min = 1, max = 366, help = "a due date younger than this has no slip rate" }
-- include_deleted = { type = "bool", default = false, help = "whether deleted milestones are listed" }
-- +++
-- A re-plan is a day at whose end the due date differs from that of the day before, once a day has ended with one: edits
-- of one day collapse, and taking the date away is one. It came after the due date when that had passed before the day;
-- `late_replan_age_days` is how long ago the last such one was. Days are
-- those of the milestone's team, see the view milestone_zone.
-- The slip rate is the due date less the one that held `rate_days` ago, over that time; where none held then, less the
-- first that has held since, over the time since. A baseline stands for the due date until one is stated; a date that was
-- taken away is none.
-- How far the forecast has drifted, and why, stands in milestone_forecast: playing futures takes longer than a metric may
-- that is renewed at every change.
WITH day AS (
  SELECT
    milestone_revision.key_hash,
    day_in(milestone_revision.from_at, milestone_zone.timezone) AS day,
    LAST_VALUE(milestone_revision.due_on ORDER BY milestone_revision.revision) AS due_on
  FROM milestone_revision
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone_revision.key_hash
  GROUP BY milestone_revision.key_hash, day_in(milestone_revision.from_at, milestone_zone.timezone)
),
step AS (
  SELECT
    key_hash,
    day,
    due_on,
    LAG(due_on) OVER (PARTITION BY key_hash ORDER BY day) AS due_before,
    COUNT(due_on) OVER (PARTITION BY key_hash ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    - CAST(due_on IS NOT NULL AS INT) AS stated_before
  FROM day
),
replan AS (
  SELECT
    key_hash,
    COUNT(*) AS replans,
    COUNT(*) FILTER (WHERE due_before < day) AS replans_after_due,
    MAX(day) FILTER (WHERE due_before < day) AS late_on
  FROM step
  WHERE stated_before > 0
    AND due_on IS DISTINCT FROM due_before
  GROUP BY key_hash
),
earlier AS (
  SELECT
    key_hash,
    FIRST_VALUE(due_on ORDER BY revision) AS due_on,
    FIRST_VALUE(GREATEST(from_at, days_before($as_of, $rate_days)) ORDER BY revision) AS at
  FROM milestone_revision
  WHERE due_on IS NOT NULL
    AND (to_at IS NULL OR to_at > GREATEST(from_at, days_before($as_of, $rate_days)))
  GROUP BY key_hash
)
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  milestone.state,
  milestone.baseline_on,
  milestone.due_on,
  days_between(milestone.baseline_on, milestone.due_on) AS slip_days,
  working_days_between(milestone.baseline_on, milestone.due_on) AS slip_working_days,
  CASE
    WHEN millis_between(earlier.at, $as_of) >= days_to_ms($rate_days_min)
    THEN ratio(days_to_ms(days_between(earlier.due_on, milestone.due_on)), millis_between(earlier.at, $as_of))
  END AS slip_rate,
  COALESCE(replan.replans, 0) AS replans,
  COALESCE(replan.replans_after_due, 0) AS replans_after_due,
  days_between(replan.late_on, day_in($as_of, milestone_zone.timezone)) AS late_replan_age_days
FROM milestone
INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
LEFT JOIN replan ON replan.key_hash = milestone.key_hash
LEFT JOIN earlier ON earlier.key_hash = milestone.key_hash
WHERE NOT milestone.deleted OR $include_deleted
ORDER BY milestone.project NULLS LAST, milestone.milestone
