//! CloudEvents 1.0 attributes, from a JSON object (structured mode) or from `ce_` headers (binary mode).
//!
//! Invariant: both modes give the same [`Attributes`] for the same event, and read each attribute by one rule.
//! Deliberately absent: batches of events in one record (the Kafka binding has none), data that is not JSON,
//! and extension attributes other than `observedat`, `sequence` and `sourceversion`, which are checked and ignored.

mod structured;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use crate::canonical;
use crate::data::{DataSeed, Values, complete};
use crate::model::{EventType, PREFIX, SLOTS, type_of};
use crate::record::Limits;
use crate::reject::{Reason, Reject};
use crate::time;
use crate::trace::{Trace, clip, has_nul};
use crate::value::Value;

/// What an envelope and its data say.
pub(crate) struct Attributes<'a> {
    /// `None` for a type that is not Plimsoll's; the fields below `type_` then mean nothing.
    pub(crate) kind: Option<&'static EventType>,
    pub(crate) type_: Cow<'a, str>,
    pub(crate) id: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) subject: Option<Cow<'a, str>>,
    /// Absent where the event leaves it to the log.
    pub(crate) time: Option<i64>,
    pub(crate) observed_at: Option<i64>,
    pub(crate) seq: i64,
    pub(crate) source_version: i64,
    pub(crate) extra: Option<String>,
    pub(crate) unknown_fields: u32,
    pub(crate) values: Values<'a>,
}

/// serde_json stops at 128 containers; our own limit must come first to be the one that is reported.
const DEPTH_MAX: usize = 100;

/// Reads the record's event, in whichever mode the headers say.
pub(crate) fn read<'a>(
    headers: &[(&'a str, &'a [u8])],
    text: &'a str,
    limits: &Limits,
) -> Result<Attributes<'a>, Reject> {
    let trace = Trace::new(limits.depth.min(DEPTH_MAX));
    let mut draft = Envelope::new();
    match mode(headers)? {
        Mode::Structured => structured::read(text, &trace, &mut draft)?,
        Mode::Binary => {
            binary(headers, &mut draft)?;
            draft.data = Data::Text(text);
        }
    }
    draft.finish(&trace, text)
}

enum Mode {
    Structured,
    Binary,
}

fn mode(headers: &[(&str, &[u8])]) -> Result<Mode, Reject> {
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        let media_type = media_type(&String::from_utf8_lossy(value));
        match media_type.as_str() {
            "application/cloudevents" | "application/cloudevents+json" => return Ok(Mode::Structured),
            _ if media_type.starts_with("application/cloudevents") => {
                let detail =
                    format!("content type `{}`, expected application/cloudevents+json", clip(&media_type));
                return Err(Reject::new(Reason::UnsupportedContent, detail));
            }
            _ => {}
        }
    }
    let is_attribute = |name: &str| matches!(name, "ce_specversion" | "ce_id" | "ce_type");
    Ok(if headers.iter().any(|(name, _)| is_attribute(name)) { Mode::Binary } else { Mode::Structured })
}

/// The media type without its parameters, in lower case.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn binary<'a>(headers: &[(&'a str, &'a [u8])], draft: &mut Envelope<'a>) -> Result<(), Reject> {
    let mut seen: Vec<&str> = Vec::with_capacity(headers.len());
    for &(header, value) in headers {
        let name = match header.strip_prefix("ce_") {
            Some("datacontenttype" | "data" | "data_base64") => continue,
            Some(name) => name,
            None if header.eq_ignore_ascii_case("content-type") => "datacontenttype",
            None => continue,
        };
        if seen.contains(&name) {
            return Err(Reject::new(
                Reason::DuplicateKey,
                format!("header `{}` is given twice", clip(header)),
            ));
        }
        seen.push(name);
        let text = std::str::from_utf8(value).map_err(|_| {
            Reject::new(Reason::InvalidUtf8, format!("header `{}` is not utf-8", clip(header)))
        })?;
        if has_nul(text) {
            return Err(Reject::new(Reason::NulInString, format!("header `{}` holds u+0000", clip(header))));
        }
        if let Some(attribute) = Attribute::of(name) {
            draft.set(attribute, Scalar::Text(Cow::Borrowed(text)))?;
        }
    }
    Ok(())
}

/// An attribute that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    SpecVersion,
    Id,
    Source,
    Type,
    Time,
    Subject,
    DataContentType,
    ObservedAt,
    Sequence,
    SourceVersion,
}

