//! How large a record each topic takes, so that one that is too large is known before any of its call is sent.
//!
//! Invariant: a call's entries are all within the limits, or none is sent.
//! Deliberately lacking: raising a limit, and limits of topics that others produce to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use tracing::debug;

use super::inspect::settings;
use crate::{Entry, Error};

/// A broker's own default for `max.message.bytes`.
pub const MESSAGE_BYTES_MAX: &str = "1048588";
/// What a record and its batch add to key, headers and value, at most.
const OVERHEAD_BYTES: usize = 128;
const HEADER_OVERHEAD_BYTES: usize = 10;
/// Time for a broker to report the settings of a topic.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(2);

/// The limits of the topics that have been produced to.
pub struct TopicLimits {
    client: ClientConfig,
    /// Of this producer, for any topic.
    own: usize,
    known: Mutex<HashMap<&'static str, usize>>,
}

impl TopicLimits {
    pub fn new(client: &ClientConfig) -> TopicLimits {
        let own = client.get("message.max.bytes").and_then(|text| text.parse().ok());
        TopicLimits { client: client.clone(), own: own.unwrap_or(1_000_000), known: Mutex::default() }
    }

    /// Blocks while the settings of a topic are asked for, which is done once.
    ///
    /// # Errors
    /// The first entry that is too large.
    pub fn check(&self, entries: &[Entry]) -> Result<(), Error> {
        entries.iter().enumerate().try_for_each(|(index, entry)| {
            let (bytes, limit) = (bytes(entry), self.of(entry.topic));
            if bytes <= limit {
                return Ok(());
            }
            Err(Error::TooLargeForTopic { topic: entry.topic, index, bytes, limit })
        })
    }

    /// A broker has refused a record for its size: its settings have changed.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn of(&self, topic: &'static str) -> usize {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(topic).or_insert_with(|| self.own.min(self.of_topic(topic).unwrap_or(usize::MAX)))
    }

    /// `None` where the broker does not report it: then it refuses what is too large itself.
    fn of_topic(&self, topic: &str) -> Option<usize> {
        let admin: AdminClient<DefaultClientContext> = self.client.create().ok()?;
        match settings(&admin, topic, SETTINGS_TIMEOUT) {
            Ok(settings) => settings.get("max.message.bytes")?.parse().ok(),
            Err(error) => {
                debug!(topic, error, "the topic's max.message.bytes is not known");
                None
            }
        }
    }
}

fn bytes(entry: &Entry) -> usize {
    let headers = entry.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_OVERHEAD_BYTES);
    OVERHEAD_BYTES + entry.key.len() + entry.value.len() + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{REVIEWS_TOPIC, TICKETS_TOPIC};

    #[test]
    fn the_first_that_is_too_large_is_named() {
        let limits = TopicLimits::new(ClientConfig::new().set("message.max.bytes", "5000"));
        limits.known.lock().unwrap().extend([(REVIEWS_TOPIC, 5000), (TICKETS_TOPIC, 2000)]);
        let entry =
            |topic, len| Entry { topic, key: b"key".to_vec(), headers: Vec::new(), value: vec![b' '; len] };
        let (fits, over) = (entry(REVIEWS_TOPIC, 4800), entry(TICKETS_TOPIC, 1900));
        assert_eq!(limits.check(&[fits.clone(), entry(TICKETS_TOPIC, 1800)]), Ok(()));
        let error = limits.check(&[fits, over]).unwrap_err();
        assert_eq!(
            error,
            Error::TooLargeForTopic { topic: TICKETS_TOPIC, index: 1, bytes: 2031, limit: 2000 }
        );
    }
}
