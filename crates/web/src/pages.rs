//! The pages that `serve` and `demo` show to a browser, rendered on the server.
//!
//! A page reads results through its `Visit`, which applies `access` and the wall; templates escape all
//! text. One script and one style sheet are served from here and nothing from elsewhere (`assets`); what takes long
//! comes as a part that the script loads, and as a page of its own without it.
//! Deliberately absent: sessions, cookies, stored state, and a page that a file of the catalogue would need code for.

mod layout;
mod visit;

mod catalogue;
mod data;
mod metric;
mod milestone;
mod milestones;
mod overview;
mod reviews;

mod assets;
mod compress;
mod figure;
mod lens;
mod refusal;
mod risk;
mod rows;
mod table;
mod words;

use axum::Router;
use axum::middleware::map_request;
use axum::routing::get;

use crate::site::Site;

pub use refusal::{for_browser, wants_page};

/// Every page and what it loads.
pub fn routes() -> Router<Site> {
    Router::new()
        .route("/", get(overview::page))
        .route("/overview/{part}", get(overview::part))
        .route("/reviews", get(reviews::page))
        .route("/milestones", get(milestones::page))
        .route("/milestone/{id}", get(milestone::page))
        .route("/milestone/{id}/{part}", get(milestone::part))
        .route("/catalogue", get(catalogue::page))
        .route("/metric/{name}", get(metric::page))
        .route("/metric/{name}/over-time", get(metric::over_time))
        .route("/metric/{name}/explain", get(metric::explain))
        .route("/view/{name}", get(metric::view))
        .route("/data", get(data::page))
        .route("/data/sources", get(data::part))
        .route("/assets/{hash}/{name}", get(assets::get))
        .layer(compress::layer())
        .layer(map_request(async |request| compress::simplify(request)))
}
