-- +++
-- help = "The milestones that each ticket is in: its milestone, such as a fix version, and its sprint. One row for each."
-- from = ["milestone_work"]
-- +++
SELECT
  key_hash,
  ticket,
  milestone
FROM milestone_work
WHERE is_current
  AND milestone IS NOT NULL
