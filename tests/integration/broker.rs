//! A real Kafka broker (`PLIMSOLL_TEST_KAFKA`), with topics of its own for each test.

use std::process::{self, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use crate::harness::{PATIENCE, did_not_run, tool};
use crate::story::{COMMITS, Fact, REVIEWS, TICKETS};

pub struct Log {
    brokers: String,
    /// Before the plain name of each topic.
    prefix: String,
    /// What no other test and no other run has: part of the group's name.
    run: String,
    producer: BaseProducer,
}

/// A record as it goes over the wire; `None` as a value is a tombstone.
#[derive(Default)]
pub struct Raw<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Log {
    /// The three topics under names that no other test has; without a broker, says so for `test`.
    pub fn create(test: &str, partitions: i32) -> Option<Self> {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let run = format!("{test}-{}-{nanos}", process::id());
        Self::open(test, partitions, &format!("{run}."), &run)
    }

    /// The three topics under the names that Plimsoll itself produces to.
    pub fn with_plain_names(test: &str) -> Option<Self> {
        Self::open(test, 1, "", &format!("{test}-{}", process::id()))
    }

    fn open(test: &str, partitions: i32, prefix: &str, run: &str) -> Option<Self> {
        let Ok(brokers) = std::env::var("PLIMSOLL_TEST_KAFKA") else {
            did_not_run(test, "needs a Kafka broker");
            return None;
        };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &brokers).set("message.max.bytes", "20000000");
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        let producer = config.set("acks", "all").set("linger.ms", "5").create().unwrap();
        let log = Self { brokers, prefix: prefix.to_owned(), run: run.to_owned(), producer };
        let names = log.topics();
        let topics = names.iter().map(|name| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", "20000000")
        });
        let topics: Vec<NewTopic<'_>> = topics.collect();
        for created in block_on(admin.create_topics(&topics, &AdminOptions::new())).unwrap() {
            match created {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, error)) => panic!("{topic}: {error}"),
            }
        }
        Some(log)
    }

    pub fn topic(&self, plain: &str) -> String {
        format!("{}{plain}", self.prefix)
    }

    pub fn topics(&self) -> [String; 3] {
        [COMMITS, REVIEWS, TICKETS].map(|plain| self.topic(plain))
    }

    /// plimsoll.toml for a server that reads this log and makes rows durable often.
    pub fn config(&self, group: &str) -> String {
        format!(
            "[kafka]\nbrokers = [{:?}]\ntopics = {:?}\ngroup = \"{}-{group}\"\n\
             [store]\nflush_interval_ms = 100\n[people]\nvisibility = \"all\"\n",
            self.brokers,
            self.topics(),
            self.run
        )
    }

    /// Produces events and returns once the broker has acknowledged all of them.
    pub fn produce(&self, facts: &[Fact]) {
        for fact in facts {
            let record =
                Raw { key: fact.key.as_bytes(), value: Some(fact.json.as_bytes()), ..Raw::default() };
            self.send(fact.topic, &record);
        }
        self.flush();
    }

    pub fn send(&self, plain_topic: &str, raw: &Raw<'_>) {
        let topic = self.topic(plain_topic);
        let mut headers = OwnedHeaders::new();
        for (key, value) in &raw.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut record = BaseRecord::to(&topic).key(raw.key);
        if !raw.headers.is_empty() {
            record = record.headers(headers);
        }
        if let Some(value) = raw.value {
            record = record.payload(value);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    self.producer.poll(Duration::from_millis(50));
                }
                Err((error, _)) => panic!("{topic}: {error}"),
            }
        }
    }

    /// Changes one setting of a topic; the others go back to what the broker gives.
    pub fn set_on_topic(&self, plain_topic: &str, setting: &str, value: &str) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let topic = self.topic(plain_topic);
        let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set(setting, value);
        for altered in block_on(admin.alter_configs([&change], &AdminOptions::new())).unwrap() {
            altered.unwrap();
        }
    }

    pub fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// What the independent reader finds in the log.
    pub fn oracle(&self, as_of: &str) -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/oracle.py");
        let mut command = Command::new("python3");
        command.args([script, "--as-of", as_of, "--broker", &self.brokers]).args(self.topics());
        serde_json::from_str(&tool(&mut command)).unwrap()
    }
}
