-- +++
-- title = "Files at risk"
-- help = "Files of each area that fewer than two active people know, by commits or by reviews."
-- unit = "files"
-- level = "team"
-- labels = ["repo", "area"]
-- value = "at_risk"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- files_max = { type = "int", default = 100, min = 1, max = 1000000, help = "commits that touch more files than this say nothing about knowledge" }
-- active_days = { type = "int", default = 180, min = 1, max = 3660, help = "who neither committed nor reviewed within this many days has left" }
-- review_days = { type = "int", default = 365, min = 1, max = 3660, help = "a review is knowledge of the files of its change for this many days" }
-- knowers_min = { type = "int", default = 2, min = 1, max = 100, help = "a file with fewer active knowers is at risk" }
-- listed_max = { type = "int", default = 10, min = 0, max = 1000, help = "most files that are named for an area" }
-- +++
-- A person knows a file as its author (see the function file_knowledge), or by a review of a change that touched it. An area
-- is the first folder of a path. People who were deleted, or did nothing for long anywhere, have left.
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
review AS (
  SELECT DISTINCT
    key_hash,
    reviewer AS person,
    ended_at AS at
  FROM person_review
  WHERE outcome = 'done'
    AND NOT is_open
    AND ended_at > days_before($as_of, GREATEST($review_days, $active_days))
    AND reviewer IS NOT NULL
    AND NOT self_review
    AND NOT bot
),
active AS (
  SELECT person
  FROM touch
  WHERE at > days_before($as_of, $active_days)
    AND NOT left_for_good
  UNION
  SELECT review.person
  FROM review
  LEFT JOIN person ON person.person = review.person
  WHERE review.at > days_before($as_of, $active_days)
    AND NOT COALESCE(person.deleted, FALSE)
),
file AS (
  SELECT DISTINCT
    repo,
    path
  FROM known
),
knower AS (
  SELECT repo, path, person FROM known WHERE is_author
  UNION
  SELECT
    touch.repo,
    touch.path,
    review.person
  FROM review
  INNER JOIN touch ON touch.key_hash = review.key_hash
  WHERE review.at > days_before($as_of, $review_days)
),
counted AS (
  SELECT
    file.repo,
    CASE WHEN strpos(file.path, '/') > 0 THEN split_part(file.path, '/', 1) ELSE '.' END AS area,
    file.path,
    COUNT(active.person) AS knowers
  FROM file
  LEFT JOIN knower ON knower.repo = file.repo AND knower.path = file.path
  LEFT JOIN active ON active.person = knower.person
  GROUP BY file.repo, file.path
),
ranked AS (
  SELECT
    repo,
    area,
    path,
    knowers,
    ROW_NUMBER() OVER (PARTITION BY repo, area ORDER BY knowers, path) AS rank
  FROM counted
)
SELECT
  repo,
  area,
  COUNT(*) FILTER (WHERE knowers < $knowers_min) AS at_risk,
  COUNT(*) FILTER (WHERE knowers = 0) AS orphaned,
  COUNT(*) AS n,
  ROUND(CAST(COUNT(*) FILTER (WHERE knowers < $knowers_min) AS DOUBLE) / COUNT(*), 6) AS share,
  string_agg(path, ',' ORDER BY rank) FILTER (WHERE knowers < $knowers_min AND rank <= $listed_max) AS files
FROM ranked
GROUP BY repo, area
ORDER BY repo, area
