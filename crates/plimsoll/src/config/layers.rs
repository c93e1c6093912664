//! Where each value comes from: default, file, environment, flag; the last one wins.
//!
//! Values travel as a flat map from key to value and origin, so that `plimsoll config` can name
//! the origin of each and an error can name the file and line. An unknown key in a file is an
//! error; an unknown `PLIMSOLL_*` variable is only a warning, because container platforms inject
//! some.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::dotted;
use super::{BadValue, Config, OPEN, SETTINGS};
use crate::failure::Failure;
use crate::files::read_text;

const FILE_NAME: &str = "plimsoll.toml";
const ENV_PREFIX: &str = "PLIMSOLL_";
/// Variables that start like ours and are not keys.
const ENV_OTHER: [&str; 4] = ["PLIMSOLL_CONFIG", "PLIMSOLL_CACHE", "PLIMSOLL_CORPUS", "PLIMSOLL_PEERS"];
const ENV_OTHER_PREFIX: &str = "PLIMSOLL_TEST_";
/// Larger files are no configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A setting with one of these in its name is never printed, nor is any about SASL but those that tell nothing.
const SECRET_MARKS: [&str; 9] =
    ["password", "passphrase", "secret", "token", "pem", "credential", "key", "jaas", "assertion"];
const SASL: &str = "sasl.";
const SASL_SHOWN: [&str; 6] = [
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.kerberos.service.name",
    "sasl.kerberos.principal",
    "sasl.oauthbearer.method",
];
const PATHS_SHOWN: [&str; 2] = ["ssl.key.location", "ssl.keystore.location"];
const REDACTED: &str = "<redacted>";

#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Values that came from flags.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub listen: Option<String>,
}

/// What the layers come to: the configuration, and where each value comes from.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub config: Config,
    /// Things worth a line on stderr, such as an unknown environment variable.
    pub warnings: Vec<String>,
    leaves: Leaves,
}

pub(super) type Leaves = BTreeMap<String, (Value, Origin)>;

/// Reads all layers. `environment` is passed in so that tests need not change the process's.
pub fn resolve(
    flags: &Flags,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Resolution, Failure> {
    let environment: BTreeMap<String, String> =
        environment.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
    let mut leaves = default_leaves();
    let named = flags.config.clone().or_else(|| environment.get("PLIMSOLL_CONFIG").map(PathBuf::from));
    match named {
        Some(path) => read_file(&path, &mut leaves)?,
        None if Path::new(FILE_NAME).exists() => read_file(Path::new(FILE_NAME), &mut leaves)?,
        None => {}
    }
    let warnings = read_environment(&environment, &mut leaves)?;
    read_flags(flags, &mut leaves);
    let config = build(&leaves)?;
    config.validate().map_err(|problem| wrong_value(&problem, &leaves))?;
    Ok(Resolution { config, warnings, leaves })
}

impl Resolution {
    /// TOML that would give this configuration, with the origin of each value next to it.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        // By section, those without one first: after a section's header they would belong to it.
        let mut leaves: Vec<_> = self.leaves.iter().map(|(path, leaf)| (split(path), path, leaf)).collect();
        leaves.sort_unstable_by_key(|(section_and_key, ..)| *section_and_key);
        for ((parent, key), path, (value, origin)) in leaves {
            if parent != section {
                text.push_str(&format!("\n[{parent}]\n"));
                section = parent;
            }
            let value = if is_secret(path) { Value::from(REDACTED) } else { value.clone() };
            let key = if OPEN.contains(&parent) { Value::from(key).to_string() } else { key.to_owned() };
            text.push_str(&format!("{key} = {value}  # {origin}\n"));
        }
        text
    }
}

fn is_secret(path: &str) -> bool {
    let setting = path.strip_prefix(SETTINGS).and_then(|rest| rest.strip_prefix('.'));
    setting.map(str::to_lowercase).is_some_and(|setting| {
        let setting = setting.as_str();
        let marked = setting.starts_with(SASL) || SECRET_MARKS.iter().any(|mark| setting.contains(mark));
        marked && !SASL_SHOWN.contains(&setting) && !PATHS_SHOWN.contains(&setting)
    })
}

