//! A report as files. Names say which report and period, so writing one again replaces it: a folder has each once.

use super::{Attempt, Delivery, Ledger, announce};
use crate::config::report::FolderTo;
use crate::durable::write_output;

pub async fn write(to: &FolderTo, delivery: &Delivery<'_>, ledger: &Ledger) -> Attempt {
    if let Err(attempt) = announce(ledger, delivery).await {
        return attempt;
    }
    for format in &to.formats {
        let name = format!("{}-{}.{}", delivery.entry.name, delivery.period, format.name());
        if let Err(error) = write_output(&to.path.join(&name), delivery.report.write(*format).as_bytes()) {
            let why = format!("could not write {}: {error}", to.path.join(name).display());
            ledger.say(delivery, "report.refused", Some(&why)).await;
            return Attempt::Rejected { why, again: true };
        }
    }
    Attempt::Accepted("written".to_owned())
}
