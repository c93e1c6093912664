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
-- minor_share = { type = "float", default = 0.1, min = 0, max = 1, help = "people with less than this share of the first one's files do not count in tf_pruned" }
-- +++
-- Degree of authorship and the removal of people are those of Avelino et al. (2016): see the functions file_knowledge and
-- truck_factor. Squash merges credit the author and every co-author. Bots are left out.
WITH author AS (
  SELECT
    repo,
    path,
    person,
    changes
  FROM file_known
  WHERE is_author
  UNION ALL
  SELECT
    repo,
    path,
    CAST(NULL AS VARCHAR) AS person,
    0 AS changes
  FROM file_known
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
