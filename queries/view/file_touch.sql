-- +++
-- help = "One row per file that a commit changed and person who wrote it: the author and each co-author."
-- key = ["repo", "change"]
-- from = ["commits"]
-- +++
-- A commit counts while the default branch has it, and once, however often it was pushed. A commit of no change stands under its sha.
-- Few are pushed more than once, so only these are put in order.
WITH pushed AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    repo,
    COALESCE(change, sha) AS change,
    sha,
    CASE
      WHEN array_length(co_authors) > 0 THEN array_distinct(array_prepend(author, co_authors))
      ELSE make_array(author)
    END AS people,
    COALESCE(changed_files, CAST(array_length(files) AS BIGINT)) AS changed_files,
    files
  FROM commits
  WHERE array_length(files) > 0
    AND COALESCE(on_default, TRUE)
),
several AS (
  SELECT DISTINCT key_hash
  FROM (
    SELECT key_hash
    FROM pushed
    GROUP BY key_hash, repo, sha
    HAVING COUNT(*) > 1
  ) AS again
),
numbered AS (
  SELECT
    pushed.key_hash,
    pushed.effective_at,
    pushed.seq,
    pushed.repo,
    pushed.change,
    pushed.sha,
    pushed.people,
    pushed.changed_files,
    pushed.files,
    ROW_NUMBER() OVER (
      PARTITION BY pushed.key_hash, pushed.repo, pushed.sha
      ORDER BY pushed.effective_at, pushed.seq, pushed.event_id
    ) AS time
  FROM pushed
  INNER JOIN several ON several.key_hash = pushed.key_hash
),
counted AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    change,
    sha,
    people,
    changed_files,
    files
  FROM pushed
  LEFT ANTI JOIN several ON several.key_hash = pushed.key_hash
  UNION ALL
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    change,
    sha,
    people,
    changed_files,
    files
  FROM numbered
  WHERE time = 1
),
unnested AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    change,
    sha,
    people,
    changed_files,
    UNNEST(files) AS file
  FROM counted
)
SELECT
  key_hash,
  repo,
  change,
  sha,
  file['path'] AS path,
  file['old_path'] AS old_path,
  file['change'] AS kind,
  UNNEST(people) AS person,
  changed_files,
  effective_at AS at,
  seq
FROM unnested
