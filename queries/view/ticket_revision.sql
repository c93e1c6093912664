-- +++
-- help = "One row per change of a ticket's status, ending, assignees, due date, points, milestone, sprint or parent, with the values after it."
-- key = ["ticket"]
-- from = ["tickets"]
-- open = "is_current"
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    cleared,
    entity_id,
    status,
    status_category,
    assignees,
    due_on,
    points_hundredths AS points,
    milestone,
    sprint,
    parent,
    CAST(CASE
      WHEN type = 'ticket.reopened' THEN 'open'
      WHEN type = 'ticket.closed' OR status_category = 'done' THEN COALESCE(ending, ending_of(resolution, status))
      WHEN status_category IS NOT NULL THEN 'open'
    END AS VARCHAR) AS ending,
    CASE type
      WHEN 'ticket.deleted' THEN TRUE
      WHEN 'ticket.created' THEN FALSE
    END AS deleted
  FROM tickets
  WHERE entity = 'ticket'
),
folded AS (
  SELECT
    key_hash,
    revisions(
      effective_at, seq, event_id, cleared,
      entity_id, status, status_category, ending, assignees, due_on, points, milestone, sprint, parent, deleted
    ) AS revisions
  FROM event
  GROUP BY key_hash
),
revision AS (
  SELECT
    key_hash,
    UNNEST(revisions) AS revision
  FROM folded
)
SELECT
  key_hash,
  revision['entity_id'] AS ticket,
  revision['revision'] AS revision,
  revision['from_at'] AS from_at,
  revision['to_at'] AS to_at,
  revision['event_id'] AS event_id,
  revision['status'] AS status,
  revision['status_category'] AS status_category,
  COALESCE(revision['ending'] = 'done', FALSE) AS done,
  NULLIF(revision['ending'], 'open') AS ending,
  revision['assignees'] AS assignees,
  revision['due_on'] AS due_on,
  revision['points'] AS points_hundredths,
  revision['milestone'] AS milestone,
  revision['sprint'] AS sprint,
  revision['parent'] AS parent,
  COALESCE(revision['deleted'], FALSE) AS deleted,
  revision['to_at'] IS NULL AS is_current
FROM revision
