-- +++
-- help = "One row per name, address or login that was ever said to be a person's, and whether it still is."
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
    identity,
    type = 'person.linked' AS linked,
    effective_at AS said_at,
    seq AS said_seq,
    event_id AS said_by
  FROM directory
  WHERE type IN ('person.linked', 'person.unlinked')
),
folded AS (
  SELECT
    key_hash,
    identity,
    lww(effective_at, seq, event_id, cleared, entity_id, linked, said_at, said_seq, said_by) AS last
  FROM event
  GROUP BY key_hash, identity
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  identity,
  last['linked'] AS linked,
  last['said_at'] AS said_at,
  last['said_seq'] AS said_seq,
  last['said_by'] AS said_by
FROM folded
