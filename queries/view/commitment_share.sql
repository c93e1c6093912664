-- +++
-- help = "Each person's shares of tickets that are due soon or were done lately, in 720720ths of a ticket, and their points."
-- from = ["ticket", "tree_parent", "milestone", "milestone_zone", "ticket_holder", "team_member", "team_zone"]
-- once = true
-- shared_params = ["estimates_min", "history_weeks", "horizon_days"]
-- +++
-- A ticket is due on its own date, else on that of its milestone or sprint; what is overdue counts. It splits equally over its human
-- assignees. An unestimated ticket takes the median estimate of the team's tickets here; with none it weighs one point.
-- One whose descendants have points adds none of its own.
WITH work AS (
  SELECT
    ticket.key_hash,
    ticket.is_open,
    ticket.done_at,
    CASE
      WHEN tree_parent.ticket IS NOT NULL THEN 0
      WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths
    END AS points_hundredths,
    tree_parent.ticket IS NOT NULL AS summed
  FROM ticket
  LEFT JOIN tree_parent ON tree_parent.ticket = ticket.ticket
  LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND NOT milestone.deleted
  LEFT JOIN milestone AS sprint ON sprint.milestone = ticket.sprint AND NOT sprint.deleted
  LEFT JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  LEFT JOIN team_zone ON team_zone.team = ticket.team
  WHERE NOT ticket.deleted
    AND (
      (ticket.is_open AND COALESCE(ticket.due_on, LEAST(milestone.due_on, sprint.due_on)) <= day_in(
        days_before($as_of, -$horizon_days), COALESCE(team_zone.timezone, milestone_zone.timezone)
      ))
      OR (
        NOT ticket.is_open
        AND ticket.done_at >= date_trunc('week', days_before($as_of, 7 * $history_weeks))
        AND ticket.done_at < date_trunc('week', $as_of)
      )
    )
    AND ticket.kind IS DISTINCT FROM 'goal'
),
share AS (
  SELECT
    COALESCE(team_member.team, '(none)') AS team,
    holder.person,
    work.key_hash,
    work.is_open,
    work.done_at,
    work.points_hundredths,
    work.summed,
    holder.unit
  FROM ticket_holder AS holder
  INNER JOIN work ON work.key_hash = holder.key_hash
  LEFT JOIN team_member ON team_member.person = holder.person
),
estimated AS (
  SELECT DISTINCT
    team,
    key_hash,
    points_hundredths
  FROM share
  WHERE NOT summed
),
typical AS (
  SELECT
    team,
    COALESCE(percentile_nearest(points_hundredths, 0.5, $estimates_min), 100) AS points_hundredths
  FROM estimated
  GROUP BY team
)
SELECT
  share.team,
  share.person,
  share.key_hash,
  share.is_open,
  share.done_at,
  share.unit,
  share.points_hundredths,
  share.unit * COALESCE(share.points_hundredths, typical.points_hundredths) AS point_units
FROM share
INNER JOIN typical ON typical.team = share.team
