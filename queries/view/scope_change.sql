-- +++
-- help = "Every change of a milestone's scope and of what is done in it, as signed counts of tickets and hundredths of points."
-- key = ["ticket"]
-- from = ["milestone_work"]
-- +++
-- A ticket that moves from one milestone to another is removed there and added here. `other` is the
-- milestone that it came from or went to. A ticket that ends without being done is removed too, and `ending` says how. Unestimated tickets
-- have no points.
SELECT
  key_hash,
  ticket,
  event_id,
  from_at AS at,
  milestone,
  CAST('added' AS VARCHAR) AS what,
  milestone_before AS other,
  CAST(NULL AS VARCHAR) AS ending,
  1 AS tickets,
  COALESCE(points_hundredths, 0) AS points_hundredths,
  CASE WHEN done THEN 1 ELSE 0 END AS done_tickets,
  CASE WHEN done THEN COALESCE(points_hundredths, 0) ELSE 0 END AS done_points_hundredths
FROM milestone_work
WHERE milestone IS NOT NULL
  AND milestone IS DISTINCT FROM milestone_before
UNION ALL
SELECT
  key_hash,
  ticket,
  event_id,
  from_at AS at,
  milestone_before AS milestone,
  CAST('removed' AS VARCHAR) AS what,
  milestone AS other,
  CASE WHEN ending <> 'done' THEN ending END AS ending,
  -1 AS tickets,
  -COALESCE(points_before, 0) AS points_hundredths,
  CASE WHEN done_before THEN -1 ELSE 0 END AS done_tickets,
  CASE WHEN done_before THEN -COALESCE(points_before, 0) ELSE 0 END AS done_points_hundredths
FROM milestone_work
WHERE milestone_before IS NOT NULL
  AND milestone IS DISTINCT FROM milestone_before
UNION ALL
SELECT
  key_hash,
  ticket,
  event_id,
  from_at AS at,
  milestone,
  CAST('re-estimated' AS VARCHAR) AS what,
  CAST(NULL AS VARCHAR) AS other,
  CAST(NULL AS VARCHAR) AS ending,
  0 AS tickets,
  COALESCE(points_hundredths, 0) - COALESCE(points_before, 0) AS points_hundredths,
  0 AS done_tickets,
  CASE WHEN done_before THEN COALESCE(points_hundredths, 0) - COALESCE(points_before, 0) ELSE 0 END AS done_points_hundredths
FROM milestone_work
WHERE milestone IS NOT NULL
  AND milestone = milestone_before
  AND points_hundredths IS DISTINCT FROM points_before
UNION ALL
SELECT
  key_hash,
  ticket,
  event_id,
  from_at AS at,
  milestone,
  CASE WHEN done THEN CAST('done' AS VARCHAR) ELSE CAST('reopened' AS VARCHAR) END AS what,
  CAST(NULL AS VARCHAR) AS other,
  CAST(NULL AS VARCHAR) AS ending,
  0 AS tickets,
  0 AS points_hundredths,
  CASE WHEN done THEN 1 ELSE -1 END AS done_tickets,
  CASE WHEN done THEN COALESCE(points_hundredths, 0) ELSE -COALESCE(points_hundredths, 0) END AS done_points_hundredths
FROM milestone_work
WHERE milestone IS NOT NULL
  AND milestone = milestone_before
  AND done <> done_before
