//! Refusals as pages: whoever asks for HTML gets one clear sentence, everybody else the problem as JSON.

use axum::http::{HeaderMap, header};
use axum::response::Response;

use surface::Refusal;

use super::layout;

/// The response in the form that the sender of `headers` reads; its own headers stay.
pub fn for_browser(wants_page: bool, response: Response) -> Response {
    let Some(Refusal { status, detail }) =
        response.extensions().get::<Refusal>().cloned().filter(|_| wants_page)
    else {
        return response;
    };
    let mut page = layout::refusal(status, status.canonical_reason().unwrap_or("Error"), &detail);
    let headers = page.headers_mut();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            headers.insert(name, value.clone());
        }
    }
    page
}

/// Browsers name HTML where they open a page; clients of the API do not.
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| {
        accept.split(',').any(|range| range.trim().split(';').next() == Some("text/html"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use surface::Problem;

    #[test]
    fn browsers_get_a_page() {
        let problem = || Problem::bad_parameter("team", "<none>").into_response();
        let page = for_browser(true, problem());
        assert_eq!(page.status(), 400);
        assert!(page.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        let json = for_browser(false, problem());
        assert_eq!(json.headers()[header::CONTENT_TYPE], "application/problem+json");
        let kept = for_browser(true, Problem::unavailable("busy", "later").into_response());
        assert_eq!(kept.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn who_wants_a_page_says_so() {
        let accept = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, text.parse().unwrap());
            wants_page(&headers)
        };
        assert!(accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!accept("*/*") && !accept("application/json") && !wants_page(&HeaderMap::new()));
    }
}
