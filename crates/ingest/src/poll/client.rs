//! Asking a REST interface, page by page.
//!
//! Invariants: a request is asked again only so many times, after as long as the interface says or with growing
//! pauses; an answer is read up to a limit and whole, or not at all; the token goes to one origin only (no
//! redirect and no next page leads elsewhere), over TLS unless that origin is this machine, and into no error.
//! Deliberately lacking: anything but GET, and requests beside each other: interfaces ask for that.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{StatusCode, Url, redirect};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::Error;
use crate::bodies::now_us;

/// Tries of a request that fails in passing: no connection, 5xx, a cut-off answer.
const TRIES_MAX: u32 = 6;
/// Waits for a rate limit, for one request.
const LIMIT_WAITS_MAX: u32 = 20;
/// The longest wait that an interface may ask for: GitHub's limits are by the hour.
const WAIT_MAX: Duration = Duration::from_secs(70 * 60);
/// The wait where a rate limit tells no time.
const WAIT_UNTOLD: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 64 << 20;
const REDIRECTS_MAX: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Pages of one list.
pub(super) const PAGES_MAX: usize = 10_000;
/// Items of a list that is read whole: what happened to one issue, say.
const ITEMS_MAX: usize = 200_000;
/// So much of a refusal is read, to see whether it is one of a rate limit.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// How a client proves who asks.
pub enum Login {
    Nobody,
    /// `Authorization: Bearer TOKEN`
    Bearer(Vec<u8>),
    /// User and password or API token, as Jira Cloud wants them.
    Basic {
        user: String,
        password: Vec<u8>,
    },
    /// `PRIVATE-TOKEN: TOKEN`, GitLab's.
    PrivateToken(Vec<u8>),
}

/// Told of each wait, and does it.
pub type Pause = Box<dyn FnMut(Duration, &str) + Send>;

pub struct RestClient {
    http: reqwest::Client,
    runtime: Runtime,
    base: Url,
    basic: Option<(String, String)>,
    pause: Pause,
    /// A rate limit was used up: no request before this time.
    resumes_us: i64,
}

/// One page.
#[derive(Debug)]
pub struct Answer {
    pub body: Value,
    /// The address of the next page, where the interface tells one.
    pub next: Option<String>,
}

/// What one try came to.
enum Attempt {
    Answered(Answer),
    /// A rate limit; how long it says to wait.
    Limited(Option<Duration>),
    /// Worth another try.
    Passing(String),
    /// `None` of the resource itself: 404 and 410.
    Absent(StatusCode),
    Refused(String),
}

