-- +++
-- help = "One row per stay of a ticket in a milestone with the same points and state, from when to when."
-- key = ["ticket"]
-- from = ["ticket_revision"]
-- open = "is_current"
-- +++
-- A deleted ticket is in no milestone. `is_current` marks what holds now, done tickets included.
WITH step AS (
  SELECT
    key_hash,
    ticket,
    revision,
    from_at,
    event_id,
    CASE WHEN NOT deleted THEN milestone END AS milestone,
    CASE WHEN points_hundredths BETWEEN 0 AND 100000000 THEN points_hundredths END AS points_hundredths,
    done,
    to_at
  FROM ticket_revision
)
SELECT
  key_hash,
  ticket,
  revision,
  milestone,
  points_hundredths,
  done,
  from_at,
  to_at,
  event_id,
  LAG(milestone) OVER (PARTITION BY key_hash ORDER BY revision) AS milestone_before,
  LAG(points_hundredths) OVER (PARTITION BY key_hash ORDER BY revision) AS points_before,
  COALESCE(LAG(done) OVER (PARTITION BY key_hash ORDER BY revision), FALSE) AS done_before,
  to_at IS NULL AS is_current
FROM step
