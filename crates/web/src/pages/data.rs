//! `/data`: whether the numbers can be trusted: what has been read and how far, sources and their gaps, what was
//! refused, what was corrected, and what failed.
//!
//! Figures of the engine stand in the page; what has to read the events comes as a part of its own (`/data/sources`).

mod sources;

use arrow::array::RecordBatch;
use axum::response::Response;
use engine::Position;
use maud::{Markup, html};

use super::figure::late;
use super::layout::{Page, Stamp};
use super::rows::Rows;
use super::table;
use super::visit::Visit;
use super::words;
use crate::request::Visitor;
use report::chart;
use surface::Problem;

pub use sources::part;

/// Dead letters listed, the newest.
const DEAD_LETTERS: usize = 20;

pub async fn page(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let main = html! {
        h1 { "Data quality" }
        p.lead { "Whether the numbers can be trusted: how far the log has been read, and what was missing, refused or corrected." }
        (facts(&visit))
        section aria-labelledby="sources" {
            h2 id="sources" { "Sources" }
            div.panel { (late(&visit.lens.link("/data/sources", &[]), "Counting events …")) }
        }
        section aria-labelledby="logs" { h2 id="logs" { "Logs" } div.panel { (logs(&visit)) } }
        section aria-labelledby="dead" { h2 id="dead" { "Dead letters" } div.panel { (dead_letters(&visit).await?) } }
        section aria-labelledby="discrepancies" {
            h2 id="discrepancies" { "Discrepancies" }
            div.panel { (discrepancies(&visit).await?) }
        }
        section aria-labelledby="metrics" { h2 id="metrics" { "Metrics" } div.panel { (metrics(&visit)) } }
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Data quality", here: "/data", path: "/data", moment: true, stamp, main }
        .response(&visit))
}

fn number(n: u64) -> String {
    chart::number(n as f64)
}

fn facts(visit: &Visit<'_>) -> Markup {
    let stats = visit.parts.engine.stats();
    let rows: u64 = stats.rows_hot.values().chain(stats.rows_cold.values()).sum();
    let dead: u64 = stats.dead_letters_by_reason.values().sum();
    let failures = visit.parts.engine.board().failures.len();
    html! {
        dl.facts {
            div { dt { "Events" } dd { (number(rows)) } }
            div { dt { "Newest event" } dd {
                @match stats.watermark {
                    Some(at) => { (words::ago(visit.now - at)) " " small { (words::moment(at)) } }
                    None => "none yet",
                }
            } }
            div { dt { "Dead letters" } dd { @if dead > 0 { span.flag { (number(dead)) } } @else { "none" } } }
            div { dt { "Conflicting events" } dd { (number(stats.conflicts)) } }
            div { dt { "Copies dropped" } dd { (number(stats.duplicates)) " " small { "since the start" } } }
            div { dt { "Failing metrics" } dd { @if failures > 0 { span.flag { (failures) } } @else { "none" } } }
        }
        @if let Some(failure) = &stats.commit_failure { p.flag { "The store refused its last commit: " (failure) } }
    }
}

fn logs(visit: &Visit<'_>) -> Markup {
    let board = visit.parts.engine.board();
    let read: Position = visit.parts.engine.snapshot().position.clone();
    let durable = visit.parts.engine.positions();
    html! {
        @if read.is_empty() { p { "Nothing has been read yet." } }
        @else {
            (table::frame("logs", &["Log", "#Read up to", "#Quick metrics cover", "#Durable"], &html! {
                @for (log, next) in &read {
                    tr {
                        th scope="row" { (log) }
                        td.n { (chart::number(*next as f64)) }
                        td.n { (board.position.get(log).map_or("–".to_owned(), |next| chart::number(*next as f64))) }
                        td.n { (durable_of(&durable, log).map_or("–".to_owned(), |next| chart::number(next as f64))) }
                    }
                }
            }))
            p.soft.small { "Positions count a log's records. They never go back, restarts included." }
        }
    }
}

