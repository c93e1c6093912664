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
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{PATIENCE, did_not_run, tool, wait_for};
use crate::story::{COMMITS, Fact, REVIEWS, TICKETS};

/// The broker of all tests; without one, says so for `test`.
fn brokers(test: &str) -> Option<String> {
    let brokers = std::env::var("PLIMSOLL_TEST_KAFKA").ok();
    if brokers.is_none() {
        did_not_run(test, "needs a Kafka broker");
    }
    brokers
}

/// A broker of a test's own, which it may stop.
pub struct Broker {
    folder: TempDir,
    address: String,
}

impl Broker {
    pub fn start(test: &str) -> Option<Self> {
        brokers(test)?; // where there is one, another can be started
        let folder = tempfile::tempdir().unwrap();
        let address = tool(Command::new(SCRIPT).arg("start").arg(folder.path())).trim().to_owned();
        Some(Self { folder, address })
    }

    pub fn log(&self, partitions: i32) -> Log {
        Log::on(&self.address, partitions, "", "own")
    }

    /// One that is dead already hears nothing.
    fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        let _ = Command::new("kill").args([name, pid.trim()]).output();
    }

    pub fn kill(&self) {
        self.signal("-KILL");
    }

    /// It keeps its connections and answers nothing.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        tool(Command::new(SCRIPT).arg("again").arg(self.folder.path()));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/broker");

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
        let brokers = brokers(test)?;
        Some(Self::on(&brokers, partitions, prefix, run))
    }

    /// The three topics on a broker that is known.
    fn on(brokers: &str, partitions: i32, prefix: &str, run: &str) -> Self {
        let brokers = brokers.to_owned();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &brokers).set("message.max.bytes", "20000000");
        let producer = config.set("acks", "all").set("linger.ms", "5").create().unwrap();
        let log = Self { brokers, prefix: prefix.to_owned(), run: run.to_owned(), producer };
        log.create_topics(&log.topics(), partitions);
        log
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap()
    }

    /// Those that are there already stay.
    fn create_topics(&self, names: &[String], partitions: i32) {
        let topics = names.iter().map(|name| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", "20000000")
        });
        let topics: Vec<NewTopic<'_>> = topics.collect();
        for created in block_on(self.admin().create_topics(&topics, &AdminOptions::new())).unwrap() {
            match created {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, error)) => panic!("{topic}: {error}"),
            }
        }
    }

    /// Deletes a topic, and makes another of the same name.
    pub fn recreate(&self, plain_topic: &str, partitions: i32) {
        let (admin, name) = (self.admin(), self.topic(plain_topic));
        block_on(admin.delete_topics(&[name.as_str()], &AdminOptions::new())).unwrap();
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        // Deleting goes on behind the answer.
        wait_for("the topic to be made again", || {
            let made = block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
            made.into_iter().all(|made| made.is_ok()).then_some(())
        });
        // A producer that remembers the old topic.
        wait_for("a leader of the new topic", || {
            let known = self.producer.client().fetch_metadata(Some(&name), PATIENCE).ok()?;
            let about = known.topics().first()?;
            (about.error().is_none() && about.partitions().iter().all(|p| p.leader() >= 0)).then_some(())
        });
    }

    /// Produces facts in one transaction, which leaves its marker at the end of each partition that it touched.
    pub fn transaction(&self, facts: &[Fact], commit: bool) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("transactional.id", format!("{}-{commit}", self.run))
            .create()
            .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for fact in facts {
            let topic = self.topic(fact.topic);
            let record = BaseRecord::to(&topic).key(fact.key.as_bytes()).payload(fact.json.as_bytes());
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        if commit { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) }
            .unwrap();
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

    /// Deletes the records before `offset` of partition 0, as retention would.
    pub fn delete_before(&self, plain_topic: &str, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic(plain_topic), 0, Offset::Offset(offset)).unwrap();
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// Changes one setting of a topic; the others go back to what the broker gives.
    pub fn set_on_topic(&self, plain_topic: &str, setting: &str, value: &str) {
        let (admin, topic) = (self.admin(), self.topic(plain_topic));
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
