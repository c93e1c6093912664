//! The routes, and the guard that every request passes.
//!
//! Every request has a time limit, a place among a bounded number, and a panic barrier; only loopback and configured
//! host names are served, which stops DNS rebinding. Deliberately absent: TLS and CORS.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use surface::Problem;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::options::Options;
use crate::site::Site;
use crate::{
    access, api, diff, events, explain, openapi, pages, range, readiness, reports, webhooks, what_if,
};

pub fn router(site: Site) -> Router {
    Router::new()
        .merge(pages::routes())
        .route("/api/v1/metrics", get(api::metrics))
        .route("/api/v1/metrics/{name}", get(api::metric).post(what_if::metric))
        .route("/api/v1/metrics/{name}/explain", get(explain::explain))
        .route("/api/v1/metrics/{name}/range", get(range::range).post(what_if::range))
        .route("/api/v1/diff", get(diff::diff))
        .route("/api/v1/sql", post(api::sql))
        .route("/api/v1/events", post(events::post))
        .route("/webhooks/github", post(webhooks::github))
        .route("/webhooks/gitlab", post(webhooks::gitlab))
        .route("/webhooks/jira", post(webhooks::jira))
        .route("/webhooks/gerrit/{secret}", post(webhooks::gerrit))
        .route("/report/weekly", get(reports::weekly))
        .route("/report/roadmap", get(reports::roadmap))
        .route("/metrics", get(api::prometheus))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/openapi.json", get(openapi::document))
        .fallback(async |request: Request| {
            let path = surface::output::printable(request.uri().path());
            Problem::new(StatusCode::NOT_FOUND, "not-found", format!("nothing at {path}; see /"))
        })
        .method_not_allowed_fallback(async |request: Request| {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                format!("{} is not answered here; see the Allow header", request.method()),
            )
        })
        .layer(DefaultBodyLimit::disable()) // `body` bounds them
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(site.clone(), guard))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        // Files that never change say so themselves.
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(site)
}

async fn readyz(State(site): State<Site>) -> Response {
    readiness::answer(&site).into_response()
}

/// Every request passes here, the refused ones too.
async fn guard(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    // Health answers even when every place is taken: it says that the process lives.
    let vital = matches!(request.uri().path(), "/healthz" | "/readyz");
    let wants_page = pages::wants_page(request.headers());
    let place = site.places.try_acquire();
    let options = &site.options;
    let admitted = admissible(options, &request).and_then(|()| {
        let asked = (request.method(), request.uri().path(), request.headers());
        access::admit(&site.app.access, options.metrics_open, asked)
    });
    let response = if let Err(problem) = admitted.map(|caller| request.extensions_mut().insert(caller)) {
        let challenge = access::challenge(&problem);
        let mut response = problem.into_response();
        response.headers_mut().extend(challenge);
        response
    } else if place.is_err() && !vital {
        Problem::unavailable("busy", "the server has as many requests as it takes; try again").into_response()
    } else {
        // Not a layer of tower-http, whose answer has no body to say what took too long and which key to set.
        match tokio::time::timeout(options.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => timed_out(options).into_response(),
        }
    };
    pages::for_browser(wants_page, response)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal("a request handler panicked").into_response()
}

fn timed_out(options: &Options) -> Problem {
    let limit_ms = options.request_timeout.as_millis();
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "timeout",
        format!("the request took longer than {limit_ms} ms (limits.request_timeout_ms)"),
    )
}

fn admissible(options: &Options, request: &Request) -> Result<(), Problem> {
    if let Some(host) = request.headers().get(header::HOST) {
        let known = host.to_str().is_ok_and(|host| is_own_host(host, &options.hosts));
        if !known {
            return Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "unknown-host",
                "the Host header names no host of this server; add it to http.hosts if a proxy sends it",
            ));
        }
    }
    let cross_site =
        request.headers().get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site");
    if cross_site && request.method() == Method::POST {
        return Err(Problem::forbidden("posts from pages of other sites are refused"));
    }
    Ok(())
}

/// Loopback names and addresses with any port, and the configured names.
fn is_own_host(host: &str, configured: &[String]) -> bool {
    let name = if host.parse::<IpAddr>().is_ok() {
        host
    } else if let Some(inner) = host.strip_prefix('[') {
        inner.split(']').next().unwrap_or_default()
    } else {
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    };
    let loopback = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    loopback
        || name.eq_ignore_ascii_case("localhost")
        || configured.iter().any(|own| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_is_a_problem() {
        async fn fails() -> &'static str {
            panic!("on purpose")
        }
        let router: Router = Router::new().route("/", get(fails)).layer(CatchPanicLayer::custom(panicked));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn only_own_hosts_are_served() {
        let configured = ["plimsoll.example.com".to_owned()];
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8080",
            "[::1]",
            "plimsoll.example.com",
            "plimsoll.example.com:443",
        ] {
            assert!(is_own_host(host, &configured), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "[",
            "[::2]:80",
        ] {
            assert!(!is_own_host(host, &configured), "{host}");
        }
    }
}
