-- +++
-- help = "One row per ticket: when it was created, first started and done, how long it was in progress, and how often it was reopened."
-- key = ["ticket"]
-- from = ["ticket", "ticket_revision"]
-- open = "is_open"
-- +++
-- Active time is the time in a status of category in_progress that is over; `active_since` says since when it lasts.
WITH flow AS (
  SELECT
    key_hash,
    MIN(from_at) FILTER (WHERE status_category = 'in_progress' AND ending IS NULL) AS started_at,
    SUM(millis_between(from_at, to_at)) FILTER (WHERE status_category = 'in_progress' AND ending IS NULL AND NOT deleted) AS active_ms,
    MIN(from_at) FILTER (WHERE status_category = 'in_progress' AND ending IS NULL AND NOT deleted AND to_at IS NULL) AS active_since
  FROM ticket_revision
  GROUP BY key_hash
),
reopened AS (
  SELECT
    after.key_hash,
    COUNT(*) AS reopens
  FROM ticket_revision AS before
  INNER JOIN ticket_revision AS after ON after.key_hash = before.key_hash AND after.revision = before.revision + 1
  WHERE before.ending IS NOT NULL
    AND after.ending IS NULL
  GROUP BY after.key_hash
)
SELECT
  ticket.key_hash,
  ticket.ticket,
  ticket.kind,
  ticket.assignees,
  CASE WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths END AS points_hundredths,
  ticket.milestone,
  ticket.project,
  ticket.status_category,
  ticket.created_at,
  flow.started_at,
  ticket.done_at,
  ticket.ending,
  COALESCE(flow.active_ms, 0) AS active_ms,
  flow.active_since,
  COALESCE(reopened.reopens, 0) AS reopens,
  ticket.deleted,
  ticket.is_open
FROM ticket
INNER JOIN flow ON flow.key_hash = ticket.key_hash
LEFT JOIN reopened ON reopened.key_hash = ticket.key_hash
