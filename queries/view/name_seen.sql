-- +++
-- help = "One row per name, address or login that commits, reviews or tickets call a person by, with what stood next to it and how often."
-- from = ["commits", "reviews", "tickets"]
-- +++
WITH mention AS (
  SELECT author AS identity, author_name AS name, author_email AS email, author_login AS login FROM commits
  UNION ALL
  SELECT committer AS identity, NULL AS name, committer_email AS email, NULL AS login FROM commits
  UNION ALL
  SELECT UNNEST(co_authors) AS identity, NULL AS name, NULL AS email, NULL AS login FROM commits
  UNION ALL
  SELECT UNNEST(reviewers) AS identity, NULL AS name, NULL AS email, NULL AS login FROM commits
  UNION ALL
  SELECT author AS identity, NULL AS name, NULL AS email, NULL AS login FROM reviews
  UNION ALL
  SELECT reviewer AS identity, NULL AS name, NULL AS email, NULL AS login FROM reviews
  UNION ALL
  SELECT "by" AS identity, NULL AS name, NULL AS email, NULL AS login FROM reviews
  UNION ALL
  SELECT merged_by AS identity, NULL AS name, NULL AS email, NULL AS login FROM reviews
  UNION ALL
  SELECT UNNEST(assignees) AS identity, NULL AS name, NULL AS email, NULL AS login FROM tickets
  UNION ALL
  SELECT reporter AS identity, NULL AS name, NULL AS email, NULL AS login FROM tickets
  UNION ALL
  SELECT owner AS identity, NULL AS name, NULL AS email, NULL AS login FROM tickets
)
SELECT
  identity,
  name,
  email,
  login,
  COUNT(*) AS events
FROM mention
WHERE identity IS NOT NULL
GROUP BY identity, name, email, login