impl RestClient {
    /// `base` is the address of the interface, such as `https://api.github.com`. `pause` waits.
    ///
    /// # Errors
    /// An address that is none, that holds a password, or that a token must not be sent to.
    pub fn new(base: &str, login: Login, pause: Pause) -> Result<RestClient, Error> {
        let wrong = |detail: &str| Error::Remote { url: without_password(base), detail: detail.to_owned() };
        let base =
            Url::parse(base.trim_end_matches('/')).map_err(|_| wrong("is no address; give https://host"))?;
        let host = base.host_str().ok_or_else(|| wrong("names no host"))?.to_owned();
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("holds a password; give it with --token env:NAME or file:PATH"));
        }
        let local = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let plain = base.scheme() == "http";
        if !plain && base.scheme() != "https" {
            return Err(wrong("is neither https nor http"));
        }
        if plain && !local && !matches!(login, Login::Nobody) {
            return Err(wrong("is not https, and a token is sent to no other; use https"));
        }
        let (headers, basic) =
            headers(login).ok_or_else(|| wrong("the token holds bytes that no header may"))?;
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(redirect::Policy::custom(same_origin_only))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(|error| wrong(&format!("cannot be asked: {}", chain(&error.without_url()))))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| wrong(&format!("cannot be asked: {error}")))?;
        Ok(RestClient { http, runtime, base, basic, pause, resumes_us: 0 })
    }

    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of `path` below the base, with these parameters.
    pub fn url(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url.into()
    }

    /// # Errors
    /// The interface refuses, has no such resource, or fails again and again.
    pub fn get(&mut self, url: &str) -> Result<Answer, Error> {
        let absent = |status| Error::Absent {
            url: without_password(url),
            detail: format!("{status}; check the name, and that the token may read it"),
        };
        self.find(url)?.map_err(absent)
    }

    /// Like [`get`](RestClient::get); the inner error is a resource that is not there.
    pub fn find(&mut self, url: &str) -> Result<Result<Answer, StatusCode>, Error> {
        let parsed = Url::parse(url).map_err(|_| remote(url, "is no address".to_owned()))?;
        if parsed.origin() != self.base.origin() {
            let detail = "is elsewhere than --url, and nothing but that is asked".to_owned();
            return Err(remote(url, detail));
        }
        let (mut tries, mut waits) = (0, 0);
        loop {
            let early_us = self.resumes_us - now_us();
            if early_us > 0 {
                self.wait(
                    Duration::from_micros(early_us.unsigned_abs()).min(WAIT_MAX),
                    "the rate limit is used up",
                );
            }
            let (tried, resumes_us) =
                self.runtime.block_on(try_once(&self.http, &self.basic, parsed.clone()));
            self.resumes_us = resumes_us.unwrap_or(0);
            match tried {
                Attempt::Answered(answer) => return Ok(Ok(answer)),
                Attempt::Absent(status) => return Ok(Err(status)),
                Attempt::Refused(detail) => return Err(remote(url, detail)),
                Attempt::Limited(told) => {
                    waits += 1;
                    let wait = told.unwrap_or(WAIT_UNTOLD);
                    if waits > LIMIT_WAITS_MAX || wait > WAIT_MAX {
                        let detail =
                            format!("a rate limit says to wait {} s; run it again then", wait.as_secs());
                        return Err(remote(url, detail));
                    }
                    self.resumes_us = 0;
                    self.wait(wait, "the rate limit is used up");
                }
                Attempt::Passing(why) => {
                    tries += 1;
                    if tries >= TRIES_MAX {
                        return Err(remote(url, format!("{why}, {tries} times; run it again later")));
                    }
                    self.wait(jittered(BACKOFF_FIRST * 2_u32.pow(tries - 1)), &why);
                }
            }
        }
    }

    /// All pages of a list, following the links to the next one.
    pub fn pages(&mut self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>, Error> {
        let mut url = self.url(path, parameters);
        let mut items = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.get(&url)?;
            items.extend(self.list(&url, answer.body)?);
            match answer.next {
                Some(next) if items.len() <= ITEMS_MAX => url = next,
                Some(_) => break,
                None => return Ok(items),
            }
        }
        Err(remote(&url, format!("a list of more than {ITEMS_MAX} items or {PAGES_MAX} pages")))
    }

    /// The items of an answer that is a list, each an object.
    pub fn list(&self, url: &str, body: Value) -> Result<Vec<Value>, Error> {
        match body {
            Value::Array(items) if items.iter().all(Value::is_object) => Ok(items),
            _ => Err(remote(url, "the answer is no list of objects; check --url".to_owned())),
        }
    }

    fn wait(&mut self, wait: Duration, why: &str) {
        (self.pause)(wait, why);
    }
}

/// The headers of every request; `None` for a token that no header can hold.
fn headers(login: Login) -> Option<(HeaderMap, Option<(String, String)>)> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut secret = |name: HeaderName, bytes: Vec<u8>| -> Option<()> {
        let mut value = HeaderValue::from_bytes(&bytes).ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Some(())
    };
    let mut basic = None;
    match login {
        Login::Nobody => {}
        Login::Bearer(token) => secret(AUTHORIZATION, [b"Bearer ".as_slice(), &token].concat())?,
        Login::PrivateToken(token) => secret(HeaderName::from_static("private-token"), token)?,
        Login::Basic { user, password } => basic = Some((user, String::from_utf8(password).ok()?)),
    }
    Some((headers, basic))
}

