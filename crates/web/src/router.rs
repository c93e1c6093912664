//! The routes, and the guard that every request passes.
//!
//! Every request has a time limit, a place among a bounded number, and a panic barrier. Whether it may be served at all is
//! decided by `origin` and `access`. Deliberately absent: TLS and CORS.

use std::any::Any;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use surface::Problem;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::connections::is_vital;
use crate::options::Options;
use crate::site::Site;
use crate::turn::Turn;
use crate::{
    access, api, diff, events, explain, openapi, origin, pages, range, readiness, reports, webhooks, what_if,
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
        .route("/webhooks/gitea", post(webhooks::gitea))
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
async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let wants_page = pages::wants_page(request.headers());
    let response = answered(&site, request, next).await.unwrap_or_else(|problem| {
        let challenge = access::challenge(&problem, wants_page);
        let mut response = problem.into_response();
        response.headers_mut().extend(challenge);
        response
    });
    pages::for_browser(wants_page, response)
}

async fn answered(site: &Site, mut request: Request, next: Next) -> Result<Response, Problem> {
    let options = &site.options;
    origin::admit(&options.hosts, &request)?;
    let caller = access::admit(&site.app.access, options.metrics_open, &request)?;
    request.extensions_mut().insert(caller);
    // Health answers even when every place is taken: it says that the process lives.
    if is_vital(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let turn = Turn::of(&request, &site.places);
    // A POST takes its turn when its body is there (`body`).
    if request.method() != Method::POST {
        turn.take()?;
    }
    request.extensions_mut().insert(turn.clone());
    let answer = async { turn.holds(next.run(request).await, &site.answers).await };
    // Not a layer of tower-http, whose answer has no body to say what took too long and which key to set.
    tokio::time::timeout(options.request_timeout, answer).await.map_err(|_| timed_out(options))?
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
}
