//! `ending_of(resolution, status)`: how a closed ticket ended, by the names that its tracker has for that.
//!
//! The names are data: `queries/data/endings.toml`, and those of the configuration (`catalogue.endings`), which go before.
//! The resolution is asked first, then the status; what neither tells to be given up is done.
//! Invariants: the configuration is read once, before any catalogue, and is part of every definition hash: other names
//! are other definitions, by which views are folded anew. Deliberately absent: what an event itself says (`ending`).

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use serde::Deserialize;

pub(super) const LIST: &str = include_str!("../../../../queries/data/endings.toml");

/// The ending of work that was done.
pub const DONE: &str = "done";
/// All endings.
pub const ENDINGS: [&str; 4] = [DONE, "dropped", "duplicate", "moved"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    ending: Vec<EndingNames>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndingNames {
    ending: String,
    names: Vec<String>,
    #[expect(dead_code, reason = "for who reads the file")]
    source: String,
}

/// From a plain name to its ending.
struct Endings {
    by_name: HashMap<String, &'static str>,
    /// The configuration's names, for the hash.
    own: String,
}

static NAMES: OnceLock<Endings> = OnceLock::new();

/// Adds the names of one's own trackers. For the start of a process, before anything is read.
///
/// # Errors
/// A name with an ending that there is not; and names that come too late.
pub fn configure(own: &BTreeMap<String, String>) -> Result<(), String> {
    let endings = Endings::new(own)?;
    if own.is_empty() {
        return Ok(());
    }
    NAMES.set(endings).map_err(|_| "names of endings are set once, before anything is read".to_owned())
}

/// The configured names, as a part of definition hashes; empty without any.
pub fn configured() -> &'static str {
    &names().own
}

fn names() -> &'static Endings {
    NAMES.get_or_init(|| Endings::new(&BTreeMap::new()).expect("the shipped list is checked by a test"))
}

/// How a ticket ended.
pub(super) fn ending_of(resolution: Option<&str>, status: Option<&str>) -> &'static str {
    let names = names();
    let given_up = |name: Option<&str>| names.of(name?).filter(|ending| *ending != DONE);
    // A name that is configured as done is not asked about any further.
    match resolution.and_then(|name| names.of(name)) {
        Some(ending) => ending,
        None => given_up(status).unwrap_or(DONE),
    }
}

impl Endings {
    fn new(own: &BTreeMap<String, String>) -> Result<Endings, String> {
        let document: Document = toml::from_str(LIST).map_err(|error| error.to_string())?;
        let mut by_name = HashMap::new();
        for listed in &document.ending {
            let ending = known(&listed.ending)?;
            by_name.extend(listed.names.iter().map(|name| (plain(name), ending)));
        }
        for (name, ending) in own {
            by_name.insert(plain(name), known(ending)?);
        }
        let own = own.iter().map(|(name, ending)| format!("{}={ending};", plain(name))).collect();
        Ok(Endings { by_name, own })
    }

    fn of(&self, name: &str) -> Option<&'static str> {
        // Most names are plain already, or one of few.
        self.by_name.get(name).copied().or_else(|| self.by_name.get(&plain(name)).copied())
    }
}

fn known(ending: &str) -> Result<&'static str, String> {
    let found = ENDINGS.into_iter().find(|known| *known == ending);
    found.ok_or_else(|| format!("{ending:?} is no ending; write {}", ENDINGS.join(", ")))
}

/// A name without what people spell in several ways.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '\'' | '’' | '‘' | '`'));
    let spaced: String = letters.map(|c| if matches!(c, '-' | '_') { ' ' } else { c }).collect();
    spaced.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_a_ticket_ended() {
        for (resolution, status, ending) in [
            (None, None, "done"),
            (Some("Done"), Some("Closed"), "done"),
            (Some("Fixed"), Some("Resolved"), "done"),
            (Some("Won't Do"), Some("Closed"), "dropped"),
            (Some("WON’T  FIX"), None, "dropped"),
            (Some("Cannot Reproduce"), Some("Done"), "dropped"),
            (Some("Duplicate"), Some("Done"), "duplicate"),
            (None, Some("not_planned"), "dropped"),
            (None, Some("duplicate"), "duplicate"),
            // Workflows that set the resolution of every closed issue say with the status what they mean.
            (Some("Done"), Some("Cancelled"), "dropped"),
            (Some("Moved"), Some("Closed"), "moved"),
        ] {
            assert_eq!(ending_of(resolution, status), ending, "{resolution:?} {status:?}");
        }
    }

    #[test]
    fn the_configuration_goes_before_the_list() {
        let own = |name: &str, ending: &str| BTreeMap::from([(name.to_owned(), ending.to_owned())]);
        let endings = Endings::new(&own("Parked", "dropped")).unwrap();
        assert_eq!((endings.of("parked"), endings.own.as_str()), (Some("dropped"), "parked=dropped;"));
        let endings = Endings::new(&own("Later", "done")).unwrap();
        assert_eq!(endings.of("LATER"), Some("done"));
        let error = Endings::new(&own("Parked", "gone")).err().unwrap();
        assert_eq!(error, "\"gone\" is no ending; write done, dropped, duplicate, moved");
    }

    #[test]
    fn every_listed_name_is_plain_and_listed_once() {
        let document: Document = toml::from_str(LIST).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for name in document.ending.iter().flat_map(|listed| &listed.names) {
            assert_eq!(*name, plain(name));
            assert!(seen.insert(name.clone()), "{name} is listed twice");
        }
    }
}
