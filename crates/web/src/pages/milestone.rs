//! `/milestone/{id}`: what was said of its end at each review, its work and forecast, every change of its plan, its risk.

mod charts;
mod ledger;

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use maud::{Markup, html};

use super::figure;
use super::layout::{Page, Stamp};
use super::risk::{self, MilestoneRisk, Outlook};
use super::rows::Rows;
use super::table;
use super::visit::{Filter, Visit};
use super::words;
use crate::request::{Visitor, metric_named};
use surface::{Problem, Shown, output};

/// Reports of the slip chart, and days of the burn-up, that are asked for; the board has fewer.
const WEEKS: &str = "26";
const DAYS: &str = "120";

/// A row of `milestone_drift`.
struct Milestone {
    id: String,
    title: String,
    project: String,
    state: String,
    baseline_on: Option<NaiveDate>,
    due_on: Option<NaiveDate>,
    slip_days: Option<f64>,
    replans: Option<f64>,
    replans_after_due: Option<f64>,
}

pub async fn page(visitor: Visitor, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let milestone = found(&visit, id).await?;
    let path = risk::path(&milestone.id);
    let outlook = visit.perhaps("milestone_forecast").await.map(|shown| risk::outlooks(&Rows::of(&shown)));
    let outlook = outlook.into_iter().flatten().find(|outlook| outlook.milestone == milestone.id);
    let entry = visit.perhaps("milestone_risk").await.map(|shown| risk::entries(&Rows::of(&shown)));
    let entry = entry.into_iter().flatten().find(|entry| entry.milestone == milestone.id);
    let main = html! {
        p.eyebrow { a href=(visit.lens.link("/milestones", &[])) { "Milestones" } " · " (milestone.project) }
        h1 { (milestone.title) }
        p.lead { (verdict(&milestone, outlook.as_ref())) }
        @if let Some(outlook) = outlook.as_ref().filter(|_| milestone.state == "open") {
            @if let Some(warning) = warning(outlook) { p { strong { (warning) } } }
            @if let Some(basis) = basis(outlook) { p.soft { (basis) } }
        }
        (facts(&milestone, outlook.as_ref(), entry.as_ref()))
        section aria-labelledby="charts" {
            h2 id="charts" { "Dates and work" }
            div.panel { (figure::late(&visit.lens.link(&format!("{path}/charts"), &[]), "Drawing the slip chart and the forecast …")) }
        }
        @if let Some(outlook) = &outlook { (causes(outlook)) }
        section aria-labelledby="ledger" {
            div.split {
                h2 id="ledger" { "Every change of the plan" }
                a href=(visit.lens.link("/metric/milestone_ledger", &[])) { "The whole ledger" }
            }
            div.panel { (figure::late(&visit.lens.link(&format!("{path}/ledger"), &[]), "Forecasting before and after each change …")) }
        }
    };
    let stamp = Stamp::board(&visit);
    Ok(Page { title: &milestone.title, here: "/milestones", path: &path, moment: true, stamp, main }
        .response(&visit))
}

/// `GET /milestone/{id}/{part}`.
pub async fn part(
    visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (visit, _) = visitor.visit(&[])?;
    let Path((id, part)) =
        path.map_err(|_| Problem::bad_request("the milestone's name is not clean text"))?;
    let milestone = found(&visit, Ok(Path(id))).await?;
    let markup = match part.as_str() {
        "charts" => drawings(&visit, &milestone).await?,
        "ledger" => ledger::entries(&visit, &milestone.id).await,
        _ => {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "a milestone has the parts charts and ledger",
            ));
        }
    };
    if visit.fragment {
        return Ok(super::layout::fragment(&markup));
    }
    let main = html! { h1 { (milestone.title) } div.panel { (markup) } };
    let (stamp, path) = (Stamp::board(&visit), format!("{}/{part}", risk::path(&milestone.id)));
    Ok(Page { title: &milestone.title, here: "/milestones", path: &path, moment: true, stamp, main }
        .response(&visit))
}

async fn drawings(visit: &Visit<'_>, milestone: &Milestone) -> Result<Markup, Problem> {
    let outlook = visit.perhaps("milestone_forecast").await.map(|shown| risk::outlooks(&Rows::of(&shown)));
    let outlook = outlook.into_iter().flatten().find(|outlook| outlook.milestone == milestone.id);
    let scope = longer(visit, "milestone_scope", &[("days", DAYS), ("include_closed", "true")]).await?;
    let trend = longer(visit, "milestone_trend", &[("weeks", WEEKS)]).await?;
    Ok(charts::both(milestone, outlook.as_ref(), &Rows::of(&scope), &Rows::of(&trend)))
}

/// A metric over a longer time than by default, where it has such a parameter.
async fn longer(visit: &Visit<'_>, name: &str, params: &[(&str, &str)]) -> Result<Shown, Problem> {
    let metric = metric_named(visit.parts, name)?;
    let known = |param: &str| metric.params.iter().any(|own| own.name == param);
    let params: BTreeMap<String, String> = params
        .iter()
        .filter(|(param, _)| known(param))
        .map(|(param, value)| ((*param).to_owned(), (*value).to_owned()))
        .collect();
    visit.narrowed(metric, Filter { team: None, params }).await
}

