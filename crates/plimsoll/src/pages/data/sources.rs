//! `/data/sources`: what came from where, week by week, when it was last heard of, and silences that are not its habit.

use std::collections::BTreeMap;

use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, PreEscaped, html};

use crate::chart::{self, Head, Look, Spark, Tone};
use crate::http::access::Caller;
use crate::pages::layout::{Page, Stamp, fragment};
use crate::pages::rows::Rows;
use crate::pages::visit::{Server, Visit};
use crate::pages::words;
use crate::problem::Problem;

const WEEKS: usize = 13;
/// A source is silent after this many times its own longest pause of the last weeks, and after a day at least.
const SILENT_FACTOR: i32 = 2;

/// What one source sent to one table.
#[derive(Default)]
struct Feed {
    weeks: [f64; WEEKS],
    total: f64,
    last: Option<DateTime<Utc>>,
    days: Vec<i64>,
}

pub async fn part(
    State(app): Server,
    Extension(caller): Extension<Caller>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (visit, _) = Visit::new(&app, &caller, raw.as_deref(), &headers, &[])?;
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
    let feeds = feeds(visit).await?;
    Ok(html! {
        @if feeds.is_empty() { p { "No event has arrived yet. " a href="/api/v1/metrics" { "The API" } " takes them, and so do webhooks and plimsoll ingest." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table: sources" {
                table {
                    thead { tr {
                        th scope="col" { "Source" } th scope="col" { "Table" } th.n scope="col" { "Events" }
                        th scope="col" { "Last " (WEEKS) " weeks" } th.n scope="col" { "Last heard of" } th scope="col" { "Gaps" }
                    } }
                    tbody {
                        @for (n, ((source, table), feed)) in feeds.iter().enumerate() {
                            tr {
                                th scope="row" { (source) }
                                td { (table) }
                                td.n { (chart::number(feed.total)) }
                                td { (spark(n, source, feed)) }
                                td.n { (feed.last.map_or("–".to_owned(), |at| words::ago(visit.as_of() - at))) }
                                td { (feed.gap(visit.as_of())) }
                            }
                        }
                    }
                }
            }
        }
    })
}

fn spark(n: usize, source: &str, feed: &Feed) -> Markup {
    let description =
        format!("from {} to {} a week", chart::number(feed.weeks[0]), chart::number(feed.weeks[WEEKS - 1]));
    let head = Head { id: format!("feed-{n}"), title: format!("Events of {source} a week"), description };
    let spark = Spark { head, values: feed.weeks.map(Some).to_vec(), normal: None, tone: Tone::Series(0) };
    html! { div.spark { (PreEscaped(spark.svg(Look { height: 28, ..Look::SPARK }))) } }
}

impl Feed {
    /// Silence now, against the longest pause in the last weeks.
    fn gap(&self, now: DateTime<Utc>) -> Markup {
        let Some(last) = self.last else { return html! { "–" } };
        let pause = self.days.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(1).max(1);
        let silent = now - last;
        html! {
            @if silent > TimeDelta::days(pause) * SILENT_FACTOR {
                span.chip.amber { "silent: usually every " (words::count(pause as usize, "day", "days")) }
            } @else { span.soft { "longest pause " (words::count(pause as usize, "day", "days")) } }
        }
    }
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
    let sql = format!(
        "{} UNION ALL {} UNION ALL {} ORDER BY name, source, day",
        one("commits"),
        one("reviews"),
        one("tickets")
    );
    let engine = visit.parts.engine.clone();
    let found = visit.parts.compute(async move { engine.sql(&sql).await }).await?;
    let rows = Rows(&found);
    let (names, sources, days) = (rows.texts("name"), rows.texts("source"), rows.dates("day"));
    let (counts, last) = (rows.numbers("n"), rows.moments("last_at"));
    let mut feeds: BTreeMap<(String, String), Feed> = BTreeMap::new();
    for row in 0..rows.len() {
        let (Some(name), Some(day)) = (&names[row], days[row]) else { continue };
        let source = sources[row].clone().unwrap_or_else(|| "(not told)".to_owned());
        let feed = feeds.entry((source, name.clone())).or_default();
        let n = counts[row].unwrap_or(0.0);
        feed.total += n;
        feed.last = feed.last.max(last[row]);
        let age = (day - from.date_naive()).num_days();
        if age >= 0 {
            feed.weeks[((age / 7) as usize).min(WEEKS - 1)] += n;
            feed.days.push(age);
        }
    }
    Ok(feeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_against_the_habit() {
        let at = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let feed = Feed { last: Some(at(9)), days: vec![1, 4, 9], ..Feed::default() };
        assert!(feed.gap(at(12)).0.contains("longest pause 5 days"));
        assert!(feed.gap(at(20)).0.contains("silent: usually every 5 days"));
    }
}
