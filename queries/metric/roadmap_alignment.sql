-- +++
-- title = "Roadmap alignment"
-- help = "Share of the points in progress or just finished that lead up to a goal, and the tickets that lead nowhere."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "share"
-- section = "Flow"
-- panel = "bargauge"
-- shared_params = ["estimates_min"]
-- [params]
-- window_days = { type = "int", default = 28, min = 1, max = 366, help = "finished tickets of this many days up to as_of count next to those in progress" }
-- unlinked_max = { type = "int", default = 20, min = 0, max = 1000, help = "most unlinked tickets that are named" }
-- +++
-- A ticket is linked when it, a ticket above it or one of their milestones names a goal, or a ticket above it is one.
-- The hierarchy is that of T. A walk upwards ends where it meets a ticket again; `in_cycles` counts tickets on a circle.
-- An unestimated ticket takes the median estimate of the team's tickets here; a team without estimates is weighed by
-- tickets.
WITH RECURSIVE item AS (
  SELECT
    team,
    key_hash,
    ticket,
    points_hundredths,
    summed
  FROM team_ticket
  WHERE (is_open AND active_since IS NOT NULL)
    OR (NOT is_open AND done_at > days_before($as_of, $window_days) AND done_at <= $as_of)
),
node AS (
  SELECT
    ticket.ticket,
    ticket.parent,
    COALESCE(ticket.kind = 'goal', FALSE) OR ticket.goal IS NOT NULL OR milestone.goal IS NOT NULL AS names_goal
  FROM ticket
  LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND NOT milestone.deleted
  WHERE NOT ticket.deleted
),
walk AS (
  SELECT DISTINCT
    item.ticket AS start,
    item.ticket AS at,
    0 AS depth
  FROM item
  UNION ALL
  SELECT
    walk.start,
    node.parent AS at,
    walk.depth + 1 AS depth
  FROM walk
  INNER JOIN node ON node.ticket = walk.at
  WHERE node.parent IS NOT NULL
    AND NOT (node.parent = walk.start)
    AND walk.depth < 32
),
reached AS (
  SELECT
    walk.start AS ticket,
    BOOL_OR(node.names_goal) AS linked,
    BOOL_OR(COALESCE(node.parent = walk.start, FALSE)) AS in_cycle
  FROM walk
  INNER JOIN node ON node.ticket = walk.at
  GROUP BY walk.start
),
typical AS (
  SELECT
    team,
    percentile_nearest(CASE WHEN NOT summed THEN points_hundredths END, 0.5, $estimates_min) AS points_hundredths
  FROM item
  GROUP BY team
),
weighed AS (
  SELECT
    item.team,
    item.ticket,
    CASE WHEN typical.points_hundredths IS NULL THEN 100 ELSE COALESCE(item.points_hundredths, typical.points_hundredths) END AS weight,
    item.points_hundredths IS NULL AS unestimated,
    typical.points_hundredths IS NOT NULL AS in_points,
    COALESCE(reached.linked, FALSE) AS linked,
    COALESCE(reached.in_cycle, FALSE) AS in_cycle,
    ROW_NUMBER() OVER (PARTITION BY item.team, COALESCE(reached.linked, FALSE) ORDER BY item.ticket) AS rank
  FROM item
  INNER JOIN typical ON typical.team = item.team
  LEFT JOIN reached ON reached.ticket = item.ticket
)
SELECT
  team,
  ratio(COALESCE(SUM(weight) FILTER (WHERE linked), 0), SUM(weight)) AS share,
  COUNT(*) FILTER (WHERE NOT linked) AS unlinked,
  COUNT(*) AS n,
  CASE WHEN in_points THEN points(COALESCE(SUM(weight) FILTER (WHERE linked), 0)) END AS linked_points,
  CASE WHEN in_points THEN points(SUM(weight)) END AS points,
  COUNT(*) FILTER (WHERE unestimated) AS unestimated,
  COUNT(*) FILTER (WHERE in_cycle) AS in_cycles,
  string_agg(ticket, ',' ORDER BY ticket) FILTER (WHERE NOT linked AND rank <= $unlinked_max) AS unlinked_tickets
FROM weighed
GROUP BY team, in_points
ORDER BY team
