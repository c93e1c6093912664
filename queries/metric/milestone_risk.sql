-- +++
-- title = "Milestone risk"
-- help = "Open milestones on a five by five grid: how likely their due date is missed, and by how many working days."
-- unit = "points"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "risk"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- red = { type = "int", default = 15, min = 1, max = 25, help = "from this risk on a milestone is red" }
-- amber = { type = "int", default = 8, min = 1, max = 25, help = "from this risk on a milestone is amber" }
-- +++
-- Likelihood: 1 - P(hit) up to 0.1, 0.3, 0.5, 0.7, more. Impact: working days from the due date to the 85th percentile, up to
-- 0, 5, 10, 20, more; one more, to at most 5, when an open milestone depends on this one. A percentile that is never
-- reached is the largest impact. Without a forecast or a due date there is no risk, which is not no risk. At risk is what is
-- amber or red, and what is still open after its due date (by days of its team, see the view
-- milestone_zone).
WITH needed AS (
  SELECT DISTINCT UNNEST(depends_on) AS milestone
  FROM milestone
  WHERE is_open
),
graded AS (
  SELECT
    milestone.project,
    milestone.milestone,
    milestone.title,
    outlook.due_on,
    outlook.p_hit,
    outlook.p85_on,
    working_days_between(outlook.due_on, outlook.p85_on) AS late_days,
    needed.milestone IS NOT NULL AS needed,
    COALESCE(outlook.due_on < day_in($as_of, milestone_zone.timezone), FALSE) AS overdue,
    outlook.known AND outlook.due_on IS NOT NULL AS known
  FROM milestone_outlook AS outlook
  INNER JOIN milestone ON milestone.milestone = outlook.milestone
  INNER JOIN milestone_zone ON milestone_zone.key_hash = milestone.key_hash
  LEFT JOIN needed ON needed.milestone = outlook.milestone
),
placed AS (
  SELECT
    project,
    milestone,
    title,
    due_on,
    p_hit,
    p85_on,
    late_days,
    needed,
    overdue,
    CASE
      WHEN NOT known THEN NULL
      WHEN p_hit >= 0.9 THEN 1
      WHEN p_hit >= 0.7 THEN 2
      WHEN p_hit >= 0.5 THEN 3
      WHEN p_hit >= 0.3 THEN 4
      ELSE 5
    END AS likelihood,
    CASE
      WHEN NOT known THEN NULL
      ELSE LEAST(
        5,
        CASE
          WHEN late_days <= 0 THEN 1
          WHEN late_days <= 5 THEN 2
          WHEN late_days <= 10 THEN 3
          WHEN late_days <= 20 THEN 4
          ELSE 5
        END + CASE WHEN needed THEN 1 ELSE 0 END
      )
    END AS impact
  FROM graded
)
SELECT
  project,
  milestone,
  title,
  likelihood * impact AS risk,
  CASE
    WHEN likelihood IS NULL THEN NULL
    WHEN likelihood * impact >= $red THEN 'red'
    WHEN likelihood * impact >= $amber THEN 'amber'
    ELSE 'green'
  END AS colour,
  likelihood,
  impact,
  p_hit,
  due_on,
  p85_on,
  late_days AS late_working_days,
  needed AS needed_by_others,
  overdue,
  COALESCE(likelihood * impact >= LEAST($amber, $red) OR overdue, overdue) AS at_risk
FROM placed
ORDER BY project NULLS LAST, milestone
