-- +++
-- title = "Earned schedule"
-- help = "How far each open milestone's finished work has come on its baseline's time scale, against the time that has passed."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "spi"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- spi_min = { type = "float", default = 0.9, min = 0.1, max = 2, help = "below this schedule performance index a milestone is materially late" }
-- +++
-- Lipke, Schedule is different (2003), in days. The plan runs from the start date, else the first event, to the baseline. A ticket
-- with a due date of its own is planned for that day, the others evenly over the whole time. Work is in points, an
-- unestimated ticket taking the milestone's median; a milestone without estimates is weighed by tickets. One whose
-- descendants have points adds none. A milestone that has not begun is
-- neither early nor late.
WITH plan AS (
  SELECT
    milestone.milestone,
    milestone.project,
    milestone.title,
    COALESCE(milestone.start_on, day_in(milestone.created_at, milestone_zone.timezone)) AS start_on,
    milestone.baseline_on,
    days_between(COALESCE(milestone.start_on, day_in(milestone.created_at, milestone_zone.timezone)), milestone.baseline_on) AS planned_days,
    days_between(
      COALESCE(milestone.start_on, day_in(milestone.created_at, milestone_zone.timezone)),
      day_in($as_of, milestone_zone.timezone)
    ) AS actual_days
  FROM milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  WHERE milestone.is_open
    AND milestone.baseline_on IS NOT NULL
),
item AS (
  SELECT
    plan.milestone,
    plan.planned_days,
    CASE
      WHEN tree_parent.ticket IS NOT NULL THEN 0
      WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths
    END AS points_hundredths,
    tree_parent.ticket IS NOT NULL AS summed,
    CASE
      WHEN ticket.due_on IS NOT NULL
      THEN LEAST(GREATEST(days_between(plan.start_on, ticket.due_on), 0), plan.planned_days)
    END AS due_day,
    NOT ticket.is_open AS done
  FROM plan
  INNER JOIN ticket_membership ON ticket_membership.milestone = plan.milestone
  INNER JOIN ticket
    ON ticket.key_hash = ticket_membership.key_hash
    AND NOT ticket.deleted
    AND COALESCE(ticket.ending, 'done') = 'done'
  LEFT JOIN tree_parent ON tree_parent.ticket = ticket.ticket
  WHERE plan.planned_days BETWEEN 1 AND 3660
),
typical AS (
  SELECT
    milestone,
    median_nearest(CASE WHEN NOT summed THEN points_hundredths END) AS points_hundredths
  FROM item
  GROUP BY milestone
),
weighed AS (
  SELECT
    item.milestone,
    item.planned_days,
    item.due_day,
    item.done,
    CASE WHEN typical.points_hundredths IS NULL THEN 100 ELSE COALESCE(item.points_hundredths, typical.points_hundredths) END AS weight
  FROM item
  INNER JOIN typical ON typical.milestone = item.milestone
),
budget AS (
  SELECT
    milestone,
    planned_days,
    COUNT(*) AS n,
    SUM(weight) AS total,
    COALESCE(SUM(weight) FILTER (WHERE done), 0) AS earned,
    COALESCE(SUM(weight) FILTER (WHERE due_day IS NULL), 0) AS even
  FROM weighed
  GROUP BY milestone, planned_days
),
day AS (
  SELECT
    milestone,
    UNNEST(range(0, planned_days + 1)) AS day
  FROM budget
),
planned AS (
  SELECT
    day.milestone,
    day.day,
    CAST(budget.even AS DOUBLE) * day.day / budget.planned_days
    + COALESCE(SUM(weighed.weight), 0) AS value
  FROM day
  INNER JOIN budget ON budget.milestone = day.milestone
  LEFT JOIN weighed ON weighed.milestone = day.milestone AND weighed.due_day <= day.day
  GROUP BY day.milestone, day.day, budget.even, budget.planned_days
),
reached AS (
  SELECT
    planned.milestone,
    MAX(planned.day) AS day
  FROM planned
  INNER JOIN budget ON budget.milestone = planned.milestone
  WHERE planned.value <= budget.earned
  GROUP BY planned.milestone
),
earned AS (
  SELECT
    budget.milestone,
    budget.n,
    budget.total,
    budget.earned,
    CASE
      WHEN budget.earned >= budget.total THEN CAST(budget.planned_days AS DOUBLE)
      WHEN reached.day IS NULL THEN 0.0
      ELSE CAST(reached.day AS DOUBLE) + COALESCE((budget.earned - here.value) / NULLIF(next.value - here.value, 0), 0.0)
    END AS schedule
  FROM budget
  LEFT JOIN reached ON reached.milestone = budget.milestone
  LEFT JOIN planned AS here ON here.milestone = budget.milestone AND here.day = reached.day
  LEFT JOIN planned AS next ON next.milestone = budget.milestone AND next.day = reached.day + 1
)
SELECT
  plan.project,
  plan.milestone,
  plan.title,
  ROUND(earned.schedule / CASE WHEN plan.actual_days > 0 THEN plan.actual_days END, 6) AS spi,
  ROUND(earned.schedule - CASE WHEN plan.actual_days >= 0 THEN plan.actual_days END, 2) AS variance_days,
  ROUND(plan.planned_days * CASE WHEN plan.actual_days > 0 THEN plan.actual_days END / NULLIF(earned.schedule, 0), 2) AS estimate_days,
  COALESCE(earned.schedule / CASE WHEN plan.actual_days > 0 THEN plan.actual_days END < $spi_min, FALSE) AS material,
  ROUND(earned.schedule, 2) AS earned_days,
  plan.actual_days,
  plan.planned_days,
  points(earned.earned) AS earned_points,
  points(earned.total) AS budget_points,
  earned.n
FROM plan
INNER JOIN earned ON earned.milestone = plan.milestone
ORDER BY plan.project NULLS LAST, plan.milestone
