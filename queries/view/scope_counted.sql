-- +++
-- help = "The changes of scope_change with the points of a tree of tickets counted once: where descendants have points, the ticket's own are not added."
-- from = ["scope_change", "milestone_work", "tree_span"]
-- +++
-- Each stay of a ticket with points in a milestone is cut at the times of tree_span; where descendants count, its own
-- points are taken out at the beginning and put back at the end.
WITH stay AS (
  SELECT
    here.key_hash,
    here.ticket,
    here.milestone,
    here.milestone_before,
    next.milestone AS milestone_after,
    CASE WHEN next.ending <> 'done' THEN next.ending END AS ending_after,
    here.points_hundredths,
    CASE WHEN here.done THEN here.points_hundredths ELSE 0 END AS done_points_hundredths,
    here.from_at,
    here.to_at,
    here.event_id AS from_event,
    next.event_id AS to_event
  FROM milestone_work AS here
  LEFT JOIN milestone_work AS next ON next.key_hash = here.key_hash AND next.is_sprint = here.is_sprint AND next.revision = here.revision + 1
  WHERE here.milestone IS NOT NULL
    AND here.points_hundredths > 0
    AND here.ticket IN (SELECT ticket FROM tree_span)
),
piece AS (
  SELECT
    stay.key_hash,
    stay.ticket,
    stay.milestone,
    stay.milestone_before,
    stay.milestone_after,
    stay.ending_after,
    stay.points_hundredths,
    stay.done_points_hundredths,
    span.from_at > stay.from_at AS begins_inside,
    COALESCE(span.to_at < stay.to_at OR (span.to_at IS NOT NULL AND stay.to_at IS NULL), FALSE) AS ends_inside,
    GREATEST(stay.from_at, span.from_at) AS from_at,
    CASE WHEN stay.to_at IS NULL OR span.to_at < stay.to_at THEN span.to_at ELSE stay.to_at END AS to_at,
    CASE WHEN span.from_at > stay.from_at THEN span.from_event ELSE stay.from_event END AS from_event,
    CASE WHEN stay.to_at IS NULL OR span.to_at < stay.to_at THEN span.to_event ELSE stay.to_event END AS to_event
  FROM stay
  INNER JOIN tree_span AS span
    ON span.ticket = stay.ticket
    AND (span.to_at IS NULL OR span.to_at > stay.from_at)
    AND (stay.to_at IS NULL OR stay.to_at > span.from_at)
),
moved AS (
  SELECT
    key_hash,
    ticket,
    event_id,
    at,
    milestone,
    what,
    other,
    ending,
    tickets,
    points_hundredths,
    done_tickets,
    done_points_hundredths
  FROM scope_change
  WHERE ticket IN (SELECT ticket FROM tree_span)
  UNION ALL
  SELECT
    key_hash,
    ticket,
    from_event AS event_id,
    from_at AS at,
    milestone,
    CASE WHEN begins_inside OR milestone = milestone_before THEN 're-estimated' ELSE 'added' END AS what,
    CASE WHEN NOT begins_inside AND milestone IS DISTINCT FROM milestone_before THEN milestone_before END AS other,
    CAST(NULL AS VARCHAR) AS ending,
    0 AS tickets,
    -points_hundredths AS points_hundredths,
    0 AS done_tickets,
    -done_points_hundredths AS done_points_hundredths
  FROM piece
  UNION ALL
  SELECT
    key_hash,
    ticket,
    to_event AS event_id,
    to_at AS at,
    milestone,
    CASE WHEN ends_inside OR milestone = milestone_after THEN 're-estimated' ELSE 'removed' END AS what,
    CASE WHEN NOT ends_inside AND milestone IS DISTINCT FROM milestone_after THEN milestone_after END AS other,
    CASE WHEN NOT ends_inside AND milestone IS DISTINCT FROM milestone_after THEN ending_after END AS ending,
    0 AS tickets,
    points_hundredths,
    0 AS done_tickets,
    done_points_hundredths
  FROM piece
  WHERE to_at IS NOT NULL
)
SELECT
  scope_change.key_hash,
  scope_change.ticket,
  scope_change.event_id,
  scope_change.at,
  scope_change.milestone,
  scope_change.what,
  scope_change.other,
  scope_change.ending,
  scope_change.tickets,
  scope_change.points_hundredths,
  scope_change.done_tickets,
  scope_change.done_points_hundredths
FROM scope_change
LEFT ANTI JOIN tree_span ON tree_span.ticket = scope_change.ticket
UNION ALL
SELECT
  key_hash,
  ticket,
  event_id,
  at,
  milestone,
  what,
  other,
  ending,
  SUM(tickets) AS tickets,
  SUM(points_hundredths) AS points_hundredths,
  SUM(done_tickets) AS done_tickets,
  SUM(done_points_hundredths) AS done_points_hundredths
FROM moved
GROUP BY key_hash, ticket, event_id, at, milestone, what, other, ending
HAVING SUM(tickets) <> 0 OR SUM(points_hundredths) <> 0 OR SUM(done_tickets) <> 0 OR SUM(done_points_hundredths) <> 0