async fn found(visit: &Visit<'_>, id: Result<Path<String>, PathRejection>) -> Result<Milestone, Problem> {
    let Path(id) = id.map_err(|_| Problem::bad_request("the milestone's name is not clean text"))?;
    let shown = visit.metric("milestone_drift").await?;
    let rows = Rows::of(&shown);
    let row =
        rows.texts("milestone").iter().position(|known| known.as_deref() == Some(&*id)).ok_or_else(|| {
            let named = output::printable(&id);
            Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-milestone",
                format!("no milestone '{named}' at that moment; /milestones lists them"),
            )
        })?;
    let text = |name: &str| rows.texts(name)[row].clone().filter(|text| !text.is_empty());
    Ok(Milestone {
        title: text("title").unwrap_or_else(|| id.clone()),
        project: text("project").unwrap_or_else(|| "no project".to_owned()),
        state: text("state").unwrap_or_default(),
        baseline_on: rows.dates("baseline_on")[row],
        due_on: rows.dates("due_on")[row],
        slip_days: rows.numbers("slip_days")[row],
        replans: rows.numbers("replans")[row],
        replans_after_due: rows.numbers("replans_after_due")[row],
        id,
    })
}

/// The page in a sentence.
fn verdict(milestone: &Milestone, outlook: Option<&Outlook>) -> String {
    if milestone.state != "open" {
        return format!("This milestone is {}.", milestone.state);
    }
    let Some(outlook) = outlook else { return "There is no forecast of this milestone.".to_owned() };
    match (outlook.p_hit, outlook.due_on, outlook.p50_on) {
        (Some(p), Some(due), Some(p50)) => {
            let far = (p50 - due).num_days();
            let days = words::count(far.unsigned_abs() as usize, "day", "days");
            let place = match far {
                0 => "on its date".to_owned(),
                1.. => format!("{days} after its date"),
                _ => format!("{days} before its date"),
            };
            format!(
                "It is done by {} with even odds, {place}; the odds of the date itself are {}.",
                words::date(p50),
                words::percent(p)
            )
        }
        (Some(p), Some(_), None) => {
            format!(
                "At its present pace no end is foreseeable; the odds of its date are {}.",
                words::percent(p)
            )
        }
        (None, _, Some(p50)) => {
            format!("It is done by {} with even odds; it has no date to hold.", words::date(p50))
        }
        _ => format!("No forecast: {}.", words::plain(&outlook.state)),
    }
}

/// What the dates rest on, in a sentence or two.
fn basis(outlook: &Outlook) -> Option<String> {
    let weeks = words::count(outlook.weeks as usize, "week", "weeks");
    let past = words::count(outlook.past_milestones as usize, "past milestone", "past milestones");
    let rests = match outlook.method.as_str() {
        "past milestones" => format!("The dates rest on how long {past} took against their plans."),
        "pace" => format!("The dates rest on what was done and added in the last {weeks}."),
        "pace, usual ending" => format!(
            "The dates rest on what was done in the last {weeks}, and on how much of what remained was done, cut or added in the end of {past}."
        ),
        "pace, scope as it stands" => {
            format!("The dates rest on what was done in the last {weeks}, with the scope as it stands.")
        }
        "combination" => format!(
            "The dates are an average of two kinds: the pace of the last {weeks}, and how {past} went. What was closer in the past weighs more."
        ),
        _ => return None,
    };
    let replays = words::count(outlook.replays as usize, "closed milestone", "closed milestones");
    let chosen = format!(
        " Tried on {replays} at the same progress, with what was known then, this way was the closest."
    );
    Some(if outlook.replays >= 20.0 { rests + &chosen } else { rests })
}

/// That the work never ends as it goes, and what would have to change for the date to hold.
fn warning(outlook: &Outlook) -> Option<String> {
    let (true, Some(pace)) = (outlook.never_at_pace, outlook.pace) else { return None };
    let a_week = |tickets: f64| format!("{} a week", words::amount(tickets, "tickets"));
    let now =
        format!("At the present pace of {}, with scope changing as it does, it may never end.", a_week(pace));
    Some(match (outlook.scope_to_cut, outlook.pace_to_reach) {
        (Some(cut), Some(reach)) => format!(
            "{now} To hold its date, cut {} or reach {}.",
            words::amount(cut, "tickets"),
            a_week(reach)
        ),
        _ => now,
    })
}

