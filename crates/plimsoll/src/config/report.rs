//! Which reports go to whom, and when: the tables `[[report]]`.
//!
//! Invariants: passwords and webhook addresses are named (`env:NAME`, `file:PATH`), never written here; mail leaves this
//! machine encrypted or not at all. Deliberately absent: mail without TLS to anything but this machine.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use chrono_tz::Tz;
use croner::Cron;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::BadValue;
use report::{Format, Kind};
use surface::Secret;

/// Key of the entries in errors.
const REPORT: &str = "report";

/// A report that is made again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportEntry {
    pub name: String,
    pub kind: Kind,
    /// A cron expression: minute, hour, day of the month, month, day of the week. Empty: only when asked.
    #[serde(default)]
    pub schedule: String,
    /// IANA name of the zone that the schedule is read in.
    #[serde(default = "utc")]
    pub timezone: String,
    /// Empty: all teams.
    #[serde(default)]
    pub team: String,
    pub to: Vec<Receiver>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Who gets it, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "via", rename_all = "lowercase")]
pub enum Receiver {
    Mail(MailTo),
    Webhook(WebhookTo),
    Folder(FolderTo),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTo {
    pub name: String,
    /// `host:port`
    pub server: String,
    #[serde(default)]
    pub tls: Tls,
    /// A file of certificates, PEM, to trust next to the well-known ones.
    #[serde(default)]
    pub ca: PathBuf,
    #[serde(default)]
    pub user: String,
    /// `env:NAME` or `file:PATH`
    #[serde(default)]
    pub password: String,
    pub from: String,
    pub to: Vec<String>,
    /// Formats to attach; the mail itself is HTML with Markdown as its text.
    #[serde(default)]
    pub attach: Vec<Format>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Plain at first, then STARTTLS, or no mail.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// To this machine only.
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTo {
    pub name: String,
    /// `env:NAME` or `file:PATH` of the address: who knows it may post.
    pub url: String,
    #[serde(default)]
    pub style: Style,
    /// Where the whole report can be read, to be linked.
    #[serde(default)]
    pub link: String,
}

/// What the body looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `{"text": ...}`, as Slack and Mattermost take it.
    #[default]
    Slack,
    /// An adaptive card, as workflows of Teams take it.
    Teams,
    /// The report as `--format json` prints it.
    Json,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderTo {
    pub name: String,
    pub path: PathBuf,
    #[serde(default = "page")]
    pub formats: Vec<Format>,
}

fn page() -> Vec<Format> {
    vec![Format::Html]
}

impl ReportEntry {
    pub fn zone(&self) -> Result<Tz, BadValue> {
        let wrong = |_| {
            self.wrong(format!("timezone {:?} is unknown; give one such as Europe/Berlin", self.timezone))
        };
        Tz::from_str(&self.timezone).map_err(wrong)
    }

    /// `None` where it is only sent when asked.
    pub fn cron(&self) -> Result<Option<Cron>, BadValue> {
        if self.schedule.is_empty() {
            return Ok(None);
        }
        let wrong = |error: croner::errors::CronError| {
            self.wrong(format!(
                "schedule {:?} is not a cron expression ({error}); give one such as \"0 8 * * MON\"",
                self.schedule
            ))
        };
        Cron::from_str(&self.schedule).map(Some).map_err(wrong)
    }

    fn wrong(&self, message: String) -> BadValue {
        BadValue { key: REPORT, message: format!("{:?}: {message}", self.name) }
    }

    fn validate(&self) -> Result<(), BadValue> {
        let wrong = |message: String| Err(self.wrong(message));
        if !is_name(&self.name) {
            return wrong("name takes letters, digits, - and _ only".to_owned());
        }
        self.zone()?;
        self.cron()?;
        if self.to.is_empty() {
            return wrong("has no receiver; give at least one [[report.to]]".to_owned());
        }
        for (index, receiver) in self.to.iter().enumerate() {
            if self.to[..index].iter().any(|other| other.name() == receiver.name()) {
                return wrong(format!("has two receivers called {:?}", receiver.name()));
            }
            if let Err(message) = receiver.validate() {
                return wrong(format!("to {:?}: {message}", receiver.name()));
            }
        }
        Ok(())
    }
}

/// What is in file names and ids.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

impl Receiver {
    pub fn name(&self) -> &str {
        match self {
            Receiver::Mail(to) => &to.name,
            Receiver::Webhook(to) => &to.name,
            Receiver::Folder(to) => &to.name,
        }
    }

    fn validate(&self) -> Result<(), String> {
        if !is_name(self.name()) {
            return Err("name takes letters, digits, - and _ only".to_owned());
        }
        match self {
            Receiver::Mail(to) => to.validate(),
            Receiver::Webhook(to) => Secret::check(&to.url).map_err(|_| {
                "url takes env:NAME or file:PATH, since everybody who knows the address can post".to_owned()
            }),
            Receiver::Folder(to) if to.path.as_os_str().is_empty() => {
                Err("path is empty; name a folder".to_owned())
            }
            Receiver::Folder(to) if to.formats.is_empty() => {
                Err("formats is empty; give html, md or json".to_owned())
            }
            Receiver::Folder(_) => Ok(()),
        }
    }
}

impl MailTo {
    /// Host and port.
    pub fn address(&self) -> Result<(&str, u16), String> {
        let parts = self.server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        parts
            .map(|(host, port)| (host.trim_start_matches('[').trim_end_matches(']'), port))
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| {
                format!("server is {:?}; give host:port, such as mail.example.com:587", self.server)
            })
    }

    fn validate(&self) -> Result<(), String> {
        let (host, _) = self.address()?;
        if self.tls == Tls::None && !is_this_machine(host) {
            return Err(format!(
                "tls = \"none\" sends in the clear to {host}; use \"starttls\" or \"implicit\""
            ));
        }
        if self.user.is_empty() != self.password.is_empty() {
            return Err("user and password go together".to_owned());
        }
        if !self.password.is_empty() {
            Secret::check(&self.password).map_err(|why| format!("password {why}"))?;
        }
        if self.to.is_empty() {
            return Err("to is empty; give addresses".to_owned());
        }
        for address in self.to.iter().chain([&self.from]) {
            address.parse::<Mailbox>().map_err(|error| format!("{address:?} is not an address: {error}"))?;
        }
        Ok(())
    }
}

pub fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// All entries, each by itself and their names together.
pub fn validate(entries: &[ReportEntry]) -> Result<(), BadValue> {
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|other| other.name == entry.name) {
            return Err(entry.wrong("is the name of two reports".to_owned()));
        }
        entry.validate()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        let config: crate::config::Config = toml::from_str(text).map_err(|error| error.to_string())?;
        validate(&config.report).map_err(|bad| bad.message)
    }

    #[test]
    fn entries_are_checked() {
        let entry = "[[report]]\nname = \"monday\"\nkind = \"weekly\"\nschedule = \"0 8 * * MON\"\ntimezone = \"Europe/Berlin\"\n";
        let mail = "[[report.to]]\nvia = \"mail\"\nname = \"leads\"\nserver = \"mail.example.com:587\"\nfrom = \"Plimsoll <p@example.com>\"\nto = [\"ada@example.com\"]\n";
        assert_eq!(check(&format!("{entry}{mail}")), Ok(()));
        let folder = "[[report.to]]\nvia = \"folder\"\nname = \"web\"\npath = \"/srv\"\n";
        for (text, expect) in [
            (entry.to_owned(), "missing field `to`"),
            (format!("{entry}{mail}tls = \"none\"\n"), "in the clear"),
            (format!("{entry}{mail}user = \"me\"\n"), "go together"),
            (format!("{entry}{mail}user = \"me\"\npassword = \"hunter2\"\n"), "password takes env:NAME"),
            (format!("{entry}{mail}passwort = \"x\"\n"), "unknown field"),
            (format!("{entry}{}", mail.replace(":587", "")), "host:port"),
            (format!("{entry}{}", mail.replace("ada@example.com", "ada")), "is not an address"),
            (format!("{}{mail}", entry.replace("Berlin", "Berlon")), "Europe/Berlin"),
            (format!("{}{mail}", entry.replace("MON", "MUN")), "not a cron expression"),
            (format!("{entry}{folder}{folder}"), "two receivers"),
            (format!("{entry}{folder}{entry}{folder}"), "two reports"),
            (
                format!(
                    "{entry}[[report.to]]\nvia = \"webhook\"\nname = \"chat\"\nurl = \"https://hooks.example.com/secret\"\n"
                ),
                "env:NAME or file:PATH",
            ),
        ] {
            let message = check(&text).expect_err(&text);
            assert!(message.contains(expect), "{message} lacks {expect}");
        }
        assert_eq!(
            check(&format!("{entry}{}tls = \"none\"\n", mail.replace("mail.example.com", "127.0.0.1"))),
            Ok(())
        );
    }
}
