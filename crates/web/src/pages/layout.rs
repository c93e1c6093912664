//! What every page has around it: head, navigation, the moment that is looked at, and what the numbers rest on.
//!
//! Invariant: nothing of a page comes from another host, and no script or style stands in the page itself, so that a
//! strict policy (`assets::POLICY`) holds for all of them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use engine::{MetricResult, Position};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::lens::Lens;
use super::visit::Visit;
use super::words;
use surface::output::EXAMPLE_NOTE;

/// Places of the navigation.
const PLACES: [(&str, &str); 7] = [
    ("/", "Overview"),
    ("/reviews", "Reviews"),
    ("/milestones", "Milestones"),
    ("/catalogue", "Metrics"),
    ("/data", "Data"),
    ("/report/weekly", "Weekly report"),
    ("/report/roadmap", "Roadmap"),
];

/// What a page's numbers rest on.
pub struct Stamp {
    pub as_of: DateTime<Utc>,
    pub known_at: Option<DateTime<Utc>>,
    pub position: Position,
    pub definition: Option<String>,
}

impl Stamp {
    /// Of what the board shows.
    pub fn board(visit: &Visit<'_>) -> Stamp {
        let board = visit.parts.engine.board();
        Stamp {
            as_of: visit.lens.as_of.unwrap_or(board.evaluated_at),
            known_at: visit.lens.known_at,
            position: board.position.clone(),
            definition: None,
        }
    }

    pub fn of(result: &MetricResult, lens: &Lens) -> Stamp {
        Stamp {
            as_of: result.as_of,
            known_at: lens.known_at,
            position: result.position.clone(),
            definition: Some(result.definition.clone()),
        }
    }
}

/// A whole page. `here` is its place in the navigation, `path` where its own moment is changed.
pub struct Page<'a> {
    pub title: &'a str,
    pub here: &'a str,
    pub path: &'a str,
    /// Whether the head offers another moment; a page may have a form of its own for it.
    pub moment: bool,
    pub stamp: Stamp,
    pub main: Markup,
}

impl Page<'_> {
    pub fn response(self, visit: &Visit<'_>) -> Response {
        let title = match self.here {
            "/" if self.path == "/" => "Plimsoll".to_owned(),
            _ => format!("{} · Plimsoll", self.title),
        };
        let body = html! {
            main id="main" tabindex="-1" { (self.main) }
            (footer(&self.stamp))
        };
        send(StatusCode::OK, &document(&title, self.here, Some((&self, visit)), &body))
    }
}

/// A page for what could not be shown; nothing of the store is needed for it.
pub fn refusal(status: StatusCode, reason: &str, detail: &str) -> Response {
    let body = html! {
        main.refusal id="main" tabindex="-1" {
            p.eyebrow { (status.as_u16()) " · " (reason) }
            h1 { (words::sentence(detail)) }
            p { a href="/" { "Back to the overview" } " · " a href="/catalogue" { "All metrics" } }
        }
    };
    send(status, &document(&format!("{reason} · Plimsoll"), "", None, &body))
}

/// A part of a page that the script puts in place.
pub fn fragment(markup: &Markup) -> Response {
    send(StatusCode::OK, markup)
}

fn send(status: StatusCode, markup: &Markup) -> Response {
    let mut response = (status, markup.0.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(assets::POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, X-Plimsoll-Fragment"));
    response
}

fn document(title: &str, here: &str, page: Option<(&Page<'_>, &Visit<'_>)>, body: &Markup) -> Markup {
    let now = Lens::default();
    let lens = page.map_or(&now, |(_, visit)| &visit.lens);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(assets::href("mark.svg"));
                link rel="stylesheet" href=(assets::href("style.css"));
                script src=(assets::href("script.js")) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    div.bar {
                        a.brand href=(lens.link("/", &[])) { (mark()) span { "Plimsoll" } }
                        nav aria-label="Main" {
                            ul {
                                @for (path, name) in PLACES {
                                    li { a href=(lens.link(path, &[])) aria-current=[(path == here).then_some("page")] { (name) } }
                                }
                            }
                        }
                        @if let Some((page, visit)) = page { @if page.moment { (moment_form(page, visit)) } }
                    }
                    @if let Some((page, visit)) = page {
                        @if visit.parts.example {
                            p.example { "This is " (EXAMPLE_NOTE) ": no real people, no real work." }
                        }
                        @if !visit.lens.is_now() { (looking_back(page, visit)) }
                    }
                }
                (body)
            }
        }
    }
}

/// The load line on a hull: a ring with a line through it.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" {
            circle cx="12" cy="12" r="8" fill="none" stroke="currentColor" stroke-width="2.4" {}
            path d="M1 12h22" stroke="currentColor" stroke-width="2.4" {}
        }
    }
}

/// Any page can be looked at as of a past day.
fn moment_form(page: &Page<'_>, visit: &Visit<'_>) -> Markup {
    let day = visit.as_of().format("%Y-%m-%d").to_string();
    let today = visit.now.format("%Y-%m-%d").to_string();
    html! {
        form.moment method="get" action=(page.path) {
            label for="moment" { "As of" }
            input id="moment" type="date" name="as_of" value=(day) max=(today) required;
            button type="submit" { "Go" }
        }
    }
}

fn looking_back(page: &Page<'_>, visit: &Visit<'_>) -> Markup {
    html! {
        p.past role="status" {
            @if let Some(at) = visit.lens.as_of { "As it was on " strong { (words::moment(at)) } }
            @else { "As it is" }
            @if let Some(at) = visit.lens.known_at { ", as known on " strong { (words::moment(at)) } }
            ". "
            a href=(page.path) { "Back to now" }
        }
    }
}

fn footer(stamp: &Stamp) -> Markup {
    let position: Vec<String> = stamp.position.iter().map(|(log, next)| format!("{log} at {next}")).collect();
    html! {
        footer {
            dl {
                div { dt { "As of" } dd { (words::time(stamp.as_of)) } }
                @if let Some(at) = stamp.known_at { div { dt { "As known" } dd { (words::time(at)) } } }
                div { dt { "Log position" } dd { @if position.is_empty() { "empty" } @else { (position.join(", ")) } } }
                @if let Some(definition) = &stamp.definition { div { dt { "Definition" } dd { code { (definition) } } } }
            }
            p { "The same log position, definition and moment give the same numbers. "
                a href="/openapi.json" { "API" } " · " a href="/metrics" { "Prometheus" } " · " a href="/data" { "Data quality" } }
        }
    }
}
