//! The configuration: every key, its type, its default and its bounds.
//!
//! A value comes from the last of: default, `plimsoll.toml`, `PLIMSOLL_*` environment variable,
//! flag. `resolve` reads them once, before any command runs; after it, a `Config` is valid. A key
//! that is not explained in `plimsoll.example.toml` fails a test.

mod layers;
mod postgres;
pub mod report;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use surface::{Access, Bounds, Pseudonyms, Rules, Wall};

pub use layers::{Effective, Flags, resolve};
pub use postgres::{Postgres, PostgresUser};
pub use surface::{Scope, Token, Visibility};
pub use web::Webhooks;

/// Key of the pass-through settings: each child is a librdkafka property, dots included.
const SETTINGS: &str = "kafka.settings";
/// Key of the topics' formats: each child is a topic, dots included.
const FORMATS: &str = "kafka.formats";
/// Sections whose children are no keys of ours and may hold dots.
const OPEN: [&str; 2] = [SETTINGS, FORMATS];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub data_dir: PathBuf,
    pub tokens: Vec<Token>,
    pub report: Vec<report::Scheduled>,
    pub http: Http,
    pub postgres: Postgres,
    pub kafka: Kafka,
    pub ingest: Ingest,
    pub store: Store,
    pub board: Board,
    pub limits: Limits,
    pub people: People,
    pub webhooks: Webhooks,
    pub delivery: report::Delivery,
    pub catalogue: Catalogue,
    pub log: Log,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: String,
    pub hosts: Vec<String>,
    pub sql: bool,
    pub metrics_open: bool,
    pub drain_timeout_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    pub brokers: Vec<String>,
    pub topics: Vec<String>,
    pub group: String,
    #[serde(deserialize_with = "dotted")]
    pub formats: BTreeMap<String, String>,
    #[serde(deserialize_with = "dotted")]
    pub settings: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    pub batch_rows_max: usize,
    pub batch_bytes_max: usize,
    pub batch_wait_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    pub flush_interval_ms: u64,
    pub flush_rows: usize,
    pub pending_rows_max: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Board {
    pub refresh_interval_ms: u64,
    pub refresh_interval_max_ms: u64,
    pub evaluate_interval_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub sql_timeout_ms: u64,
    pub sql_rows_max: usize,
    pub sql_memory_bytes: usize,
    pub sql_spill_bytes_max: u64,
    pub request_timeout_ms: u64,
    pub requests_max: usize,
    pub body_bytes_max: usize,
    pub webhook_bytes_max: usize,
    pub events_max: usize,
    pub series_max: usize,
    pub range_steps_max: usize,
    pub what_if_events_max: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    pub visibility: Visibility,
    pub group_min: u64,
    /// `env:NAME` or `file:PATH` of the key; empty: people keep their names.
    pub pseudonyms: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    pub dirs: Vec<PathBuf>,
    /// How often `serve` looks for changed files; 0 is never.
    pub reload_interval_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("plimsoll-data"),
            tokens: Vec::new(),
            report: Vec::new(),
            http: Http::default(),
            postgres: Postgres::default(),
            kafka: Kafka::default(),
            ingest: Ingest::default(),
            store: Store::default(),
            board: Board::default(),
            limits: Limits::default(),
            people: People::default(),
            webhooks: Webhooks::default(),
            delivery: report::Delivery::default(),
            catalogue: Catalogue::default(),
            log: Log::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            hosts: Vec::new(),
            sql: true,
            metrics_open: false,
            drain_timeout_ms: 10_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sql_timeout_ms: 10_000,
            sql_rows_max: 100_000,
            sql_memory_bytes: 512 << 20,
            sql_spill_bytes_max: 1 << 30,
            request_timeout_ms: 30_000,
            requests_max: 256,
            body_bytes_max: 8 << 20,
            webhook_bytes_max: 25 << 20,
            events_max: 10_000,
            series_max: 1_000,
            range_steps_max: 400,
            what_if_events_max: 1_000,
        }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self { dirs: Vec::new(), reload_interval_ms: 500 }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topics: ["plimsoll.commits", "plimsoll.reviews", "plimsoll.tickets"].map(str::to_owned).to_vec(),
            group: "plimsoll".to_owned(),
            formats: BTreeMap::new(),
            settings: BTreeMap::new(),
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self { batch_rows_max: 50_000, batch_bytes_max: 32 << 20, batch_wait_ms: 100 }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { flush_interval_ms: 30_000, flush_rows: 250_000, pending_rows_max: 1_000_000 }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self { refresh_interval_ms: 50, refresh_interval_max_ms: 10_000, evaluate_interval_ms: 60_000 }
    }
}

