//! The style sheet, the script and the mark, which are all that pages load.
//!
//! Their addresses carry a hash of their text, so browsers keep them for good. The policy allows nothing else.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};

use report::chart;
use surface::Problem;

pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const HASH_DIGITS: usize = 12;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: String,
    hash: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset("style.css", "text/css; charset=utf-8", chart::css() + include_str!("assets/style.css")),
        asset("script.js", "text/javascript; charset=utf-8", include_str!("assets/script.js").to_owned()),
        asset("mark.svg", "image/svg+xml", include_str!("assets/mark.svg").to_owned()),
    ]
});

fn asset(name: &'static str, media_type: &'static str, text: String) -> Asset {
    let hash = hex::encode(digest(&SHA256, text.as_bytes()))[..HASH_DIGITS].to_owned();
    Asset { name, media_type, text, hash }
}

/// Where a page finds the asset of that name.
pub fn href(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name).expect("pages name assets that there are");
    format!("/assets/{}/{name}", asset.hash)
}

/// `GET /assets/{hash}/{name}`.
pub async fn get(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "no such file; load the page that names it again")
    })?;
    let mut response = found.text.as_str().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_GOOD));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in ASSETS.iter() {
            for word in ["http:", "https:", "@import", "url("] {
                let text = asset.text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(word), "{} has {word}", asset.name);
            }
        }
        assert!(!POLICY.contains("unsafe") && !POLICY.contains('*'));
    }

    #[test]
    fn the_script_is_small() {
        let script = ASSETS.iter().find(|asset| asset.name == "script.js").unwrap();
        assert!(script.text.len() < 8 * 1024, "{} bytes", script.text.len());
    }
}
