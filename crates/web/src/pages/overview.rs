//! `/`: load, drift and balance at a glance, what changed since last week, and who or what needs somebody.
//!
//! At now the page is made of the board alone, so it costs no evaluation; what needs past moments comes as parts of
//! its own (`/overview/{part}`), which the script loads.

mod changes;
mod headlines;
mod teams;

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::figure::late;
use super::layout::{Page, Stamp, fragment};
use super::rows::Rows;
use super::visit::Visit;
use super::words;
use super::{milestones, risk};
use crate::request::Visitor;
use surface::Problem;

/// Milestones on this page; `/milestones` has all.
const MILESTONES: usize = 6;

pub async fn page(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let cards =
        [headlines::load(&visit).await, headlines::drift(&visit).await, headlines::balance(&visit).await];
    let main = html! {
        h1 { "Overview" }
        p.lead { "How loaded the teams are, whether milestones hold their dates, and how work is spread." }
        div.cards { @for card in &cards { (card) } }
        section aria-labelledby="changes" {
            h2 id="changes" { "What changed since last week" }
            div.panel { (late(&visit.lens.link("/overview/changes", &[]), "Comparing with last week …")) }
        }
        section aria-labelledby="risk" {
            div.split {
                h2 id="risk" { "Milestones at risk" }
                a href=(visit.lens.link("/milestones", &[])) { "All milestones" }
            }
            div.panel { (at_risk(&visit).await) }
        }
        section aria-labelledby="teams" {
            h2 id="teams" { "Teams" }
            div.panel { (teams::table(&visit).await) }
        }
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Overview", here: "/", path: "/", moment: true, stamp, main }.response(&visit))
}

/// `GET /overview/{part}`.
pub async fn part(visitor: Visitor, Path(part): Path<String>) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let (title, markup) = match part.as_str() {
        "load" => ("Review load, week by week", headlines::load_course(&visit).await?),
        "balance" => ("Delegation balance, week by week", headlines::balance_course(&visit).await?),
        "changes" => ("What changed since last week", changes::list(&visit).await?),
        _ => {
            return Err(Problem::new(
                axum::http::StatusCode::NOT_FOUND,
                "not-found",
                "the overview has no such part",
            ));
        }
    };
    if visit.fragment {
        return Ok(fragment(&markup));
    }
    let main = html! { h1 { (title) } div.panel.card { (markup) } };
    let stamp = Stamp::board(&visit);
    Ok(Page { title, here: "/", path: &format!("/overview/{part}"), moment: true, stamp, main }
        .response(&visit))
}

async fn at_risk(visit: &Visit<'_>) -> Markup {
    let Some(risks) = visit.perhaps("milestone_risk").await else {
        return html! { p.soft { "Not evaluated yet." } };
    };
    let entries = risk::entries(&Rows::of(&risks));
    let pressing: Vec<_> = entries.iter().filter(|entry| entry.is_pressing()).collect();
    html! {
        @if pressing.is_empty() {
            p { "None of " (words::count(entries.len(), "open milestone", "open milestones")) " is at risk." }
        } @else {
            (milestones::table(visit, pressing.iter().copied().take(MILESTONES)))
            @if pressing.len() > MILESTONES {
                p.soft { (words::count(pressing.len() - MILESTONES, "more is", "more are")) " at risk." }
            }
        }
    }
}