impl Default for People {
    fn default() -> Self {
        Self { visibility: Visibility::Lead, group_min: 3, pseudonyms: String::new() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "warn,plimsoll=info".to_owned() }
    }
}

/// A value that is of the right type and still wrong: the key, and what would do.
#[derive(Debug, PartialEq)]
pub struct BadValue {
    pub key: &'static str,
    pub message: String,
}

fn bad(key: &'static str, message: impl Into<String>) -> Result<(), BadValue> {
    Err(BadValue { key, message: message.into() })
}

// What the surfaces take of the configuration.
impl Config {
    /// The rules that hold for all that others reach.
    ///
    /// # Errors
    /// A key of pseudonyms that cannot be read.
    pub fn wall(&self) -> Result<Wall, String> {
        let people = &self.people;
        Ok(Wall::shared(Rules {
            group_min: people.group_min,
            pseudonyms: Pseudonyms::new(&people.pseudonyms)?,
            lists_people: people.visibility == Visibility::All,
            sql: self.http.sql && people.visibility != Visibility::None && people.pseudonyms.is_empty(),
        }))
    }

    pub fn access(&self) -> Access {
        Access { tokens: self.tokens.clone(), visibility: self.people.visibility }
    }

    pub fn bounds(&self) -> Bounds {
        Bounds { rows_max: self.limits.sql_rows_max, steps_max: self.limits.range_steps_max }
    }

    pub fn web_options(&self) -> web::Options {
        let limits = &self.limits;
        web::Options {
            hosts: self.http.hosts.clone(),
            metrics_open: self.http.metrics_open,
            requests_max: limits.requests_max,
            request_timeout: self.request_timeout(),
            body_bytes_max: limits.body_bytes_max,
            events_max: limits.events_max,
            what_if_events_max: limits.what_if_events_max,
            series_max: limits.series_max,
            webhook_bytes_max: limits.webhook_bytes_max,
            webhooks: self.webhooks.clone(),
        }
    }
}

impl Config {
    pub fn validate(&self) -> Result<(), BadValue> {
        self.validate_bounds()?;
        if self.data_dir.as_os_str().is_empty() {
            return bad("data_dir", "is empty; name a directory");
        }
        self.listen_address()?;
        self.postgres.validate()?;
        self.validate_tokens()?;
        report::validate(&self.report)?;
        self.validate_kafka()
    }

    fn validate_tokens(&self) -> Result<(), BadValue> {
        for (index, token) in self.tokens.iter().enumerate() {
            let hash = token.hash.len() == 64 && token.hash.bytes().all(|b| b.is_ascii_hexdigit());
            let twice = self.tokens[..index].iter().any(|t| t.name == token.name || t.hash == token.hash);
            let wrong = match token {
                _ if token.name.is_empty() => "has a token without a name",
                _ if !hash => "has a hash that is not 64 hex digits; 'plimsoll token new' prints one",
                _ if token.scopes.is_empty() => "has a token without scopes; give read, sql, ingest or admin",
                _ if twice => "has a name or a hash twice; each token has its own",
                _ => continue,
            };
            return bad("tokens", format!("{wrong} (token {}, {:?})", index + 1, token.name));
        }
        Ok(())
    }

