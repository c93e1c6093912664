-- +++
-- title = "Reallocation"
-- help = "Work of over-committed people that has not begun, with up to three people of their team who could take it."
-- unit = "points"
-- level = "person"
-- labels = ["team", "ticket", "suggested"]
-- people = ["suggested", "holder", "supporter"]
-- value = "fit"
-- section = "Delegation balance"
-- panel = "table"
-- shared_params = ["expert_min", "horizon_days", "over"]
-- [params]
-- mode = { type = "text", default = "expert", help = "expert prefers who knows the area; growth prefers who does not, and names a supporter who does" }
-- suggestions_max = { type = "int", default = 3, min = 1, max = 20, help = "most people suggested for a ticket" }
-- +++
-- fit = affinity x spare / (spare + need) x presence, each printed; in growth mode (1 - affinity) takes the place of affinity.
-- Who is over-committed, spare points and presence are those of delegation_overcommitment: spare is the usual throughput
-- over the horizon times presence, less what is due. Affinity is that of stretch_share, the highest of the ticket's
-- components. Movable is open work of one assignee that is due and not in progress. A suggestion, never an assignment.
WITH capacity_left AS (
  SELECT
    team,
    person,
    COALESCE(due_units, 0) AS due_units,
    CAST(COALESCE(weekly_units, 0) AS DOUBLE) * $horizon_days / 7 * presence AS able_units,
    presence
  FROM commitment
  WHERE is_member
),
movable AS (
  SELECT
    share.team,
    share.person,
    share.key_hash,
    ticket.ticket,
    share.point_units AS need_units
  FROM commitment_share AS share
  INNER JOIN ticket ON ticket.key_hash = share.key_hash
  INNER JOIN capacity_left ON capacity_left.team = share.team AND capacity_left.person = share.person
  WHERE share.is_open
    AND share.unit = equal_share(1)
    AND COALESCE(ticket.status_category, 'todo') <> 'in_progress'
    AND capacity_left.able_units > 0
    AND CAST(capacity_left.due_units AS DOUBLE) > $over * capacity_left.able_units
),
known AS (
  SELECT
    movable.key_hash,
    affinity.person,
    MAX(affinity.affinity) AS affinity
  FROM (SELECT DISTINCT key_hash, ticket FROM movable) AS movable
  INNER JOIN ticket_area ON ticket_area.ticket = movable.ticket
  INNER JOIN area_affinity AS affinity ON affinity.area = ticket_area.area
  GROUP BY movable.key_hash, affinity.person
),
candidate AS (
  SELECT
    movable.team,
    movable.key_hash,
    movable.ticket,
    movable.person AS holder,
    movable.need_units,
    capacity_left.person,
    COALESCE(known.affinity, 0.0) AS affinity,
    GREATEST(capacity_left.able_units - capacity_left.due_units, 0.0) AS spare_units,
    capacity_left.presence
  FROM movable
  INNER JOIN capacity_left ON capacity_left.team = movable.team AND capacity_left.person <> movable.person
  LEFT JOIN known ON known.key_hash = movable.key_hash AND known.person = capacity_left.person
),
fitted AS (
  SELECT
    team,
    key_hash,
    ticket,
    holder,
    person,
    affinity,
    spare_units,
    need_units,
    presence,
    CASE WHEN $mode = 'growth' THEN 1 - affinity ELSE affinity END
    * spare_units / NULLIF(spare_units + need_units, 0) * presence AS fit
  FROM candidate
),
ranked AS (
  SELECT
    team,
    key_hash,
    ticket,
    holder,
    person,
    affinity,
    spare_units,
    need_units,
    presence,
    fit,
    ROW_NUMBER() OVER (PARTITION BY team, key_hash ORDER BY fit DESC, person) AS rank
  FROM fitted
  WHERE fit > 0
),
supporter AS (
  SELECT
    candidate.team,
    candidate.key_hash,
    candidate.person,
    candidate.affinity
  FROM candidate
  WHERE candidate.affinity >= $expert_min
),
supported AS (
  SELECT
    ranked.team,
    ranked.key_hash,
    ranked.person,
    FIRST_VALUE(supporter.person ORDER BY supporter.affinity DESC, supporter.person) AS supporter
  FROM ranked
  INNER JOIN supporter
    ON supporter.team = ranked.team
    AND supporter.key_hash = ranked.key_hash
    AND supporter.person <> ranked.person
  GROUP BY ranked.team, ranked.key_hash, ranked.person
)
SELECT
  ranked.team,
  ranked.ticket,
  ranked.person AS suggested,
  ROUND(ranked.fit, 6) AS fit,
  ranked.holder,
  ROUND(ranked.affinity, 6) AS affinity,
  units_to_points(ranked.spare_units) AS spare_points,
  units_to_points(ranked.need_units) AS need_points,
  ROUND(ranked.presence, 6) AS presence,
  CASE WHEN $mode = 'growth' THEN supported.supporter END AS supporter
FROM ranked
LEFT JOIN supported
  ON supported.team = ranked.team
  AND supported.key_hash = ranked.key_hash
  AND supported.person = ranked.person
WHERE ranked.rank <= $suggestions_max
ORDER BY ranked.team, ranked.ticket, ranked.rank
