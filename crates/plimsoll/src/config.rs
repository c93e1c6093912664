//! The configuration: what was set becomes what holds, and everything about it is checked once.
//!
//! A value comes from the last of: default, `plimsoll.toml`, `PLIMSOLL_*` environment variable, flag. `resolve` reads them
//! once, before any command runs; after it, a `Config` is valid. Every key is a row of `keys.rs`; the rows give the structs,
//! the bounds, `plimsoll.example.toml` and `docs/configuration.md`.

mod dotted;
mod keys;
mod layers;
mod listen;
mod options;
mod postgres;
#[cfg(test)]
mod reference;
pub mod report;
mod section;

pub use keys::{Catalogue, Config, LogFormat};
pub use layers::{Flags, Resolution, resolve};
pub use postgres::PostgresUser;
pub use surface::{Scope, Visibility};

use section::Section;
use surface::Secret;

/// Key of the pass-through settings: each child is a librdkafka property, dots included.
const SETTINGS: &str = "kafka.settings";
/// Key of the topics' formats: each child is a topic, dots included.
const FORMATS: &str = "kafka.formats";
/// Names of endings, by the names themselves.
pub const ENDINGS: &str = "catalogue.endings";
/// Sections whose children are no keys of ours and may hold dots.
const OPEN: [&str; 3] = [SETTINGS, FORMATS, ENDINGS];

/// A value that is of the right type and still wrong: the key, and what would do.
#[derive(Debug, PartialEq)]
pub struct BadValue {
    pub key: &'static str,
    pub message: String,
}

fn bad(key: &'static str, message: impl Into<String>) -> Result<(), BadValue> {
    Err(BadValue { key, message: message.into() })
}

impl Config {
    pub fn validate(&self) -> Result<(), BadValue> {
        self.validate_bounds()?;
        if self.data_dir.as_os_str().is_empty() {
            return bad("data_dir", "is empty; name a directory");
        }
        self.validate_http_port()?;
        self.validate_secrets()?;
        self.postgres.validate()?;
        self.validate_tokens()?;
        report::validate(&self.report)?;
        self.validate_kafka()
    }

    /// What is there already under that name must be a directory. Not part of `validate`, so that `doctor` can say it
    /// among other things.
    pub fn check_data_dir(&self) -> Result<(), BadValue> {
        if self.data_dir.metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            let message = format!("is {}, which is a file; name a directory", self.data_dir.display());
            return bad("data_dir", message);
        }
        Ok(())
    }

    /// Every key of a secret names it: whoever reads the configuration must not read a secret in it.
    fn validate_secrets(&self) -> Result<(), BadValue> {
        let hooks = &self.webhooks;
        for (key, source) in [
            ("people.pseudonyms", &self.people.pseudonyms),
            ("webhooks.github.secret", &hooks.github.secret),
            ("webhooks.gitlab.secret", &hooks.gitlab.secret),
            ("webhooks.gitlab.token", &hooks.gitlab.token),
            ("webhooks.jira.secret", &hooks.jira.secret),
            ("webhooks.gerrit.secret", &hooks.gerrit.secret),
            ("webhooks.gitea.secret", &hooks.gitea.secret),
        ] {
            if !source.is_empty() {
                Secret::check(source).map_err(|message| BadValue { key, message })?;
            }
        }
        for user in &self.postgres.users {
            if !user.password.is_empty() {
                Secret::check(&user.password).map_err(|message| BadValue {
                    key: "postgres.users",
                    message: format!("has a user {:?} whose password {message}", user.name),
                })?;
            }
        }
        Ok(())
    }

    fn validate_tokens(&self) -> Result<(), BadValue> {
        for (index, token) in self.tokens.iter().enumerate() {
            let hash = token.hash.len() == 64 && token.hash.bytes().all(|b| b.is_ascii_hexdigit());
            let same = |one: &str, other: &str| !one.is_empty() && one == other;
            let twice = self.tokens[..index].iter().any(|earlier| {
                earlier.name == token.name
                    || same(&earlier.hash, &token.hash)
                    || same(&earlier.secret, &token.secret)
            });
            let wrong = match token {
                _ if token.name.is_empty() => "has a token without a name",
                _ if token.hash.is_empty() == token.secret.is_empty() => {
                    "has a token without hash and secret, or with both; 'plimsoll token new' prints a hash"
                }
                _ if token.secret.is_empty() && !hash => {
                    "has a hash that is not 64 hex digits; 'plimsoll token new' prints one"
                }
                _ if token.scopes.is_empty() => "has a token without scopes; give read, sql, ingest or admin",
                _ if twice => "has two tokens with the same name, hash or secret; give each its own",
                _ => continue,
            };
            return bad("tokens", format!("{wrong} (token {}, {:?})", index + 1, token.name));
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
        for (topic, name) in self.kafka.formats.iter() {
            if !self.kafka.topics.contains(topic) {
                return Err(wrong(format!(
                    "names the topic {topic}, which kafka.topics lacks; add it there"
                )));
            }
            let Some(format) = event::Format::from_name(name) else {
                let names = event::Format::ALL.map(event::Format::name).join(", ");
                return Err(wrong(format!("gives {topic} the format {name:?}; give one of {names}")));
            };
            if ingest::TOPICS.contains(&topic.as_str()) && format != event::Format::CloudEvents {
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

    pub fn kafka_enabled(&self) -> bool {
        !self.kafka.brokers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().validate(), Ok(()));
    }
}
