//! How an answer is written: the encoding that a request names, and the headers that go with it.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use surface::Problem;
use surface::output::{EXAMPLE_NOTE, Encoding};

pub fn answer(
    encoding: Encoding,
    bytes: Result<Vec<u8>, arrow::error::ArrowError>,
    example: bool,
) -> Result<Response, Problem> {
    let mut response = ([(header::CONTENT_TYPE, encoding.media_type())], bytes?).into_response();
    if example {
        // CSV has no room for a note, so the header carries it.
        let note = header::HeaderValue::from_static(EXAMPLE_NOTE);
        response.headers_mut().insert("x-plimsoll-example", note);
    }
    Ok(response)
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
