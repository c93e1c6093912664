-- +++
-- help = "Each person's shares of the open tickets of their team, in 720720ths of a ticket; one row without a ticket for who has none."
-- from = ["ticket", "tree_parent", "ticket_holder", "team_member"]
-- once = true
-- shared_params = ["estimates_min"]
-- +++
-- A ticket splits equally over its human assignees, in 720720ths (the least number that 1 to 16 divide). An unestimated
-- ticket takes the median estimate of the team's open tickets; a team without estimates is weighed by tickets.
-- A ticket whose descendants have points adds none of its own. Goals are not tickets here. Somebody in two teams counts in both.
-- '(none)' holds people without a team.
WITH open_ticket AS (
  SELECT
    ticket.key_hash,
    ticket.assignees,
    ticket.status_category,
    ticket.priority,
    ticket.labels,
    CASE
      WHEN tree_parent.ticket IS NOT NULL THEN 0
      WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths
    END AS points_hundredths,
    tree_parent.ticket IS NOT NULL AS summed
  FROM ticket
  LEFT JOIN tree_parent ON tree_parent.ticket = ticket.ticket
  WHERE ticket.is_open
    AND ticket.kind IS DISTINCT FROM 'goal'
),
holder AS (
  SELECT
    key_hash,
    person,
    unit
  FROM ticket_holder
  WHERE is_open
),
roster AS (
  SELECT team, person FROM team_member
  UNION ALL
  SELECT DISTINCT
    '(none)' AS team,
    holder.person
  FROM holder
  LEFT JOIN team_member ON team_member.person = holder.person
  WHERE team_member.person IS NULL
),
share AS (
  SELECT
    roster.team,
    roster.person,
    holder.key_hash,
    holder.unit,
    open_ticket.points_hundredths,
    open_ticket.summed,
    open_ticket.status_category,
    open_ticket.priority,
    open_ticket.labels
  FROM roster
  INNER JOIN holder ON holder.person = roster.person
  INNER JOIN open_ticket ON open_ticket.key_hash = holder.key_hash
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
    percentile_nearest(points_hundredths, 0.5, $estimates_min) AS points_hundredths
  FROM estimated
  GROUP BY team
)
SELECT
  roster.team,
  roster.person,
  share.key_hash,
  share.unit,
  share.status_category,
  share.priority,
  share.labels,
  share.points_hundredths,
  typical.points_hundredths AS typical_points
FROM roster
LEFT JOIN share ON share.team = roster.team AND share.person = roster.person
LEFT JOIN typical ON typical.team = roster.team
