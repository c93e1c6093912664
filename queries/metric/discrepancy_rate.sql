-- +++
-- title = "Discrepancy rate"
-- help = "Share of polled tickets and milestones that were not as their events had said, and were corrected."
-- unit = "ratio"
-- level = "team"
-- labels = ["tool", "kind"]
-- value = "share"
-- section = "Data quality"
-- panel = "bargauge"
-- [params]
-- window_days = { type = "int", default = 28, min = 1, max = 366, help = "days up to as_of in which the items were last changed" }
-- +++
-- An item counts once for each of its changes after which it was polled. The tool is the source up to its colon.
SELECT
  split_part(source, ':', 1) AS tool,
  kind,
  COUNT(*) AS readings,
  COUNT(*) FILTER (WHERE corrected) AS corrections,
  ratio(COUNT(*) FILTER (WHERE corrected), COUNT(*)) AS share
FROM reading
WHERE read_at > days_before($as_of, $window_days)
  AND read_at <= $as_of
GROUP BY split_part(source, ':', 1), kind
ORDER BY tool, kind
