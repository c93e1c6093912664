//! `/milestones`: the open ones by risk, and how far the closed ones moved.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Page, Stamp};
use super::risk::{self, MilestoneRisk};
use super::rows::Rows;
use super::table;
use super::visit::Visit;
use super::words;
use crate::request::Visitor;
use surface::Problem;

pub async fn page(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let risks = visit.metric("milestone_risk").await?;
    let drift = visit.metric("milestone_drift").await?;
    let entries = risk::entries(&Rows::of(&risks));
    let main = html! {
        h1 { "Milestones" }
        p.lead { "Open milestones by risk. Risk is likelihood times impact, of 25: how unlikely the date is, and how late the 85th percentile of the forecast would be." }
        section aria-labelledby="open" {
            div.split {
                h2 id="open" { "Open" }
                a href=(visit.lens.link("/metric/milestone_forecast", &[])) { "All forecasts" }
            }
            div.panel {
                @if entries.is_empty() { p { "No milestone is open." } }
                @else { (table(&visit, entries.iter())) }
            }
        }
        section aria-labelledby="closed" {
            div.split {
                h2 id="closed" { "Closed" }
                a href=(visit.lens.link("/metric/milestone_drift", &[])) { "All dates" }
            }
            div.panel { (closed(&visit, &Rows::of(&drift))) }
        }
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Milestones", here: "/milestones", path: "/milestones", moment: true, stamp, main }
        .response(&visit))
}

/// Risk, odds and dates of milestones.
pub fn table<'e>(visit: &Visit<'_>, entries: impl Iterator<Item = &'e MilestoneRisk>) -> Markup {
    html! {
        (table::frame("milestones", &["Milestone", "Project", "Risk", "#Odds of its date", "#Due", "#85% likely by", "#Late by, working days"], &html! {
            @for entry in entries {
                tr {
                    th.text scope="row" {
                        a href=(visit.lens.link(&risk::path(&entry.milestone), &[])) { (entry.title) }
                        @if entry.needed_by_others { " " span.soft.small.plain { "others wait for it" } }
                    }
                    td { (entry.project) }
                    td { (entry.chip()) }
                    td.n { (entry.p_hit.map_or("–".to_owned(), words::percent)) }
                    td.n { (entry.due_on.map_or("no date".to_owned(), words::date)) }
                    td.n { (entry.p85_on.map_or("not foreseeable".to_owned(), words::date)) }
                    td.n { (entry.late_working_days.map_or("–".to_owned(), |days| words::amount(days, ""))) }
                }
            }
        }))
    }
}

fn closed(visit: &Visit<'_>, rows: &Rows<'_>) -> Markup {
    let (ids, titles, projects) = (rows.texts("milestone"), rows.texts("title"), rows.texts("project"));
    let (states, baselines, due) = (rows.texts("state"), rows.dates("baseline_on"), rows.dates("due_on"));
    let (slip, replans) = (rows.numbers("slip_days"), rows.numbers("replans"));
    let mut closed: Vec<usize> =
        (0..rows.len()).filter(|row| states[*row].as_deref() == Some("closed")).collect();
    closed.sort_by(|a, b| due[*b].cmp(&due[*a]));
    let date = |on: Option<chrono::NaiveDate>| on.map_or("–".to_owned(), words::date);
    html! {
        @if closed.is_empty() { p { "No milestone is closed yet." } }
        @else {
            details {
                summary { (words::count(closed.len(), "closed milestone", "closed milestones")) }
                (table::frame("closed milestones", &["Milestone", "Project", "#Baseline", "#Last date", "#Moved, days", "#Re-plans"], &html! {
                    @for row in closed {
                        @let id = ids[row].as_deref().unwrap_or_default();
                        tr {
                            th.text scope="row" { a href=(visit.lens.link(&risk::path(id), &[])) { (titles[row].as_deref().unwrap_or(id)) } }
                            td { (projects[row].as_deref().unwrap_or("–")) }
                            td.n { (date(baselines[row])) }
                            td.n { (date(due[row])) }
                            td.n { (slip[row].map_or("–".to_owned(), |days| words::amount(days, ""))) }
                            td.n { (replans[row].map_or("–".to_owned(), |n| words::amount(n, ""))) }
                        }
                    }
                }))
            }
        }
    }
}
