-- +++
-- title = "Delegation balance"
-- help = "How open assigned work spreads over each team's people, and how much of the critical work its lead keeps."
-- unit = "ratio"
-- level = "team"
-- labels = ["team"]
-- value = "gini"
-- section = "Delegation balance"
-- panel = "bargauge"
-- [params]
-- critical = { type = "text", default = "blocker,critical,highest,p0,security,urgent", help = "priorities and labels, in lower case and separated by commas, that make a ticket critical, however it writes them" }
-- delegated_days = { type = "int", default = 28, min = 1, max = 366, help = "days in which the lead's handing over of critical work counts as delegated" }
-- lead_factor = { type = "float", default = 2.0, min = 1, max = 100, help = "a lead keeps too much with more than this multiple of a fair share of the critical work" }
-- +++
-- A ticket splits equally over its human assignees, in 720720ths (the least number that 1 to 16 divide). An unestimated
-- ticket takes the median estimate of the team's open tickets; a team without estimates is weighed by tickets.
-- Goals are not tickets here. Somebody in two teams counts in both. Open work without any estimate has no points: NULL.
-- The lead's share is of critical tickets, not points. The lead is whom the team names, else its members with the role
-- lead; a lead who is not a member at $as_of has no share.
WITH lead AS (
  SELECT
    roster.team,
    roster.person
  FROM assignee_work AS roster
  LEFT JOIN team ON team.team = roster.team
  LEFT JOIN person_of ON person_of.identity = team.lead
  LEFT JOIN team_member ON team_member.team = roster.team AND team_member.person = roster.person
  WHERE COALESCE(COALESCE(person_of.person, team.lead) = roster.person, team_member.is_lead)
),
critical_share AS (
  SELECT
    share.team,
    share.person,
    share.key_hash,
    share.unit,
    lead.person IS NOT NULL AS is_lead
  FROM open_share AS share
  LEFT JOIN lead ON lead.team = share.team AND lead.person = share.person
  WHERE COALESCE(array_has(string_to_array($critical, ','), LOWER(share.priority)), FALSE)
    OR COALESCE(
      array_has_any(string_to_array(LOWER(array_to_string(share.labels, chr(31))), chr(31)), string_to_array($critical, ',')),
      FALSE
    )
),
critical AS (
  SELECT
    team,
    COUNT(DISTINCT key_hash) AS tickets,
    SUM(unit) AS units,
    SUM(unit) FILTER (WHERE is_lead) AS lead_units
  FROM critical_share
  GROUP BY team
),
delegated AS (
  SELECT
    lead.team,
    COUNT(DISTINCT critical_share.key_hash) AS tickets
  FROM lead
  INNER JOIN person_assignment ON person_assignment.person = lead.person
  INNER JOIN critical_share
    ON critical_share.key_hash = person_assignment.key_hash
    AND critical_share.team = lead.team
    AND NOT critical_share.is_lead
  WHERE person_assignment.to_at > days_before($as_of, $delegated_days)
    AND person_assignment.to_at <= $as_of
  GROUP BY lead.team
),
led AS (
  SELECT DISTINCT team FROM lead
),
balance AS (
  SELECT
    team,
    COUNT(*) AS people,
    SUM(ticket_units) AS ticket_units,
    CASE WHEN COUNT(point_units) = COUNT(*) THEN SUM(point_units) END AS point_units,
    SUM(imputed_units) AS imputed_units,
    SUM(unestimated) AS unestimated,
    gini(weight) AS gini,
    hhi(weight) AS hhi,
    effective_count(weight) AS effective_owners,
    top_share(weight) AS top_share
  FROM assignee_work
  GROUP BY team
),
kept AS (
  SELECT
    critical.team,
    critical.tickets,
    CASE WHEN led.team IS NOT NULL THEN CAST(COALESCE(critical.lead_units, 0) AS DOUBLE) / critical.units END AS lead_share
  FROM critical
  LEFT JOIN led ON led.team = critical.team
)
SELECT
  balance.team,
  balance.people,
  units_to_tickets(balance.ticket_units) AS open_tickets,
  units_to_points(balance.point_units) AS open_points,
  ROUND(balance.gini, 6) AS gini,
  ROUND(balance.hhi, 6) AS hhi,
  ROUND(balance.effective_owners, 6) AS effective_owners,
  ROUND(balance.top_share, 6) AS top_share,
  ROUND(kept.lead_share, 6) AS lead_critical_share,
  balance.effective_owners * 2 < balance.people AS concentrated,
  kept.lead_share * balance.people > $lead_factor AS lead_keeps_too_much,
  COALESCE(kept.tickets, 0) AS critical_tickets,
  COALESCE(delegated.tickets, 0) AS lead_delegated,
  balance.unestimated,
  ratio(balance.imputed_units, balance.point_units) AS imputed_share
FROM balance
LEFT JOIN kept ON kept.team = balance.team
LEFT JOIN delegated ON delegated.team = balance.team
ORDER BY balance.team
