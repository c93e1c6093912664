-- +++
-- help = "Review episodes with people in place of their identities, and whether author and reviewer are one, or the reviewer is no human."
-- from = ["review_episode", "person_of", "who"]
-- +++
SELECT
  review_episode.key_hash,
  review_episode.repo,
  review_episode.change,
  COALESCE(author_of.person, review_episode.author) AS author,
  COALESCE(who.person, review_episode.reviewer) AS reviewer,
  review_episode.team,
  review_episode.kind,
  review_episode.opened_at,
  review_episode.ended_at,
  review_episode.outcome,
  review_episode.verdict,
  review_episode.paused_ms,
  review_episode.pauses,
  review_episode.self_review
  OR COALESCE(COALESCE(author_of.person, review_episode.author) = COALESCE(who.person, review_episode.reviewer), FALSE) AS self_review,
  COALESCE(who.bot, review_episode.bot) AS bot,
  review_episode.inferred,
  review_episode.dismissed,
  review_episode.is_open,
  review_episode.request_event,
  review_episode.end_event
FROM review_episode
LEFT JOIN person_of AS author_of ON author_of.identity = review_episode.author
LEFT JOIN who ON who.identity = review_episode.reviewer
