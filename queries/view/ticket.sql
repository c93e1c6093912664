-- +++
-- help = "One row per ticket: its fields and state after the last event. Done is the last done with no later reopen."
-- key = ["ticket"]
-- from = ["tickets"]
-- open = "is_open"
-- +++
-- A ticket that is closed ended as `done`, `dropped`, `duplicate` or `moved`: as the event says, else by the names of its
-- resolution and status (the function ending_of). Only what is done has a `done_at`; every ending has an `ended_at`.
WITH event AS (
  SELECT
    key_hash,
    type,
    effective_at,
    seq,
    event_id,
    cleared,
    entity_id,
    key,
    kind,
    title,
    url,
    status,
    status_category,
    assignees,
    reporter,
    owner,
    goal,
    points_hundredths AS points,
    start_on,
    due_on,
    milestone,
    project,
    parent,
    priority,
    labels,
    components,
    repo,
    team,
    sprint,
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
    lww(
      effective_at, seq, event_id, cleared,
      entity_id, key, kind, title, url, status, status_category, assignees, reporter, owner, goal,
      points, start_on, due_on, milestone, project, parent, priority, labels, components,
      repo, team, sprint, ending, deleted
    ) AS last,
    array_element(revisions(effective_at, seq, event_id, cleared, ending), -1) AS ending_revision,
    COALESCE(MIN(effective_at) FILTER (WHERE type = 'ticket.created'), MIN(effective_at)) AS created_at,
    MAX(effective_at) AS last_event_at
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['entity_id'] AS ticket,
  last['key'] AS key,
  last['kind'] AS kind,
  last['title'] AS title,
  last['url'] AS url,
  last['status'] AS status,
  last['status_category'] AS status_category,
  last['assignees'] AS assignees,
  last['reporter'] AS reporter,
  last['owner'] AS owner,
  last['goal'] AS goal,
  last['points'] AS points_hundredths,
  last['start_on'] AS start_on,
  last['due_on'] AS due_on,
  last['milestone'] AS milestone,
  last['project'] AS project,
  last['parent'] AS parent,
  last['priority'] AS priority,
  last['labels'] AS labels,
  last['components'] AS components,
  last['repo'] AS repo,
  last['team'] AS team,
  last['sprint'] AS sprint,
  created_at,
  CASE WHEN last['ending'] = 'done' THEN ending_revision['from_at'] END AS done_at,
  NULLIF(last['ending'], 'open') AS ending,
  CASE WHEN last['ending'] <> 'open' THEN ending_revision['from_at'] END AS ended_at,
  COALESCE(last['deleted'], FALSE) AS deleted,
  COALESCE(last['ending'], 'open') = 'open' AND NOT COALESCE(last['deleted'], FALSE) AS is_open,
  last_event_at
FROM folded
