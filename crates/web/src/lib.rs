//! The HTTP server: routes over the wall, pages, webhooks, the Prometheus scrape, and Grafana's dashboards.
//!
//! The listener answers before the store is open: `/healthz` is 200 from the first moment and `/readyz` says when the
//! rest answers. What is asked is read below (`request`, `body`, `query_string`), answered by `api`, `pages` and their
//! kin, and put together in `router`. Deliberately absent: the configuration's file.

mod dashboard;

mod router;

mod access;
mod connections;
mod door;
mod origin;
mod paced;
mod pages;
mod turn;

mod api;
mod diff;
mod events;
mod explain;
mod openapi;
mod range;
mod reports;
mod webhooks;
mod what_if;

mod body;
mod prom;
mod query_string;
mod readiness;
mod request;
mod response;
mod room;

mod logs;
mod options;
mod series_cache;
mod site;
mod vendors;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use api::describe;
pub use dashboard::files as dashboards;
pub use door::Door;
pub use logs::{FeedView, Logs};
pub use options::{Options, Webhooks};
pub use site::Site;

/// Serves until `stop` is sent or dropped, then lets open requests end. Requests are answered on the threads of `answers`;
/// the caller's only read and write.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    site: Site,
    answers: Handle,
    stop: oneshot::Receiver<()>,
) {
    let connections_max = site.options.connections_max;
    connections::serve(listener, door, router::router(site), answers, connections_max, stop).await;
}
