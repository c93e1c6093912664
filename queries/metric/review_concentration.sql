-- +++
-- title = "Review concentration"
-- help = "How unevenly finished reviews spread over each team's reviewers, those without any included."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "gini"
-- section = "Review load"
-- panel = "bargauge"
-- shared_params = ["membership", "window_days"]
-- +++
-- A review counts for the teams that its reviewer was in when it ended, or on request is in at $as_of. Reviewers are
-- the members at $as_of and everyone who reviewed for the team in the window. Every submitted review is one, asked for
-- or not, but comments by one person until the next push, request or verdict are one together; of a change known only from
-- commits, each reviewer is one. The top 20% are a fifth of them, rounded up.
WITH review AS (
  SELECT DISTINCT
    COALESCE(person_membership.team, '(none)') AS team,
    person_review.reviewer AS person,
    person_review.key_hash,
    person_review.opened_at,
    person_review.end_event
  FROM person_review
  LEFT JOIN person_membership
    ON person_membership.person = person_review.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, CASE WHEN $membership = 'current' THEN $as_of ELSE person_review.ended_at END)
  WHERE person_review.outcome = 'done'
    AND person_review.ended_at > days_before($as_of, $window_days)
    AND person_review.ended_at <= $as_of
    AND person_review.reviewer IS NOT NULL
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
eligible AS (
  SELECT
    team,
    person
  FROM person_membership
  WHERE holds_at(from_at, to_at, $as_of)
    AND NOT bot
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
