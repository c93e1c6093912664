-- +++
-- help = "One row per stretch of leave or holidays of a name, from when to when, and why; taken back ones are not there."
-- key = ["person"]
-- from = ["directory"]
-- +++
-- A stretch is known by its two ends: the last event about them says whether it is on.
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
    kind,
    type = 'calendar.leave_added' AS away
  FROM directory
  WHERE type IN ('calendar.leave_added', 'calendar.leave_removed')
),
folded AS (
  SELECT
    key_hash,
    from_at,
    to_at,
    lww(effective_at, seq, event_id, cleared, entity_id, kind, away) AS last
  FROM event
  GROUP BY key_hash, from_at, to_at
)
SELECT
  key_hash,
  last['entity_id'] AS person,
  last['kind'] AS kind,
  from_at,
  to_at
FROM folded
WHERE last['away']
  AND (to_at IS NULL OR to_at > from_at)
