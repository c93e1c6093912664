-- +++
-- title = "Milestone ledger"
-- help = "Every change of a milestone's due date, baseline, scope and estimates: when, by which event, from what to what."
-- unit = "days"
-- level = "team"
-- labels = ["milestone", "what", "subject", "event"]
-- value = "days_moved"
-- section = "Milestone drift"
-- panel = "table"
-- shared_params = ["trials"]
-- [params]
-- window_days = { type = "int", default = 91, min = 1, max = 3660, help = "days up to as_of" }
-- forecasts_max = { type = "int", default = 200, min = 0, max = 10000, help = "the newest so many changes have forecasts" }
-- +++
-- `days_moved` is of dates only, `tickets` and `points` of scope only. Removal of a date is a change to NULL.
-- What left the scope without being done is `dropped`, `duplicate` or `moved`.
-- The forecasts are those of the milestone just before the change and just after, with all that happened at the same moment.
WITH step AS (
  SELECT
    key_hash,
    milestone,
    revision,
    from_at,
    event_id,
    due_on,
    baseline_on,
    LAG(due_on) OVER (PARTITION BY key_hash ORDER BY revision) AS due_before,
    LAG(baseline_on) OVER (PARTITION BY key_hash ORDER BY revision) AS baseline_before
  FROM milestone_revision
),
entry AS (
  SELECT
    milestone,
    CAST('due date' AS VARCHAR) AS what,
    milestone AS subject,
    event_id AS event,
    from_at AS at,
    due_before AS from_on,
    due_on AS to_on,
    CAST(NULL AS BIGINT) AS tickets,
    CAST(NULL AS BIGINT) AS points_hundredths
  FROM step
  WHERE due_on IS DISTINCT FROM due_before
  UNION ALL
  SELECT
    milestone,
    CAST('baseline' AS VARCHAR) AS what,
    milestone AS subject,
    event_id AS event,
    from_at AS at,
    baseline_before AS from_on,
    baseline_on AS to_on,
    CAST(NULL AS BIGINT) AS tickets,
    CAST(NULL AS BIGINT) AS points_hundredths
  FROM step
  WHERE baseline_on IS DISTINCT FROM baseline_before
  UNION ALL
  SELECT
    milestone,
    COALESCE(ending, what) AS what,
    ticket AS subject,
    event_id AS event,
    at,
    CAST(NULL AS DATE) AS from_on,
    CAST(NULL AS DATE) AS to_on,
    tickets,
    points_hundredths
  FROM scope_counted
  WHERE what IN ('added', 'removed', 're-estimated')
),
listed AS (
  SELECT
    milestone,
    what,
    subject,
    event,
    at,
    from_on,
    to_on,
    tickets,
    points_hundredths
  FROM entry
  WHERE at > days_before($as_of, $window_days)
    AND at <= $as_of
),
newest AS (
  SELECT
    milestone,
    at
  FROM (SELECT DISTINCT milestone, at FROM listed) AS change
  ORDER BY at DESC, milestone
  LIMIT $forecasts_max
),
side AS (
  SELECT
    milestone,
    at,
    at AS forecast_at,
    FALSE AS before
  FROM newest
  UNION ALL
  SELECT
    milestone,
    at,
    arrow_cast(arrow_cast(at, 'Int64') - 1, 'Timestamp(Microsecond, Some("UTC"))') AS forecast_at,
    TRUE AS before
  FROM newest
),
moment AS (
  SELECT DISTINCT
    side.milestone,
    side.forecast_at AS at,
    milestone_revision.due_on,
    $trials AS trials
  FROM side
  INNER JOIN milestone_revision
    ON milestone_revision.milestone = side.milestone
    AND holds_at(milestone_revision.from_at, milestone_revision.to_at, side.forecast_at)
),
forecast AS (
  SELECT
    side.milestone,
    side.at,
    MAX(outlook.p50_on) FILTER (WHERE side.before) AS p50_before_on,
    MAX(outlook.p50_on) FILTER (WHERE NOT side.before) AS p50_after_on,
    MAX(outlook.p85_on) FILTER (WHERE side.before) AS p85_before_on,
    MAX(outlook.p85_on) FILTER (WHERE NOT side.before) AS p85_after_on
  FROM side
  INNER JOIN milestone_outlook(moment) AS outlook ON outlook.milestone = side.milestone AND outlook.at = side.forecast_at
  GROUP BY side.milestone, side.at
)
SELECT
  listed.milestone,
  listed.what,
  listed.subject,
  listed.event,
  listed.at,
  days_between(listed.from_on, listed.to_on) AS days_moved,
  listed.from_on,
  listed.to_on,
  listed.tickets,
  points(listed.points_hundredths) AS points,
  forecast.p50_before_on,
  forecast.p50_after_on,
  forecast.p85_before_on,
  forecast.p85_after_on
FROM listed
LEFT JOIN forecast ON forecast.milestone = listed.milestone AND forecast.at = listed.at
ORDER BY listed.milestone, listed.at, listed.what, listed.subject, listed.event
