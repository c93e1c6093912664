-- +++
-- title = "Review triage"
-- help = "Open changes in the order in which to review them, by impact times urgency, each with up to three suggested reviewers."
-- unit = "points"
-- level = "person"
-- labels = ["repo", "change"]
-- value = "score"
-- section = "Review load"
-- panel = "table"
-- [params]
-- critical = { type = "text", default = "critical-path,security", help = "labels, lower case and separated by commas, of changes with the highest impact" }
-- lines_large = { type = "int", default = 400, min = 1, max = 1000000, help = "a change with more lines is large" }
-- files_large = { type = "int", default = 10, min = 1, max = 1000000, help = "a change with more files is large" }
-- due_working_days = { type = "int", default = 2, min = 0, max = 100, help = "linked work that is due in so many working days is urgent" }
-- p_hit_low = { type = "float", default = 0.5, min = 0, max = 1, help = "linked work of a milestone that is less probable to be done by its due date is most urgent" }
-- reference_days = { type = "int", default = 84, min = 7, max = 366, help = "days of finished requests that say what is old" }
-- reference_n_min = { type = "int", default = 7, min = 1, max = 1000, help = "fewer finished requests than this say nothing" }
-- knowledge_days = { type = "int", default = 365, min = 1, max = 3660, help = "days of commits that say who knows a file" }
-- docs_and_tests = { type = "text", default = "(^|/)(docs?|tests?|spec)/|\\.(md|rst|txt|adoc)$", help = "regular expression of paths that are documents or tests" }
-- +++
-- Impact: 5 a critical label; 4 a file that at most one other person than the author knows; 3 large; 1 documents and tests only;
-- else 2. Urgency: 5 an incident is linked, or open work of a milestone whose P(hit) is low; 4 linked work is due soon or overdue, by its own or its milestone's date; 3 older
-- than the 85th percentile of finished requests; 1 no linked work; else 2. Drafts are left out. Files are those
-- of the commits pushed for the change; a change without any is neither 4 nor 1. Suggested reviewers are the people with the
-- highest product of expertise (share of the commits to these files) and spare time (1 / (1 + open requests)): both
-- are printed. It is a suggestion, never an assignment.
WITH candidate AS (
  SELECT
    change.key_hash,
    change.repo,
    change.change,
    change.title,
    COALESCE(person_of.person, change.author) AS author,
    change.ready_at,
    change.lines,
    change.changed_files,
    change.labels,
    change.tickets
  FROM change
  LEFT JOIN person_of ON person_of.identity = change.author
  WHERE change.is_open
    AND NOT change.draft
),
touch AS (
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
    candidate.key_hash,
    candidate.repo,
    candidate.author,
    touch.path
  FROM candidate
  INNER JOIN touch ON touch.key_hash = candidate.key_hash
),
knower AS (
  SELECT
    file.key_hash,
    file.path,
    file.author,
    touch.person,
    COUNT(*) AS commits
  FROM file
  INNER JOIN touch ON touch.repo = file.repo AND touch.path = file.path AND touch.key_hash <> file.key_hash
  GROUP BY file.key_hash, file.path, file.author, touch.person
),
known AS (
  SELECT
    file.key_hash,
    file.path,
    COUNT(DISTINCT CASE WHEN knower.person <> file.author THEN knower.person END) AS others
  FROM file
  LEFT JOIN knower ON knower.key_hash = file.key_hash AND knower.path = file.path
  GROUP BY file.key_hash, file.path
),
content AS (
  SELECT
    key_hash,
    MIN(others) AS others,
    BOOL_AND(regexp_like(path, $docs_and_tests)) AS docs_only
  FROM known
  GROUP BY key_hash
),
named AS (
  SELECT
    key_hash,
    UNNEST(tickets) AS ticket
  FROM candidate
),
linked AS (
  SELECT
    named.key_hash,
    COUNT(*) AS tickets,
    BOOL_OR(ticket.is_open AND COALESCE(ticket.kind = 'incident', FALSE)) AS incident,
    MIN(COALESCE(ticket.due_on, milestone.due_on)) FILTER (WHERE ticket.is_open) AS due_on,
    MIN(outlook.p_hit) FILTER (WHERE ticket.is_open) AS p_hit
  FROM named
  INNER JOIN ticket ON ticket.ticket = named.ticket AND NOT ticket.deleted
  LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND milestone.is_open
  LEFT JOIN milestone_outlook AS outlook ON outlook.milestone = milestone.milestone
  GROUP BY named.key_hash
),
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
queue AS (
  SELECT
    reviewer AS person,
    COUNT(*) AS open_reviews
  FROM person_review
  WHERE is_open
    AND reviewer IS NOT NULL
    AND NOT self_review
    AND NOT bot
  GROUP BY reviewer
),
expertise AS (
  SELECT
    key_hash,
    author,
    person,
    SUM(commits) AS commits,
    SUM(SUM(commits)) OVER (PARTITION BY key_hash) AS total
  FROM knower
  GROUP BY key_hash, author, person
),
suited AS (
  SELECT
    expertise.key_hash,
    expertise.person,
    CAST(expertise.commits AS DOUBLE) / expertise.total AS expertise,
    CAST(1 AS DOUBLE) / (1 + COALESCE(queue.open_reviews, 0)) AS spare
  FROM expertise
  LEFT JOIN queue ON queue.person = expertise.person
  WHERE expertise.person <> expertise.author
),
ranked AS (
  SELECT
    key_hash,
    CONCAT(person, ' ', CAST(ROUND(expertise, 2) AS VARCHAR), ' x ', CAST(ROUND(spare, 2) AS VARCHAR)) AS reviewer,
    ROW_NUMBER() OVER (PARTITION BY key_hash ORDER BY expertise * spare DESC, person) AS rank
  FROM suited
),
suggested AS (
  SELECT
    key_hash,
    string_agg(reviewer, ', ' ORDER BY rank) AS reviewers
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
      WHEN linked.incident OR linked.p_hit < $p_hit_low THEN 5
      WHEN working_days_between(CAST($as_of AS DATE), linked.due_on) <= $due_working_days THEN 4
      WHEN millis_between(candidate.ready_at, $as_of) > reference.old_ms THEN 3
      WHEN linked.key_hash IS NULL THEN 1
      ELSE 2
    END AS urgency,
    millis_between(candidate.ready_at, $as_of) AS age_ms,
    candidate.lines,
    linked.due_on,
    linked.p_hit,
    suggested.reviewers
  FROM candidate
  CROSS JOIN reference
  LEFT JOIN content ON content.key_hash = candidate.key_hash
  LEFT JOIN linked ON linked.key_hash = candidate.key_hash
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
  p_hit
FROM judged
ORDER BY impact * urgency DESC, age_ms DESC, repo, change
