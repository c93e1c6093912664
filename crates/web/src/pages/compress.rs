//! Which answers are sent compressed to those who take gzip: pages, styles and scripts.
//!
//! Deliberately absent: data and the scrape, whose readers are programs nearby.

use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

/// Smaller bodies gain nothing.
const BYTES_MIN: u64 = 1024;

pub fn layer() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(BYTES_MIN).and(is_text))
}

/// What comes before [`layer`], which has two codings to choose from and refuses a client that takes neither. Such a client
/// gets plain text.
pub fn simplify(mut request: Request) -> Request {
    let accepted = request.headers_mut().remove(header::ACCEPT_ENCODING);
    if accepted.is_some_and(|accepted| accepted.to_str().is_ok_and(takes_gzip)) {
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// Whether a list of codings has gzip, by its name or as any coding.
fn takes_gzip(accepted: &str) -> bool {
    let weighed = |name: &str| {
        let of_name = accepted.split(',').map(|coding| coding.split_once(';').unwrap_or((coding, "")));
        let weight = |weight: &str| weight.trim().trim_start_matches("q=").parse().unwrap_or(1.0);
        let mut weights = of_name.filter(|(coding, _)| coding.trim().eq_ignore_ascii_case(name));
        weights.next().map(|(_, rest)| weight(rest) > 0.0_f32)
    };
    weighed("gzip").or_else(|| weighed("*")).unwrap_or(false)
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["text/html", "text/css", "text/javascript"].iter().any(|text| kind.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accepted, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("br, *;q=0", false),
            ("identity;q=0", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), takes, "{accepted}");
        }
    }
}
