-- +++
-- help = "Who has committed to the files that each open change touches, and how often: per file at least one row, with a NULL person where nobody has."
-- from = ["change", "person_of", "human_touch"]
-- once = true
-- [params]
-- knowledge_days = { type = "int", default = 365, min = 1, max = 3660, help = "days of commits that say who knows a file" }
-- +++
-- The files of a change are those of the commits pushed for it; these commits themselves do not count. Bots, people who
-- have left for good and drafts are left out.
WITH touch AS (
  SELECT DISTINCT
    key_hash,
    repo,
    path,
    sha,
    person
  FROM human_touch
  WHERE at > days_before($as_of, $knowledge_days)
    AND NOT left_for_good
),
file AS (
  SELECT DISTINCT
    change.key_hash,
    change.repo,
    COALESCE(person_of.person, change.author) AS author,
    touch.path
  FROM change
  INNER JOIN touch ON touch.key_hash = change.key_hash
  LEFT JOIN person_of ON person_of.identity = change.author
  WHERE change.is_open
    AND NOT change.draft
)
SELECT
  file.key_hash,
  file.path,
  file.author,
  touch.person,
  COUNT(touch.sha) AS commits
FROM file
LEFT JOIN touch
  ON touch.repo = file.repo
  AND touch.path = file.path
  AND touch.key_hash <> file.key_hash
GROUP BY file.key_hash, file.path, file.author, touch.person
