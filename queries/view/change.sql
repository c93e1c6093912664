-- +++
-- help = "One row per change (pull request, merge request): its fields and state after the last event."
-- key = ["repo", "change"]
-- from = ["reviews"]
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
    repo,
    change,
    author,
    title,
    url,
    CASE type
      WHEN 'change.ready' THEN FALSE
      WHEN 'change.drafted' THEN TRUE
      ELSE draft
    END AS draft,
    base,
    head,
    head_branch,
    additions,
    deletions,
    changed_files,
    labels,
    tickets,
    milestone,
    merged_by,
    CAST(CASE type
      WHEN 'change.opened' THEN 'open'
      WHEN 'change.reopened' THEN 'open'
      WHEN 'change.closed' THEN 'closed'
      WHEN 'change.merged' THEN 'merged'
    END AS VARCHAR) AS state,
    CASE
      WHEN type IN ('change.opened', 'change.reopened', 'change.closed', 'change.merged') THEN effective_at
    END AS state_at
  FROM reviews
),
folded AS (
  SELECT
    key_hash,
    lww(
      effective_at, seq, event_id, cleared,
      repo, change, author, title, url, draft, base, head, head_branch, additions, deletions, changed_files,
      labels, tickets, milestone, merged_by, state, state_at
    ) AS last,
    COALESCE(MIN(effective_at) FILTER (WHERE type = 'change.opened'), MIN(effective_at)) AS opened_at,
    MIN(effective_at) FILTER (WHERE type = 'change.ready') AS first_ready_at,
    MAX(effective_at) AS last_event_at
  FROM event
  GROUP BY key_hash
)
SELECT
  key_hash,
  last['repo'] AS repo,
  last['change'] AS change,
  last['author'] AS author,
  last['title'] AS title,
  last['url'] AS url,
  COALESCE(last['state'], CAST('open' AS VARCHAR)) AS state,
  COALESCE(last['draft'], FALSE) AS draft,
  COALESCE(last['state'], 'open') = 'open' AS is_open,
  opened_at,
  COALESCE(first_ready_at, opened_at) AS ready_at,
  CASE WHEN last['state'] IN ('closed', 'merged') THEN last['state_at'] END AS closed_at,
  CASE WHEN last['state'] = 'merged' THEN last['state_at'] END AS merged_at,
  last['merged_by'] AS merged_by,
  last['additions'] AS additions,
  last['deletions'] AS deletions,
  last['additions'] + last['deletions'] AS lines,
  last['changed_files'] AS changed_files,
  last['labels'] AS labels,
  last['tickets'] AS tickets,
  last['milestone'] AS milestone,
  last['base'] AS base,
  last['head'] AS head,
  last['head_branch'] AS head_branch,
  last_event_at
FROM folded
