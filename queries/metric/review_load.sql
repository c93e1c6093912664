-- +++
-- title = "Review load"
-- help = "Open review requests of each team, how they spread over its reviewers, and how many of these are overloaded."
-- unit = "reviews"
-- level = "team"
-- labels = ["team"]
-- value = "open_reviews"
-- gauges = ["reviewers", "overloaded_reviewers", "team_queue"]
-- section = "Review load"
-- panel = "bargauge"
-- +++
-- Reviewers are the members of the team at $as_of, those without open reviews included; '(none)' holds reviewers
-- without a team. Unclaimed requests to the team itself count as open, in `team_queue`, and for no single person;
-- `open_per_reviewer` and `top_share` are of all open ones, these included. What waits counts for the teams of $as_of.
WITH queue AS (
  SELECT
    team,
    COUNT(*) AS queued
  FROM person_review
  WHERE is_open AND change_open AND reviewer IS NULL
  GROUP BY team
),
reviewing AS (
  SELECT
    team,
    COUNT(*) AS reviewers,
    SUM(open_reviews) AS held,
    MAX(open_reviews) AS most,
    COUNT(*) FILTER (WHERE overloaded) AS overloaded
  FROM reviewer_state
  GROUP BY team
),
team_load AS (
  SELECT
    COALESCE(reviewing.team, queue.team) AS team,
    COALESCE(reviewing.held, 0) + COALESCE(queue.queued, 0) AS open_reviews,
    COALESCE(reviewing.reviewers, 0) AS reviewers,
    COALESCE(reviewing.most, 0) AS most,
    COALESCE(reviewing.overloaded, 0) AS overloaded,
    COALESCE(queue.queued, 0) AS queued
  FROM reviewing
  FULL JOIN queue ON queue.team = reviewing.team
)
SELECT
  team,
  open_reviews,
  reviewers,
  ratio(open_reviews, reviewers) AS open_per_reviewer,
  ratio(most, open_reviews) AS top_share,
  overloaded AS overloaded_reviewers,
  queued AS team_queue
FROM team_load
ORDER BY team
