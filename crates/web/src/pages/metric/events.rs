//! `/metric/{name}/explain`: the events that rows of a metric rest on, each with a link to where it happened.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use crate::explain;
use crate::pages::layout::{Page, Stamp};
use crate::pages::lens::outside;
use crate::pages::rows::Rows;
use crate::pages::table;
use crate::pages::visit::Filter;
use crate::pages::words;
use crate::request::{MetricName, Visitor, metric_of};
use surface::Problem;

/// Events on the page; the API lists more.
const EVENTS: usize = 100;

pub async fn page(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    let metric = metric_of(visitor.site.app.parts()?, name)?;
    let params = metric.params.iter().map(|param| param.name.as_str());
    let known: Vec<&str> = metric.labels.iter().map(String::as_str).chain(params).collect();
    let (visit, mut given) = visitor.visit(&known)?;
    let wanted: BTreeMap<String, String> =
        metric.labels.iter().filter_map(|label| Some((label.clone(), given.take(label)?))).collect();
    let params = given.rest();
    let query = visit.query(Filter { team: None, params: params.clone() });
    let shown = explain::found(&visitor, &metric, query, wanted.clone(), EVENTS).await?;
    let found = shown.found();
    let pairs: Vec<(&str, &str)> =
        wanted.iter().chain(&params).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let back = visit.lens.link(&format!("/metric/{}", metric.name), &[]);
    let rows = table::table(&metric, &found.result.rows, &visit.lens, None)?;
    let main = html! {
        p.eyebrow { a href=(back) { (metric.title) } }
        h1 { "Why: " (heading(&wanted)) }
        p.lead {
            (words::count(found.events_total, "event", "events")) " of "
            (words::count(found.subjects, "subject", "subjects")) " behind this, the newest first."
        }
        section aria-labelledby="rows" { h2 id="rows" { "What is explained" } div.panel { (rows) } }
        section aria-labelledby="events" {
            div.split {
                h2 id="events" { "Events" }
                a href=(visit.lens.link(&format!("/api/v1/metrics/{}/explain", metric.name), &[pairs.as_slice(), &[("limit", "10000"), ("format", "csv")]].concat())) { "csv, up to 10,000" }
            }
            div.panel { (list(&Rows::of_facts(&found.events), found.events_total)) }
        }
        section aria-labelledby="formula" {
            h2 id="formula" { "Formula" }
            details { summary { "SQL" } pre.sql tabindex="0" aria-label="SQL of the metric" { code { (found.formula) } } }
        }
    };
    let stamp = Stamp::of(&found.result, &visit.lens);
    let (title, path) = (format!("Why: {}", metric.title), visit_path(&metric.name, &pairs));
    Ok(Page { title: &title, here: "/catalogue", path: &path, moment: true, stamp, main }.response(&visit))
}

fn heading(wanted: &BTreeMap<String, String>) -> String {
    let values: Vec<&str> = wanted.values().map(String::as_str).collect();
    if values.is_empty() { "all rows".to_owned() } else { values.join(", ") }
}

fn visit_path(metric: &str, pairs: &[(&str, &str)]) -> String {
    crate::pages::lens::link(&format!("/metric/{metric}/explain"), pairs.iter().copied())
}

fn list(events: &Rows<'_>, total: usize) -> Markup {
    let (at, kinds) = (events.moments("effective_at"), events.texts("type"));
    let (subjects, urls) = (events.texts("subject"), events.texts("url"));
    let (ids, sources) = (events.texts("event_id"), events.texts("source"));
    html! {
        @if events.len() == 0 { p { "No event can be listed here." } }
        @else {
            (table::frame("events", &["When", "What", "Subject", "Source", "Event"], &html! {
                @for row in 0..events.len() {
                    @let subject = subjects[row].as_deref().or(ids[row].as_deref()).unwrap_or("–");
                    tr {
                        td { @if let Some(at) = at[row] { (words::time(at)) } }
                        td { (kind(kinds[row].as_deref().unwrap_or_default())) }
                        td {
                            @match urls[row].as_deref().and_then(outside) {
                                Some(url) => a href=(url) rel="noreferrer noopener" { (subject) },
                                None => (subject),
                            }
                        }
                        td.soft { (sources[row].as_deref().unwrap_or("–")) }
                        td.soft { code { (ids[row].as_deref().unwrap_or("–")) } }
                    }
                }
            }))
            @if total > events.len() { p.soft { "The newest " (events.len()) " of " (words::count(total, "event", "events")) "." } }
        }
    }
}

/// `review.request_removed` as `review request removed`.
fn kind(name: &str) -> String {
    name.replace(['.', '_'], " ")
}
