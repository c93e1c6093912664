-- +++
-- help = "Who knows each file by having changed it: see the function file_knowledge."
-- from = ["human_touch"]
-- once = true
-- +++
WITH known_list AS (
  SELECT
    repo,
    file_knowledge(
      CAST(arrow_cast(at, 'Int64') / 1000 AS BIGINT), seq, sha, path, old_path, kind, person
    ) AS known
  FROM human_touch
  GROUP BY repo
),
known_row AS (
  SELECT
    repo,
    UNNEST(known) AS known
  FROM known_list
)
SELECT
  repo,
  known['path'] AS path,
  known['person'] AS person,
  known['is_author'] AS is_author,
  known['deliveries'] + CAST(known['first_author'] AS INT) AS changes,
  known['last_ms'] AS last_ms
FROM known_row
