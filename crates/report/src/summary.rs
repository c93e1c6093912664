//! Lines that both reports have at their top.

use super::risk::Outlook;
use super::words::{self, capital_count, count};

/// How many milestones will miss their dates, and the worst of them.
pub fn risk_line(risks: &[Outlook<'_>]) -> String {
    let known: Vec<_> =
        risks.iter().filter(|outlook| outlook.p_hit().is_some() && outlook.due().is_some()).collect();
    let unlikely: Vec<_> = known.iter().filter(|outlook| outlook.is_likely_late()).collect();
    if known.is_empty() {
        return "No open milestone has both a date and enough history for a forecast.".to_owned();
    }
    if unlikely.is_empty() {
        return match known.len() {
            1 => "The one milestone with a forecast will more likely than not meet its date.".to_owned(),
            n => format!("All {n} milestones with a forecast will more likely than not meet their dates."),
        };
    }
    let mut told = vec![format!(
        "{} of {} will more likely than not miss {}",
        unlikely.len(),
        count(known.len() as i64, "open milestone", "open milestones"),
        if unlikely.len() == 1 { "its date" } else { "their dates" }
    )];
    let latest = unlikely
        .iter()
        .filter_map(|outlook| Some((outlook.late_days()?, outlook)))
        .max_by_key(|(late, _)| *late);
    if let Some((late, outlook)) = latest.filter(|(late, _)| *late > 0) {
        told.push(format!("{} is likely to be {} late", outlook.title, words::days(late)));
    }
    if let Some(endless) = unlikely.iter().find(|outlook| outlook.p85().is_none()) {
        told.push(format!("{} may never be done at its present pace", endless.title));
    }
    format!("{}.", told.join("; "))
}

/// How many decisions there are.
pub fn decisions_line(n: usize) -> String {
    let decisions = capital_count(n, "decision is", "decisions are");
    let proposal = if n == 1 { "the proposal is" } else { "each has a proposal" };
    format!("{decisions} needed; {proposal} below.")
}
