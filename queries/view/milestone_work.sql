-- +++
-- help = "One row per stay of a ticket in a milestone with the same points and state, from when to when."
-- key = ["ticket"]
-- from = ["ticket_revision"]
-- open = "is_current"
-- +++
-- A ticket that is deleted, dropped, a duplicate or moved is in no milestone. `is_current` marks what holds now, done tickets included. Revisions of a ticket
-- are numbered without gaps, so the one before is found by its number: a window over many small partitions takes six
-- times as long.
WITH step AS (
  SELECT
    key_hash,
    ticket,
    revision,
    from_at,
    event_id,
    CASE WHEN NOT deleted AND COALESCE(ending, 'done') = 'done' THEN milestone END AS milestone,
    ending,
    CASE WHEN points_hundredths BETWEEN 0 AND 100000000 THEN points_hundredths END AS points_hundredths,
    done,
    to_at
  FROM ticket_revision
)
SELECT
  step.key_hash,
  step.ticket,
  step.revision,
  step.milestone,
  step.points_hundredths,
  step.done,
  step.ending,
  step.from_at,
  step.to_at,
  step.event_id,
  before.milestone AS milestone_before,
  before.points_hundredths AS points_before,
  COALESCE(before.done, FALSE) AS done_before,
  step.to_at IS NULL AS is_current
FROM step
LEFT JOIN step AS before ON before.key_hash = step.key_hash AND before.revision = step.revision - 1
