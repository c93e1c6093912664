-- +++
-- help = "One row per person whose capacity was stated, in hundredths of a full-time person."
-- key = ["person"]
-- from = ["tickets"]
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    cleared,
    entity_id,
    capacity_hundredths AS capacity
  FROM tickets
  WHERE entity = 'calendar'
),
folded AS (
  SELECT
    key_hash,
    lww(effective_at, seq, event_id, cleared, entity_id, capacity) AS last
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  last['capacity'] AS capacity_hundredths
FROM folded
WHERE last['capacity'] IS NOT NULL
