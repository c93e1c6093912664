-- +++
-- help = "The time zone of each milestone's days: that of the team that answers for it, else of the team that its project is named after, else UTC."
-- from = ["milestone", "team_zone"]
-- once = true
-- +++
SELECT
  milestone.key_hash,
  milestone.milestone,
  COALESCE(of_team.timezone, of_project.timezone, 'UTC') AS timezone
FROM milestone
LEFT JOIN team_zone AS of_team ON of_team.team = milestone.team
LEFT JOIN team_zone AS of_project ON of_project.team = milestone.project
