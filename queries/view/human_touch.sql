-- +++
-- help = "Changes of files by people, with people in place of their identities, without those of very large commits."
-- from = ["file_touch", "who"]
-- [params]
-- files_max = { type = "int", default = 100, min = 1, max = 1000000, help = "commits that touch more files than this say nothing about knowledge" }
-- +++
SELECT
  file_touch.key_hash,
  file_touch.repo,
  file_touch.sha,
  file_touch.path,
  file_touch.old_path,
  file_touch.kind,
  file_touch.at,
  file_touch.seq,
  COALESCE(who.person, file_touch.person) AS person,
  COALESCE(who.deleted, FALSE) AS left_for_good
FROM file_touch
LEFT JOIN who ON who.identity = file_touch.person
WHERE file_touch.changed_files <= $files_max
  AND NOT COALESCE(who.bot, is_bot(file_touch.person))
