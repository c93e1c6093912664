//! `POST /api/v1/events`: CloudEvents into the log, one, or a batch.
//!
//! Invariants: 202 means that the log has all of them durably (I1); a request is taken whole or
//! not at all, so one malformed event refuses its batch and names the index and the reason.
//! Deliberately absent: writing to the tables, which only the ingest loop does.

use std::fmt;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event::{Decoded, Record};
use ingest::{Entry, topic_of};
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::json;
use serde_json::value::RawValue;
use surface::{Phase, Problem};

use crate::body::{body, media_type};
use crate::query_string::QueryString;
use crate::site::Site;

/// Attributes of binary mode over HTTP are headers that start so; on a log record it is `ce_`.
const BINARY_PREFIX: &str = "ce-";

pub async fn post(
    State(site): State<Site>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    QueryString::parse(raw.as_deref(), [])?;
    site.app.parts()?;
    if site.app.phase() == Phase::Stopping {
        return Err(Problem::unavailable("stopping", "the server is shutting down"));
    }
    let (headers, bytes) = body(&site, request).await?;
    let (entries, unknown) = entries(&headers, &bytes, site.options.events_max)?;
    let accepted = entries.len();
    site.append(entries).await?;
    let answer = json!({ "accepted": accepted, "unknown_types": unknown });
    let head = [(header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::ACCEPTED, head, format!("{answer}\n")).into_response())
}

/// The events of a request as entries for the log, and how many of them have an unknown type.
fn entries(headers: &HeaderMap, bytes: &[u8], events_max: usize) -> Result<(Vec<Entry>, usize), Problem> {
    let mut entries = Vec::new();
    let mut unknown = 0;
    let mut add = |index: usize, headers: Vec<(String, Vec<u8>)>, value: &[u8]| {
        let (entry, known) = entry(index, headers, value)?;
        entries.push(entry);
        unknown += usize::from(!known);
        Ok::<(), Problem>(())
    };
    match media_type(headers).as_str() {
        "application/cloudevents-batch+json" => {
            for (index, value) in elements(bytes, events_max, "limits.events_max")?.into_iter().enumerate() {
                add(index, Vec::new(), value.get().as_bytes())?;
            }
        }
        "application/cloudevents+json" => add(0, Vec::new(), bytes)?,
        "application/json" if headers.contains_key("ce-specversion") => {
            add(0, binary_mode(headers), bytes)?;
        }
        _ => {
            return Err(Problem::unsupported_media_type(
                "send application/cloudevents+json, or application/cloudevents-batch+json for an array of them",
            ));
        }
    }
    Ok((entries, unknown))
}

/// Attributes that HTTP carries as headers, as a log record carries them.
fn binary_mode(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .filter_map(|(name, value)| match name.as_str().strip_prefix(BINARY_PREFIX) {
            Some(attribute) => Some((format!("ce_{attribute}"), attribute_value(value.as_bytes()))),
            None if name == header::CONTENT_TYPE => {
                Some(("content-type".to_owned(), value.as_bytes().to_vec()))
            }
            None => None,
        })
        .collect()
}

/// An attribute out of a header: CloudEvents over HTTP (3.1.3.2) may quote it, and percent-encodes what a header cannot
/// hold. What is no such code stays as it is.
fn attribute_value(value: &[u8]) -> Vec<u8> {
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = quoted.unwrap_or(value).iter().copied();
    while let Some(byte) = bytes.next() {
        // Inside quotes a backslash stands before what is meant as it is.
        plain.push(if quoted.is_some() && byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    percent_encoding::percent_decode(&plain).collect()
}

/// Decodes once to refuse what would become a dead letter; the log gets the bytes as they came.
fn entry(index: usize, headers: Vec<(String, Vec<u8>)>, value: &[u8]) -> Result<(Entry, bool), Problem> {
    let borrowed: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let record = Record {
        topic: "http",
        partition: 0,
        offset: 0,
        timestamp_us: chrono::Utc::now().timestamp_micros(),
        key: None,
        headers: &borrowed,
        value: Some(value),
    };
    let (topic, key, known) = match event::decode(&record) {
        Ok(Decoded::Event(event)) => {
            let key = event.subject.as_deref().unwrap_or_default().as_bytes().to_vec();
            (topic_of(event.kind.name), key, true)
        }
        Ok(Decoded::Unknown { type_ }) => (topic_of(&type_), Vec::new(), false),
        Ok(Decoded::Tombstone) => unreachable!("a record with a value is no tombstone"),
        Err(reject) => {
            let reason = reject.reason.as_str();
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-event",
                format!("event {index}: {reason}: {}", reject.detail),
            )
            .with("index", index)
            .with("reason", reason));
        }
    };
    Ok((Entry { topic, key, headers, value: value.to_vec() }, known))
}

