-- +++
-- help = "One row per person about whom an event said something: name, kind (human, bot, ai) and time zone."
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
    name,
    person_kind,
    timezone,
    capacity_hundredths AS capacity,
    type = 'person.deleted' AS deleted
  FROM directory
  WHERE entity = 'person'
),
folded AS (
  SELECT
    key_hash,
    lww(effective_at, seq, event_id, cleared, entity_id, name, person_kind, timezone, capacity, deleted) AS last
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  last['name'] AS name,
  last['person_kind'] AS kind,
  last['timezone'] AS timezone,
  last['capacity'] AS capacity_hundredths,
  COALESCE(last['deleted'], FALSE) AS deleted
FROM folded
