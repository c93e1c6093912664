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
        let all = count(known.len() as i64, "milestone with a forecast is", "milestones with a forecast are");
        return format!("The {all} more likely than not to meet the date.");
    }
    let mut told = vec![format!(
        "{} of {} will more likely than not miss the date",
        unlikely.len(),
        count(known.len() as i64, "open milestone", "open milestones")
    )];
    let latest = unlikely
        .iter()
        .filter_map(|outlook| Some((outlook.late_days()?, outlook)))
        .max_by_key(|(late, _)| *late);
    if let Some((late, outlook)) = latest.filter(|(late, _)| *late > 0) {
        told.push(format!("{} is likely to be {} late", outlook.title, words::days(late)));
    }
    if let Some(endless) = unlikely.iter().find(|outlook| outlook.p85().is_none()) {
        told.push(format!("{} may not get done at its present pace", endless.title));
    }
    format!("{}.", told.join("; "))
}

/// How many decisions there are.
pub fn decisions_line(n: usize) -> String {
    format!("{} below, each with a proposal.", capital_count(n, "decision waits", "decisions wait"))
}
