-- +++
-- help = "The ISO weeks up to as_of, from 0 for the one that it is in: label, first moment, and whether the week is over."
-- from = []
-- once = true
-- +++
-- Weeks begin on Monday, UTC.
SELECT
  n,
  to_char(date_trunc('week', days_before($as_of, 7 * n)), '%G-W%V') AS label,
  date_trunc('week', days_before($as_of, 7 * n)) AS from_at,
  n > 0 AS complete
FROM (SELECT UNNEST(range(0, 107)) AS n) AS numbered
