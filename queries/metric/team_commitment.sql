-- +++
-- title = "Team commitment"
-- help = "Points that each team's people have to finish in the next weeks, against what the team usually finishes in that time and is present for."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "commitment_ratio"
-- section = "Delegation balance"
-- panel = "bargauge"
-- shared_params = ["over"]
-- +++
-- Work is that of delegation_overcommitment: due on its own date or its milestone's, overdue work included, shared by its
-- holders. Unassigned work is left out; roadmap_capacity counts it. Usual throughput is the nearest-rank median of
-- the team's points done a week, zero weeks included: a team is steadier than each of its people, so this is more than the
-- sum of their medians. Presence is the mean of its people's. Without throughput or presence there is no ratio.
WITH weekly AS (
  SELECT
    share.team,
    week.from_at,
    COALESCE(SUM(share.point_units) FILTER (WHERE NOT share.is_open AND date_trunc('week', share.done_at) = week.from_at), 0) AS point_units
  FROM commitment_share AS share
  INNER JOIN week ON week.n BETWEEN 1 AND $history_weeks
  GROUP BY share.team, week.from_at
),
usual AS (
  SELECT
    team,
    median_nearest(point_units) AS point_units
  FROM weekly
  GROUP BY team
),
held AS (
  SELECT
    team,
    COUNT(*) AS people,
    SUM(COALESCE(due_units, 0)) AS due_units,
    SUM(CAST(ROUND(presence * 1000000) AS BIGINT)) AS presence_millionths,
    SUM(COALESCE(tickets, 0)) AS tickets,
    SUM(COALESCE(unestimated, 0)) AS unestimated
  FROM commitment
  GROUP BY team
),
placed AS (
  SELECT
    held.team,
    held.people,
    held.due_units,
    CAST(usual.point_units AS DOUBLE) * $horizon_days / 7 * held.presence_millionths / held.people / 1000000 AS capacity_units,
    CAST(held.presence_millionths AS DOUBLE) / held.people / 1000000 AS presence,
    held.tickets,
    held.unestimated
  FROM held
  LEFT JOIN usual ON usual.team = held.team
)
SELECT
  team,
  people,
  ratio(due_units, capacity_units) AS commitment_ratio,
  CAST(due_units AS DOUBLE) / NULLIF(capacity_units, 0) > $over AS over,
  units_to_points(due_units) AS points_due,
  units_to_points(capacity_units) AS points_capacity,
  ROUND(presence, 6) AS presence,
  $horizon_days AS horizon_days,
  tickets AS n,
  unestimated
FROM placed
ORDER BY team
