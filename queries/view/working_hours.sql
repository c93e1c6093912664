-- +++
-- help = "One row per name for which working hours or a time zone were stated: the last ones."
-- key = ["person"]
-- from = ["directory"]
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    cleared,
    entity_id,
    timezone,
    hours,
    effective_at AS said_at,
    seq AS said_seq,
    event_id AS said_by
  FROM directory
  WHERE type = 'calendar.hours_set'
),
folded AS (
  SELECT
    key_hash,
    lww(effective_at, seq, event_id, cleared, entity_id, timezone, hours, said_at, said_seq, said_by) AS last
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  last['timezone'] AS timezone,
  last['hours'] AS hours,
  last['said_at'] AS said_at,
  last['said_seq'] AS said_seq,
  last['said_by'] AS said_by
FROM folded
