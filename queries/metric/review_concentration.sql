-- +++
-- title = "Review concentration"
-- help = "How unevenly finished reviews spread over each team's reviewers, those without any included."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "gini"
-- section = "Review load"
-- panel = "bargauge"
-- [params]
-- window_days = { type = "int", default = 28, min = 1, max = 366, help = "days up to as_of; 91 for a quarter" }
-- +++
-- A review counts for the teams that its reviewer was in when it ended. Reviewers are the members at $as_of and
-- everybody who reviewed for the team in the window.
WITH review AS (
  SELECT
    COALESCE(membership.team, '(none)') AS team,
    review_episode.reviewer AS person
  FROM review_episode
  LEFT JOIN person ON person.person = review_episode.reviewer
  LEFT JOIN membership
    ON membership.person = review_episode.reviewer
    AND membership.from_at <= review_episode.ended_at
    AND (membership.to_at IS NULL OR membership.to_at > review_episode.ended_at)
  WHERE review_episode.outcome = 'done'
    AND review_episode.ended_at > days_before($as_of, $window_days)
    AND review_episode.ended_at <= $as_of
    AND review_episode.reviewer IS NOT NULL
    AND NOT review_episode.self_review
    AND NOT COALESCE(person.kind <> 'human', review_episode.bot)
),
eligible AS (
  SELECT
    membership.team,
    membership.person
  FROM membership
  LEFT JOIN person ON person.person = membership.person
  WHERE membership.from_at <= $as_of
    AND (membership.to_at IS NULL OR membership.to_at > $as_of)
    AND NOT COALESCE(person.kind <> 'human', is_bot(membership.person))
  UNION
  SELECT
    team,
    person
  FROM review
),
counted AS (
  SELECT
    eligible.team,
    eligible.person,
    COUNT(review.person) AS reviews
  FROM eligible
  LEFT JOIN review ON review.team = eligible.team AND review.person = eligible.person
  GROUP BY eligible.team, eligible.person
)
SELECT
  team,
  COUNT(*) AS reviewers,
  SUM(reviews) AS reviews,
  ROUND(gini(reviews), 6) AS gini,
  ROUND(gini_corrected(reviews), 6) AS gini_corrected,
  ROUND(hhi(reviews), 6) AS hhi,
  ROUND(effective_count(reviews), 6) AS effective_reviewers,
  ROUND(evenness(reviews), 6) AS evenness,
  ROUND(top20_share(reviews), 6) AS top20_share
FROM counted
GROUP BY team
ORDER BY team
