-- +++
-- help = "The milestones that are forecast, each as of a moment with the due date that held then: the open ones at as_of."
-- from = ["milestone"]
-- once = true
-- [params]
-- trials = { type = "int", default = 10000, min = 100, max = 100000, help = "futures that are played" }
-- +++
-- A metric that asks about other moments has a CTE of this name; milestone_outlook then answers for those.
SELECT
  milestone,
  $as_of AS at,
  due_on,
  $trials AS trials
FROM milestone
WHERE is_open
