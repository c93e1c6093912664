//! The moment that a visitor looks through: as of when, and as known when. Links keep it.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::query_string::QueryString;
use surface::Problem;
use surface::moment;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub const PARAMETERS: [&str; 2] = ["as_of", "known_at"];

/// Both absent is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lens {
    pub as_of: Option<DateTime<Utc>>,
    pub known_at: Option<DateTime<Utc>>,
    /// As they were given, for links and forms.
    given: Vec<(&'static str, String)>,
}

impl Lens {
    /// Takes its parameters out of the query. Empty ones are what a form sends for now.
    pub fn take(query: &mut QueryString, now: DateTime<Utc>) -> Result<Lens, Problem> {
        let mut lens = Lens::default();
        for name in PARAMETERS {
            let Some(text) = query.take(name).filter(|text| !text.is_empty()) else { continue };
            let at = moment::parse(&text).map_err(|reason| Problem::bad_parameter(name, &reason))?;
            // A form knows days only, and the day that it is has not ended.
            if text.len() == 10 && at > now && at.date_naive() == now.date_naive() {
                continue;
            }
            match name {
                "as_of" => lens.as_of = Some(at),
                _ => lens.known_at = Some(at),
            }
            lens.given.push((name, text));
        }
        Ok(lens)
    }

    pub fn is_now(&self) -> bool {
        self.given.is_empty()
    }

    pub fn given(&self, name: &str) -> &str {
        self.given.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// `path` with this moment, and with parameters that are not empty.
    pub fn link(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let lens = self.given.iter().map(|(name, text)| (*name, text.as_str()));
        link(path, parameters.iter().copied().chain(lens))
    }
}

/// `path` with its query encoded.
pub fn link<'a>(path: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut link = path.to_owned();
    let mut mark = if path.contains('?') { '&' } else { '?' };
    for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
        link.push(mark);
        link.push_str(&encoded(name));
        link.push('=');
        link.push_str(&encoded(value));
        mark = '&';
    }
    link
}

/// A part of a path or query in which only unreserved characters stand for themselves.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A link that an event brought, if a browser may follow it.
pub fn outside(url: &str) -> Option<&str> {
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(raw: &str) -> Result<Lens, Problem> {
        let mut query = QueryString::parse(Some(raw), PARAMETERS)?;
        Lens::take(&mut query, "2026-03-02T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn links_keep_the_moment() {
        let past = lens("as_of=2026-02-01&known_at=2026-02-02T00:00:00Z").unwrap();
        assert_eq!(
            past.link("/metric/x", &[("team", "a & b"), ("none", "")]),
            "/metric/x?team=a%20%26%20b&as_of=2026-02-01&known_at=2026-02-02T00%3A00%3A00Z"
        );
        assert_eq!(Lens::default().link("/", &[]), "/");
        assert_eq!(link("/a?b=c", [("d", "e")]), "/a?b=c&d=e");
        assert_eq!(encoded("a-b._~/é%"), "a-b._~%2F%C3%A9%25");
    }

    #[test]
    fn today_is_now() {
        assert!(lens("as_of=2026-03-02").unwrap().is_now());
        assert!(lens("as_of=").unwrap().is_now());
        assert_eq!(lens("as_of=2026-03-01").unwrap().given("as_of"), "2026-03-01");
        assert_eq!(lens("as_of=soon").unwrap_err().status.as_u16(), 400);
    }

    #[test]
    fn only_the_web_is_linked() {
        assert_eq!(outside("https://a.example/1"), Some("https://a.example/1"));
        assert_eq!(outside("javascript:alert(1)"), None);
        assert_eq!(outside("data:text/html,x"), None);
    }
}