/// App ids end in the topic and the partition: `plimsoll:LOG:topic:0`.
fn durable_of(durable: &std::collections::HashMap<String, i64>, log: &str) -> Option<i64> {
    let suffix = format!(":{}", log.replace('/', ":"));
    durable.iter().filter(|(app_id, _)| app_id.ends_with(&suffix)).map(|(_, next)| *next).max()
}

async fn dead_letters(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let stats = visit.parts.engine.stats();
    if stats.dead_letters_by_reason.is_empty() {
        return Ok(html! { p { "None: every record could be read." } });
    }
    // What was refused may quote names.
    let names_hidden = !visit.app.wall.lists_people();
    let engine = visit.parts.engine.clone();
    let rows = visit.parts.compute(async move { engine.newest_dead_letters(DEAD_LETTERS).await }).await?;
    let newest = newest(&rows);
    Ok(html! {
        (table::frame("dead letters by reason", &["Reason", "#Records"], &html! { @for (reason, n) in &stats.dead_letters_by_reason { tr { th scope="row" { (words::plain(reason)) } td.n { (number(*n)) } } } }))
        details {
            summary { "The newest" }
            (table::frame("the newest dead letters", &["Where in the log", "Reason", "Detail"], &html! {
                @for letter in &newest {
                    tr { td { code { (letter.place) } } td { (words::plain(&letter.reason)) } td.text { @if names_hidden { span.soft { "not shown here, for it may quote names" } } @else { (letter.detail) } } }
                }
            }))
        }
    })
}

/// A record that could not be read.
struct Letter {
    place: String,
    reason: String,
    detail: String,
}

fn newest(batch: &RecordBatch) -> Vec<Letter> {
    let rows = Rows::of_facts(batch);
    let [topics, partitions, offsets, reasons, details] =
        ["topic", "partition", "offset", "reason", "detail"].map(|name| rows.texts(name));
    let text = |of: &[Option<String>], row: usize| of[row].clone().unwrap_or_else(|| "–".to_owned());
    let letter = |row: usize| Letter {
        place: format!("{}/{} {}", text(&topics, row), text(&partitions, row), text(&offsets, row)),
        reason: text(&reasons, row),
        detail: text(&details, row),
    };
    (0..batch.num_rows()).map(letter).collect()
}

async fn discrepancies(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let Some(shown) = visit.perhaps("discrepancy_rate").await else {
        return Ok(html! { p.soft { "Not evaluated yet." } });
    };
    if shown.result().rows.num_rows() == 0 {
        return Ok(
            html! { p { "Nothing was polled in the last weeks, so nothing could differ from what events had said." } },
        );
    }
    Ok(table::table(shown.metric(), &shown.result().rows, &visit.lens, None)?)
}

fn metrics(visit: &Visit<'_>) -> Markup {
    let board = visit.parts.engine.board();
    let catalogue = visit.parts.engine.catalogue();
    let mut tried: Vec<_> = board.tried.iter().collect();
    tried.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let slowest = tried.first().map_or(0.0, |(_, tried)| tried.seconds);
    html! {
        p { (words::count(tried.len(), "metric is", "metrics are")) " evaluated; the slowest takes " (chart::number(slowest)) " s." }
        @for (name, failure) in &board.failures {
            p.flag { code { (name) } " failed: " (failure) " Its last good result stays." }
        }
        @for metric in catalogue.metrics.iter().filter(|metric| !board.tried.contains_key(&metric.name)) {
            p.soft { (metric.title) " has not been evaluated yet." }
        }
        details {
            summary { "When each was evaluated" }
            (table::frame("evaluations", &["Metric", "#Last", "#Took, ms"], &html! {
                @for (name, tried) in tried {
                    tr {
                        th scope="row" { a href=(visit.lens.link(&format!("/metric/{name}"), &[])) { (name) } }
                        td.n { (words::ago(visit.now - tried.at)) }
                        td.n { (chart::number((tried.seconds * 1000.0).round())) }
                    }
                }
            }))
        }
    }
}
