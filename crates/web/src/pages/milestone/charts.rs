//! The slip chart and the burn-up of one milestone.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::Milestone;
use crate::pages::figure;
use crate::pages::risk::Outlook;
use crate::pages::rows::Rows;
use report::chart::{self, Fan, Head, Slip};

/// `scope` and `trend` are the rows of `milestone_scope` and `milestone_trend`, of every milestone.
pub fn both(milestone: &Milestone, outlook: Option<&Outlook>, scope: &Rows<'_>, trend: &Rows<'_>) -> Markup {
    let (history, reviews) = (history(&milestone.id, scope), slip(milestone, trend));
    html! {
        h3 { "Slip chart" }
        @if reviews.reviews.is_empty() {
            p.soft { "No review of this milestone: it was not open in the last half year." }
        } @else {
            p.soft.small { "What was said of its end at each review. Level is on time; rising is slipping." }
            (figure::plot(&chart::slip(Head::new("slip", &format!("Slip chart of {}", milestone.title)), &reviews)))
        }
        div.group {
            h3 { "Burn-up and forecast" }
            @if history.is_empty() {
                p.soft { "No ticket has been in this milestone." }
            } @else {
                p.soft.small { "Tickets done and in scope, and the days on which the rest may be done." }
                (figure::plot(&chart::fan(Head::new("fan", &format!("Burn-up of {}", milestone.title)), &fan(milestone, outlook, history))))
            }
        }
    }
}

fn of<'r>(id: &'r str, rows: &Rows<'_>) -> impl Iterator<Item = usize> + use<'r> {
    let milestones = rows.texts("milestone");
    (0..rows.len()).filter(move |row| milestones[*row].as_deref() == Some(id))
}

fn slip(milestone: &Milestone, rows: &Rows<'_>) -> Slip {
    let (at, due, p50) = (rows.moments("reported_at"), rows.dates("due_on"), rows.dates("p50_on"));
    let reviews = of(&milestone.id, rows).filter_map(|row| Some((at[row]?, due[row], p50[row])));
    Slip { reviews: reviews.collect(), baseline: milestone.baseline_on }
}

fn history(id: &str, rows: &Rows<'_>) -> Vec<(NaiveDate, f64, f64)> {
    let (days, done) = (rows.dates("day"), rows.numbers("done_tickets"));
    let scope = rows.numbers("scope_tickets");
    of(id, rows).filter_map(|row| Some((days[row]?, done[row]?, scope[row]?))).collect()
}

fn fan(milestone: &Milestone, outlook: Option<&Outlook>, history: Vec<(NaiveDate, f64, f64)>) -> Fan {
    let dates = outlook.map_or([None; 3], |outlook| [outlook.p50_on, outlook.p85_on, outlook.p95_on]);
    let done_by =
        [50, 85, 95].into_iter().zip(dates).filter_map(|(likely, on)| Some((likely, on?))).collect();
    Fan {
        unit: "tickets".to_owned(),
        history,
        done_by,
        due: milestone.due_on,
        baseline: milestone.baseline_on,
    }
}
