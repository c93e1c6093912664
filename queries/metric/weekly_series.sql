-- +++
-- title = "Weekly figures"
-- help = "What each team did in each week, as signals judges it: tickets and points done, changes merged, reviews, hours to a response."
-- unit = "per week"
-- level = "team"
-- labels = ["team", "series", "week"]
-- value = "value"
-- section = "Flow"
-- panel = "timeseries"
-- [params]
-- weeks = { type = "int", default = 12, min = 1, max = 105, help = "weeks listed, the one that as_of is in included" }
-- +++
-- `response_hours` is a median and has no value in weeks with too few responses, which are left out.
SELECT
  team_week.team,
  team_week.series,
  team_week.week,
  ROUND(team_week.value, 2) AS value,
  team_week.complete
FROM team_week
INNER JOIN week ON week.label = team_week.week AND week.n < $weeks
ORDER BY team_week.team, team_week.series, team_week.week
