-- +++
-- title = "Milestone ledger"
-- help = "Every change of a milestone's due date, baseline, scope and estimates: when, by which event, from what to what."
-- unit = "days"
-- level = "team"
-- labels = ["milestone", "what", "subject", "event"]
-- value = "days_moved"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 91, min = 1, max = 3660, help = "days up to as_of" }
-- +++
-- `days_moved` is of dates only, `tickets` and `points` of scope only. Removal of a date is a change to NULL.
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
    what,
    ticket AS subject,
    event_id AS event,
    at,
    CAST(NULL AS DATE) AS from_on,
    CAST(NULL AS DATE) AS to_on,
    tickets,
    points_hundredths
  FROM scope_change
  WHERE what IN ('added', 'removed', 're-estimated')
)
SELECT
  entry.milestone,
  entry.what,
  entry.subject,
  entry.event,
  entry.at,
  days_between(entry.from_on, entry.to_on) AS days_moved,
  entry.from_on,
  entry.to_on,
  entry.tickets,
  ROUND(CAST(entry.points_hundredths AS DOUBLE) / 100, 2) AS points
FROM entry
WHERE entry.at > days_before($as_of, $window_days)
  AND entry.at <= $as_of
ORDER BY entry.milestone, entry.at, entry.what, entry.subject, entry.event
