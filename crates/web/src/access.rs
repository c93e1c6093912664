//! Which scope a route needs, and whose token a request carries.
//!
//! Invariants: a route that is not named here needs `read`; where there are no tokens, whoever a proxy lets in may do
//! nothing that would need one. A browser sends its token as the password of HTTP's own log-in.
//! Deliberately absent: sessions, cookies, passwords of people.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use surface::{Access, Caller, Problem, Scope};

use crate::origin;

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
/// 401 for a missing or unknown token, 403 for one without the scope, and for who is not on this machine where there are
/// no tokens.
pub fn admit(access: &Access, metrics_open: bool, request: &Request) -> Result<Caller, Problem> {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    let needed = needed(method, path, metrics_open);
    if let Some(anybody) = access.anybody() {
        if needed.is_some() && !origin::is_direct(headers) {
            return Err(Problem::forbidden(
                "this server has no tokens, so it answers this machine alone; make one with 'plimsoll token new NAME'",
            ));
        }
        return Ok(anybody);
    }
    let caller = token(headers).map(|token| access.known(&token));
    let Some(scope) = needed else {
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

/// `Bearer TOKEN` of programs, or the password of `Basic`, under any name, of browsers.
fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(given.trim().to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(given.trim()).ok())??;
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// A 401 says how to come back. Only who wants a page is asked to log in.
pub fn challenge(problem: &Problem, wants_page: bool) -> Option<(header::HeaderName, header::HeaderValue)> {
    let how = if wants_page { r#"Basic realm="Plimsoll: any name, a token as password""# } else { "Bearer" };
    (problem.status == StatusCode::UNAUTHORIZED)
        .then(|| (header::WWW_AUTHENTICATE, header::HeaderValue::from_static(how)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use surface::{Token, Visibility, hash};

    fn status(
        access: &Access,
        metrics_open: bool,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
    ) -> u16 {
        let host = if headers.iter().any(|(name, _)| *name == "host") { None } else { Some("localhost") };
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in host.map(|host| ("host", host.to_owned())).iter().chain(headers) {
            request = request.header(*name, value);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        admit(access, metrics_open, &request).map_or_else(|problem| problem.status.as_u16(), |_| 200)
    }

    #[test]
    fn without_tokens_only_this_machine_is_answered() {
        let access = Access { tokens: Vec::new(), visibility: Visibility::Lead };
        let passed_on = [
            ("host", "plimsoll.example.com".to_owned()),
            ("x-forwarded-for", "192.0.2.1".to_owned()),
            ("forwarded", "for=192.0.2.1".to_owned()),
        ];
        for (method, path, open) in [
            (Method::GET, "/", false),
            (Method::GET, "/metrics", false),
            (Method::POST, "/api/v1/sql", false),
            (Method::POST, "/api/v1/events", false),
            (Method::GET, "/healthz", true),
            (Method::GET, "/readyz", true),
            (Method::POST, "/webhooks/github", true),
        ] {
            for header in &passed_on {
                let expect = if open { 200 } else { 403 };
                let status = status(&access, false, method.clone(), path, std::slice::from_ref(header));
                assert_eq!(status, expect, "{path} {header:?}");
            }
            assert_eq!(status(&access, false, method, path, &[]), 200, "{path}");
        }
        assert_eq!(status(&access, true, Method::GET, "/metrics", &passed_on[1..]), 200, "it is open");
    }

    #[test]
    fn browsers_send_a_token_as_a_password() {
        let header = |value: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            token(&headers)
        };
        assert_eq!(header("bearer plm_1".to_owned()).as_deref(), Some("plm_1"));
        assert_eq!(header(format!("Basic {}", BASE64.encode("me:plm_1"))).as_deref(), Some("plm_1"));
        for wrong in ["Basic plm_1", "Basic bWU=", "Digest plm_1", "plm_1"] {
            assert_eq!(header(wrong.to_owned()), None, "{wrong}");
        }
    }

    #[test]
    fn routes_deny_by_default() {
        let token = |name: &str, scopes: &[Scope]| Token {
            name: name.to_owned(),
            hash: hash(name),
            secret: String::new(),
            scopes: scopes.to_vec(),
            person: String::new(),
        };
        let mut access = Access { tokens: Vec::new(), visibility: Visibility::Lead };
        let status = |access: &Access, open, method: Method, path: &str, token: Option<&str>| {
            let token = token.map(|token| ("authorization", format!("Bearer {token}")));
            status(access, open, method, path, token.as_slice())
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
