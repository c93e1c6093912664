//! What a client that only asks has to say about its connections: a question that was not answered does not tell why.
//!
//! Invariant: it keeps the newest reason only.
//! Deliberately lacking: what to do about it.

use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

#[derive(Default)]
pub struct Heard(Mutex<Option<String>>);

impl Heard {
    /// Why no broker answers, if something was said since the last call.
    pub fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The client that reads or produces logs the same.
        let level = if facility == "FAIL" { RDKafkaLogLevel::Debug } else { level };
        super::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let all_down = matches!(error, KafkaError::Global(RDKafkaErrorCode::AllBrokersDown));
        if !all_down {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Heard {}
