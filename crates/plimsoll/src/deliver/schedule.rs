//! When reports are due: each entry of the configuration waits for its next time, makes the report and delivers it.
//!
//! A time that passed while the server was down is made up for, within `delivery.late_hours_max`: the log knows what was
//! delivered, so that making up for it never sends a second one. Invariants: nothing is sent before the tables have
//! caught up with the log, since they have what was sent; one entry's trouble delays no other.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;
use engine::Engine;
use tokio::sync::RwLock;

use super::{Delivery, Ledger, Outcome, deliver, id, period};
use crate::config::report::ReportEntry;
use surface::{App, Phase};

use crate::config::Config;
use report::{self, Kind, Report, Week, What};

/// The clock is looked at this often: a machine that slept, or a clock that was set, delays nothing longer.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
const READY_INTERVAL: Duration = Duration::from_millis(50);

/// Held by deliveries under way, so that the end can wait for them.
pub type OpenDeliveries = Arc<RwLock<()>>;

/// Starts one task for each entry with a schedule; they end with the runtime.
pub fn start(
    app: &Arc<App>,
    config: &Arc<Config>,
    engine: &Engine,
    appender: ingest::Appender,
    under_way: &OpenDeliveries,
) {
    let ledger = Arc::new(Ledger::new(engine.clone(), appender));
    for entry in &config.report {
        let times = entry.cron().and_then(|cron| Ok((cron, entry.zone()?)));
        let Ok((Some(cron), zone)) = times else { continue }; // the configuration was checked
        let (app, engine, ledger) = (Arc::clone(app), engine.clone(), Arc::clone(&ledger));
        let config = Arc::clone(config);
        let (entry, under_way) = (entry.clone(), Arc::clone(under_way));
        tokio::spawn(async move {
            while app.phase() < Phase::Ready {
                tokio::time::sleep(READY_INTERVAL).await;
            }
            let late = TimeDelta::hours(config.delivery.late_hours_max as i64);
            let missed = before(&cron, zone, Utc::now()).filter(|due| Utc::now() - *due <= late);
            let mut due = missed.or_else(|| after(&cron, zone, Utc::now()));
            while let Some(time) = due {
                wait_until(time).await;
                if app.phase() == Phase::Stopping {
                    return;
                }
                let working = under_way.read().await;
                make_and_deliver(&app, &config, &engine, &ledger, &entry, time).await;
                drop(working);
                due = after(&cron, zone, Utc::now().max(time));
            }
        });
    }
}

async fn wait_until(time: DateTime<Utc>) {
    while let Ok(left) = (time - Utc::now()).to_std() {
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
    }
}

fn before(cron: &Cron, zone: chrono_tz::Tz, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let time = cron.find_previous_occurrence(&moment.with_timezone(&zone), true).ok()?;
    Some(time.with_timezone(&Utc))
}

fn after(cron: &Cron, zone: chrono_tz::Tz, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let time = cron.find_next_occurrence(&moment.with_timezone(&zone), false).ok()?;
    Some(time.with_timezone(&Utc))
}

/// What an entry asks for when it is due: the last whole week, or the roadmap as it is.
pub fn due(entry: &ReportEntry, time: DateTime<Utc>) -> What {
    let as_of = match entry.kind {
        Kind::Weekly => Week::before(time).end(),
        Kind::Roadmap => time,
    };
    let mut what = What::new(entry.kind, as_of, Utc::now());
    what.team = (!entry.team.is_empty()).then(|| entry.team.clone());
    what
}

async fn make_and_deliver(
    app: &Arc<App>,
    config: &Config,
    engine: &Engine,
    ledger: &Ledger,
    entry: &ReportEntry,
    time: DateTime<Utc>,
) {
    let what = due(entry, time);
    let example = app.parts().is_ok_and(|parts| parts.example);
    let made = report::make(engine, &what, &app.wall, example).await;
    match made {
        Ok(report) => {
            for (to, outcome) in all(config, ledger, entry, &what, &report, false).await {
                if outcome.is_good() {
                    tracing::info!(report = entry.name, to, %outcome, "report");
                } else {
                    tracing::error!(report = entry.name, to, %outcome, "report");
                }
            }
        }
        Err(error) => tracing::error!(report = entry.name, %error, "the report could not be made"),
    }
}

/// To all receivers of an entry at the same time: a slow one delays no other.
pub async fn all(
    config: &Config,
    ledger: &Ledger,
    entry: &ReportEntry,
    what: &What,
    report: &Report,
    again: bool,
) -> Vec<(String, Outcome)> {
    let period = period(what);
    let one = async |receiver| {
        let delivery = Delivery {
            id: id(entry, &period, receiver),
            entry,
            receiver,
            period: period.clone(),
            report,
            made_at: what.known_at,
            timeout: Duration::from_millis(config.delivery.timeout_ms),
        };
        (receiver.name().to_owned(), deliver(config, ledger, &delivery, again).await)
    };
    futures::future::join_all(entry.to.iter().map(one)).await
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    #[test]
    fn times_are_those_of_the_zone() {
        let cron = Cron::from_str("0 8 * * MON").unwrap();
        let zone = chrono_tz::Europe::Berlin;
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        // Clocks go back on Sunday 25 October 2026.
        for (now, last, next) in [
            ("2026-10-21T12:00:00Z", "2026-10-19T06:00:00Z", "2026-10-26T07:00:00Z"),
            ("2026-10-26T07:00:00Z", "2026-10-26T07:00:00Z", "2026-11-02T07:00:00Z"),
        ] {
            assert_eq!(before(&cron, zone, at(now)), Some(at(last)), "{now}");
            assert_eq!(after(&cron, zone, at(now)), Some(at(next)), "{now}");
        }
    }
}