    fn validate_bounds(&self) -> Result<(), BadValue> {
        let postgres = &self.postgres;
        let bounds: [(&'static str, u64, u64, u64); 35] = [
            ("people.group_min", self.people.group_min, 1, 1_000),
            ("limits.sql_timeout_ms", self.limits.sql_timeout_ms, 10, 3_600_000),
            ("limits.sql_rows_max", self.limits.sql_rows_max as u64, 1, 100_000_000),
            ("limits.sql_memory_bytes", self.limits.sql_memory_bytes as u64, 1 << 20, 1 << 44),
            ("limits.sql_spill_bytes_max", self.limits.sql_spill_bytes_max, 0, 1 << 44),
            ("limits.request_timeout_ms", self.limits.request_timeout_ms, 100, 3_600_000),
            ("limits.requests_max", self.limits.requests_max as u64, 1, 100_000),
            ("limits.body_bytes_max", self.limits.body_bytes_max as u64, 1_024, 256 << 20),
            ("limits.webhook_bytes_max", self.limits.webhook_bytes_max as u64, 1_024, 64 << 20),
            ("limits.events_max", self.limits.events_max as u64, 1, 1_000_000),
            ("limits.series_max", self.limits.series_max as u64, 0, 1_000_000),
            ("limits.range_steps_max", self.limits.range_steps_max as u64, 1, 100_000),
            ("limits.what_if_events_max", self.limits.what_if_events_max as u64, 1, 1_000_000),
            ("postgres.connections_max", postgres.connections_max as u64, 1, 10_000),
            ("postgres.message_bytes_max", postgres.message_bytes_max as u64, 16 << 10, 64 << 20),
            ("postgres.statements_max", postgres.statements_max as u64, 1, 10_000),
            ("postgres.startup_timeout_ms", postgres.startup_timeout_ms, 100, 600_000),
            ("postgres.idle_timeout_ms", postgres.idle_timeout_ms, 1_000, 7 * 86_400_000),
            ("http.drain_timeout_ms", self.http.drain_timeout_ms, 0, 600_000),
            ("ingest.batch_rows_max", self.ingest.batch_rows_max as u64, 1, 10_000_000),
            ("ingest.batch_bytes_max", self.ingest.batch_bytes_max as u64, 1_024, 1 << 30),
            ("ingest.batch_wait_ms", self.ingest.batch_wait_ms, 1, 60_000),
            ("store.flush_interval_ms", self.store.flush_interval_ms, 10, 86_400_000),
            ("store.flush_rows", self.store.flush_rows as u64, 1, 100_000_000),
            ("store.pending_rows_max", self.store.pending_rows_max as u64, 1, 100_000_000),
            ("board.refresh_interval_ms", self.board.refresh_interval_ms, 1, 3_600_000),
            ("board.refresh_interval_max_ms", self.board.refresh_interval_max_ms, 1, 3_600_000),
            ("board.evaluate_interval_ms", self.board.evaluate_interval_ms, 100, 3_600_000),
            ("catalogue.reload_interval_ms", self.catalogue.reload_interval_ms, 0, 3_600_000),
            ("delivery.attempts_max", self.delivery.attempts_max, 1, 100),
            ("delivery.backoff_ms", self.delivery.backoff_ms, 1, 3_600_000),
            ("delivery.backoff_max_ms", self.delivery.backoff_max_ms, 1, 86_400_000),
            ("delivery.timeout_ms", self.delivery.timeout_ms, 100, 600_000),
            ("delivery.late_hours_max", self.delivery.late_hours_max, 0, 744),
            ("kafka.group", self.kafka.group.len() as u64, 1, 249),
        ];
        for (key, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return bad(key, format!("is {value}; give {min} to {max}"));
            }
        }
        Ok(())
    }

    fn validate_kafka(&self) -> Result<(), BadValue> {
        if self.kafka.brokers.iter().any(|broker| broker.trim().is_empty()) {
            return bad("kafka.brokers", "has an empty entry; give host:port for each broker");
        }
        if !self.kafka.brokers.is_empty() && self.kafka.topics.is_empty() {
            return bad("kafka.topics", "is empty; name at least one topic");
        }
        for owned in ["bootstrap.servers", "group.id"] {
            if self.kafka.settings.contains_key(owned) {
                return bad(SETTINGS, format!("sets {owned}; use kafka.brokers and kafka.group instead"));
            }
        }
        self.formats().map(drop)
    }

    /// Which topics carry the bodies of which tool.
    pub fn formats(&self) -> Result<ingest::Formats, BadValue> {
        let wrong = |message| BadValue { key: FORMATS, message };
        let mut formats = Vec::new();
        for (topic, name) in &self.kafka.formats {
            if !self.kafka.topics.contains(topic) {
                return Err(wrong(format!(
                    "names the topic {topic}, which kafka.topics lacks; add it there"
                )));
            }
            let Some(format) = event::Format::from_name(name) else {
                let names = event::Format::ALL.map(event::Format::name).join(", ");
                return Err(wrong(format!("gives {topic} the format {name:?}; give one of {names}")));
            };
            if ingest::topic::ALL.contains(&topic.as_str()) && format != event::Format::CloudEvents {
                let message = format!(
                    "gives {topic} another format, but plimsoll itself writes events there; \
                                       send the bodies to a topic of their own"
                );
                return Err(wrong(message));
            }
            formats.push((topic.clone(), format));
        }
        Ok(ingest::Formats::new(formats))
    }

