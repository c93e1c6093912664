//! From a JSON error to the reason of a reject.
//!
//! Invariant: the same text gives the same reason, whatever stopped the decoder first: text that is
//! nested too deeply is that before anything else.
//! Deliberately absent: any cost on the way of records that decode.

use serde_json::error::Category;

use crate::reject::{Reason, Reject};
use crate::trace::{Place, Trace};

/// Details are cut after this many characters: they may quote the record.
const DETAIL_CHARS: usize = 300;

impl Trace {
    /// What serde's error means, `text` being the record that it was reading.
    #[cold]
    pub(crate) fn reject(&self, error: &serde_json::Error, text: &str) -> Reject {
        let depth = depth(text);
        if depth > self.depth_max {
            let detail =
                format!("{depth} arrays and objects inside each other, the limit is {}", self.depth_max);
            return Reject::new(Reason::TooDeep, detail);
        }
        let reason = self.reason.get().unwrap_or_else(|| match error.classify() {
            Category::Eof => Reason::TruncatedJson,
            Category::Syntax | Category::Io => syntax(error, text),
            Category::Data => match self.place.get() {
                Place::Event => Reason::NotAnEvent,
                Place::Attribute(_) => Reason::BadAttribute,
                Place::Data(_) => Reason::BadField,
            },
        });
        let detail = match self.place.get() {
            Place::Event => error.to_string(),
            Place::Attribute(name) => format!("attribute `{name}`: {error}"),
            Place::Data("data") => format!("data: {error}"),
            Place::Data(name) => format!("data.{name}: {error}"),
        };
        Reject::new(reason, detail.chars().take(DETAIL_CHARS).collect::<String>())
    }
}

/// serde_json tells these apart in its messages only; the tests of `decode` hold each of them.
fn syntax(error: &serde_json::Error, text: &str) -> Reason {
    let message = error.to_string();
    if text.as_bytes().contains(&0) {
        Reason::NulInString
    } else if message.starts_with("number out of range") {
        Reason::NumberOutOfRange
    } else if message.starts_with("lone leading surrogate")
        || message.starts_with("unexpected end of hex escape")
    {
        Reason::LoneSurrogate
    } else if message.starts_with("recursion limit exceeded") {
        Reason::TooDeep
    } else if message.starts_with("trailing characters") {
        Reason::TrailingGarbage
    } else {
        Reason::InvalidJson
    }
}

/// How many arrays and objects the text opens inside each other, strings left out.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