/// Section and key; the children of the open sections keep their dots.
fn split(path: &str) -> (&str, &str) {
    let child = |section: &&'static str| {
        path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')).map(|child| (*section, child))
    };
    OPEN.iter().find_map(child).unwrap_or_else(|| path.rsplit_once('.').unwrap_or(("", path)))
}

pub(super) fn default_leaves() -> Leaves {
    let table = Table::try_from(Config::default()).expect("the default configuration is a TOML table");
    let mut values = BTreeMap::new();
    flatten("", &table, &mut values);
    values.into_iter().map(|(path, value)| (path, (value, Origin::Default))).collect()
}

/// Every leaf by its path. Bad settings cannot occur here: the text parsed as a `Config` before.
fn flatten(prefix: &str, table: &Table, values: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) if OPEN.contains(&path.as_str()) => {
                let mut settings = BTreeMap::new();
                if dotted::flatten(&path, inner, &mut settings).is_ok() {
                    values.extend(settings.into_iter().map(|(path, text)| (path, Value::from(text))));
                }
            }
            Value::Table(inner) => flatten(&path, inner, values),
            value => {
                values.insert(path, value.clone());
            }
        }
    }
}

fn read_file(path: &Path, leaves: &mut Leaves) -> Result<(), Failure> {
    let text = read_text(path, FILE_BYTES_MAX).map_err(|error| {
        Failure::misuse(format!(
            "could not read the configuration {}: {error}; see plimsoll.example.toml",
            path.display()
        ))
    })?;
    let wrong = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        Failure::misuse(format!(
            "{}:{line}: {}; see plimsoll.example.toml for every key",
            path.display(),
            error.message().to_lowercase()
        ))
    };
    toml::from_str::<Config>(&text).map_err(wrong)?;
    // A table has no numbers of 2^63 and more, though a key could take them.
    let table: Table = toml::from_str(&text).map_err(wrong)?;
    let mut values = BTreeMap::new();
    flatten("", &table, &mut values);
    let lines = lines_of_keys(&text);
    for (key, value) in values {
        let line = lines.get(&key).copied().unwrap_or(1);
        leaves.insert(key, (value, Origin::File { path: path.to_owned(), line }));
    }
    Ok(())
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

pub(super) fn lines_of_keys(text: &str) -> BTreeMap<String, usize> {
    fn walk(prefix: &str, table: &toml::de::DeTable<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
        for (key, value) in table {
            let name = key.get_ref();
            let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
            if let toml::de::DeValue::Table(inner) = value.get_ref() {
                walk(&path, inner, text, lines);
            }
            lines.insert(path, line_of(text, key.span().start));
        }
    }
    let mut lines = BTreeMap::new();
    if let Ok(table) = toml::de::DeTable::parse(text) {
        walk("", table.get_ref(), text, &mut lines);
    }
    lines
}

fn variable_of(path: &str) -> String {
    format!("{ENV_PREFIX}{}", path.replace('.', "_").to_uppercase())
}

fn read_environment(
    environment: &BTreeMap<String, String>,
    leaves: &mut Leaves,
) -> Result<Vec<String>, Failure> {
    let defaults = default_leaves();
    let by_variable: BTreeMap<String, &String> =
        defaults.keys().map(|path| (variable_of(path), path)).collect();
    let settings_prefix = format!("{}_", variable_of(SETTINGS));
    let mut warnings = Vec::new();
    for (name, text) in environment {
        if ENV_OTHER.contains(&name.as_str()) || name.starts_with(ENV_OTHER_PREFIX) {
            continue;
        }
        let origin = Origin::Environment(name.clone());
        if let Some(setting) = name.strip_prefix(&settings_prefix) {
            let path = format!("{SETTINGS}.{}", setting.to_lowercase().replace('_', "."));
            leaves.insert(path, (Value::from(text.as_str()), origin));
        } else if let Some(path) = by_variable.get(name) {
            let value = typed(text, &defaults[*path].0).map_err(|expected| {
                Failure::misuse(format!("environment variable {name} is {text:?}; give {expected}"))
            })?;
            leaves.insert((*path).clone(), (value, origin));
        } else {
            let near = engine::nearest(name, by_variable.keys().map(String::as_str));
            let hint = near.first().map_or(String::new(), |near| format!("; did you mean {near}"));
            warnings.push(format!("environment variable {name} is not a configuration key{hint}"));
        }
    }
    Ok(warnings)
}

