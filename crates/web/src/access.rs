//! Which scope a route needs, and whose token a request carries.
//!
//! Invariant: a route that is not named here needs `read`. Deliberately absent: sessions, cookies, passwords.

use axum::http::{HeaderMap, Method, StatusCode, header};
use surface::{Access, Caller, Problem, Scope};

/// The scope that a route needs; `None` for those that tell nothing or have keys of their own.
fn needed(method: &Method, path: &str, metrics_open: bool) -> Option<Scope> {
    match path {
        "/healthz" | "/readyz" => None,
        "/metrics" if metrics_open => None,
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
pub fn admit(
    access: &Access,
    metrics_open: bool,
    (method, path, headers): (&Method, &str, &HeaderMap),
) -> Result<Caller, Problem> {
    if let Some(anybody) = access.anybody() {
        return Ok(anybody);
    }
    let caller = bearer(headers).map(|token| access.known(token));
    let Some(scope) = needed(method, path, metrics_open) else {
        return Ok(caller.flatten().unwrap_or_else(Caller::nobody));
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

/// A 401 says how to come back.
pub fn challenge(problem: &Problem) -> Option<(header::HeaderName, header::HeaderValue)> {
    (problem.status == StatusCode::UNAUTHORIZED)
        .then(|| (header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use surface::{Token, Visibility, hash};

    #[test]
    fn routes_deny_by_default() {
        let token = |name: &str, scopes: &[Scope]| Token {
            name: name.to_owned(),
            hash: hash(name),
            scopes: scopes.to_vec(),
            person: String::new(),
        };
        let mut access = Access { tokens: Vec::new(), visibility: Visibility::Lead };
        let status = |access: &Access, open, method: Method, path: &str, token: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(token) = token {
                headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            }
            let admitted = admit(access, open, (&method, path, &headers));
            admitted.map_or_else(|problem| problem.status.as_u16(), |_| 200)
        };
        assert_eq!(status(&access, false, Method::POST, "/api/v1/sql", None), 200, "no tokens, as before");
        access.tokens = vec![
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
                assert_eq!(status(&access, false, method.clone(), path, Some(name)), expect, "{name} {path}");
            }
            assert_eq!(status(&access, false, method.clone(), path, None), 401, "{path}");
            assert_eq!(status(&access, false, method, path, Some("x")), 401, "{path}");
        }
        for path in ["/healthz", "/readyz", "/webhooks/github"] {
            assert_eq!(status(&access, false, Method::GET, path, None), 200, "{path}");
        }
        assert_eq!(status(&access, true, Method::GET, "/metrics", None), 200);
    }
}
