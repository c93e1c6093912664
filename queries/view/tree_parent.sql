-- +++
-- help = "The tickets whose points are those of their descendants: their own are shown and not added."
-- from = ["tree_span"]
-- +++
SELECT ticket
FROM tree_span
WHERE to_at IS NULL