/// Text of an environment variable as the type that the key's default has.
fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        Value::Array(_) => Ok(Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
        )),
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => Ok(Value::from(text)),
    }
}

fn read_flags(flags: &Flags, leaves: &mut Leaves) {
    if let Some(data) = &flags.data {
        let value = Value::from(data.to_string_lossy().as_ref());
        leaves.insert("data_dir".to_owned(), (value, Origin::Flag("--data")));
    }
    if let Some(listen) = &flags.listen {
        let value = Value::from(listen.as_str());
        leaves.insert("http.listen".to_owned(), (value, Origin::Flag("--listen")));
    }
}

fn build(leaves: &Leaves) -> Result<Config, Failure> {
    let mut root = Table::new();
    for (path, (value, _)) in leaves {
        let (parent, key) = split(path);
        let mut table = &mut root;
        for name in parent.split('.').filter(|name| !name.is_empty()) {
            let Value::Table(inner) =
                table.entry(name.to_owned()).or_insert_with(|| Value::Table(Table::new()))
            else {
                unreachable!("{parent} is a section: its leaves were flattened from one");
            };
            table = inner;
        }
        table.insert(key.to_owned(), value.clone());
    }
    // Only an environment variable can fail here: files were read as a `Config` already.
    root.try_into().map_err(|error: toml::de::Error| {
        Failure::misuse(format!(
            "the environment gives a wrong value: {}; run 'env | grep PLIMSOLL_' to see it",
            error.message().to_lowercase()
        ))
    })
}

