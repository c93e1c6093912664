//! Session settings: what clients set when they connect, and what they ask about.
//!
//! Invariant: a setting is known by this list or it is refused, so none reaches the query engine; a value that would
//! not be honoured is refused as well, not forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refusal::Refusal;

/// The PostgreSQL release whose protocol and catalogue are spoken.
pub const SERVER_VERSION: &str = "16.6";
const SERVER_VERSION_NUM: &str = "160006";

enum Accepts {
    /// Only the server says.
    Nothing,
    /// A name or a wish that changes no result.
    Anything,
    /// One of these, whatever their case.
    Only(&'static [&'static str]),
    Milliseconds,
    /// One of these names of encodings, in which only letters and digits mean something.
    Encoding(&'static [&'static str]),
}

use Accepts::{Anything, Encoding, Milliseconds, Nothing, Only};

/// Name, default, and what it may be set to.
static SETTINGS: [(&str, &str, Accepts); 34] = [
    ("application_name", "", Anything),
    ("bytea_output", "hex", Only(&["hex"])),
    ("client_encoding", "UTF8", Encoding(&["utf8", "unicode"])),
    ("client_min_messages", "notice", Anything),
    ("datestyle", "ISO, MDY", Only(&["iso", "iso, mdy", "iso, ymd", "iso, dmy", "iso,mdy"])),
    ("default_transaction_isolation", "read committed", Anything),
    ("default_transaction_read_only", "on", Only(&["on", "true", "1", "off", "false", "0"])),
    ("extra_float_digits", "3", Anything),
    ("idle_in_transaction_session_timeout", "0", Milliseconds),
    ("in_hot_standby", "off", Nothing),
    ("integer_datetimes", "on", Nothing),
    ("intervalstyle", "postgres", Only(&["postgres"])),
    ("is_superuser", "off", Nothing),
    ("jit", "off", Anything),
    ("lc_collate", "C", Nothing),
    ("lc_ctype", "C", Nothing),
    ("lc_messages", "C", Anything),
    ("lc_monetary", "C", Anything),
    ("lock_timeout", "0", Milliseconds),
    ("max_identifier_length", "63", Nothing),
    ("max_index_keys", "32", Nothing),
    ("row_security", "on", Anything),
    ("search_path", "public", Only(&["public", "\"$user\", public", "$user, public", "\"$user\",public"])),
    ("server_encoding", "UTF8", Nothing),
    ("server_version", SERVER_VERSION, Nothing),
    ("server_version_num", SERVER_VERSION_NUM, Nothing),
    ("session_authorization", "", Nothing),
    ("standard_conforming_strings", "on", Only(&["on", "true", "1"])),
    ("statement_timeout", "0", Milliseconds),
    ("synchronize_seqscans", "on", Anything),
    ("timezone", "UTC", Only(&["utc", "etc/utc", "gmt", "etc/gmt", "zulu", "+00:00", "0", "default"])),
    ("transaction_isolation", "read committed", Anything),
    ("transaction_read_only", "on", Only(&["on", "true", "1", "off", "false", "0"])),
    ("wal_level", "replica", Nothing),
];

/// Longest value that a client may set.
const VALUE_BYTES_MAX: usize = 1_024;

/// What one connection has set.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    set: BTreeMap<&'static str, String>,
}

impl Settings {
    /// # Errors
    /// An unknown setting, one that only the server sets, a value that would not be honoured.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let (name, _, accepts) = known(name)?;
        let wrong = |allowed: &str| {
            Err(Refusal::parameter(format!("{name} cannot be {:?} here; give {allowed}", short(value))))
        };
        let lower = value.to_lowercase();
        match accepts {
            Nothing => {
                return Err(Refusal::new("55P02", format!("parameter \"{name}\" cannot be changed")));
            }
            Only(allowed) if !allowed.contains(&lower.as_str()) => return wrong(&allowed.join(" or ")),
            Encoding(allowed) if !allowed.contains(&encoding(&lower).as_str()) => {
                return wrong(&allowed.join(" or "));
            }
            Milliseconds if milliseconds(value).is_none() => return wrong("a time such as 5000, 5s or 1min"),
            Anything if value.len() > VALUE_BYTES_MAX => return wrong("a shorter text"),
            Only(_) | Encoding(_) | Milliseconds | Anything => {}
        }
        self.set.insert(name, value.to_owned());
        Ok(())
    }

    pub fn reset(&mut self, name: &str) -> Result<(), Refusal> {
        let (name, ..) = known(name)?;
        self.set.remove(name);
        Ok(())
    }

    pub fn reset_all(&mut self) {
        self.set.clear();
    }

    pub fn get(&self, name: &str) -> Result<&str, Refusal> {
        let (name, default, _) = known(name)?;
        Ok(self.set.get(name).map_or(default, String::as_str))
    }

    /// Every setting with its value.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        SETTINGS.iter().map(|(name, default, _)| (*name, self.set.get(name).map_or(*default, String::as_str)))
    }

    /// How long a statement may take, where the client wants less than the server gives.
    pub fn statement_timeout(&self) -> Option<Duration> {
        let set = self.set.get("statement_timeout").and_then(|value| milliseconds(value));
        set.filter(|ms| *ms > 0).map(Duration::from_millis)
    }
}

fn known(name: &str) -> Result<(&'static str, &'static str, &'static Accepts), Refusal> {
    let lower = match name.to_lowercase() {
        name if name == "time zone" => "timezone".to_owned(),
        name if name == "names" => "client_encoding".to_owned(),
        name => name,
    };
    let found = SETTINGS.iter().find(|(known, ..)| *known == lower);
    found.map(|(name, default, accepts)| (*name, *default, accepts)).ok_or_else(|| {
        Refusal::new("42704", format!("unrecognized configuration parameter {:?}", short(name)))
    })
}

/// An encoding's name as PostgreSQL compares them: `'utf-8'`, `UTF_8` and `utf8` are one.
fn encoding(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A time as PostgreSQL writes it: a number of milliseconds, or one with a unit.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_and_honoured_is_set() {
        for (name, value, expect) in [
            ("application_name", "psql", "ok"),
            ("DateStyle", "ISO", "ok"),
            ("extra_float_digits", "3", "ok"),
            ("TimeZone", "UTC", "ok"),
            ("TIME ZONE", "utc", "ok"),
            ("statement_timeout", "5s", "ok"),
            ("timezone", "Europe/Berlin", "22023"),
            ("client_encoding", "LATIN1", "22023"),
            ("client_encoding", "'utf-8'", "ok"),
            ("client_encoding", "UTF_8", "ok"),
            ("names", "Unicode", "ok"),
            ("client_encoding", "utf16", "22023"),
            ("search_path", "private", "22023"),
            ("statement_timeout", "soon", "22023"),
            ("server_version", "17", "55P02"),
            ("datafusion.execution.batch_size", "1", "42704"),
            ("datafusion", "1", "42704"),
        ] {
            let said = Settings::default().set(name, value).map_or_else(|refusal| refusal.code, |()| "ok");
            assert_eq!(said, expect, "{name} = {value}");
        }
    }

    #[test]
    fn a_setting_is_read_back_and_reset() {
        let mut settings = Settings::default();
        assert_eq!(settings.get("server_version_num").unwrap(), SERVER_VERSION_NUM);
        settings.set("statement_timeout", "1min").unwrap();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(60)));
        settings.reset("STATEMENT_TIMEOUT").unwrap();
        assert_eq!(settings.get("statement_timeout").unwrap(), "0");
        assert_eq!(settings.statement_timeout(), None);
    }
}
