-- +++
-- help = "One row per team: its name, lead, parent, time zone, areas (path patterns) and working agreement after the last event, and since when it has that agreement."
-- key = ["team"]
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
    lead,
    parent,
    timezone,
    areas,
    working_agreement,
    CASE type
      WHEN 'team.deleted' THEN TRUE
      WHEN 'team.created' THEN FALSE
    END AS deleted
  FROM directory
  WHERE entity = 'team'
),
folded AS (
  SELECT
    key_hash,
    lww(effective_at, seq, event_id, cleared, entity_id, name, lead, parent, timezone, areas, deleted) AS last,
    revisions(effective_at, seq, event_id, cleared, working_agreement) AS agreements,
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
  array_element(agreements, -1)['working_agreement'] AS working_agreement,
  CASE
    WHEN array_element(agreements, -1)['working_agreement'] IS NOT NULL THEN array_element(agreements, -1)['from_at']
  END AS agreed_at,
  created_at,
  COALESCE(last['deleted'], FALSE) AS deleted
FROM folded
