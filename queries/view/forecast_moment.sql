-- +++
-- help = "The milestones that are forecast, each as of a moment with the due date that held then: the open ones at as_of."
-- from = ["milestone"]
-- once = true
-- [params]
-- trials = { type = "int", default = 10000, min = 100, max = 100000, help = "futures that are played" }
-- +++
-- Who asks about other moments reads milestone_outlook(cte), where the CTE has these columns.
SELECT
  milestone,
  $as_of AS at,
  due_on,
  $trials AS trials
FROM milestone
WHERE is_open
