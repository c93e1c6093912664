-- +++
-- help = "Open tickets and points of each person in each team, and the weight by which they are compared."
-- from = ["open_share"]
-- once = true
-- +++
SELECT
  team,
  person,
  COALESCE(SUM(unit), 0) AS ticket_units,
  CASE
    WHEN COUNT(key_hash) = 0 THEN 0
    WHEN COUNT(key_hash) = COUNT(COALESCE(points_hundredths, typical_points)) THEN SUM(unit * COALESCE(points_hundredths, typical_points))
  END AS point_units,
  COALESCE(SUM(unit * typical_points) FILTER (WHERE points_hundredths IS NULL), 0) AS imputed_units,
  COUNT(key_hash) FILTER (WHERE points_hundredths IS NULL) AS unestimated,
  COALESCE(SUM(unit) FILTER (WHERE status_category = 'in_progress'), 0) AS progress_units,
  COALESCE(CASE WHEN MAX(typical_points) IS NULL THEN SUM(unit) ELSE SUM(unit * COALESCE(points_hundredths, typical_points)) END, 0) AS weight
FROM open_share
GROUP BY team, person
