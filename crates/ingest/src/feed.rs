//! A log that is being read, as those see it who report on it.

use std::sync::Arc;

use crate::kafka::KafkaStatus;
use crate::local_log::LocalLog;

/// What a surface can tell about the log behind a feed.
#[derive(Clone)]
pub enum FeedLog {
    Local(LocalLog),
    Kafka(Arc<KafkaStatus>),
}

impl FeedLog {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Kafka(_) => "kafka",
        }
    }
}
