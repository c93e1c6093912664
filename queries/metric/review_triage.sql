-- +++
-- title = "Review triage"
-- help = "Open changes in the order in which to review them, by impact times urgency, each with up to three suggested reviewers."
-- unit = "points"
-- level = "person"
-- labels = ["repo", "change"]
-- people = ["suggested_reviewers.reviewer"]
-- value = "score"
-- section = "Review load"
-- panel = "table"
-- shared_params = ["reference_days", "reference_n_min"]
-- [params]
-- critical = { type = "text", default = "critical-path,security", help = "labels, lower case and separated by commas, of changes with the highest impact" }
-- lines_large = { type = "int", default = 400, min = 1, max = 1000000, help = "a change with more lines is large" }
-- files_large = { type = "int", default = 10, min = 1, max = 1000000, help = "a change with more files is large" }
-- due_working_days = { type = "int", default = 2, min = 0, max = 100, help = "linked work that is due in so many working days is urgent" }
-- p_hit_low = { type = "float", default = 0.5, min = 0, max = 1, help = "linked work of a milestone that is less probable to be done by its due date is most urgent" }
-- pressing_min = { type = "int", default = 15, min = 1, max = 25, help = "from this score on a change is pressing" }
-- raised_min = { type = "int", default = 8, min = 1, max = 25, help = "from this score on a change is raised" }
-- docs_and_tests = { type = "text", default = "(^|/)(docs?|tests?|spec)/|\\.(md|rst|txt|adoc)$", help = "regular expression of paths that are documents or tests" }
-- +++
-- Impact: 5 a critical label; 4 a file that at most one other person than the author knows; 3 large; 1 documents and tests
-- only; else 2. Urgency: 5 an incident is linked, or open work of a milestone whose P(hit) is low; 4 linked work is due soon
-- or overdue, by its own or its milestone's date; 3 older than the 85th percentile of finished requests; 1 no linked work;
-- else 2. Drafts are left out. Which files a change touches and who knows them is said at the view change_knower: a change
-- without any is neither 4 nor 1. Suggested reviewers are the people with the highest product of expertise (share of the
-- commits to these files) and spare time (1 / (1 + open requests)): both are listed. It is a suggestion, never an assignment.
WITH candidate AS (
  SELECT
    key_hash,
    repo,
    change,
    title,
    lines,
    changed_files,
    labels,
    millis_between(ready_at, $as_of) AS age_ms
  FROM change
  WHERE is_open
    AND NOT draft
),
-- How many others know the file that fewest know, and whether the change is of documents and tests only.
content AS (
  SELECT
    key_hash,
    MIN(others) AS others,
    BOOL_AND(regexp_like(path, $docs_and_tests)) AS docs_only
  FROM (
    SELECT
      key_hash,
      path,
      COUNT(DISTINCT person) FILTER (WHERE person <> author) AS others
    FROM change_knower
    GROUP BY key_hash, path
  ) AS file
  GROUP BY key_hash
),
-- The age that is old, from finished requests.
reference AS (
  SELECT percentile_nearest(age_ms(opened_at, pauses, ended_at), 0.85, $reference_n_min) AS old_ms
  FROM person_review
  WHERE outcome = 'done'
    AND kind <> 'volunteered'
    AND NOT is_open
    AND ended_at > days_before($as_of, $reference_days)
    AND NOT self_review
    AND NOT bot
),
-- How many requests each person has open.
queue AS (
  SELECT
    reviewer,
    COUNT(*) AS open_reviews
  FROM person_review
  WHERE is_open
    AND change_open
    AND reviewer IS NOT NULL
    AND NOT self_review
    AND NOT bot
  GROUP BY reviewer
),
-- The commits of each person to the files of a change, and those of all.
expertise AS (
  SELECT
    key_hash,
    author,
    person,
    SUM(commits) AS commits,
    SUM(SUM(commits)) OVER (PARTITION BY key_hash) AS total
  FROM change_knower
  WHERE commits > 0
  GROUP BY key_hash, author, person
),
suited AS (
  SELECT
    expertise.key_hash,
    expertise.person,
    CAST(expertise.commits AS DOUBLE) / expertise.total AS expertise,
    CAST(1 AS DOUBLE) / (1 + COALESCE(queue.open_reviews, 0)) AS spare
  FROM expertise
  LEFT JOIN queue ON queue.reviewer = expertise.person
  WHERE expertise.person <> expertise.author
),
ranked AS (
  SELECT
    key_hash,
    named_struct('reviewer', person, 'expertise', ROUND(expertise, 2), 'spare', ROUND(spare, 2)) AS reviewer,
    ROW_NUMBER() OVER (PARTITION BY key_hash ORDER BY expertise * spare DESC, person) AS rank
  FROM suited
),
suggested AS (
  SELECT
    key_hash,
    array_agg(reviewer ORDER BY rank) AS reviewers
  FROM ranked
  WHERE rank <= 3
  GROUP BY key_hash
),
judged AS (
  SELECT
    candidate.repo,
    candidate.change,
    candidate.title,
    CASE
      WHEN COALESCE(array_has_any(candidate.labels, string_to_array($critical, ',')), FALSE) THEN 5
      WHEN content.others <= 1 AND NOT content.docs_only THEN 4
      WHEN candidate.lines > $lines_large OR candidate.changed_files > $files_large THEN 3
      WHEN content.docs_only THEN 1
      ELSE 2
    END AS impact,
    CASE
      WHEN work.incident OR work.p_hit < $p_hit_low THEN 5
      WHEN work.due_working_days <= $due_working_days THEN 4
      WHEN candidate.age_ms > reference.old_ms THEN 3
      WHEN work.key_hash IS NULL THEN 1
      ELSE 2
    END AS urgency,
    candidate.age_ms,
    candidate.lines,
    work.due_on,
    work.p_hit,
    suggested.reviewers
  FROM candidate
  CROSS JOIN reference
  LEFT JOIN content ON content.key_hash = candidate.key_hash
  LEFT JOIN change_work AS work ON work.key_hash = candidate.key_hash
  LEFT JOIN suggested ON suggested.key_hash = candidate.key_hash
)
SELECT
  repo,
  change,
  title,
  impact * urgency AS score,
  impact,
  urgency,
  ms_to_hours(age_ms) AS age_hours,
  lines,
  due_on,
  reviewers AS suggested_reviewers,
  p_hit,
  CASE
    WHEN impact * urgency >= $pressing_min THEN 'pressing'
    WHEN impact * urgency >= $raised_min THEN 'raised'
    ELSE 'usual'
  END AS priority
FROM judged
ORDER BY impact * urgency DESC, age_ms DESC, repo, change