fn facts(milestone: &Milestone, outlook: Option<&Outlook>, entry: Option<&MilestoneRisk>) -> Markup {
    let date = |on: Option<NaiveDate>, none: &str| on.map_or(none.to_owned(), words::date);
    html! {
        dl.facts {
            @if let Some(entry) = entry { div { dt { "Risk" } dd { (entry.chip()) } } }
            div { dt { "Due" } dd { (date(milestone.due_on, "no date")) } }
            div { dt { "Baseline" } dd {
                (date(milestone.baseline_on, "none"))
                @if let Some(days) = milestone.slip_days.filter(|days| *days != 0.0) { " " small { (signed(days)) " days since" } }
            } }
            @if let Some(outlook) = outlook {
                div { dt { "Even odds" } dd { (date(outlook.p50_on, "not foreseeable")) } }
                div { dt { "85% likely by" } dd { (date(outlook.p85_on, "not foreseeable")) } }
                @if let Some(p) = outlook.p_hit { div { dt { "Odds of the date" } dd { (words::percent(p)) } } }
                @if let Some(p) = outlook.p_never.filter(|p| *p >= 0.01) { div { dt { "Never, at this pace" } dd { (words::percent(p)) } } }
                @if let (Some(remaining), Some(scope)) = (outlook.remaining, outlook.scope) {
                    div { dt { "Remaining" } dd { (words::amount(remaining, "")) small { " of " (words::amount(scope, "tickets")) } } }
                }
            }
            @if let Some(replans) = milestone.replans {
                div { dt { "Re-plans" } dd {
                    (words::amount(replans, ""))
                    @if let Some(after) = milestone.replans_after_due.filter(|n| *n > 0.0) { small { ", " (words::amount(after, "")) " after its date" } }
                } }
            }
        }
    }
}

/// What the drift from the baseline is made of; the parts add up to it.
fn causes(outlook: &Outlook) -> Markup {
    let drift = outlook.drift_days.filter(|_| !outlook.causes.is_empty());
    html! {
        section aria-labelledby="causes" {
            h2 id="causes" { "Why it drifts" }
            div.panel {
                @if let Some(drift) = drift {
                    p {
                        @if drift == 0.0 { "The forecast is on the baseline." }
                        @else { "The forecast is " strong { (signed(drift)) " days" } " from the baseline. Of these:" }
                    }
                    (table::frame("drift by cause", &["Because", "#Days"], &html! {
                        @for (words, days) in &outlook.causes {
                            tr { th.text scope="row" { (words) } td.n { (signed(*days)) } }
                        }
                    }))
                } @else {
                    p { (no_drift(outlook)) }
                }
                p.soft.small { "The forecast rests on: " (words::plain(&outlook.state)) "." }
            }
        }
    }
}

fn no_drift(outlook: &Outlook) -> &'static str {
    if outlook.p50_on.is_none() {
        "No forecast gives it a date, so its drift has no number."
    } else {
        "It has no baseline to drift from."
    }
}

fn signed(days: f64) -> String {
    let sign = if days > 0.0 { "+" } else { "" };
    format!("{sign}{}", words::amount(days, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milestone(state: &str) -> Milestone {
        Milestone {
            id: "m".into(),
            title: "M".into(),
            project: "p".into(),
            state: state.into(),
            baseline_on: None,
            due_on: None,
            slip_days: None,
            replans: None,
            replans_after_due: None,
        }
    }

    #[test]
    fn the_verdict_is_a_sentence() {
        let on = |text: &str| Some(text.parse().unwrap());
        let outlook = Outlook {
            p_hit: Some(0.08),
            due_on: on("2026-11-27"),
            p50_on: on("2026-12-03"),
            ..Outlook::default()
        };
        assert_eq!(
            verdict(&milestone("open"), Some(&outlook)),
            "It is done by 3 Dec 2026 with even odds, 6 days after its date; the odds of the date itself are 8%."
        );
        let outlook = Outlook { p_hit: Some(0.03), due_on: on("2026-11-27"), ..Outlook::default() };
        assert_eq!(
            verdict(&milestone("open"), Some(&outlook)),
            "At its present pace no end is foreseeable; the odds of its date are 3%."
        );
        let outlook = Outlook {
            method: "past milestones".into(),
            past_milestones: 12.0,
            replays: 28.0,
            never_at_pace: true,
            pace: Some(4.2),
            pace_to_reach: Some(9.5),
            scope_to_cut: Some(12.0),
            ..Outlook::default()
        };
        assert_eq!(
            basis(&outlook).unwrap(),
            "The dates rest on how long 12 past milestones took against their plans. Tried on 28 closed milestones at the same progress, with what was known then, this way was the closest."
        );
        assert_eq!(
            warning(&outlook).unwrap(),
            "At the present pace of 4.2 tickets a week, with scope changing as it does, it may never end. To hold its date, cut 12 tickets or reach 9.5 tickets a week."
        );
        assert_eq!((basis(&Outlook::default()), warning(&Outlook::default())), (None, None));
        assert_eq!(verdict(&milestone("closed"), None), "This milestone is closed.");
        let outlook = Outlook { state: "insufficient data".into(), ..Outlook::default() };
        assert_eq!(verdict(&milestone("open"), Some(&outlook)), "No forecast: insufficient data.");
        assert!(causes(&outlook).into_string().contains("No forecast gives it a date"));
        assert_eq!(signed(3.0), "+3");
        assert_eq!(signed(-3.0), "\u{2212}3");
    }
}