fn same_origin_only(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().first().map(Url::origin);
    if from.is_some_and(|from| from == attempt.url().origin()) && attempt.previous().len() <= REDIRECTS_MAX {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// One request; beside what it came to, when a used-up limit lets the next one through.
async fn try_once(
    http: &reqwest::Client,
    basic: &Option<(String, String)>,
    url: Url,
) -> (Attempt, Option<i64>) {
    let mut request = http.get(url);
    if let Some((user, password)) = basic {
        request = request.basic_auth(user, Some(password));
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (Attempt::Passing(format!("no answer: {}", chain(&error.without_url()))), None),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let resumes_us = used_up(&headers);
    if let Some(tried) = failed(status, &headers, resumes_us) {
        let limited = status == StatusCode::FORBIDDEN && says_rate_limit(&mut response).await;
        return (
            if limited && matches!(tried, Attempt::Refused(_)) { Attempt::Limited(None) } else { tried },
            None,
        );
    }
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                return (
                    Attempt::Passing(format!("the answer is cut off: {}", chain(&error.without_url()))),
                    None,
                );
            }
        }
        if bytes.len() > ANSWER_BYTES_MAX {
            return (Attempt::Refused(format!("an answer of more than {ANSWER_BYTES_MAX} bytes")), None);
        }
    }
    // Tools keep characters in titles and texts that no text may hold.
    let text = String::from_utf8_lossy(&bytes);
    match serde_json::from_str(&event::clean_json(&text).0) {
        Ok(body) => (Attempt::Answered(Answer { body, next: next_page(&headers) }), resumes_us),
        Err(error) if error.is_eof() => (Attempt::Passing("the answer is cut off".to_owned()), None),
        Err(_) => (Attempt::Refused("the answer is no JSON; check --url".to_owned()), None),
    }
}

/// GitHub tells a limit of a burst of requests in words alone.
async fn says_rate_limit(response: &mut reqwest::Response) -> bool {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > REFUSAL_BYTES_MAX {
            break;
        }
    }
    let words = String::from_utf8_lossy(&bytes).to_lowercase();
    words.contains("rate limit") || words.contains("abuse")
}

/// What a status other than success means.
fn failed(status: StatusCode, headers: &HeaderMap, resumes_us: Option<i64>) -> Option<Attempt> {
    let retry_after = seconds(headers, "retry-after").map(Duration::from_secs);
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN && (retry_after.is_some() || resumes_us.is_some()));
    if limited {
        let until =
            resumes_us.map(|us| Duration::from_micros(us.saturating_sub(now_us()).max(0).unsigned_abs()));
        return Some(Attempt::Limited(retry_after.or(until)));
    }
    match status {
        _ if status.is_success() => None,
        StatusCode::NOT_FOUND | StatusCode::GONE => Some(Attempt::Absent(status)),
        StatusCode::UNAUTHORIZED => Some(Attempt::Refused(format!("{status}; check --token"))),
        StatusCode::FORBIDDEN => Some(Attempt::Refused(format!("{status}; the token may not read this"))),
        StatusCode::REQUEST_TIMEOUT => Some(Attempt::Passing(status.to_string())),
        _ if status.is_server_error() => match retry_after.filter(|wait| *wait <= WAIT_MAX) {
            Some(wait) => Some(Attempt::Limited(Some(wait))),
            None => Some(Attempt::Passing(status.to_string())),
        },
        _ if status.is_redirection() => Some(Attempt::Refused(format!(
            "{status} to another host or too often; give that address as --url"
        ))),
        _ => Some(Attempt::Refused(format!("{status}; check the names given"))),
    }
}

/// When a limit that has nothing left begins anew: GitHub's headers, and GitLab's.
fn used_up(headers: &HeaderMap) -> Option<i64> {
    for (remaining, reset) in
        [("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset")]
    {
        if seconds(headers, remaining) == Some(0)
            && let Some(reset) = seconds(headers, reset).and_then(|reset| i64::try_from(reset).ok())
        {
            // One second more, since both clocks tell whole seconds.
            return reset.checked_add(1)?.checked_mul(1_000_000);
        }
    }
    None
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `Link: <https://...>; rel="next"`
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
    for link in links.flat_map(|links| links.split(',')) {
        let (address, about) = link.trim().split_once('>')?;
        let next = about.split(';').any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        if next {
            return address.strip_prefix('<').map(str::to_owned);
        }
    }
    None
}

/// Half to all of the time, at random, so that many clients do not come back at once.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let wait = wait.min(BACKOFF_MAX);
    wait / 2 + (wait / 2).mul_f64(random as f64 / u64::MAX as f64)
}

/// An error with its causes, which alone say what was wrong.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

fn remote(url: &str, detail: String) -> Error {
    Error::Remote { url: without_password(url), detail }
}

/// The address without parameters, and without whatever stands before an at sign.
fn without_password(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            format!("{scheme}://{rest}")
        }
        None => path.rsplit_once('@').map_or(path, |(_, rest)| rest).to_owned(),
    }
}
