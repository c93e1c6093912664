-- +++
-- help = "Tickets with the teams of their assignees: the memberships that held when the ticket was done, or hold at as_of."
-- from = ["ticket_flow", "tree_parent", "person_of", "person_membership"]
-- +++
-- A ticket counts once for each team that has an assignee in it, and for '(none)' when no assignee has a team.
-- Goals and deleted tickets are left out. A ticket whose descendants have points has none to count, `summed` says so.
WITH assigned AS (
  SELECT
    key_hash,
    COALESCE(done_at, $as_of) AS at,
    UNNEST(assignees) AS person
  FROM ticket_flow
  WHERE NOT deleted
    AND kind IS DISTINCT FROM 'goal'
),
of_team AS (
  SELECT DISTINCT
    assigned.key_hash,
    person_membership.team
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  INNER JOIN person_membership
    ON person_membership.person = COALESCE(person_of.person, assigned.person)
    AND holds_at(person_membership.from_at, person_membership.to_at, assigned.at)
)
SELECT
  COALESCE(of_team.team, '(none)') AS team,
  ticket_flow.key_hash,
  ticket_flow.ticket,
  ticket_flow.kind,
  CASE WHEN tree_parent.ticket IS NULL THEN ticket_flow.points_hundredths ELSE 0 END AS points_hundredths,
  tree_parent.ticket IS NOT NULL AS summed,
  ticket_flow.milestone,
  ticket_flow.status_category,
  ticket_flow.created_at,
  ticket_flow.started_at,
  ticket_flow.done_at,
  ticket_flow.ending,
  ticket_flow.active_ms,
  ticket_flow.active_since,
  ticket_flow.reopens,
  ticket_flow.is_open
FROM ticket_flow
LEFT JOIN of_team ON of_team.key_hash = ticket_flow.key_hash
LEFT JOIN tree_parent ON tree_parent.ticket = ticket_flow.ticket
WHERE NOT ticket_flow.deleted
  AND ticket_flow.kind IS DISTINCT FROM 'goal'
