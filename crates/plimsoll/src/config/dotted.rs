//! A table whose keys may hold dots, such as librdkafka's settings: `a.b = 1` and `"a.b" = "1"` are the same.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

use super::section::{Kind, Typed};

/// Keys and values, numbers and booleans as text, the way librdkafka wants them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Dotted(BTreeMap<String, String>);

impl Typed for Dotted {
    const KIND: Kind = Kind::Table;
}

impl Dotted {
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.0.clone()
    }
}

impl Deref for Dotted {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Dotted {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(input)?;
        let mut texts = BTreeMap::new();
        flatten("", &table, &mut texts).map_err(serde::de::Error::custom)?;
        Ok(Dotted(texts))
    }
}

/// # Errors
/// A value that is no text, number or boolean.
pub fn flatten(
    prefix: &str,
    table: &toml::Table,
    texts: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let text = match value {
            toml::Value::Table(inner) => {
                flatten(&path, inner, texts)?;
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
        texts.insert(path, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

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
