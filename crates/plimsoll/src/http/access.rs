//! Who asks, and what they may: bearer tokens with scopes, and whose numbers a person may see.
//!
//! Invariants: a token is known by its hash only; a route that is not named here needs `read`; without any token in
//! the configuration everybody on loopback may do what they could before there were tokens.
//! Deliberately absent: sessions, cookies, passwords.

use axum::http::{HeaderMap, Method, StatusCode, header};
use chrono::Utc;
use engine::{Level, Metric};
use ring::digest::{SHA256, digest};
use surface::{Sight, SqlAccess, Wall, names_people};

use super::Parts;
use crate::config::{Config, Scope, Visibility};
use crate::people;
use crate::problem::Problem;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    scopes: Vec<Scope>,
    /// The person that the token is of.
    person: Option<String>,
    /// Whether a token said so.
    known: bool,
}

/// The scope that a route needs; `None` for those that tell nothing or have keys of their own.
fn needed(method: &Method, path: &str, config: &Config) -> Option<Scope> {
    match path {
        "/healthz" | "/readyz" => None,
        "/metrics" if config.http.metrics_open => None,
        "/api/v1/sql" => Some(Scope::Sql),
        // Chosen events and the numbers that come of them tell what the tables hold.
        _ if *method == Method::POST && path.starts_with("/api/v1/metrics/") => Some(Scope::Sql),
        "/api/v1/events" if *method == Method::POST => Some(Scope::Ingest),
        _ if path.starts_with("/webhooks/") => None,
        _ => Some(Scope::Read),
    }
}

