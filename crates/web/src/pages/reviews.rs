//! `/reviews`: the open changes that wait for a review, the most pressing first, and the teams' queues.
//!
//! The ranked list suggests reviewers, so it is about people and shown as `people.visibility` allows; without it the
//! page still tells each team's queue.

use axum::response::Response;
use maud::{Markup, html};

use super::figure;
use super::layout::{Page, Stamp};
use super::lens::outside;
use super::rows::Rows;
use super::table;
use super::visit::Visit;
use super::words;
use crate::request::Visitor;
use report::chart::{Bar, Bars, Head, Tone};
use surface::Problem;

/// Changes shown; the metric has all.
const CHANGES: usize = 50;

pub async fn page(visitor: Visitor) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let main = html! {
        h1 { "Reviews" }
        p.lead { "What waits for a review, the most pressing first: impact times urgency, of 25." }
        section aria-labelledby="teams" {
            h2 id="teams" { "Queues" }
            div.panel { (queues(&visit).await) }
        }
        section aria-labelledby="queue" {
            div.split {
                h2 id="queue" { "Changes that wait" }
                a href=(visit.lens.link("/metric/review_triage", &[])) { "How they are ranked" }
            }
            div.panel { (queue(&visit).await) }
        }
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: "Reviews", here: "/reviews", path: "/reviews", moment: true, stamp, main }
        .response(&visit))
}

async fn queues(visit: &Visit<'_>) -> Markup {
    let (Some(load), age) = (visit.perhaps("review_load").await, visit.perhaps("review_queue_age").await)
    else {
        return html! { p.soft { "Not evaluated yet." } };
    };
    let rows = Rows::of(&load);
    let (teams, open) = (rows.texts("team"), rows.numbers("open_reviews"));
    let ages: Vec<(Option<String>, Option<f64>)> = age
        .map(|age| {
            Rows::of(&age).texts("team").into_iter().zip(Rows::of(&age).numbers("p85_hours")).collect()
        })
        .unwrap_or_default();
    let bars = teams.iter().zip(&open).map(|(team, open)| {
        let age = ages.iter().find(|(of, _)| of == team).and_then(|(_, hours)| *hours);
        let age = age.map_or(String::new(), |hours| format!(", 85% younger than {}", span(hours)));
        Bar {
            label: team.clone().unwrap_or_else(|| "(none)".to_owned()),
            value: *open,
            said: open.map_or("too few people to show".to_owned(), |open| words::amount(open, "open") + &age),
            tone: Tone::Series(0),
        }
    });
    let bars = Bars { head: Head::new("queues", "Open review requests by team"), bars: bars.collect() };
    html! {
        @if bars.bars.is_empty() { p { "No team has a review open." } } @else { (figure::bars(&bars)) }
    }
}

fn span(hours: f64) -> String {
    if hours < 48.0 { format!("{hours:.0} h") } else { format!("{:.1} days", hours / 24.0) }
}

async fn queue(visit: &Visit<'_>) -> Markup {
    let shown = match visit.metric("review_triage").await {
        Ok(shown) => shown,
        Err(problem) => return html! { p { (words::sentence(&problem.detail)) } },
    };
    let rows = Rows::of(&shown);
    let (repos, changes, titles) = (rows.texts("repo"), rows.texts("change"), rows.texts("title"));
    let (score, impact, urgency) = (rows.numbers("score"), rows.numbers("impact"), rows.numbers("urgency"));
    let (age, lines, due) = (rows.numbers("age_hours"), rows.numbers("lines"), rows.dates("due_on"));
    let (priority, suggested) = (rows.texts("priority"), rows.suggestions("suggested_reviewers"));
    let links = links(visit).await;
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| words::amount(value, ""));
    html! {
        @if rows.len() == 0 { p { "No change waits for a review." } }
        @else {
            (table::frame("changes that wait", &["Score", "Change", "#Waits", "#Lines", "#Due", "Who could review", "Events"], &html! {
                @for row in 0..rows.len().min(CHANGES) {
                    @let (repo, change) = (repos[row].as_deref().unwrap_or_default(), changes[row].as_deref().unwrap_or_default());
                    tr {
                        td {
                            span class=(mark(priority[row].as_deref())) title={ "impact " (number(impact[row])) ", urgency " (number(urgency[row])) } { (number(score[row])) }
                            " " span.soft.small { (number(impact[row])) " × " (number(urgency[row])) }
                        }
                        th.text scope="row" {
                            @match links.iter().find(|link| link.repo == repo && link.change == change).and_then(|link| outside(&link.url)) {
                                Some(url) => a href=(url) rel="noreferrer noopener" { (titles[row].as_deref().unwrap_or(change)) },
                                None => (titles[row].as_deref().unwrap_or(change)),
                            }
                            div.soft.small.plain { (repo) " " (change) }
                        }
                        td.n { (age[row].map_or("–".to_owned(), span)) }
                        td.n { (number(lines[row])) }
                        td.n { (due[row].map_or("–".to_owned(), words::date)) }
                        td.text { @if suggested[row].is_empty() { span.soft { "no clear candidate" } } @else { (suggested[row]) } }
                        td { a href=(visit.lens.link("/metric/review_triage/explain", &[("repo", repo), ("change", change)])) aria-label={ "Why: " (repo) " " (change) } { "why" } }
                    }
                }
            }))
            @if rows.len() > CHANGES { p.soft { "The first " (CHANGES) " of " (rows.len()) "." } }
            p.soft.small { "Suggested: knowledge of the files times spare capacity. A suggestion, never an assignment." }
        }
    }
}

fn mark(priority: Option<&str>) -> &'static str {
    match priority {
        Some("pressing") => "score red",
        Some("raised") => "score amber",
        _ => "score",
    }
}

/// Where an open change is.
struct Link {
    repo: String,
    change: String,
    url: String,
}

async fn links(visit: &Visit<'_>) -> Vec<Link> {
    let engine = visit.parts.engine.clone();
    let sql = "SELECT repo, change, url FROM change WHERE is_open AND url IS NOT NULL ORDER BY repo, change";
    let Ok(found) = visit.parts.compute(async move { engine.ask(sql).await }).await else {
        return Vec::new();
    };
    let rows = Rows::of_facts(&found);
    let (repos, changes, urls) = (rows.texts("repo"), rows.texts("change"), rows.texts("url"));
    let all = repos.into_iter().zip(changes).zip(urls);
    all.filter_map(|((repo, change), url)| Some(Link { repo: repo?, change: change?, url: url? })).collect()
}