    /// The address to listen on. Without TLS and tokens only loopback is safe, so nothing else is
    /// accepted: no flag turns this off.
    pub fn listen_address(&self) -> Result<SocketAddr, BadValue> {
        let address = address("http.listen", &self.http.listen, "127.0.0.1:8080")?;
        if address.ip().is_loopback() {
            return Ok(address);
        }
        Err(BadValue {
            key: "http.listen",
            message: format!(
                "is {address}, which others can reach without tls or a password; listen on 127.0.0.1:{} and put a reverse proxy with both in front",
                address.port()
            ),
        })
    }

    pub fn kafka_enabled(&self) -> bool {
        !self.kafka.brokers.is_empty()
    }

    pub fn engine_options(&self) -> engine::Options {
        engine::Options {
            flush_interval: Duration::from_millis(self.store.flush_interval_ms),
            flush_rows: self.store.flush_rows,
            pending_rows_max: self.store.pending_rows_max,
            refresh_interval: Duration::from_millis(self.board.refresh_interval_ms),
            refresh_interval_max: Duration::from_millis(self.board.refresh_interval_max_ms),
            evaluate_interval: Duration::from_millis(self.board.evaluate_interval_ms),
            sql: engine::SqlLimits {
                rows_max: self.limits.sql_rows_max,
                timeout: Duration::from_millis(self.limits.sql_timeout_ms),
                memory_bytes: self.limits.sql_memory_bytes,
                spill_bytes_max: self.limits.sql_spill_bytes_max,
                ..engine::SqlLimits::default()
            },
        }
    }

    pub fn ingest_limits(&self) -> ingest::Limits {
        ingest::Limits {
            max_rows: self.ingest.batch_rows_max,
            max_bytes: self.ingest.batch_bytes_max,
            max_wait: Duration::from_millis(self.ingest.batch_wait_ms),
        }
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.limits.request_timeout_ms)
    }
}

fn address(key: &'static str, text: &str, example: &str) -> Result<SocketAddr, BadValue> {
    let text = text.trim();
    if let Some(Ok(port)) = text.strip_prefix("localhost:").map(str::parse::<u16>) {
        return Ok(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| BadValue {
        key,
        message: format!("is {text:?}, not an address; give one such as {example}"),
    })
}

/// Takes `security.protocol = "SSL"` and `"security.protocol" = "SSL"` alike, and numbers and
/// booleans as text, the way librdkafka wants them.
fn dotted<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, String>, D::Error> {
    let table = toml::Table::deserialize(input)?;
    let mut settings = BTreeMap::new();
    flatten_settings("", &table, &mut settings).map_err(serde::de::Error::custom)?;
    Ok(settings)
}

fn flatten_settings(
    prefix: &str,
    table: &toml::Table,
    settings: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let text = match value {
            toml::Value::Table(inner) => {
                flatten_settings(&path, inner, settings)?;
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(_) | toml::Value::Datetime(_) => {
                return Err(format!("{path} takes a string, a number or a boolean"));
            }
        };
        settings.insert(path, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> Result<SocketAddr, BadValue> {
        let mut config = Config::default();
        config.http.listen = text.to_owned();
        config.listen_address()
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn only_loopback_is_listened_on() {
        for good in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:8080", "localhost:8080"] {
            assert!(listen(good).is_ok(), "{good}");
        }
        for (wrong, expect) in [
            ("0.0.0.0:8080", "reverse proxy"),
            ("[::]:8080", "reverse proxy"),
            ("192.168.1.4:80", "reverse proxy"),
            ("[::ffff:127.0.0.1]:80", "reverse proxy"),
            ("8080", "not an address"),
            ("example.com:80", "not an address"),
        ] {
            let message = listen(wrong).expect_err(wrong).message;
            assert!(message.contains(expect), "{wrong}: {message}");
        }
    }

    #[test]
    fn settings_take_both_spellings() {
        let text = "[kafka.settings]\nsecurity.protocol = \"SSL\"\n\"ssl.ca.location\" = \"/ca\"\nsocket.timeout.ms = 10\n";
        let config: Config = toml::from_str(text).expect("settings parse");
        let settings: Vec<_> = config.kafka.settings.iter().collect();
        assert_eq!(
            format!("{settings:?}"),
            r#"[("security.protocol", "SSL"), ("socket.timeout.ms", "10"), ("ssl.ca.location", "/ca")]"#
        );
    }
}
