-- +++
-- help = "The areas of each ticket: its components."
-- from = ["ticket"]
-- +++
SELECT
  ticket,
  UNNEST(components) AS area
FROM ticket
WHERE NOT deleted
