-- +++
-- title = "Review response time"
-- help = "How long requests of each team and week wait for the reviewer's answer, in working and in wall-clock hours, and changes for their first approval."
-- unit = "hours"
-- level = "team"
-- labels = ["team", "week"]
-- value = "response_p50_hours"
-- section = "Review load"
-- panel = "timeseries"
-- shared_params = ["p50_n_min", "p85_n_min", "p95_n_min", "weeks"]
-- +++
-- Weeks are ISO weeks in UTC, those in which the request was made or the change became ready. Percentiles are of the
-- product-limit curve (Kaplan and Meier 1958): what has no answer yet, was removed or mooted counts up to there.
-- Answers: the team is the reviewer's at the request, time in draft does not count, working time is by the reviewer's
-- calendar. Approvals: from ready for review to the first approval by another person that no later event dismissed; the
-- team is the author's then, and working time is by the approver's calendar.
WITH review AS (
  SELECT
    person_review.key_hash,
    person_review.reviewer,
    person_review.team,
    person_review.kind,
    person_review.opened_at,
    person_review.ended_at,
    person_review.outcome,
    person_review.verdict,
    person_review.dismissed,
    person_review.pauses,
    person_calendar.timezone,
    person_calendar.hours,
    person_calendar.away
  FROM person_review
  LEFT JOIN person_calendar ON person_calendar.person = person_review.reviewer
  WHERE (person_review.is_open OR person_review.ended_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1))))
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
request AS (
  SELECT
    key_hash,
    reviewer,
    team,
    opened_at,
    COALESCE(outcome = 'done', FALSE) AS answered,
    age_ms(opened_at, pauses, COALESCE(ended_at, $as_of)) AS wall_ms,
    business_age_ms(opened_at, pauses, COALESCE(ended_at, $as_of), timezone, hours, away) AS working_ms
  FROM review
  WHERE kind <> 'volunteered'
    AND opened_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
),
asked AS (
  SELECT DISTINCT
    COALESCE(CASE WHEN request.reviewer IS NULL THEN request.team END, person_membership.team, '(none)') AS team,
    date_trunc('week', request.opened_at) AS from_at,
    request.key_hash,
    request.reviewer,
    request.opened_at,
    request.answered,
    request.wall_ms,
    request.working_ms
  FROM request
  LEFT JOIN person_membership
    ON person_membership.person = request.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, request.opened_at)
),
response AS (
  SELECT
    team,
    from_at,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE NOT answered) AS censored,
    km_quantile(working_ms, answered, 0.5, $p50_n_min) AS p50_ms,
    km_quantile(working_ms, answered, 0.85, $p85_n_min) AS p85_ms,
    km_quantile(working_ms, answered, 0.95, $p95_n_min) AS p95_ms,
    km_quantile(wall_ms, answered, 0.5, $p50_n_min) AS wall_p50_ms,
    km_quantile(wall_ms, answered, 0.85, $p85_n_min) AS wall_p85_ms,
    km_quantile(wall_ms, answered, 0.95, $p95_n_min) AS wall_p95_ms
  FROM asked
  GROUP BY team, from_at
),
approved AS (
  SELECT
    key_hash,
    MIN(ended_at) AS at,
    FIRST_VALUE(timezone ORDER BY ended_at, reviewer) AS timezone,
    FIRST_VALUE(hours ORDER BY ended_at, reviewer) AS hours,
    FIRST_VALUE(away ORDER BY ended_at, reviewer) AS away
  FROM review
  WHERE outcome = 'done'
    AND verdict = 'approved'
    AND NOT dismissed
  GROUP BY key_hash
),
proposed AS (
  SELECT
    change.key_hash,
    COALESCE(who.person, change.author) AS author,
    change.ready_at,
    approved.at IS NOT NULL AS approved,
    GREATEST(COALESCE(approved.at, change.closed_at, $as_of), change.ready_at) AS until_at,
    approved.timezone,
    approved.hours,
    approved.away
  FROM change
  LEFT JOIN approved ON approved.key_hash = change.key_hash
  LEFT JOIN who ON who.identity = change.author
  WHERE (change.is_open OR change.closed_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1))))
    AND change.ready_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
    AND NOT (change.draft AND change.ready_at = change.opened_at)
    AND NOT COALESCE(who.bot, is_bot(change.author))
),
waited AS (
  SELECT DISTINCT
    COALESCE(person_membership.team, '(none)') AS team,
    date_trunc('week', proposed.ready_at) AS from_at,
    proposed.key_hash,
    proposed.approved,
    millis_between(proposed.ready_at, proposed.until_at) AS wall_ms,
    business_ms(proposed.ready_at, proposed.until_at, proposed.timezone, proposed.hours, proposed.away) AS working_ms
  FROM proposed
  LEFT JOIN person_membership
    ON person_membership.person = proposed.author
    AND holds_at(person_membership.from_at, person_membership.to_at, proposed.ready_at)
),
approval AS (
  SELECT
    team,
    from_at,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE NOT approved) AS censored,
    km_quantile(working_ms, approved, 0.5, $p50_n_min) AS p50_ms,
    km_quantile(working_ms, approved, 0.85, $p85_n_min) AS p85_ms,
    km_quantile(working_ms, approved, 0.95, $p95_n_min) AS p95_ms,
    km_quantile(wall_ms, approved, 0.5, $p50_n_min) AS wall_p50_ms,
    km_quantile(wall_ms, approved, 0.85, $p85_n_min) AS wall_p85_ms,
    km_quantile(wall_ms, approved, 0.95, $p95_n_min) AS wall_p95_ms
  FROM waited
  GROUP BY team, from_at
),
listed AS (
  SELECT team FROM response
  UNION ALL
  SELECT team FROM approval
),
slot AS (
  SELECT DISTINCT
    listed.team,
    week.label,
    week.from_at,
    week.complete
  FROM listed
  INNER JOIN week ON week.n < $weeks
)
SELECT
  slot.team,
  slot.label AS week,
  ms_to_hours(response.p50_ms) AS response_p50_hours,
  ms_to_hours(response.p85_ms) AS response_p85_hours,
  ms_to_hours(response.p95_ms) AS response_p95_hours,
  ms_to_hours(response.wall_p50_ms) AS response_wall_p50_hours,
  ms_to_hours(response.wall_p85_ms) AS response_wall_p85_hours,
  ms_to_hours(response.wall_p95_ms) AS response_wall_p95_hours,
  COALESCE(response.n, 0) AS n,
  COALESCE(response.censored, 0) AS censored,
  ms_to_hours(approval.p50_ms) AS approval_p50_hours,
  ms_to_hours(approval.p85_ms) AS approval_p85_hours,
  ms_to_hours(approval.p95_ms) AS approval_p95_hours,
  ms_to_hours(approval.wall_p50_ms) AS approval_wall_p50_hours,
  ms_to_hours(approval.wall_p85_ms) AS approval_wall_p85_hours,
  ms_to_hours(approval.wall_p95_ms) AS approval_wall_p95_hours,
  COALESCE(approval.n, 0) AS changes,
  COALESCE(approval.censored, 0) AS changes_censored,
  slot.complete
FROM slot
LEFT JOIN response ON response.team = slot.team AND response.from_at = slot.from_at
LEFT JOIN approval ON approval.team = slot.team AND approval.from_at = slot.from_at
ORDER BY slot.team, slot.label
