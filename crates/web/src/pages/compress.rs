//! Which answers are sent compressed to those who take gzip: pages, styles and scripts.
//!
//! Deliberately absent: data and the scrape, whose readers are programs nearby.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

/// Smaller bodies gain nothing.
const BYTES_MIN: u64 = 1024;

pub fn layer() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(BYTES_MIN).and(is_text))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["text/html", "text/css", "text/javascript"].iter().any(|text| kind.starts_with(text))
}
