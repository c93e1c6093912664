//! The ledger of one milestone: each change of its dates and scope, the newest first. Tickets that were added, removed or
//! re-estimated on one day, one after another, are one entry: a plan is made in one go.

use chrono::{DateTime, NaiveDate, Utc};
use maud::{Markup, html};

use super::signed;
use crate::pages::rows::Rows;
use crate::pages::table;
use crate::pages::visit::Visit;
use crate::pages::words;

/// Entries shown; the metric has all.
const ENTRIES: usize = 60;
/// Subjects of an entry that are named.
const NAMED: usize = 6;

/// Changes of one kind on one day.
#[derive(Clone, Debug, PartialEq)]
struct PlanChange {
    at: DateTime<Utc>,
    what: String,
    /// The newest first.
    subjects: Vec<String>,
    points: Option<f64>,
    /// From and to, of a date.
    dates: Option<(Option<NaiveDate>, Option<NaiveDate>)>,
    days_moved: Option<f64>,
    forecast: (Option<NaiveDate>, Option<NaiveDate>),
}

pub async fn entries(visit: &Visit<'_>, id: &str) -> Markup {
    let Ok(shown) = super::longer(visit, "milestone_ledger", &[("window_days", "366")]).await else {
        return html! { p.soft { "The ledger cannot be shown." } };
    };
    let entries = joined(read(&Rows::of(&shown), id));
    html! {
        @if entries.is_empty() { p { "Nothing was changed in the last year." } }
        @else {
            (table::frame("ledger", &["When", "What", "Subject", "Change", "#Days moved", "Forecast, even odds"], &html! { @for entry in entries.iter().take(ENTRIES) { (entry.row()) } }))
            @if entries.len() > ENTRIES { p.soft { "The newest " (ENTRIES) " of " (entries.len()) "." } }
        }
    }
}

fn read(rows: &Rows<'_>, id: &str) -> Vec<PlanChange> {
    let (milestones, what, subject) = (rows.texts("milestone"), rows.texts("what"), rows.texts("subject"));
    let (at, days, points) = (rows.moments("at"), rows.numbers("days_moved"), rows.numbers("points"));
    let [from_on, to_on, before, after] =
        ["from_on", "to_on", "p50_before_on", "p50_after_on"].map(|name| rows.dates(name));
    let own = (0..rows.len()).filter(|row| milestones[*row].as_deref() == Some(id));
    let mut entries: Vec<PlanChange> = own
        .filter_map(|row| {
            let what = what[row].clone()?;
            let dated = matches!(what.as_str(), "due date" | "baseline");
            Some(PlanChange {
                at: at[row]?,
                what,
                subjects: subject[row].clone().into_iter().collect(),
                points: points[row],
                dates: dated.then_some((from_on[row], to_on[row])),
                days_moved: days[row],
                forecast: (before[row], after[row]),
            })
        })
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at)); // stable: the metric's order within a moment
    entries
}

/// Neighbours of one kind and day as one entry.
fn joined(entries: Vec<PlanChange>) -> Vec<PlanChange> {
    let mut joined: Vec<PlanChange> = Vec::new();
    for earlier in entries {
        let alike = |entry: &&mut PlanChange| {
            entry.what == earlier.what
                && entry.at.date_naive() == earlier.at.date_naive()
                && entry.dates.is_none()
        };
        let Some(entry) = joined.last_mut().filter(alike) else {
            joined.push(earlier);
            continue;
        };
        entry.subjects.extend(earlier.subjects);
        entry.points = match (entry.points, earlier.points) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
        entry.forecast.0 = earlier.forecast.0;
    }
    joined
}

impl PlanChange {
    fn row(&self) -> Markup {
        let date = |on: Option<NaiveDate>| on.map_or("none".to_owned(), words::date);
        html! {
            tr {
                td { (words::moment(self.at)) }
                td { (self.what) }
                td.text { (self.named()) }
                td {
                    @match (&self.dates, self.points) {
                        (Some((from, to)), _) => { (date(*from)) " to " (date(*to)) }
                        (None, Some(points)) => { (signed(points)) " points" }
                        (None, None) => { span.soft { "no estimate" } }
                    }
                }
                td.n { (self.days_moved.map_or("–".to_owned(), signed)) }
                td {
                    @if self.forecast == (None, None) { span.soft { "–" } }
                    @else { (date(self.forecast.0)) " to " (date(self.forecast.1)) }
                }
            }
        }
    }

    fn named(&self) -> String {
        match self.subjects.len() {
            0 => "–".to_owned(),
            n if n <= NAMED => self.subjects.join(", "),
            n => format!("{} tickets: {} and others", n, self.subjects[..3].join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: &str, what: &str, subject: &str, points: f64) -> PlanChange {
        PlanChange {
            at: at.parse().unwrap(),
            what: what.to_owned(),
            subjects: vec![subject.to_owned()],
            points: Some(points),
            dates: None,
            days_moved: None,
            forecast: (None, None),
        }
    }

    #[test]
    fn a_plan_made_in_one_go_is_one_entry() {
        let entries = joined(vec![
            entry("2026-03-03T09:00:00Z", "added", "c", 3.0),
            entry("2026-03-02T10:00:00Z", "added", "b", 2.0),
            entry("2026-03-02T09:00:00Z", "added", "a", 1.0),
            entry("2026-03-02T08:00:00Z", "removed", "z", -1.0),
        ]);
        let told: Vec<_> = entries.iter().map(|entry| (entry.named(), entry.points)).collect();
        assert_eq!(told, [("c".into(), Some(3.0)), ("b, a".into(), Some(3.0)), ("z".into(), Some(-1.0))]);
    }
}
