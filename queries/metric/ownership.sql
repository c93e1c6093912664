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
-- window_days = { type = "int", default = 365, min = 1, max = 3660, help = "days up to as_of" }
-- minor_share = { type = "float", default = 0.05, min = 0, max = 1, help = "a contributor with a smaller share of the changes is minor" }
-- +++
-- Bird et al., Don't touch my code (2011): a contributor's share is that of commits to the area; below 5% it is minor.
-- A commit by several people counts for each of them. An area is the first folder of a path. Bots are left out.
WITH commit AS (
  SELECT DISTINCT
    repo,
    CASE WHEN strpos(path, '/') > 0 THEN split_part(path, '/', 1) ELSE '.' END AS area,
    sha,
    person
  FROM human_touch
  WHERE at > days_before($as_of, $window_days)
    AND at <= $as_of
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
