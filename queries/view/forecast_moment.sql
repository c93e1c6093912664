-- +++
-- help = "The milestones that are forecast, each as of a moment with the due date that held then: the open ones at as_of."
-- from = ["milestone"]
-- +++
-- A metric that asks about other moments has a CTE of this name; milestone_outlook then answers for those.
SELECT
  milestone,
  $as_of AS at,
  due_on
FROM milestone
WHERE is_open
