//! What a metric means: its SQL, its hash, and the views that it reads; `/view/{name}` shows one of these.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::MetricVisit;
use crate::pages::layout::{Page, Stamp};
use crate::request::Visitor;
use surface::Problem;
use surface::output;

pub fn section(asked: &MetricVisit<'_>) -> Markup {
    let (metric, lens) = (&asked.metric, &asked.visit.lens);
    let catalogue = asked.visit.parts.engine.catalogue();
    let views = catalogue.views_of(&metric.name);
    html! {
        section aria-labelledby="definition" {
            h2 id="definition" { "Definition" }
            p { "The hash " code { (catalogue.definition(metric)) } " changes with this SQL, with that of a view it reads, and with a default." }
            @if !views.is_empty() {
                p { "Views that it reads: "
                    @for (n, view) in views.iter().enumerate() {
                        @if n > 0 { ", " }
                        a href=(lens.link(&format!("/view/{}", view.name), &[])) { (view.name) }
                    }
                    "."
                }
            }
            details {
                summary { "SQL" }
                pre.sql tabindex="0" aria-label="SQL of the metric" { code { (metric.sql) } }
            }
        }
    }
}

/// `GET /view/{name}`.
pub async fn view(visitor: Visitor, Path(name): Path<String>) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let catalogue = visit.parts.engine.catalogue();
    let view = catalogue.view(&name).ok_or_else(|| {
        let name = output::printable(&name);
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-view",
            format!("no view named '{name}'; the page of a metric lists those that it reads"),
        )
    })?;
    let readers = catalogue
        .metrics
        .iter()
        .filter(|metric| catalogue.views_of(&metric.name).iter().any(|v| v.name == name));
    let main = html! {
        p.eyebrow { "View" }
        h1 { (view.name) }
        p.lead { (view.help) }
        p {
            @if view.is_shared() { "Shared by the metrics that read it, and computed where it is read." }
            @else { "Kept up to date: when an event arrives, all events of its " (view.key.join(", ")) " are folded again." }
        }
        p { "Reads: "
            @for (n, from) in view.from.iter().enumerate() {
                @if n > 0 { ", " }
                @if catalogue.view(from).is_some() { a href=(visit.lens.link(&format!("/view/{from}"), &[])) { (from) } } @else { (from) }
            }
            "."
        }
        p { "Read by: "
            @for (n, metric) in readers.enumerate() {
                @if n > 0 { ", " }
                a href=(visit.lens.link(&format!("/metric/{}", metric.name), &[])) { (metric.title) }
            }
            "."
        }
        pre.sql tabindex="0" aria-label="SQL of the view" { code { (view.sql) } }
    };
    let (stamp, path) = (Stamp::board(&visit), format!("/view/{name}"));
    Ok(Page { title: &name, here: "/catalogue", path: &path, moment: true, stamp, main }.response(&visit))
}
