//! What the log knows of deliveries, and saying more.
//!
//! Invariant: what this process said is known to it at once, and what the log held when it started is in the tables; so
//! no state is older than the last word. One process at a time delivers from a data directory, by its lock.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::Utc;
use engine::Engine;
use ingest::{Appender, Entry, topic_of};
use serde_json::json;

use super::Delivery;

const SOURCE: &str = "plimsoll:reports";
/// Time for the log to take an event.
const LOG_TIMEOUT: Duration = Duration::from_secs(8);
/// Tries to have the log take what came of a delivery; beyond them it stays unconfirmed.
const TRIES_MAX: u32 = 5;

#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Nothing,
    Sending,
    Refused,
    Delivered,
    Unconfirmed(String),
}

pub struct Ledger {
    engine: Engine,
    appender: Appender,
    /// Said by this process, the last word of each delivery.
    said: Mutex<HashMap<String, State>>,
}

impl Ledger {
    pub fn new(engine: Engine, appender: Appender) -> Ledger {
        Ledger { engine, appender, said: Mutex::default() }
    }

    /// # Errors
    /// The tables cannot be asked, so nothing may be sent.
    pub async fn state(&self, id: &str) -> Result<State, String> {
        if let Some(state) = self.said.lock().expect("no holder of the ledger panics").get(id) {
            return Ok(state.clone());
        }
        let digits = id.chars().all(|c| c.is_ascii_hexdigit());
        assert!(digits, "an id is hex digits, so it can stand in SQL");
        let sql = format!(
            "SELECT type, status FROM directory WHERE entity = 'report' AND entity_id = '{id}' ORDER BY effective_at DESC, seq DESC LIMIT 1"
        );
        let failed = |error: String| format!("could not look up what was delivered: {error}");
        let rows = self.engine.ask(&sql).await.map_err(|error| failed(error.to_string()))?;
        if rows.num_rows() == 0 {
            return Ok(State::Nothing);
        }
        let text = |column: usize| -> Result<Option<String>, String> {
            let texts =
                cast(rows.column(column), &DataType::Utf8).map_err(|error| failed(error.to_string()))?;
            Ok(texts.as_string::<i32>().iter().next().flatten().map(str::to_owned))
        };
        let (kind, status) = (text(0)?.unwrap_or_default(), text(1)?);
        Ok(state_of(&kind, status))
    }

    /// `report.sending`, durable before this returns.
    ///
    /// # Errors
    /// The log did not take it; it may have, so another try says it again, which does no harm.
    pub async fn announce(&self, delivery: &Delivery<'_>) -> Result<(), String> {
        self.append(delivery, "report.sending", None).await
    }

    /// What came of it. This process remembers it even where the log does not take it.
    pub async fn say(&self, delivery: &Delivery<'_>, kind: &'static str, answer: Option<&str>) {
        self.remember(delivery, kind, answer);
        for attempt in 1..=TRIES_MAX {
            match self.append(delivery, kind, answer).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(report = delivery.entry.name, %error, attempt, "the log did not accept the outcome of a delivery");
                    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                }
            }
        }
    }

    fn remember(&self, delivery: &Delivery<'_>, kind: &str, answer: Option<&str>) {
        let state = state_of(kind, answer.map(str::to_owned));
        self.said.lock().expect("no holder of the ledger panics").insert(delivery.id.clone(), state);
    }

    async fn append(
        &self,
        delivery: &Delivery<'_>,
        kind: &'static str,
        answer: Option<&str>,
    ) -> Result<(), String> {
        let now = Utc::now();
        let type_ = format!("{}{kind}{}", event::TYPE_PREFIX, event::TYPE_SUFFIX);
        let sequence = now.timestamp_micros();
        let event = json!({
            "specversion": "1.0",
            "id": format!("{}-{kind}-{sequence}", delivery.id),
            "source": SOURCE,
            "type": type_,
            "time": surface::moment::format(now),
            "subject": delivery.id,
            "sequence": sequence,
            "data": {
                "delivery": delivery.id,
                "name": delivery.entry.name,
                "period": delivery.period,
                "target": delivery.receiver.name(),
                "status": answer,
            },
        });
        let entry = Entry {
            topic: topic_of(&type_),
            key: delivery.id.clone().into_bytes(),
            headers: Vec::new(),
            value: event.to_string().into_bytes(),
        };
        match tokio::time::timeout(LOG_TIMEOUT, self.appender.append(vec![entry])).await {
            Ok(Ok(_)) => {
                self.remember(delivery, kind, answer);
                Ok(())
            }
            Ok(Err(error)) => Err(format!("the log refused the event: {error}")),
            Err(_) => Err("the log took too long".to_owned()),
        }
    }
}

fn state_of(kind: &str, answer: Option<String>) -> State {
    match kind {
        "report.delivered" => State::Delivered,
        "report.refused" => State::Refused,
        "report.unconfirmed" => State::Unconfirmed(answer.unwrap_or_default()),
        // A word of a later version: it may mean anything, so nothing is sent.
        _ => State::Sending,
    }
}