/// The elements of a JSON array, not looked into; more than `max` are refused while reading.
pub fn elements<'b>(bytes: &'b [u8], max: usize, key: &str) -> Result<Vec<&'b RawValue>, Problem> {
    let mut over = false;
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let found = Elements { max, over: &mut over }.deserialize(&mut input);
    match found.and_then(|found| input.end().map(|()| found)) {
        Ok(found) => Ok(found),
        Err(_) if over => {
            Err(Problem::too_large(format!("the batch has more than {max} events ({key}); send several")))
        }
        Err(error) => Err(Problem::bad_request(format!("the body is not a json array of events: {error}"))),
    }
}

struct Elements<'a> {
    max: usize,
    over: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = input.next_element()? {
            if found.len() == self.max {
                *self.over = true;
                return Err(serde::de::Error::custom("too many"));
            }
            found.push(element);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"specversion":"1.0","id":"a","source":"t","type":"dev.plimsoll.change.opened.v1","time":"2026-03-02T09:14:00Z","subject":"acme/api#482","data":{"repo":"acme/api","change":"482","author":"ada"}}"#;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            })
            .collect()
    }

    fn batch(body: &str, max: usize) -> Result<(Vec<Entry>, usize), Problem> {
        let headers = headers(&[("content-type", "application/cloudevents-batch+json; charset=utf-8")]);
        entries(&headers, body.as_bytes(), max)
    }

    #[test]
    fn a_batch_keeps_its_bytes_and_gets_topic_and_key() {
        let unknown = r#"{"specversion":"1.0","id":"b","source":"t","type":"com.example.thing"}"#;
        let (entries, unknown) = batch(&format!("[{GOOD}, {unknown}]"), 10).expect("a good batch");
        assert_eq!((entries.len(), unknown), (2, 1));
        assert_eq!(entries[0].topic, ingest::REVIEWS_TOPIC);
        assert_eq!(entries[0].key, b"acme/api#482");
        assert_eq!(entries[0].value, GOOD.as_bytes());
    }

    #[test]
    fn a_malformed_event_refuses_its_batch_by_index() {
        let problem = batch(&format!("[{GOOD}, {{}}]"), 10).expect_err("no event");
        assert_eq!((problem.status.as_u16(), problem.kind), (400, "malformed-event"));
        assert_eq!(problem.members["index"], 1);
        assert!(problem.detail.starts_with("event 1: "), "{}", problem.detail);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for (body, status) in
            [("{}", 400), ("[1,", 400), ("[] x", 400), ("", 400), ("[1,2,3]", 413), ("[[[[", 400)]
        {
            let problem = batch(body, 2).expect_err(body);
            assert_eq!(problem.status.as_u16(), status, "{body}: {}", problem.detail);
        }
        let (none, _) = batch("[]", 2).expect("an empty batch");
        assert!(none.is_empty());
        let text = headers(&[("content-type", "text/plain")]);
        let problem = entries(&text, GOOD.as_bytes(), 1).expect_err("not a CloudEvent");
        assert_eq!(problem.status.as_u16(), 415);
    }

    #[test]
    fn headers_are_decoded() {
        for (header, attribute) in [
            ("acme/api#482", "acme/api#482"),
            ("acme/caf%C3%A9#4", "acme/café#4"),
            ("100%", "100%"),
            ("%zz%2", "%zz%2"),
            (r#""Euro%20%E2%82%AC \"x\"""#, r#"Euro € "x""#),
            (r#"""#, r#"""#),
            ("", ""),
        ] {
            assert_eq!(attribute_value(header.as_bytes()), attribute.as_bytes(), "{header}");
        }
    }

    #[test]
    fn binary_mode_is_understood() {
        let headers = headers(&[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "a"),
            ("ce-source", "t"),
            ("ce-type", "dev.plimsoll.change.opened.v1"),
            ("ce-time", "2026-03-02T09:14:00Z"),
        ]);
        let body = br#"{"repo":"acme/api","change":"482","author":"ada"}"#;
        let (entries, _) = entries(&headers, body, 1).expect("an event");
        assert!(entries[0].headers.contains(&("ce_id".to_owned(), b"a".to_vec())));
    }
}
