-- +++
-- help = "Review episodes by person: those of one person under several names are joined, and it is said whether author and reviewer are one, or the reviewer is no human."
-- from = ["review_episode", "person_of", "who"]
-- +++
-- Who answered whom is decided by person at $as_of: a review under one name answers a request under another, see the
-- function joined_episodes. Nobody knows whether two deleted accounts (`ghost`) are one, so each change has its own; a
-- request to one waits for nobody and counts as a bot's.
WITH episode AS (
  SELECT
    review_episode.key_hash,
    review_episode.repo,
    review_episode.change,
    COALESCE(author_of.person, review_episode.author) AS author,
    CASE
      WHEN review_episode.reviewer = 'ghost' THEN CONCAT('ghost of ', review_episode.repo, '#', review_episode.change)
      ELSE COALESCE(who.person, review_episode.reviewer)
    END AS reviewer,
    review_episode.team,
    review_episode.kind,
    review_episode.opened_at,
    review_episode.ended_at,
    review_episode.outcome,
    review_episode.verdict,
    review_episode.paused_ms,
    review_episode.pauses,
    review_episode.reviewer IS NOT NULL
    AND review_episode.reviewer <> 'ghost'
    AND COALESCE(author_of.person, review_episode.author) IS NOT DISTINCT FROM COALESCE(who.person, review_episode.reviewer) AS self_review,
    COALESCE(who.bot, review_episode.bot)
    OR COALESCE(review_episode.reviewer = 'ghost' AND review_episode.outcome IS DISTINCT FROM 'done', FALSE) AS bot,
    review_episode.bot AS named_bot,
    review_episode.inferred,
    review_episode.dismissed,
    review_episode.is_open,
    review_episode.change_open,
    review_episode.request_event,
    review_episode.end_event,
    review_episode.opened_step,
    review_episode.ended_step,
    COALESCE(review_episode.reviewer <> 'ghost' AND who.person <> review_episode.reviewer, FALSE)
    OR COALESCE(author_of.person <> review_episode.author, FALSE) AS renamed
  FROM review_episode
  LEFT JOIN person_of AS author_of ON author_of.identity = review_episode.author
  LEFT JOIN who ON who.identity = review_episode.reviewer
),
-- Changes on which somebody goes by another name than their own.
several AS (
  SELECT DISTINCT
    key_hash,
    change_open
  FROM episode
  WHERE renamed
),
gathered AS (
  SELECT
    episode.key_hash,
    episode.change_open,
    joined_episodes(array_agg(named_struct(
      'repo', episode.repo,
      'change', episode.change,
      'author', episode.author,
      'reviewer', episode.reviewer,
      'team', episode.team,
      'kind', episode.kind,
      'opened_at', episode.opened_at,
      'ended_at', episode.ended_at,
      'outcome', episode.outcome,
      'verdict', episode.verdict,
      'paused_ms', episode.paused_ms,
      'pauses', episode.pauses,
      'self_review', episode.self_review,
      'bot', episode.bot,
      'named_bot', episode.named_bot,
      'inferred', episode.inferred,
      'dismissed', episode.dismissed,
      'is_open', episode.is_open,
      'request_event', episode.request_event,
      'end_event', episode.end_event,
      'opened_step', episode.opened_step,
      'ended_step', episode.ended_step
    ) ORDER BY episode.opened_at, episode.request_event, episode.end_event)) AS episodes
  FROM episode
  INNER JOIN several
    ON several.key_hash = episode.key_hash
    AND several.change_open = episode.change_open
  GROUP BY episode.key_hash, episode.change_open
),
joined AS (
  SELECT
    key_hash,
    change_open,
    UNNEST(episodes) AS episode
  FROM gathered
)
SELECT
  episode.key_hash,
  episode.repo,
  episode.change,
  episode.author,
  episode.reviewer,
  episode.team,
  episode.kind,
  episode.opened_at,
  episode.ended_at,
  episode.outcome,
  episode.verdict,
  episode.paused_ms,
  episode.pauses,
  episode.self_review,
  episode.bot,
  episode.inferred,
  episode.dismissed,
  episode.is_open,
  episode.change_open,
  episode.request_event,
  episode.end_event
FROM episode
LEFT JOIN several
  ON several.key_hash = episode.key_hash
  AND several.change_open = episode.change_open
WHERE several.key_hash IS NULL
  AND episode.kind <> 'stray'
UNION ALL
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
  episode['paused_ms'] AS paused_ms,
  episode['pauses'] AS pauses,
  episode['self_review'] AS self_review,
  episode['bot'] AS bot,
  episode['inferred'] AS inferred,
  episode['dismissed'] AS dismissed,
  episode['is_open'] AS is_open,
  change_open,
  episode['request_event'] AS request_event,
  episode['end_event'] AS end_event
FROM joined
