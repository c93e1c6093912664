//! Bodies of POSTs: read to their end within a limit, plain, and of a media type.
//!
//! Not a layer of tower-http, which says in plain text that there is a limit, not which, and which key sets it.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use surface::Problem;

use crate::options::Options;

/// The body of a POST, within the limit and uncompressed.
pub async fn body(options: &Options, request: Request) -> Result<(HeaderMap, Bytes), Problem> {
    body_within(options.body_bytes_max, "limits.body_bytes_max", request).await
}

/// The body of a POST, of at most `limit` bytes, which `key` sets.
pub async fn body_within(limit: usize, key: &str, request: Request) -> Result<(HeaderMap, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::unsupported_media_type("compressed bodies are not understood; send it plain"));
    }
    let over = || Problem::too_large(format!("the body is over {limit} bytes ({key})"));
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(over());
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok((parts.headers, whole.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(over()),
        Err(_) => Err(Problem::bad_request("the body could not be read to its end")),
    }
}

/// The media type without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
