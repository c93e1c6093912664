-- +++
-- help = "One row per stay of a person in a team, from when to when, with the role."
-- key = ["team"]
-- from = ["directory"]
-- +++
WITH folded AS (
  SELECT
    key_hash,
    MIN(entity_id) AS team,
    memberships(effective_at, seq, event_id, type, person, role, since_at, until_at) AS memberships
  FROM directory
  WHERE entity = 'team'
  GROUP BY key_hash
),
membership AS (
  SELECT
    key_hash,
    team,
    UNNEST(memberships) AS membership
  FROM folded
)
SELECT
  key_hash,
  membership['person'] AS person,
  team,
  membership['role'] AS role,
  membership['from_at'] AS from_at,
  membership['to_at'] AS to_at
FROM membership
