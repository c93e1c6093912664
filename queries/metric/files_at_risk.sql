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
-- active_days = { type = "int", default = 180, min = 1, max = 3660, help = "who neither committed nor reviewed within this many days has left" }
-- review_days = { type = "int", default = 365, min = 1, max = 3660, help = "a review is knowledge of the files of its change for this many days" }
-- knowers_min = { type = "int", default = 2, min = 1, max = 100, help = "a file with fewer active knowers is at risk" }
-- listed_max = { type = "int", default = 10, min = 0, max = 1000, help = "most files that are named for an area" }
-- +++
-- A person knows a file as its author (see the function file_knowledge), or by a review of a change that touched it. An area
-- is the first folder of a path. People who were deleted, or did nothing for long anywhere, have left.
WITH review AS (
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
  FROM human_touch AS touch
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
  FROM file_known
),
knower AS (
  SELECT repo, path, person FROM file_known WHERE is_author
  UNION
  SELECT
    touch.repo,
    touch.path,
    review.person
  FROM review
  INNER JOIN human_touch AS touch ON touch.key_hash = review.key_hash
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
  ratio(COUNT(*) FILTER (WHERE knowers < $knowers_min), COUNT(*)) AS share,
  string_agg(path, ',' ORDER BY rank) FILTER (WHERE knowers < $knowers_min AND rank <= $listed_max) AS files
FROM ranked
GROUP BY repo, area
ORDER BY repo, area
