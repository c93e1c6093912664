-- +++
-- title = "Reviewer load"
-- help = "Open review requests of each reviewer, what they weigh, and whether two of three signs of overload (many, over budget, old) held on the last working days."
-- unit = "reviews"
-- level = "person"
-- labels = ["team", "reviewer"]
-- people = ["reviewer"]
-- value = "open_reviews"
-- section = "Review load"
-- panel = "table"
-- +++
-- Rows: members of each team at $as_of, and reviewers without a team under '(none)': who has an open request or has
-- finished a review lately. Somebody in two teams counts in both. A change without a count of both added and deleted
-- lines has no known size: it weighs nothing and is counted in `unsized`; of such changes only, the hours are NULL.
-- Ages are wall-clock time, drafts left out; a request on a draft is open. The signs are looked for at $as_of (on a
-- weekend, at that time on Friday) and on the weekdays before, each with the requests open then, the members of
-- $as_of and the sizes known at $as_of. Old is older than that percentile of the requests that were answered for the team.
SELECT
  team,
  person AS reviewer,
  open_reviews,
  ms_to_hours(weight_ms) AS weighted_hours,
  ratio(open_reviews, GREATEST(1, median_open)) AS relative_load,
  ms_to_hours(oldest_ms) AS oldest_age_hours,
  overloaded,
  ROUND(CAST(weight_ms AS DOUBLE) / hours_to_ms(1) / $budget_hours, 6) AS budget_ratio,
  median_open AS team_median_open,
  ms_to_hours(old_ms) AS team_old_hours,
  unsized
FROM reviewer_state
ORDER BY team, person
