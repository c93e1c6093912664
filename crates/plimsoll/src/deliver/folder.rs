//! A report as files. Names say which report and period, so writing one again replaces it: a folder has each once.

use super::{Delivery, Ledger, Tried, announce};
use crate::commands::replace_file;
use crate::config::report::FolderTo;

pub async fn write(to: &FolderTo, delivery: &Delivery<'_>, ledger: &Ledger) -> Tried {
    if let Err(tried) = announce(ledger, delivery).await {
        return tried;
    }
    for format in &to.formats {
        let name = format!("{}-{}.{}", delivery.entry.name, delivery.period, format.name());
        if let Err(error) = replace_file(&to.path.join(&name), delivery.report.write(*format).as_bytes()) {
            let why = format!("could not write {}: {error}", to.path.join(name).display());
            ledger.say(delivery, "report.refused", Some(&why)).await;
            return Tried::Not { why, again: true };
        }
    }
    Tried::Taken("written".to_owned())
}
