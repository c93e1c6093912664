//! The ledger of one milestone: each change of its dates and scope, the newest first.

use maud::{Markup, html};

use crate::pages::visit::Visit;
use crate::pages::words;

/// Entries shown; the metric has all.
const ENTRIES: usize = 60;

pub async fn entries(visit: &Visit<'_>, id: &str) -> Markup {
    let Ok(shown) = super::longer(visit, "milestone_ledger", &[("window_days", "366")]).await else {
        return html! { p.soft { "The ledger cannot be shown." } };
    };
    let rows = shown.rows();
    let (milestones, what, subject) = (rows.texts("milestone"), rows.texts("what"), rows.texts("subject"));
    let (at, days) = (rows.moments("at"), rows.numbers("days_moved"));
    let (from_on, to_on) = (rows.dates("from_on"), rows.dates("to_on"));
    let (tickets, points) = (rows.numbers("tickets"), rows.numbers("points"));
    let (before, after) = (rows.dates("p50_before_on"), rows.dates("p50_after_on"));
    let mut own: Vec<usize> = (0..rows.len()).filter(|row| milestones[*row].as_deref() == Some(id)).collect();
    own.sort_by(|a, b| at[*b].cmp(&at[*a]));
    let date = |on: Option<chrono::NaiveDate>| on.map_or("none".to_owned(), words::date);
    let change = |row: usize| match what[row].as_deref() {
        Some("due date" | "baseline") => format!("{} to {}", date(from_on[row]), date(to_on[row])),
        _ => match points[row] {
            Some(points) => format!("{} points", super::signed(points)),
            None => tickets[row].map_or(String::new(), |n| format!("{} tickets", super::signed(n))),
        },
    };
    html! {
        @if own.is_empty() { p { "Nothing was changed in the last year." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table: ledger" {
                table {
                    thead { tr {
                        th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Subject" }
                        th scope="col" { "Change" } th.n scope="col" { "Days moved" } th scope="col" { "Forecast, even odds" }
                    } }
                    tbody {
                        @for row in own.iter().copied().take(ENTRIES) {
                            tr {
                                td { (at[row].map_or(String::new(), words::moment)) }
                                td { (what[row].as_deref().unwrap_or("–")) }
                                td { (subject[row].as_deref().unwrap_or("–")) }
                                td { (change(row)) }
                                td.n { (days[row].map_or("–".to_owned(), super::signed)) }
                                td {
                                    @if before[row].is_some() || after[row].is_some() { (date(before[row])) " to " (date(after[row])) }
                                    @else { span.soft { "–" } }
                                }
                            }
                        }
                    }
                }
            }
            @if own.len() > ENTRIES { p.soft { "The newest " (ENTRIES) " of " (own.len()) "." } }
        }
    }
}
