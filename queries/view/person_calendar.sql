-- +++
-- help = "The calendar of each person: time zone, working hours of each weekday as JSON, and stretches away."
-- from = ["person"]
-- +++
SELECT
  person,
  timezone,
  CAST(NULL AS VARCHAR) AS hours,
  arrow_cast(NULL, 'List(Struct("from_at": Timestamp(Microsecond, Some("UTC")), "to_at": Timestamp(Microsecond, Some("UTC"))))') AS away
FROM person
