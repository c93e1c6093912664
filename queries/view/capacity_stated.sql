-- +++
-- help = "One row per name and stretch of time for which a capacity was stated, in hundredths of a full-time person."
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
    COALESCE(since_at, effective_at) AS from_at,
    until_at AS to_at,
    capacity_hundredths AS capacity,
    effective_at AS said_at,
    seq AS said_seq,
    event_id AS said_by
  FROM directory
  WHERE type = 'calendar.capacity_set'
),
folded AS (
  SELECT
    key_hash,
    from_at,
    to_at,
    lww(effective_at, seq, event_id, cleared, entity_id, capacity, said_at, said_seq, said_by) AS last
  FROM event
  GROUP BY key_hash, from_at, to_at
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  last['capacity'] AS capacity_hundredths,
  from_at,
  to_at,
  last['said_at'] AS said_at,
  last['said_seq'] AS said_seq,
  last['said_by'] AS said_by
FROM folded
WHERE to_at IS NULL
  OR to_at > from_at
