//! Milestones as pages show them: their risk, and the forecast behind it.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::lens::encoded;
use super::rows::Rows;
use super::words;

/// A row of `milestone_risk`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MilestoneRisk {
    pub project: String,
    pub milestone: String,
    pub title: String,
    pub risk: Option<f64>,
    pub colour: Option<String>,
    pub p_hit: Option<f64>,
    pub due_on: Option<NaiveDate>,
    pub p85_on: Option<NaiveDate>,
    pub late_working_days: Option<f64>,
    pub needed_by_others: bool,
}

impl MilestoneRisk {
    pub fn is_pressing(&self) -> bool {
        matches!(self.colour.as_deref(), Some("red" | "amber"))
    }

    /// The colour, with its number and in words.
    pub fn chip(&self) -> Markup {
        chip(self.colour.as_deref(), self.risk)
    }
}

pub fn chip(colour: Option<&str>, risk: Option<f64>) -> Markup {
    let (class, word) = match colour {
        Some("red") => ("chip red", "high"),
        Some("amber") => ("chip amber", "raised"),
        Some(_) => ("chip green", "low"),
        None => return html! { span.chip { "not known" } },
    };
    html! { span class=(class) { (word) @if let Some(risk) = risk { " " (words::amount(risk, "")) } } }
}

/// The highest risk first, of equal ones the earliest date.
pub fn entries(rows: &Rows<'_>) -> Vec<MilestoneRisk> {
    let (mut projects, mut milestones, mut titles) = labels(rows);
    let mut colours = rows.texts("colour");
    let (risk, p_hit) = (rows.numbers("risk"), rows.numbers("p_hit"));
    let (due_on, p85_on) = (rows.dates("due_on"), rows.dates("p85_on"));
    let (late, needed) = (rows.numbers("late_working_days"), rows.flags("needed_by_others"));
    let mut entries: Vec<MilestoneRisk> = (0..rows.len())
        .map(|row| MilestoneRisk {
            project: std::mem::take(&mut projects[row]),
            milestone: std::mem::take(&mut milestones[row]),
            title: std::mem::take(&mut titles[row]),
            risk: risk[row],
            colour: colours[row].take(),
            p_hit: p_hit[row],
            due_on: due_on[row],
            p85_on: p85_on[row],
            late_working_days: late[row],
            needed_by_others: needed[row] == Some(true),
        })
        .collect();
    entries.sort_by(|a, b| {
        b.risk.unwrap_or(-1.0).total_cmp(&a.risk.unwrap_or(-1.0)).then(a.due_on.cmp(&b.due_on))
    });
    entries
}

/// A row of `milestone_forecast`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    pub project: String,
    pub milestone: String,
    pub title: String,
    pub p_hit: Option<f64>,
    pub p_never: Option<f64>,
    pub likely_late: bool,
    pub due_on: Option<NaiveDate>,
    pub baseline_on: Option<NaiveDate>,
    pub p50_on: Option<NaiveDate>,
    pub p85_on: Option<NaiveDate>,
    pub p95_on: Option<NaiveDate>,
    pub remaining: Option<f64>,
    pub scope: Option<f64>,
    /// What the forecast rests on, or why there is none.
    pub state: String,
    /// The model in force, and what it learnt from: weeks, past milestones, and forecasts of these that were replayed.
    pub method: String,
    pub weeks: f64,
    pub past_milestones: f64,
    pub replays: f64,
    /// At the pace of the history most futures, or too many of them, never end.
    pub never_at_pace: bool,
    /// Tickets a week, now and for the date to hold; tickets to cut instead.
    pub pace: Option<f64>,
    pub pace_to_reach: Option<f64>,
    pub scope_to_cut: Option<f64>,
    pub drift_days: Option<f64>,
    /// Days of the drift by cause.
    pub causes: Vec<(&'static str, f64)>,
}

const CAUSES: [(&str, &str); 4] = [
    ("drift_by_date", "the date was moved"),
    ("drift_by_scope", "scope was added"),
    ("drift_by_estimate", "estimates grew"),
    ("drift_by_throughput", "work went slower than planned"),
];

pub fn outlooks(rows: &Rows<'_>) -> Vec<Outlook> {
    let (mut projects, mut milestones, mut titles) = labels(rows);
    let (p_hit, p_never) = (rows.numbers("p_hit"), rows.numbers("p_never"));
    let late = rows.flags("likely_late");
    let dates = ["due_on", "baseline_on", "p50_on", "p85_on", "p95_on"].map(|name| rows.dates(name));
    let (remaining, scope, mut state) =
        (rows.numbers("remaining"), rows.numbers("scope"), rows.texts("state"));
    let mut method = rows.texts("method");
    let learnt = ["n", "past_milestones", "replays"].map(|name| rows.numbers(name));
    let never_at_pace = rows.flags("never_at_pace");
    let paces = ["pace", "pace_to_reach", "scope_to_cut"].map(|name| rows.numbers(name));
    let drift = rows.numbers("forecast_drift_days");
    let causes = CAUSES.map(|(column, words)| (words, rows.numbers(column)));
    (0..rows.len())
        .map(|row| Outlook {
            project: std::mem::take(&mut projects[row]),
            milestone: std::mem::take(&mut milestones[row]),
            title: std::mem::take(&mut titles[row]),
            p_hit: p_hit[row],
            p_never: p_never[row],
            likely_late: late[row] == Some(true),
            due_on: dates[0][row],
            baseline_on: dates[1][row],
            p50_on: dates[2][row],
            p85_on: dates[3][row],
            p95_on: dates[4][row],
            remaining: remaining[row],
            scope: scope[row],
            state: state[row].take().unwrap_or_default(),
            method: method[row].take().unwrap_or_default(),
            weeks: learnt[0][row].unwrap_or_default(),
            past_milestones: learnt[1][row].unwrap_or_default(),
            replays: learnt[2][row].unwrap_or_default(),
            never_at_pace: never_at_pace[row] == Some(true),
            pace: paces[0][row],
            pace_to_reach: paces[1][row],
            scope_to_cut: paces[2][row],
            drift_days: drift[row],
            causes: causes.iter().filter_map(|(words, days)| Some((*words, days[row]?))).collect(),
        })
        .collect()
}

/// Project, milestone and title; a milestone without a title goes by its id.
fn labels(rows: &Rows<'_>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let plain = |name| rows.texts(name).into_iter().map(Option::unwrap_or_default).collect::<Vec<String>>();
    let (projects, milestones) = (plain("project"), plain("milestone"));
    let titles = rows.texts("title").into_iter().zip(&milestones);
    let titles =
        titles.map(|(title, id)| title.filter(|title| !title.is_empty()).unwrap_or_else(|| id.clone()));
    let titles = titles.collect();
    (projects, milestones, titles)
}

/// Where a milestone has its page.
pub fn path(milestone: &str) -> String {
    format!("/milestone/{}", encoded(milestone))
}
