-- +++
-- title = "Roadmap capacity"
-- help = "Tickets left in a project's milestones up to each due date, against what the project usually finishes in the weeks until then."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "load_ratio"
-- section = "Milestone drift"
-- panel = "table"
-- shared_params = ["history_weeks"]
-- +++
-- `remaining` is of this milestone and of those of its project that are due no later: they are finished first. Usual
-- throughput is the nearest-rank median of the tickets in milestones of the project done a week, zero weeks included. Days
-- run to the end of the due date, in the zone of the milestone's team. At or past the due date, and without throughput, there is no ratio.
WITH placed AS (
  SELECT
    milestone.milestone,
    milestone.title,
    COALESCE(milestone.project, CONCAT('milestone ', milestone.milestone)) AS stream,
    milestone.project,
    milestone.due_on,
    day_in($as_of, milestone_zone.timezone) AS today,
    milestone.is_open
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE NOT milestone.deleted
),
remaining AS (
  SELECT
    placed.stream,
    placed.milestone,
    placed.due_on,
    COUNT(*) AS tickets
  FROM placed
  INNER JOIN ticket_membership ON ticket_membership.milestone = placed.milestone
  INNER JOIN ticket ON ticket.key_hash = ticket_membership.key_hash AND ticket.is_open
  WHERE placed.is_open
  GROUP BY placed.stream, placed.milestone, placed.due_on
),
finished AS (
  SELECT
    placed.stream,
    date_trunc('week', ticket.done_at) AS from_at,
    COUNT(*) AS tickets
  FROM placed
  INNER JOIN ticket_membership ON ticket_membership.milestone = placed.milestone
  INNER JOIN ticket ON ticket.key_hash = ticket_membership.key_hash
  WHERE NOT ticket.is_open
    AND NOT ticket.deleted
    AND ticket.done_at >= date_trunc('week', days_before($as_of, 7 * $history_weeks))
    AND ticket.done_at < date_trunc('week', $as_of)
  GROUP BY placed.stream, date_trunc('week', ticket.done_at)
),
stream_week AS (
  SELECT DISTINCT
    placed.stream,
    week.from_at
  FROM placed
  INNER JOIN week ON week.n BETWEEN 1 AND $history_weeks
),
usual AS (
  SELECT
    stream_week.stream,
    median_nearest(COALESCE(finished.tickets, 0)) AS tickets
  FROM stream_week
  LEFT JOIN finished ON finished.stream = stream_week.stream AND finished.from_at = stream_week.from_at
  GROUP BY stream_week.stream
),
asked AS (
  SELECT
    placed.project,
    placed.milestone,
    placed.title,
    placed.due_on,
    usual.tickets AS weekly,
    days_between(placed.today, placed.due_on) + 1 AS days,
    COALESCE(SUM(remaining.tickets), 0) AS remaining
  FROM placed
  INNER JOIN usual ON usual.stream = placed.stream
  LEFT JOIN remaining ON remaining.stream = placed.stream AND remaining.due_on <= placed.due_on
  WHERE placed.is_open
    AND placed.due_on IS NOT NULL
  GROUP BY placed.project, placed.milestone, placed.title, placed.due_on, placed.today, usual.tickets
)
SELECT
  project,
  milestone,
  title,
  CASE WHEN days > 0 THEN ratio(remaining * 7, weekly * days) END AS load_ratio,
  due_on,
  remaining,
  weekly AS done_per_week,
  CASE WHEN days > 0 THEN ROUND(CAST(weekly * days AS DOUBLE) / 7, 2) END AS capacity
FROM asked
ORDER BY project NULLS LAST, due_on, milestone