fn wrong_value(problem: &BadValue, leaves: &Leaves) -> Failure {
    // A problem of an open section is reported for the section: its first child has the place.
    let child = || leaves.iter().find(|(path, _)| split(path).0 == problem.key).map(|(_, leaf)| leaf);
    let origin = leaves.get(problem.key).or_else(child).map_or(&Origin::Default, |(_, origin)| origin);
    Failure::misuse(format!("{origin}: {} {}", problem.key, problem.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::section::{Kind, Section};

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Resolution, Failure> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("p.toml");
        std::fs::write(&path, text).expect("a file in it");
        let flags = Flags { config: Some(path), ..Flags::default() };
        resolve(&flags, environment(pairs))
    }

    #[test]
    fn the_last_layer_wins_and_is_named() {
        let text = "[http]\nlisten = \"127.0.0.1:1\"\nhosts = [\"a\"]\n";
        let resolution = with_file(text, &[("PLIMSOLL_HTTP_LISTEN", "127.0.0.1:2")]).expect("valid");
        assert_eq!(resolution.config.http.listen, "127.0.0.1:2");
        assert_eq!(resolution.config.http.hosts, ["a"]);
        let shown = resolution.render();
        assert!(shown.contains("# environment PLIMSOLL_HTTP_LISTEN"), "{shown}");
        assert!(shown.contains("p.toml:3"), "{shown}");
        assert!(shown.contains("# default"), "{shown}");
        let again: Config = toml::from_str(&shown).expect("what is printed is a configuration");
        assert_eq!(again, resolution.config);
    }

    #[test]
    fn secrets_are_redacted_and_passed_on() {
        let pairs = [("PLIMSOLL_KAFKA_SETTINGS_SASL_PASSWORD", "hunter2")];
        let mut text =
            "[kafka.settings]\nsasl.username = \"me\"\nssl.key.location = \"/me.key\"\n".to_owned();
        for key in [
            "ssl.key.password",
            "ssl.key.pem",
            "ssl_key",
            "ssl.keystore.password",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.extensions",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.kerberos.kinit.cmd",
            "sasl.jaas.config",
            "SASL.OAUTHBEARER.CONFIG",
        ] {
            text += &format!("\"{key}\" = \"hunter3\"\n");
        }
        let text = text.as_str();
        let resolution = with_file(text, &pairs).expect("valid");
        assert_eq!(resolution.config.kafka.settings["sasl.password"], "hunter2");
        let shown = resolution.render();
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("\"sasl.username\" = \"me\""), "{shown}");
        assert!(shown.contains("\"ssl.key.location\" = \"/me.key\""), "{shown}");
    }

    #[test]
    fn formats_of_topics_keep_their_dots() {
        let text = "[kafka]\ntopics = [\"acme.hooks\"]\n[kafka.formats]\n\"acme.hooks\" = \"github\"\n";
        let resolution = with_file(text, &[]).expect("valid");
        assert_eq!(resolution.config.kafka.formats["acme.hooks"], "github");
        assert!(resolution.render().contains("[kafka.formats]\n\"acme.hooks\" = \"github\""));
        let again: Config = toml::from_str(&resolution.render()).expect("what is printed is a configuration");
        assert_eq!(again, resolution.config);
    }

    #[test]
    fn errors_name_the_place() {
        for (text, pairs, expect) in [
            ("[http]\nlisten = 1\n", vec![], "p.toml:2: invalid type"),
            ("\n\n[htpp]\n", vec![], "p.toml:3: unknown field `htpp`"),
            ("[limits]\nrequests_max = 0\n", vec![], "p.toml:2: limits.requests_max is 0; give 1 to"),
            ("[http]\nlisten = \"0.0.0.0:80\"", vec![], "p.toml:2: http.listen is 0.0.0.0:80"),
            (
                "[kafka]\ntopics = [\"hooks\"]\n[kafka.formats]\nhooks = \"githab\"\n",
                vec![],
                "p.toml:4: kafka.formats gives hooks the format \"githab\"; give one of cloudevents, github",
            ),
            ("[kafka.formats]\nacme.hooks = \"github\"\n", vec![], "kafka.topics lacks"),
            ("[kafka.formats]\n\"plimsoll.tickets\" = \"jira\"\n", vec![], "a topic of their own"),
            ("[people]\nvisibility = \"some\"", vec![], "p.toml:2: unknown variant"),
            ("a = = b", vec![], "p.toml:1: "),
            (
                "",
                vec![("PLIMSOLL_LIMITS_SQL_ROWS_MAX", "many")],
                "PLIMSOLL_LIMITS_SQL_ROWS_MAX is \"many\"; give a whole number",
            ),
            ("", vec![("PLIMSOLL_PEOPLE_VISIBILITY", "some")], "the environment gives a wrong value"),
        ] {
            let message = with_file(text, &pairs).expect_err(text).to_string();
            assert!(message.contains(expect), "{text:?}: {message}");
        }
    }

    #[test]
    fn every_number_has_bounds_and_no_number_is_a_panic() {
        let keys: Vec<_> = Config::groups().into_iter().flat_map(|group| group.keys).collect();
        let numbers: Vec<_> = keys.into_iter().filter(|key| key.kind == Kind::Number).collect();
        assert!(numbers.len() > 30);
        for key in numbers {
            assert!(key.bounds.is_some(), "{} has no bounds", key.path);
            let (section, name) = key.path.rsplit_once('.').unwrap();
            for value in ["-1", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e3"] {
                let message = with_file(&format!("[{section}]\n{name} = {value}\n"), &[])
                    .expect_err(key.path)
                    .to_string();
                assert!(message.contains("p.toml:2: "), "{} = {value}: {message}", key.path);
                let variable = variable_of(key.path);
                let message = with_file("", &[(&variable, value)]).expect_err(key.path).to_string();
                assert!(message.contains(&variable) || message.contains("environment"), "{value}: {message}");
            }
        }
    }

    #[test]
    fn a_configuration_without_an_end_is_refused() {
        let flags = Flags { config: Some("/dev/zero".into()), ..Flags::default() };
        let message = resolve(&flags, environment(&[])).expect_err("no file").to_string();
        assert!(message.contains("over 1048576 bytes"), "{message}");
    }

    #[test]
    fn an_unknown_variable_is_a_warning() {
        let flags = Flags::default();
        let resolution = resolve(&flags, environment(&[("PLIMSOLL_HTTP_LISTN", "x")])).expect("valid");
        assert_eq!(resolution.warnings.len(), 1);
        assert!(resolution.warnings[0].ends_with("did you mean PLIMSOLL_HTTP_LISTEN"));
    }
}