/// # Errors
/// 401 for a missing or unknown token, 403 for one without the scope.
pub fn admit(config: &Config, method: &Method, path: &str, headers: &HeaderMap) -> Result<Caller, Problem> {
    if config.tokens.is_empty() {
        return Ok(Caller {
            scopes: vec![Scope::Read, Scope::Sql, Scope::Ingest],
            person: None,
            known: false,
        });
    }
    let caller = bearer(headers).map(|token| known(config, token));
    let Some(scope) = needed(method, path, config) else {
        let nobody = Caller { scopes: Vec::new(), person: None, known: false };
        return Ok(caller.flatten().unwrap_or(nobody));
    };
    let Some(caller) = caller else {
        return Err(Problem::unauthorized("this needs a token: send Authorization: Bearer TOKEN"));
    };
    let Some(caller) = caller else {
        return Err(Problem::unauthorized("the token is not known; 'plimsoll token new' makes one"));
    };
    if caller.has(scope) {
        return Ok(caller);
    }
    Err(Problem::forbidden(format!("the token lacks the scope {:?}", scope.as_str())))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Hashes are compared, so the time that it takes tells nothing about a token.
fn known(config: &Config, token: &str) -> Option<Caller> {
    let hash = hash(token);
    let found = config.tokens.iter().find(|known| known.hash.eq_ignore_ascii_case(&hash))?;
    Some(Caller::new(&found.scopes, &found.person))
}

/// What the configuration keeps of a token: SHA-256 in hex. Tokens are 256 random bits, so no salt is needed.
pub fn hash(token: &str) -> String {
    hex::encode(digest(&SHA256, token.as_bytes()))
}

impl Caller {
    /// Somebody who has proven who they are, on another surface; `person` is whose account it is, if anybody's.
    pub fn new(scopes: &[Scope], person: &str) -> Caller {
        let person = (!person.is_empty()).then(|| people::name(person));
        Caller { scopes: scopes.to_vec(), person, known: true }
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether this caller may write SQL, which reads every table.
    pub fn may_sql(&self, wall: &Wall) -> Result<SqlAccess, Problem> {
        wall.sql().ok_or_else(|| {
            Problem::forbidden(
                "sql over http is off here (http.sql, people.visibility, people.pseudonyms); use 'plimsoll sql' where the data is",
            )
        })
    }

    /// Whether SQL may name person-level metrics: a token with `sql` may read the tables that they come from.
    pub fn sees_people_in_sql(&self) -> bool {
        self.known && self.has(Scope::Sql)
    }

    /// Whether this caller may learn that a metric is there: that of single people only where they may see some of it.
    pub fn may_list(&self, config: &Config, metric: &Metric) -> bool {
        match (metric.level, config.people.visibility) {
            (Level::Team, _) | (Level::Person, Visibility::All) => true,
            (Level::Person, Visibility::None) => false,
            (Level::Person, Visibility::Own | Visibility::Lead) => {
                self.has(Scope::Admin) || (self.person.is_some() && names_people(metric))
            }
        }
    }

    /// # Errors
    /// 403 where the configuration keeps the metric from this caller.
    pub async fn sight(&self, config: &Config, parts: &Parts, metric: &Metric) -> Result<Sight, Problem> {
        let refused = |why: &str| {
            Err(Problem::forbidden(format!(
                "{} is about single people, {why}; ask it with 'plimsoll query {}' where the data is",
                metric.name, metric.name
            )))
        };
        let visibility = config.people.visibility;
        match (metric.level, visibility) {
            (Level::Team, _) | (Level::Person, Visibility::All) => return Ok(Sight::All),
            (Level::Person, Visibility::None) => {
                return refused("which people.visibility keeps off the network");
            }
            (Level::Person, Visibility::Own | Visibility::Lead) if self.known && self.has(Scope::Admin) => {
                return Ok(Sight::All);
            }
            (Level::Person, Visibility::Own | Visibility::Lead) => {}
        }
        let Some(person) = &self.person else {
            return refused("and people.visibility shows them only to tokens of a person");
        };
        if !names_people(metric) {
            return refused("and its rows do not say whose they are");
        }
        let engine = parts.engine.clone();
        let sql = sight_sql(person, visibility == Visibility::Lead);
        let rows = parts.compute(async move { engine.sql(&sql).await }).await?;
        let names = arrow::compute::cast(rows.column(0), &arrow::datatypes::DataType::Utf8)
            .map_err(|error| Problem::internal(&error.to_string()))?;
        let names = arrow::array::AsArray::as_string::<i32>(&names);
        Ok(Sight::Only(names.iter().flatten().map(str::to_owned).collect()))
    }
}

/// The person, by the name that metrics call them, and for a lead those who are in their teams now, or in teams below.
fn sight_sql(person: &str, leads: bool) -> String {
    let person = person.replace('\'', "''");
    let now = Utc::now().timestamp_micros();
    let current = format!(
        "from_at <= to_timestamp_micros({now}) AND (to_at IS NULL OR to_at > to_timestamp_micros({now}))"
    );
    let me = format!(
        "me AS (SELECT COALESCE(MAX(person), '{person}') AS person FROM person_of WHERE identity = '{person}')"
    );
    if !leads {
        return format!("WITH {me} SELECT person FROM me");
    }
    format!(
        "WITH {me}, led AS (\
           SELECT team.team FROM team LEFT JOIN person_of ON person_of.identity = team.lead \
           INNER JOIN me ON me.person = COALESCE(person_of.person, team.lead) WHERE NOT team.deleted \
           UNION SELECT person_membership.team FROM person_membership \
           INNER JOIN me ON me.person = person_membership.person WHERE LOWER(role) = 'lead' AND {current}) \
         SELECT person FROM me \
         UNION SELECT person_membership.person FROM person_membership \
         INNER JOIN led ON led.team = person_membership.team WHERE {current}"
    )
}

/// A 401 says how to come back.
pub fn challenge(problem: &Problem) -> Option<(header::HeaderName, header::HeaderValue)> {
    (problem.status == StatusCode::UNAUTHORIZED)
        .then(|| (header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Token;

    fn status(config: &Config, method: Method, path: &str, token: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        admit(config, &method, path, &headers).map_or_else(|problem| problem.status.as_u16(), |_| 200)
    }

    #[test]
    fn routes_deny_by_default() {
        let token = |name: &str, scopes: &[Scope]| Token {
            name: name.to_owned(),
            hash: hash(name),
            scopes: scopes.to_vec(),
            person: String::new(),
        };
        let mut config = Config::default();
        assert_eq!(status(&config, Method::POST, "/api/v1/sql", None), 200, "no tokens, as before");
        config.tokens = vec![
            token("r", &[Scope::Read]),
            token("s", &[Scope::Sql]),
            token("i", &[Scope::Ingest]),
            token("a", &[Scope::Admin]),
        ];
        for (method, path, allowed) in [
            (Method::GET, "/", "ra"),
            (Method::GET, "/api/v1/metrics/review_load", "ra"),
            (Method::GET, "/metrics", "ra"),
            (Method::GET, "/what/comes/next", "ra"),
            (Method::POST, "/api/v1/sql", "sa"),
            (Method::POST, "/api/v1/metrics/review_load", "sa"),
            (Method::POST, "/api/v1/metrics/review_load/range", "sa"),
            (Method::POST, "/api/v1/events", "ia"),
        ] {
            for name in ["r", "s", "i", "a"] {
                let expect = if allowed.contains(name) { 200 } else { 403 };
                assert_eq!(status(&config, method.clone(), path, Some(name)), expect, "{name} {path}");
            }
            assert_eq!(status(&config, method.clone(), path, None), 401, "{path}");
            assert_eq!(status(&config, method, path, Some("x")), 401, "{path}");
        }
        for path in ["/healthz", "/readyz", "/webhooks/github"] {
            assert_eq!(status(&config, Method::GET, path, None), 200, "{path}");
        }
        config.http.metrics_open = true;
        assert_eq!(status(&config, Method::GET, "/metrics", None), 200);
    }
}
