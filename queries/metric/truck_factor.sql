-- +++
-- title = "Truck factor"
-- help = "How many people would have to leave until fewer than half of a repository's files have an author left."
-- unit = "people"
-- level = "team"
-- labels = ["repo"]
-- value = "tf_pruned"
-- section = "Delegation balance"
-- panel = "bargauge"
-- [params]
-- files_max = { type = "int", default = 100, min = 1, max = 1000000, help = "commits that touch more files than this say nothing about knowledge" }
-- minor_share = { type = "float", default = 0.1, min = 0, max = 1, help = "people with less than this share of the first one's files do not count in tf_pruned" }
-- +++
-- Degree of authorship and the removal of people are those of Avelino et al. (2016): see the functions file_knowledge and
-- truck_factor. Squash merges credit the author and every co-author. Bots are left out.
WITH touch AS (
  SELECT
    file_touch.key_hash,
    file_touch.repo,
    file_touch.sha,
    file_touch.path,
    file_touch.old_path,
    file_touch.kind,
    file_touch.at,
    file_touch.seq,
    COALESCE(person_of.person, file_touch.person) AS person,
    COALESCE(person.deleted, FALSE) AS left_for_good
  FROM file_touch
  LEFT JOIN person_of ON person_of.identity = file_touch.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, file_touch.person)
  WHERE file_touch.changed_files <= $files_max
    AND NOT COALESCE(person.kind <> 'human', is_bot(file_touch.person))
),
known_list AS (
  SELECT
    repo,
    file_knowledge(
      CAST(arrow_cast(at, 'Int64') / 1000 AS BIGINT), seq, sha, path, old_path, kind, person
    ) AS known
  FROM touch
  GROUP BY repo
),
known_row AS (
  SELECT
    repo,
    UNNEST(known) AS known
  FROM known_list
),
known AS (
  SELECT
    repo,
    known['path'] AS path,
    known['person'] AS person,
    known['is_author'] AS is_author,
    known['deliveries'] + CAST(known['first_author'] AS INT) AS changes,
    known['last_ms'] AS last_ms
  FROM known_row
),
author AS (
  SELECT
    repo,
    path,
    person,
    changes
  FROM known
  WHERE is_author
  UNION ALL
  SELECT
    repo,
    path,
    CAST(NULL AS VARCHAR) AS person,
    0 AS changes
  FROM known
),
measured AS (
  SELECT
    repo,
    truck_factor(path, person, changes, $minor_share) AS factor,
    COUNT(DISTINCT person) AS authors
  FROM author
  GROUP BY repo
)
SELECT
  repo,
  factor['tf_pruned'] AS tf_pruned,
  factor['tf_raw'] AS tf_raw,
  factor['files'] AS files,
  authors,
  factor['files'] AS n
FROM measured
ORDER BY repo
