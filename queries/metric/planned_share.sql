-- +++
-- title = "Planned share"
-- help = "Share of each team's finished points that were in a milestone when the window began."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "share"
-- section = "Flow"
-- panel = "bargauge"
-- shared_params = ["estimates_min", "window_days"]
-- +++
-- An unestimated ticket takes the median estimate of the team's finished tickets; a team without estimates is weighed by
-- tickets. A ticket counts once for each team that an assignee was in when it was done.
WITH finished AS (
  SELECT
    team,
    key_hash,
    points_hundredths,
    summed
  FROM team_ticket
  WHERE NOT is_open
    AND done_at > days_before($as_of, $window_days)
    AND done_at <= $as_of
),
planned AS (
  SELECT DISTINCT ticket_revision.key_hash
  FROM ticket_revision
  INNER JOIN finished ON finished.key_hash = ticket_revision.key_hash
  WHERE holds_at(ticket_revision.from_at, ticket_revision.to_at, days_before($as_of, $window_days))
    AND (ticket_revision.milestone IS NOT NULL OR ticket_revision.sprint IS NOT NULL)
    AND NOT ticket_revision.deleted
),
typical AS (
  SELECT
    team,
    percentile_nearest(CASE WHEN NOT summed THEN points_hundredths END, 0.5, $estimates_min) AS points_hundredths
  FROM finished
  GROUP BY team
),
weighed AS (
  SELECT
    finished.team,
    CASE WHEN typical.points_hundredths IS NULL THEN 100 ELSE COALESCE(finished.points_hundredths, typical.points_hundredths) END AS weight,
    finished.points_hundredths IS NULL AS unestimated,
    typical.points_hundredths IS NOT NULL AS in_points,
    planned.key_hash IS NOT NULL AS planned
  FROM finished
  INNER JOIN typical ON typical.team = finished.team
  LEFT JOIN planned ON planned.key_hash = finished.key_hash
)
SELECT
  team,
  ratio(COALESCE(SUM(weight) FILTER (WHERE planned), 0), SUM(weight)) AS share,
  COUNT(*) FILTER (WHERE planned) AS planned_tickets,
  COUNT(*) AS n,
  CASE WHEN in_points THEN points(COALESCE(SUM(weight) FILTER (WHERE planned), 0)) END AS planned_points,
  CASE WHEN in_points THEN points(SUM(weight)) END AS points,
  COUNT(*) FILTER (WHERE unestimated) AS unestimated,
  CASE
    WHEN in_points THEN ratio(COALESCE(SUM(weight) FILTER (WHERE unestimated), 0), SUM(weight))
  END AS imputed_share
FROM weighed
GROUP BY team, in_points
ORDER BY team
