//! `/data/sources`: what came from where, week by week, when it was last heard of, and who fell silent.
//!
//! Who is silent is for `source_silence` to say, as in reports and alerts.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, PreEscaped, html};

use crate::pages::layout::{Page, Stamp, fragment};
use crate::pages::rows::Rows;
use crate::pages::table;
use crate::pages::visit::Visit;
use crate::pages::words;
use crate::request::Visitor;
use report::chart::{self, Head, Look, Spark, Tone};
use surface::Problem;

const WEEKS: usize = 13;

/// What one source sent to one table.
#[derive(Default)]
struct Feed {
    weeks: [f64; WEEKS],
    total: f64,
    last: Option<DateTime<Utc>>,
}

pub async fn part(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let markup = list(&visit).await?;
    if visit.fragment {
        return Ok(fragment(&markup));
    }
    let main = html! { h1 { "Sources" } div.panel { (markup) } };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Sources", here: "/data", path: "/data/sources", moment: true, stamp, main }
        .response(&visit))
}

async fn list(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let (feeds, silent) = (feeds(visit).await?, silent(visit).await);
    Ok(html! {
        @if feeds.is_empty() { p { "No event has arrived yet. " a href="/api/v1/metrics" { "The API" } " takes them, and so do webhooks and plimsoll ingest." } }
        @else {
            (table::frame("sources", &["Source", "Table", "#Events", &format!("Last {WEEKS} weeks"), "#Last heard of", "Silence"], &html! {
                @for (n, ((source, table), feed)) in feeds.iter().enumerate() {
                    tr {
                        th scope="row" { (source) }
                        td { (table) }
                        td.n { (chart::number(feed.total)) }
                        td { (spark(n, source, feed)) }
                        td.n { (feed.last.map_or("–".to_owned(), |at| words::ago(visit.as_of() - at))) }
                        td { @if silent.contains(source) { a.chip.amber href=(visit.lens.link("/metric/source_silence", &[])) { "unusual" } } @else { span.soft { "–" } } }
                    }
                }
            }))
        }
    })
}

fn spark(n: usize, source: &str, feed: &Feed) -> Markup {
    let description =
        format!("from {} to {} a week", chart::number(feed.weeks[0]), chart::number(feed.weeks[WEEKS - 1]));
    let head = Head { id: format!("feed-{n}"), title: format!("Events of {source} a week"), description };
    let spark = Spark { head, values: feed.weeks.map(Some).to_vec(), range: None, tone: Tone::Series(0) };
    html! { div.spark { (PreEscaped(spark.svg(Look { height: 28, ..Look::SPARK }))) } }
}

/// The sources that `source_silence` calls silent.
async fn silent(visit: &Visit<'_>) -> BTreeSet<String> {
    let Some(shown) = visit.perhaps("source_silence").await else { return BTreeSet::new() };
    let rows = Rows::of(&shown);
    let sources = rows.texts("source").into_iter().zip(rows.flags("silent"));
    sources.filter(|(_, silent)| *silent == Some(true)).filter_map(|(source, _)| source).collect()
}

async fn feeds(visit: &Visit<'_>) -> Result<BTreeMap<(String, String), Feed>, Problem> {
    let from = visit.as_of() - TimeDelta::weeks(WEEKS as i64);
    let to = visit.as_of().timestamp_micros();
    let one = |table: &str| {
        format!(
            "SELECT '{table}' AS name, source, CAST(date_trunc('day', occurred_at) AS DATE) AS day, \
             COUNT(*) AS n, MAX(occurred_at) AS last_at FROM {table} \
             WHERE occurred_at <= to_timestamp_micros({to}) GROUP BY source, day"
        )
    };
    let all = ["commits", "reviews", "tickets", "directory"].map(one).join(" UNION ALL ");
    let sql = format!("{all} ORDER BY name, source, day");
    let engine = visit.parts.engine.clone();
    let found = visit.parts.compute(async move { engine.ask(&sql).await }).await?;
    let rows = Rows::of_facts(&found);
    let (names, sources, days) = (rows.texts("name"), rows.texts("source"), rows.dates("day"));
    let (counts, last) = (rows.numbers("n"), rows.moments("last_at"));
    let mut feeds: BTreeMap<(String, String), Feed> = BTreeMap::new();
    for row in 0..rows.len() {
        let (Some(name), Some(day)) = (&names[row], days[row]) else { continue };
        let source = sources[row].clone().unwrap_or_else(|| "(unknown)".to_owned());
        let feed = feeds.entry((source, name.clone())).or_default();
        let n = counts[row].unwrap_or(0.0);
        feed.total += n;
        feed.last = feed.last.max(last[row]);
        let age = (day - from.date_naive()).num_days();
        if age >= 0 {
            feed.weeks[((age / 7) as usize).min(WEEKS - 1)] += n;
        }
    }
    Ok(feeds)
}
