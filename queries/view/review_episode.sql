-- +++
-- help = "One row per review episode: from a request to its answer, removal or the end of the change; volunteered and inferred reviews too."
-- key = ["repo", "change"]
-- from = ["reviews", "commits"]
-- open = "change_open"
-- +++
-- `change_open` is whether the change is: then it may have open episodes. Episodes of kind `stray` are removals that met no
-- request of that name. Names are as events have them; by person see person_review.
-- Two folds rather than one over a union: each then reads its table in one pass, without merging partial states.
WITH recorded AS (
  SELECT
    key_hash,
    review_episodes(
      effective_at, seq, event_id, type, repo, change, author, draft, reviewer, team, "by", verdict,
      arrow_cast(NULL, 'List(Utf8View)'),
      arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))'),
      arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))'),
      head
    ) AS episodes
  FROM reviews
  GROUP BY key_hash
),
inferred AS (
  SELECT
    key_hash,
    review_episodes(
      effective_at, seq, event_id, type, repo, COALESCE(change, sha), author,
      CAST(NULL AS BOOLEAN), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
      reviewers, authored_at, committed_at, CAST(NULL AS VARCHAR)
    ) AS episodes
  FROM commits
  WHERE array_length(reviewers) > 0
    AND NOT EXISTS (
      SELECT 1
      FROM reviews
      WHERE reviews.key_hash = commits.key_hash
        AND starts_with(reviews.type, 'review.')
    )
  GROUP BY key_hash
),
episode AS (
  SELECT
    key_hash,
    TRUE AS recorded,
    UNNEST(episodes) AS episode
  FROM recorded
  UNION ALL
  SELECT
    key_hash,
    FALSE AS recorded,
    UNNEST(episodes) AS episode
  FROM inferred
)
SELECT
  key_hash,
  episode['repo'] AS repo,
  episode['change'] AS change,
  episode['author'] AS author,
  episode['reviewer'] AS reviewer,
  episode['team'] AS team,
  episode['kind'] AS kind,
  episode['opened_at'] AS opened_at,
  episode['ended_at'] AS ended_at,
  episode['outcome'] AS outcome,
  episode['verdict'] AS verdict,
  episode['requested_by'] AS requested_by,
  episode['paused_ms'] AS paused_ms,
  episode['paused_since'] AS paused_since,
  episode['pauses'] AS pauses,
  episode['self_review'] AS self_review,
  episode['bot'] AS bot,
  episode['inferred'] AS inferred,
  episode['dismissed'] AS dismissed,
  episode['is_open'] AS is_open,
  recorded AND episode['change_open'] AS change_open,
  episode['request_event'] AS request_event,
  episode['end_event'] AS end_event,
  episode['opened_step'] AS opened_step,
  episode['ended_step'] AS ended_step
FROM episode