impl Attribute {
    fn of(name: &str) -> Option<Attribute> {
        Some(match name {
            "specversion" => Attribute::SpecVersion,
            "id" => Attribute::Id,
            "source" => Attribute::Source,
            "type" => Attribute::Type,
            "time" => Attribute::Time,
            "subject" => Attribute::Subject,
            "datacontenttype" => Attribute::DataContentType,
            "observedat" => Attribute::ObservedAt,
            "sequence" => Attribute::Sequence,
            "sourceversion" => Attribute::SourceVersion,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Attribute::SpecVersion => "specversion",
            Attribute::Id => "id",
            Attribute::Source => "source",
            Attribute::Type => "type",
            Attribute::Time => "time",
            Attribute::Subject => "subject",
            Attribute::DataContentType => "datacontenttype",
            Attribute::ObservedAt => "observedat",
            Attribute::Sequence => "sequence",
            Attribute::SourceVersion => "sourceversion",
        }
    }
}

/// The value of an attribute: CloudEvents knows no containers here.
enum Scalar<'a> {
    Null,
    Bool,
    Int(i64),
    Text(Cow<'a, str>),
}

/// Where the data is.
enum Data<'a> {
    Absent,
    /// Already read into `Envelope::values`.
    Read,
    /// Skipped: the type is not Plimsoll's.
    Skipped,
    /// Kept as text: it came before the type.
    Text(&'a str),
    /// Under `data_base64`, for senders that treat all data as bytes.
    Base64(Cow<'a, str>),
}

/// An envelope while it is read.
struct Envelope<'a> {
    specversion: bool,
    type_: Option<Cow<'a, str>>,
    kind: Option<&'static EventType>,
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    time: Option<i64>,
    observed_at: Option<i64>,
    seq: Option<i64>,
    source_version: Option<i64>,
    /// The content type, when it is not JSON.
    foreign: Option<String>,
    data: Data<'a>,
    values: Values<'a>,
}

impl<'a> Envelope<'a> {
    fn new() -> Self {
        Envelope {
            specversion: false,
            type_: None,
            kind: None,
            id: None,
            source: None,
            subject: None,
            time: None,
            observed_at: None,
            seq: None,
            source_version: None,
            foreign: None,
            data: Data::Absent,
            values: [const { Value::Absent }; SLOTS],
        }
    }

    /// Takes the value of an attribute; null means that it is not there.
    fn set(&mut self, attribute: Attribute, value: Scalar<'a>) -> Result<(), Reject> {
        let name = attribute.name();
        let text = match (attribute, value) {
            (_, Scalar::Null) => return Ok(()),
            (Attribute::Sequence | Attribute::SourceVersion, Scalar::Int(int)) => {
                return self.set_int(attribute, int);
            }
            (_, Scalar::Text(text)) => text,
            (_, Scalar::Int(_) | Scalar::Bool) => {
                return Err(Reject::new(Reason::BadAttribute, format!("`{name}` is not a string")));
            }
        };
        if text.is_empty() {
            return Err(Reject::new(Reason::BadAttribute, format!("`{name}` is empty")));
        }
        match attribute {
            Attribute::SpecVersion if text == "1.0" => self.specversion = true,
            Attribute::SpecVersion => {
                let detail = format!("specversion `{}`, expected 1.0", clip(&text));
                return Err(Reject::new(Reason::UnknownVersion, detail));
            }
            Attribute::Id => self.id = Some(text),
            Attribute::Source => self.source = Some(text),
            Attribute::Subject => self.subject = Some(text),
            Attribute::Type => {
                self.kind = known_type(&text)?;
                self.type_ = Some(text);
            }
            Attribute::Time => self.time = Some(moment(name, &text)?),
            Attribute::ObservedAt => self.observed_at = Some(moment(name, &text)?),
            Attribute::DataContentType => self.foreign = foreign(&text),
            Attribute::Sequence | Attribute::SourceVersion => {
                let int = text.parse().map_err(|_| {
                    Reject::new(
                        Reason::BadAttribute,
                        format!("`{name}` is `{}`, expected a 64-bit integer", clip(&text)),
                    )
                })?;
                self.set_int(attribute, int)?;
            }
        }
        Ok(())
    }

    fn set_int(&mut self, attribute: Attribute, int: i64) -> Result<(), Reject> {
        match attribute {
            Attribute::Sequence => self.seq = Some(int),
            _ => self.source_version = Some(int),
        }
        Ok(())
    }

