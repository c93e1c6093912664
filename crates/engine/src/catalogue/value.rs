//! Values of parameters: read from text, held against what was declared, and written in words.
//!
//! Invariant: a value that is returned is of its parameter's type and in its range.

use std::collections::BTreeMap;
use std::fmt;

use super::{Metric, Param, ParamType, TEXT_PARAM_BYTES_MAX, Value};

/// Values by name.
pub(super) type Values<'c> = BTreeMap<&'c str, Value>;

/// Values that every text may use and none declares: the two clocks, and the hash of its own definition.
pub(super) fn is_given(name: &str) -> bool {
    matches!(name, "as_of" | "known_at" | "definition")
}

/// A parameter that cannot be used, with what would be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadParam {
    pub metric: String,
    pub param: String,
    pub message: String,
}

impl fmt::Display for BadParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} of {}: {}", self.param, self.metric, self.message)
    }
}

impl std::error::Error for BadParam {}

/// The value of each parameter.
pub(super) fn values<'c>(
    metric: &'c Metric,
    given: &BTreeMap<String, String>,
) -> Result<Values<'c>, BadParam> {
    let bad = |param: &str, message: String| BadParam {
        metric: metric.name.clone(),
        param: param.to_owned(),
        message,
    };
    if let Some(name) = given.keys().find(|name| !metric.params.iter().any(|param| param.name == **name)) {
        let known: Vec<_> = metric.params.iter().map(|param| param.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(bad(&printable(name), format!("is not known; this metric has: {known}")));
    }
    let mut values = BTreeMap::new();
    for param in &metric.params {
        let value = match given.get(&param.name) {
            None => param.default.clone(),
            Some(text) => {
                let refuse = || {
                    bad(&param.name, format!("{:?} is not allowed; give {}", printable(text), range(param)))
                };
                let value = parse(param.type_, text).ok_or_else(refuse)?;
                in_range(param, &value).map_err(|_| refuse())?;
                value
            }
        };
        values.insert(param.name.as_str(), value);
    }
    Ok(values)
}

pub(super) fn parse(type_: ParamType, text: &str) -> Option<Value> {
    match type_ {
        ParamType::Int => text.parse().ok().map(Value::Int),
        ParamType::Float => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Float),
        ParamType::Bool => text.parse().ok().map(Value::Bool),
        ParamType::Text => (text.len() <= TEXT_PARAM_BYTES_MAX && !text.chars().any(char::is_control))
            .then(|| Value::Text(text.to_owned())),
        ParamType::Duration => duration_ms(text).map(Value::Duration),
    }
}

const DURATIONS: [(&str, i64); 5] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// Milliseconds of a duration such as `90m`, `12h`, `28d` or `2w`.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (suffix, unit) = DURATIONS.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    let count = text.strip_suffix(suffix)?;
    let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| count.parse::<i64>().ok()?.checked_mul(*unit)).flatten()
}

pub(super) fn duration_text(ms: i64) -> String {
    let whole = DURATIONS[1..].iter().find(|(_, unit)| ms % unit == 0);
    whole.map_or_else(|| format!("{ms}ms"), |(suffix, unit)| format!("{}{suffix}", ms / unit))
}

/// # Errors
/// The allowed range, when the value is outside it.
pub(super) fn in_range(param: &Param, value: &Value) -> Result<(), String> {
    if let Value::Text(text) = value
        && !param.values.is_empty()
        && !param.values.contains(text)
    {
        return Err(range(param));
    }
    let number = |value: &Value| match value {
        Value::Int(value) | Value::Duration(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Text(_) | Value::Bool(_) => None,
    };
    let Some(here) = number(value) else { return Ok(()) };
    let low = param.min.as_ref().and_then(number).is_some_and(|min| here < min);
    let high = param.max.as_ref().and_then(number).is_some_and(|max| here > max);
    if low || high { Err(range(param)) } else { Ok(()) }
}

/// What a parameter accepts, in words.
fn range(param: &Param) -> String {
    if !param.values.is_empty() {
        return param.values.join(" or ");
    }
    let kind = match param.type_ {
        ParamType::Int => "an integer",
        ParamType::Float => "a number",
        ParamType::Text => "a text without control characters",
        ParamType::Bool => "true or false",
        ParamType::Duration => "a duration such as 12h or 28d",
    };
    match (&param.min, &param.max) {
        (Some(min), Some(max)) => format!("{kind} from {min} to {max}"),
        (Some(min), None) => format!("{kind} of at least {min}"),
        (None, Some(max)) => format!("{kind} of at most {max}"),
        (None, None) => kind.to_owned(),
    }
}

/// A user's text, short enough for an error line.
fn printable(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
