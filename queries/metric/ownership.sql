-- +++
-- title = "Ownership"
-- help = "How much of each area's changes its top contributor wrote, and how many contributors are minor."
-- unit = "ratio"
-- level = "team"
-- labels = ["repo", "area"]
-- value = "top_share"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- files_max = { type = "int", default = 100, min = 1, max = 1000000, help = "commits that touch more files than this say nothing about knowledge" }
-- window_days = { type = "int", default = 365, min = 1, max = 3660, help = "days up to as_of" }
-- minor_share = { type = "float", default = 0.05, min = 0, max = 1, help = "a contributor with a smaller share of the changes is minor" }
-- +++
-- Bird et al., Don't touch my code (2011): a contributor's share is that of commits to the area; below 5 % it is minor.
-- A commit by several people counts for each of them. An area is the first folder of a path. Bots are left out.
WITH commit AS (
  SELECT DISTINCT
    file_touch.repo,
    CASE WHEN strpos(file_touch.path, '/') > 0 THEN split_part(file_touch.path, '/', 1) ELSE '.' END AS area,
    file_touch.sha,
    COALESCE(person_of.person, file_touch.person) AS person
  FROM file_touch
  LEFT JOIN person_of ON person_of.identity = file_touch.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, file_touch.person)
  WHERE file_touch.at > days_before($as_of, $window_days)
    AND file_touch.at <= $as_of
    AND file_touch.changed_files <= $files_max
    AND NOT COALESCE(person.kind <> 'human', is_bot(file_touch.person))
),
contributor AS (
  SELECT
    repo,
    area,
    person,
    COUNT(*) AS commits
  FROM commit
  GROUP BY repo, area, person
),
total AS (
  SELECT
    repo,
    area,
    SUM(commits) AS commits
  FROM contributor
  GROUP BY repo, area
)
SELECT
  contributor.repo,
  contributor.area,
  ROUND(top_share(contributor.commits), 6) AS top_share,
  COUNT(*) AS contributors,
  COUNT(*) FILTER (WHERE CAST(contributor.commits AS DOUBLE) / total.commits < $minor_share) AS minor,
  COUNT(*) FILTER (WHERE CAST(contributor.commits AS DOUBLE) / total.commits >= $minor_share) AS major,
  SUM(contributor.commits) AS n
FROM contributor
INNER JOIN total ON total.repo = contributor.repo AND total.area = contributor.area
GROUP BY contributor.repo, contributor.area
ORDER BY contributor.repo, contributor.area
