-- +++
-- help = "One row per head that a change had, from when to when: a push is where one begins."
-- key = ["repo", "change"]
-- from = ["reviews"]
-- open = "is_current"
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    repo,
    change,
    -- A review names the head that it looked at, which may be an old one.
    CASE WHEN starts_with(type, 'change.') THEN head END AS head
  FROM reviews
),
folded AS (
  SELECT
    key_hash,
    MIN(repo) AS repo,
    MIN(change) AS change,
    revisions(effective_at, seq, event_id, arrow_cast(NULL, 'List(Utf8View)'), head) AS revisions
  FROM event
  WHERE head IS NOT NULL
  GROUP BY key_hash
),
unnested AS (
  SELECT
    key_hash,
    repo,
    change,
    UNNEST(revisions) AS revision
  FROM folded
)
SELECT
  key_hash,
  repo,
  change,
  revision['revision'] AS revision,
  revision['head'] AS head,
  revision['from_at'] AS from_at,
  revision['to_at'] AS to_at,
  revision['to_at'] IS NULL AS is_current
FROM unnested