    /// Checks what must be there, and reads the data if that had to wait for the type.
    fn finish(mut self, trace: &Trace, record: &str) -> Result<Attributes<'a>, Reject> {
        let missing =
            |name: &str| Reject::new(Reason::MissingAttribute, format!("the event has no `{name}`"));
        if !self.specversion {
            return Err(missing("specversion"));
        }
        let id = self.id.take().ok_or_else(|| missing("id"))?;
        let source = self.source.take().ok_or_else(|| missing("source"))?;
        let type_ = self.type_.take().ok_or_else(|| missing("type"))?;
        if let Some(kind) = self.kind {
            if let Some(content_type) = self.foreign {
                let detail = format!("content type `{}`, expected application/json", clip(&content_type));
                return Err(Reject::new(Reason::UnsupportedContent, detail));
            }
            match self.data {
                Data::Absent => return Err(missing("data")),
                Data::Text(text) => read_data(kind, text, trace, &mut self.values)
                    .map_err(|error| trace.reject(&error, record))?,
                Data::Base64(text) => read_base64(kind, &text, trace, &mut self.values)?,
                Data::Read | Data::Skipped => {}
            }
            complete(kind.entity, &mut self.values);
        }
        let (extra, unknown_fields) = extra(trace)?;
        Ok(Attributes {
            kind: self.kind,
            type_,
            id,
            source,
            subject: self.subject,
            time: self.time,
            observed_at: self.observed_at,
            seq: self.seq.unwrap_or(0),
            source_version: self.source_version.unwrap_or(0),
            extra,
            unknown_fields,
            values: self.values,
        })
    }
}

fn read_data<'a>(
    kind: &EventType,
    text: &'a str,
    trace: &Trace,
    values: &mut Values<'a>,
) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    DataSeed { entity: kind.entity, trace, values }.deserialize(&mut deserializer)?;
    trace.leave();
    deserializer.end()
}

/// Reads data that came as base64; it must be JSON all the same.
fn read_base64(kind: &EventType, text: &str, trace: &Trace, values: &mut Values<'_>) -> Result<(), Reject> {
    let bad = |what: &str| Reject::new(Reason::BadAttribute, format!("`data_base64` {what}"));
    let bytes = BASE64.decode(text.as_bytes()).map_err(|error| bad(&format!("is no base64: {error}")))?;
    let data = String::from_utf8(bytes).map_err(|_| bad("does not hold utf-8"))?;
    // A reader lends nothing out, so that what it reads may outlive `data`.
    let mut deserializer = serde_json::Deserializer::from_reader(data.as_bytes());
    let read = DataSeed { entity: kind.entity, trace, values }.deserialize(&mut deserializer);
    read.and_then(|()| {
        trace.leave();
        deserializer.end()
    })
    .map_err(|error| trace.reject(&error, &data))
}

fn extra(trace: &Trace) -> Result<(Option<String>, u32), Reject> {
    let mut unknown = trace.unknown.take();
    if unknown.is_empty() {
        return Ok((None, 0));
    }
    let text = canonical::object(&mut unknown)
        .map_err(|key| Reject::new(Reason::DuplicateKey, format!("data: `{}` is given twice", clip(&key))))?;
    Ok((Some(text), u32::try_from(unknown.len()).unwrap_or(u32::MAX)))
}

/// The event type of a CloudEvents `type`; `None` when it is not one of ours.
fn known_type(full_name: &str) -> Result<Option<&'static EventType>, Reject> {
    let Some(name) = full_name.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let (name, version) = name.rsplit_once(".v").unwrap_or((name, ""));
    match type_of(name) {
        Some(kind) if version == "1" => Ok(Some(kind)),
        Some(_) => {
            let detail = format!("type `{}`, expected {PREFIX}{name}.v1", clip(full_name));
            Err(Reject::new(Reason::UnknownVersion, detail))
        }
        None => Ok(None),
    }
}

fn moment(name: &str, text: &str) -> Result<i64, Reject> {
    time::parse_time(text).ok_or_else(|| {
        Reject::new(
            Reason::BadTime,
            format!("`{name}` is `{}`, expected an RFC 3339 time of the years 1 to 9999", clip(text)),
        )
    })
}

/// The media type, unless it is JSON.
fn foreign(content_type: &str) -> Option<String> {
    let media_type = media_type(content_type);
    let json =
        matches!(media_type.as_str(), "application/json" | "text/json") || media_type.ends_with("+json");
    (!json).then_some(media_type)
}
