//! The thread that asks the cluster again and again.
//!
//! Invariant: nobody else waits for an answer; the consumer and every surface act on the newest one.
//! Deliberately lacking: the questions (`survey`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::KafkaConfig;
use super::status::{KafkaStatus, SILENCE_MAX};
use super::survey::Asker;
use crate::Error;

/// How often the cluster is asked; while it does not answer, more often.
const INTERVAL: Duration = Duration::from_secs(2);
const INTERVAL_SILENT: Duration = Duration::from_millis(250);
/// How often a silent cluster is reported again.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Rest between looks whether the thread shall end.
const LOOK: Duration = Duration::from_millis(50);

/// The thread, which ends soon after this is dropped.
pub struct Surveyor {
    ended: Arc<AtomicBool>,
}

impl Surveyor {
    /// Checks the settings and begins to ask.
    pub fn start(config: &KafkaConfig, status: Arc<KafkaStatus>) -> Result<Surveyor, Error> {
        let asker = Asker::new(config)?;
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        std::thread::Builder::new()
            .name("kafka-survey".to_owned())
            .spawn(move || watch(&asker, &status, &told))
            .map_err(|error| Error::Kafka {
                brokers: config.brokers.clone(),
                action: "watch the cluster",
                detail: format!("no thread could be started: {error}"),
            })?;
        Ok(Surveyor { ended })
    }
}

impl Drop for Surveyor {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn watch(asker: &Asker, status: &KafkaStatus, ended: &AtomicBool) {
    let started = Instant::now();
    let mut reported: Option<Instant> = None;
    while !ended.load(Ordering::Relaxed) {
        let wait = match asker.survey(ended) {
            Ok(survey) => {
                if status.answered(survey) {
                    info!(brokers = asker.brokers, "connected to kafka");
                }
                reported = None;
                INTERVAL
            }
            Err(reason) => {
                let silent = status.silent(&reason).unwrap_or(started).elapsed() >= SILENCE_MAX / 3;
                if silent && reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
                    reported = Some(Instant::now());
                    error!(
                        brokers = asker.brokers,
                        "kafka does not answer: {reason}; check the address, the \
                         network and the security settings; trying on"
                    );
                }
                INTERVAL_SILENT
            }
        };
        let next = Instant::now() + wait;
        while Instant::now() < next && !ended.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
        }
    }
}
