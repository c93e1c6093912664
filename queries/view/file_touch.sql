-- +++
-- help = "One row per file that a commit changed and person who wrote it: the author and each co-author."
-- key = ["repo", "change"]
-- from = ["commits"]
-- +++
-- A commit that was pushed to several branches counts once. A commit of no change stands under its sha.
WITH pushed AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    COALESCE(change, sha) AS change,
    sha,
    author,
    co_authors,
    COALESCE(changed_files, array_length(files)) AS changed_files,
    files,
    ROW_NUMBER() OVER (PARTITION BY key_hash, repo, sha ORDER BY effective_at, seq, event_id) AS time
  FROM commits
  WHERE array_length(files) > 0
),
unnested AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    change,
    sha,
    author,
    co_authors,
    changed_files,
    UNNEST(files) AS file
  FROM pushed
  WHERE time = 1
),
touched AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    repo,
    change,
    sha,
    file['path'] AS path,
    file['old_path'] AS old_path,
    file['change'] AS kind,
    changed_files,
    array_distinct(array_prepend(author, COALESCE(co_authors, arrow_cast(make_array(), 'List(Utf8View)')))) AS people
  FROM unnested
)
SELECT
  key_hash,
  repo,
  change,
  sha,
  path,
  old_path,
  kind,
  UNNEST(people) AS person,
  changed_files,
  effective_at AS at,
  seq
FROM touched
