-- +++
-- help = "One row per milestone: its fields, state, due date and baseline after the last event."
-- key = ["milestone"]
-- from = ["tickets", "milestone_revision"]
-- open = "is_open"
-- +++
WITH event AS (
  SELECT
    key_hash,
    type,
    effective_at,
    seq,
    event_id,
    cleared,
    entity_id,
    project,
    title,
    url,
    start_on,
    owner,
    goal,
    depends_on,
    team,
    CAST(CASE type
      WHEN 'milestone.created' THEN 'open'
      WHEN 'milestone.reopened' THEN 'open'
      WHEN 'milestone.closed' THEN 'closed'
    END AS VARCHAR) AS state,
    CASE
      WHEN type IN ('milestone.created', 'milestone.reopened', 'milestone.closed') THEN effective_at
    END AS state_at,
    CASE type
      WHEN 'milestone.deleted' THEN TRUE
      WHEN 'milestone.created' THEN FALSE
    END AS deleted
  FROM tickets
  WHERE entity = 'milestone'
),
folded AS (
  SELECT
    key_hash,
    lww(
      effective_at, seq, event_id, cleared,
      entity_id, project, title, url, start_on, owner, goal, depends_on, team, state, state_at, deleted
    ) AS last,
    COALESCE(MIN(effective_at) FILTER (WHERE type = 'milestone.created'), MIN(effective_at)) AS created_at,
    MAX(effective_at) AS last_event_at
  FROM event
  GROUP BY key_hash
)
SELECT
  folded.key_hash,
  folded.last['entity_id'] AS milestone,
  folded.last['project'] AS project,
  folded.last['title'] AS title,
  folded.last['url'] AS url,
  CASE
    WHEN folded.last['deleted'] THEN CAST('deleted' AS VARCHAR)
    ELSE COALESCE(folded.last['state'], CAST('open' AS VARCHAR))
  END AS state,
  folded.last['start_on'] AS start_on,
  milestone_revision.due_on,
  milestone_revision.baseline_on,
  folded.last['owner'] AS owner,
  folded.last['goal'] AS goal,
  folded.last['depends_on'] AS depends_on,
  folded.last['team'] AS team,
  folded.created_at,
  CASE WHEN folded.last['state'] = 'closed' THEN folded.last['state_at'] END AS closed_at,
  COALESCE(folded.last['deleted'], FALSE) AS deleted,
  NOT COALESCE(folded.last['deleted'], FALSE) AND COALESCE(folded.last['state'], 'open') = 'open' AS is_open,
  folded.last_event_at
FROM folded
INNER JOIN milestone_revision
  ON milestone_revision.key_hash = folded.key_hash
  AND milestone_revision.is_current
