-- +++
-- help = "One row per team: its name, lead, parent, time zone and areas (path patterns) after the last event."
-- key = ["team"]
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
    name,
    lead,
    parent,
    timezone,
    areas,
    CASE type
      WHEN 'team.deleted' THEN TRUE
      WHEN 'team.created' THEN FALSE
    END AS deleted
  FROM tickets
  WHERE entity = 'team'
),
folded AS (
  SELECT
    key_hash,
    lww(effective_at, seq, event_id, cleared, entity_id, name, lead, parent, timezone, areas, deleted) AS last,
    MIN(effective_at) AS created_at
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['entity_id'] AS team,
  last['name'] AS name,
  last['lead'] AS lead,
  last['parent'] AS parent,
  last['timezone'] AS timezone,
  last['areas'] AS areas,
  created_at,
  COALESCE(last['deleted'], FALSE) AS deleted
FROM folded
