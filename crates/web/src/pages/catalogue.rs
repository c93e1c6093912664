//! `/catalogue`: every metric by section, in words, with a filter; and the files that are not in force as they stand.

use axum::response::Response;
use engine::{Level, Metric};
use maud::{Markup, html};

use super::layout::{Page, Stamp};
use super::visit::Visit;
use super::words;
use crate::request::Visitor;
use surface::Problem;

/// Sections in the order of what a lead looks for; others follow by name.
const SECTIONS: [&str; 4] = ["Review load", "Milestone drift", "Delegation balance", "Flow"];

pub async fn page(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let catalogue = visit.parts.engine.catalogue();
    let mut metrics: Vec<&Metric> = catalogue.metrics.iter().collect();
    metrics.sort_by_key(|metric| place(metric));
    let main = html! {
        h1 { "Metrics" }
        p.lead { (words::count(metrics.len(), "metric", "metrics")) ", each one SQL file with its chart, table, definition and API." }
        p.field hidden {
            label for="filter" { "Filter " span.soft aria-live="polite" id="filter-told" {} }
            input id="filter" type="search" autocomplete="off" data-filters="[data-metric]" data-tells="filter-told";
        }
        @for of_section in metrics.chunk_by(|a, b| a.section == b.section) { (section(&visit, of_section)) }
        (problems(&visit))
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Metrics", here: "/catalogue", path: "/catalogue", moment: true, stamp, main }
        .response(&visit))
}

/// The metric that a section is named after comes first in it.
fn place(metric: &Metric) -> (usize, &str, bool, &str) {
    let section = metric.section.as_str();
    let known = SECTIONS.iter().position(|known| *known == section).unwrap_or(SECTIONS.len());
    (known, section, metric.title != section, &metric.title)
}

fn section(visit: &Visit<'_>, metrics: &[&Metric]) -> Markup {
    html! {
        section data-group="" {
            h2 { (metrics[0].section) }
            ul.panel.list {
                @for metric in metrics {
                    li data-metric="" {
                        a href=(visit.lens.link(&format!("/metric/{}", metric.name), &[])) { (metric.title) }
                        @if metric.level == Level::Person { " " span.chip { "about single people" } }
                        p.soft { (metric.help) " " code { (metric.name) } }
                    }
                }
            }
        }
    }
}

fn problems(visit: &Visit<'_>) -> Markup {
    let problems = visit.app.catalogue_problems();
    html! {
        @if !problems.is_empty() {
            section aria-labelledby="problems" {
                h2 id="problems" { "Files that are not in force as they stand" }
                ul.panel.list {
                    @for problem in problems.iter() {
                        li { code { (problem.file) ":" (problem.line) } p { (words::sentence(&problem.message)) } }
                    }
                }
            }
        }
    }
}
