//! Query parameters, strictly: each name known, given once, and clean text.
//!
//! A parameter that is silently ignored gives a number that is silently wrong, so anything not
//! understood is a problem that names the parameter and lists those that are.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use surface::Problem;

const BYTES_MAX: usize = 8 * 1024;

/// Parameters by name; every name is one of the allowed ones.
#[derive(Debug, Default, PartialEq)]
pub struct QueryString(BTreeMap<String, String>);

impl QueryString {
    pub fn parse<'a>(raw: Option<&str>, allowed: impl IntoIterator<Item = &'a str>) -> Result<Self, Problem> {
        let raw = raw.unwrap_or_default();
        if raw.len() > BYTES_MAX {
            return Err(Problem::bad_request(format!("the query is over {BYTES_MAX} bytes")));
        }
        let allowed: Vec<&str> = allowed.into_iter().collect();
        let mut found = BTreeMap::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name =
                decode(name).map_err(|reason| Problem::bad_request(format!("a parameter name {reason}")))?;
            if !allowed.contains(&name.as_str()) {
                let known = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
                return Err(Problem::bad_parameter(&name, &format!("is not known here; known are {known}")));
            }
            let value = decode(value).map_err(|reason| Problem::bad_parameter(&name, &reason))?;
            if found.insert(name.clone(), value).is_some() {
                return Err(Problem::bad_parameter(&name, "is given more than once"));
            }
        }
        Ok(Self(found))
    }

    /// One parameter, before it is known which others are allowed.
    pub fn value(raw: Option<&str>, name: &str) -> Result<Option<String>, Problem> {
        let pairs = raw.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.into_iter().find(|(given, _)| *given == name).map(|(_, value)| value);
        value.map(decode).transpose().map_err(|reason| Problem::bad_parameter(name, &reason))
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// What has not been taken.
    pub fn rest(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// Percent-decoding, with `+` as a blank. The crate passes on what is no escape; here that is refused, as control
/// characters are.
fn decode(text: &str) -> Result<String, String> {
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return Err("has a % that is not followed by two hexadecimal digits".to_owned());
    }
    let blanks = text.replace('+', " ");
    let text = percent_decode_str(&blanks).decode_utf8().map_err(|_| "is not utf-8".to_owned())?;
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expect: Result<&[(&str, &str)], &str>) {
        match (QueryString::parse(Some(raw), ["as_of", "team"]), expect) {
            (Ok(parsed), Ok(pairs)) => {
                let pairs = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
                assert_eq!(parsed.rest(), pairs, "{raw}");
            }
            (Err(problem), Err(text)) => {
                assert_eq!(problem.status.as_u16(), 400);
                assert!(problem.detail.contains(text), "{raw}: {}", problem.detail);
            }
            (got, _) => panic!("{raw}: {got:?}"),
        }
    }

    #[test]
    fn clean_parameters_pass() {
        check("", Ok(&[]));
        check("as_of=2026-03-02T09%3A14%3A00%2B02:00", Ok(&[("as_of", "2026-03-02T09:14:00+02:00")]));
        check("team=a+b%20c&", Ok(&[("team", "a b c")]));
        check("team=%C3%A9", Ok(&[("team", "é")]));
        check("team=%2B%252b", Ok(&[("team", "+%2b")]));
    }

    #[test]
    fn anything_else_is_named() {
        check("teem=a", Err("'teem': is not known here; known are as_of, team"));
        check("team=a&team=b", Err("'team': is given more than once"));
        check("team=a%00", Err("control character"));
        check("team=%zz", Err("hexadecimal"));
        check("team=%e", Err("hexadecimal"));
        check("team=%+1", Err("hexadecimal"));
        check("team=%é", Err("hexadecimal"));
        check("team=%ff", Err("utf-8"));
        check("te%00am=1", Err("a parameter name"));
        check(&"x".repeat(9_000), Err("over 8192 bytes"));
    }
}
