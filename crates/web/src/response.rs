//! How an answer is written: the encoding that a request names, and the headers that go with it.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use surface::Problem;
use surface::output::{EXAMPLE_NOTE, Encoding};

pub fn answer(
    encoding: Encoding,
    bytes: Result<Vec<u8>, arrow::error::ArrowError>,
    example: bool,
) -> Result<Response, Problem> {
    Ok(marked(([(header::CONTENT_TYPE, encoding.media_type())], bytes?).into_response(), example))
}

/// Bytes, with what they hold until the last of them has gone to the client, or the client has gone.
struct Kept<T> {
    bytes: Vec<u8>,
    _held: T,
}

impl<T> AsRef<[u8]> for Kept<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// As [`answer`], for bytes that hold something until they are sent.
pub fn kept<T: Send + 'static>(encoding: Encoding, bytes: Vec<u8>, held: T, example: bool) -> Response {
    let bytes = Bytes::from_owner(Kept { bytes, _held: held });
    marked(([(header::CONTENT_TYPE, encoding.media_type())], bytes).into_response(), example)
}

fn marked(mut response: Response, example: bool) -> Response {
    if example {
        // CSV has no room for a note, so the header carries it.
        let note = header::HeaderValue::from_static(EXAMPLE_NOTE);
        response.headers_mut().insert("x-plimsoll-example", note);
    }
    response
}

/// `format=` decides; without it the Accept header does, and JSON is what most get.
pub fn encoding(format: Option<&str>, headers: &HeaderMap) -> Result<Encoding, Problem> {
    if let Some(name) = format {
        return Encoding::ALL
            .into_iter()
            .find(|encoding| encoding.name() == name)
            .ok_or_else(|| Problem::bad_parameter("format", "must be one of json, csv, arrow, parquet"));
    }
    let Some(accept) = headers.get(header::ACCEPT) else {
        return Ok(Encoding::Json);
    };
    let accept = accept.to_str().map_err(|_| Problem::bad_request("the Accept header is not text"))?;
    accepted(accept).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "not-acceptable",
            "Accept names no format that is to be had: application/json, text/csv, application/vnd.apache.arrow.stream, application/vnd.apache.parquet",
        )
    })
}

fn accepted(accept: &str) -> Option<Encoding> {
    let mut ranges: Vec<(f32, &str)> = accept
        .split(',')
        .map(|range| {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters
                .split(';')
                .find_map(|parameter| parameter.trim().strip_prefix("q="))
                .map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            (weight, name.trim())
        })
        .filter(|(weight, _)| *weight > 0.0)
        .collect();
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0)); // stable: ties stay in the order given
    ranges.into_iter().find_map(|(_, range)| match range {
        "*/*" | "application/*" => Some(Encoding::Json),
        "text/*" => Some(Encoding::Csv),
        exact => {
            Encoding::ALL.into_iter().find(|encoding| encoding.media_type().split(';').next() == Some(exact))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_holds_is_given_back_with_its_last_byte() {
        let held = std::sync::Arc::new(());
        let response = kept(Encoding::Csv, vec![b'x'; 1_000], std::sync::Arc::clone(&held), true);
        assert_eq!(std::sync::Arc::strong_count(&held), 2);
        assert!(response.headers().contains_key("x-plimsoll-example"));
        let body = response.into_body();
        assert_eq!(axum::body::HttpBody::size_hint(&body).exact(), Some(1_000));
        let mut read = Box::pin(axum::body::to_bytes(body, 1_000));
        let ready = futures_ready(read.as_mut());
        assert_eq!(std::sync::Arc::strong_count(&held), 2, "the bytes are still there");
        drop((ready, read));
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }

    /// What a body of one piece is read to, at once.
    fn futures_ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("the body is there"),
        }
    }

    #[test]
    fn accept_is_weighed() {
        for (accept, expect) in [
            ("*/*", Some(Encoding::Json)),
            ("text/csv", Some(Encoding::Csv)),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Some(Encoding::Json)),
            ("application/json;q=0.1, application/vnd.apache.arrow.stream", Some(Encoding::Arrow)),
            ("application/vnd.apache.parquet;q=0.5, text/*;q=0.9", Some(Encoding::Csv)),
            ("application/json;q=0", None),
            ("image/png", None),
            ("", None),
        ] {
            assert_eq!(accepted(accept), expect, "{accept}");
        }
    }
}
