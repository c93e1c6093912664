-- +++
-- title = "Milestone scope"
-- help = "Tickets and points in each milestone at the end of each day, what was added, removed and re-estimated, and how much is done."
-- unit = "tickets"
-- level = "team"
-- labels = ["milestone", "day"]
-- value = "scope_tickets"
-- section = "Milestone drift"
-- panel = "timeseries"
-- [params]
-- days = { type = "int", default = 28, min = 1, max = 366, help = "days up to as_of that are listed" }
-- include_closed = { type = "bool", default = false, help = "whether milestones that are closed or deleted are listed" }
-- +++
-- Days are those of the milestone's team, see the view milestone_zone; the last one ends at as_of. `holds` is the identity
-- scope = scope before + added - removed + re-estimated, with the scope taken from the tickets that are in the milestone, not
-- from the changes. What ends without being done is removed. Points of a ticket whose descendants have points are not added.
WITH listed AS (
  SELECT
    milestone.milestone,
    milestone.created_at,
    milestone_zone.timezone,
    CAST(day_in($as_of, milestone_zone.timezone) AS INT) AS today
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE milestone.is_open OR $include_closed
),
numbered AS (
  SELECT
    listed.milestone,
    listed.created_at,
    listed.timezone,
    number.n,
    arrow_cast(CAST(listed.today - number.n AS INT), 'Date32') AS day_on,
    arrow_cast(CAST(listed.today - number.n - 1 AS INT), 'Date32') AS eve_on
  FROM listed
  CROSS JOIN (SELECT UNNEST(range(0, $days)) AS n) AS number
),
day AS (
  SELECT
    milestone,
    n,
    day_on,
    day_end(eve_on, timezone) AS from_at,
    CASE WHEN n = 0 THEN $as_of ELSE day_end(day_on, timezone) END AS until_at
  FROM numbered
  WHERE CASE WHEN n = 0 THEN $as_of ELSE day_end(day_on, timezone) END > created_at
),
change AS (
  SELECT
    scope_counted.milestone,
    scope_counted.what,
    scope_counted.tickets,
    scope_counted.points_hundredths,
    scope_counted.at,
    day_in(scope_counted.at, listed.timezone) AS day_on
  FROM scope_counted
  INNER JOIN listed ON listed.milestone = scope_counted.milestone
),
moved AS (
  SELECT
    milestone,
    day_on,
    COUNT(*) FILTER (WHERE what = 'added') AS added,
    COUNT(*) FILTER (WHERE what = 'removed') AS removed,
    COUNT(*) FILTER (WHERE what = 're-estimated') AS reestimated,
    COALESCE(SUM(points_hundredths) FILTER (WHERE what = 'added'), 0) AS added_points,
    COALESCE(-SUM(points_hundredths) FILTER (WHERE what = 'removed'), 0) AS removed_points,
    COALESCE(SUM(points_hundredths) FILTER (WHERE what = 're-estimated'), 0) AS reestimated_points
  FROM change
  GROUP BY milestone, day_on
),
before AS (
  SELECT
    day.milestone,
    day.n,
    COALESCE(SUM(change.tickets), 0) AS tickets,
    COALESCE(SUM(change.points_hundredths), 0) AS points_hundredths
  FROM day
  LEFT JOIN change ON change.milestone = day.milestone AND change.at < day.from_at
  GROUP BY day.milestone, day.n
),
held AS (
  SELECT
    day.milestone,
    day.n,
    COUNT(milestone_work.key_hash) AS tickets,
    COALESCE(SUM(milestone_work.points_hundredths) FILTER (WHERE tree_span.ticket IS NULL), 0) AS points_hundredths,
    COUNT(milestone_work.key_hash) FILTER (WHERE milestone_work.done) AS done_tickets,
    COALESCE(SUM(milestone_work.points_hundredths) FILTER (WHERE milestone_work.done AND tree_span.ticket IS NULL), 0) AS done_points_hundredths,
    COUNT(milestone_work.key_hash) - COUNT(milestone_work.points_hundredths) AS unestimated
  FROM day
  LEFT JOIN milestone_work
    ON milestone_work.milestone = day.milestone
    AND milestone_work.from_at < CASE WHEN day.n = 0 THEN days_before(day.until_at, -1) ELSE day.until_at END
    AND (milestone_work.to_at IS NULL OR milestone_work.to_at >= CASE WHEN day.n = 0 THEN days_before(day.until_at, -1) ELSE day.until_at END)
  LEFT JOIN tree_span
    ON tree_span.ticket = milestone_work.ticket
    AND tree_span.from_at < CASE WHEN day.n = 0 THEN days_before(day.until_at, -1) ELSE day.until_at END
    AND (tree_span.to_at IS NULL OR tree_span.to_at >= CASE WHEN day.n = 0 THEN days_before(day.until_at, -1) ELSE day.until_at END)
  GROUP BY day.milestone, day.n
)
SELECT
  day.milestone,
  to_char(day.day_on, '%Y-%m-%d') AS day,
  held.tickets AS scope_tickets,
  held.done_tickets,
  points(held.points_hundredths) AS scope_points,
  points(held.done_points_hundredths) AS done_points,
  COALESCE(moved.added, 0) AS added,
  COALESCE(moved.removed, 0) AS removed,
  COALESCE(moved.reestimated, 0) AS reestimated,
  points(COALESCE(moved.added_points, 0)) AS added_points,
  points(COALESCE(moved.removed_points, 0)) AS removed_points,
  points(COALESCE(moved.reestimated_points, 0)) AS reestimated_points,
  held.unestimated,
  held.tickets AS n,
  held.tickets = before.tickets + COALESCE(moved.added, 0) - COALESCE(moved.removed, 0)
  AND held.points_hundredths = before.points_hundredths + COALESCE(moved.added_points, 0)
    - COALESCE(moved.removed_points, 0) + COALESCE(moved.reestimated_points, 0) AS holds
FROM day
INNER JOIN held ON held.milestone = day.milestone AND held.n = day.n
INNER JOIN before ON before.milestone = day.milestone AND before.n = day.n
LEFT JOIN moved ON moved.milestone = day.milestone AND moved.day_on = day.day_on
ORDER BY day.milestone, day.from_at
