//! Jira: issues with their whole changelog, and versions, over the REST interface.
//!
//! The event crate leads an issue back through its changelog, so every change has its own time.
//! Deliberately lacking: sprints, which are in another interface, and past dates of versions, which Jira does
//! not keep: a version is told as it is whenever it differs from the last time.

use serde_json::{Value, json};

use event::{Draft, jira_issue_history, jira_issue_now};

use super::client::PAGES_MAX;
use super::cursor::Mark;
use super::{Feed, RestClient, reading};
use crate::Error;
use crate::bodies::now_us;

/// Issues asked for at once; each comes with its whole changelog.
const PER_PAGE: usize = 50;
/// Issues of a page that are asked for again with the next one.
const OVERLAP: usize = 10;
/// Entries of a changelog asked for at once.
const ENTRIES_PER_PAGE: usize = 100;
/// Entries of one changelog.
const ENTRIES_MAX: usize = 100_000;
/// Clocks differ, and a filter counts in whole minutes.
const MARGIN_MINUTES: i64 = 10;

/// `scope` is a project's key, or a JQL filter.
pub(super) fn poll(scope: &str, client: &mut RestClient, feed: &mut Feed<'_>) -> Result<(), Error> {
    let is_key = scope.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    feed.progress(&format!("{scope} statuses"));
    let statuses = client.get(&client.url("/rest/api/2/status", &[]))?.body;
    if is_key {
        versions(scope, client, feed)?;
    }
    let filter = if is_key { format!("project = \"{scope}\"") } else { format!("({scope})") };
    issues(&filter, scope, &statuses, client, feed)
}

/// Issues in order of their last change, so that the cursor may follow.
fn issues(
    filter: &str,
    scope: &str,
    statuses: &Value,
    client: &mut RestClient,
    feed: &mut Feed<'_>,
) -> Result<(), Error> {
    // A relative time means the same whatever the time zone of the account.
    let minutes = feed
        .start("issues")
        .and_then(|since| event::parse_time(&since))
        .map(|since_us| (now_us() - since_us).max(0) / 60_000_000 + 1 + MARGIN_MINUTES);
    let since = minutes.map_or(String::new(), |minutes| format!(" AND updated >= \"-{minutes}m\""));
    let jql = format!("{filter}{since} ORDER BY updated ASC");
    let mut seen = feed.cursor.mark(&feed.name, "issues").map(|mark| mark.seen.clone()).unwrap_or_default();
    let mut search = Search { jql, token: None, start: 0, newer: false };
    for _ in 0..PAGES_MAX {
        let page = search.page(client)?;
        let mut found = page["issues"].as_array().cloned().unwrap_or_default();
        found.retain(Value::is_object);
        let mut last = feed.cursor.since(&feed.name, "issues").unwrap_or_default().to_owned();
        for mut issue in found {
            let updated = issue["fields"]["updated"].as_str().unwrap_or_default().to_owned();
            let key = format!("{}@{updated}", issue["id"].as_str().unwrap_or_default());
            last = updated.clone();
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            feed.progress(&format!("{scope} {}", issue["key"].as_str().unwrap_or_default()));
            issue["names"] = page["names"].clone();
            whole_changelog(&mut issue, client)?;
            tell(&issue, statuses, client, feed);
            feed.relieve()?;
        }
        // What the margin will ask for again need not be read again.
        let keep = seen.len().saturating_sub(PER_PAGE * 4);
        seen.drain(..keep);
        if !last.is_empty() {
            feed.commit("issues", Mark { since: rfc3339(&last), seen: seen.clone() })?;
        }
        if !search.goes_on(&page) {
            return Ok(());
        }
    }
    let detail = format!("a search of more than {PAGES_MAX} pages; run it again to go on");
    Err(Error::Remote { url: client.base().to_owned(), detail })
}

fn tell(issue: &Value, statuses: &Value, client: &RestClient, feed: &mut Feed<'_>) {
    match jira_issue_history(client.base(), issue, statuses) {
        Ok(mut events) => {
            feed.totals.bodies += 1;
            // The issue as it is, after the last entry of its changelog, of which it may say more or something else.
            let last = events.last().map_or(0, |last| last.sequence);
            if let Ok(now) = jira_issue_now(client.base(), issue, statuses) {
                events.push(reading(Draft { sequence: last, ..now }));
            }
            feed.take(&events);
        }
        // The normaliser refuses the same body again, and counts it.
        Err(_) => feed.tell("issue", issue["key"].as_str().unwrap_or_default(), issue),
    }
}

/// A search: by the number of the first issue, or, on sites that no longer know that, by a token.
struct Search {
    jql: String,
    start: usize,
    token: Option<String>,
    newer: bool,
}

impl Search {
    fn page(&mut self, client: &mut RestClient) -> Result<Value, Error> {
        if !self.newer {
            let (start, max) = (self.start.to_string(), PER_PAGE.to_string());
            let parameters = [
                ("jql", self.jql.as_str()),
                ("startAt", &start),
                ("maxResults", &max),
                ("fields", "*all"),
                ("expand", "changelog,names"),
            ];
            let url = client.url("/rest/api/2/search", &parameters);
            if let Ok(answer) = client.find(&url)? {
                return Ok(answer.body);
            }
            self.newer = true;
        }
        let max = PER_PAGE.to_string();
        let mut parameters = vec![
            ("jql", self.jql.as_str()),
            ("maxResults", max.as_str()),
            ("fields", "*all"),
            ("expand", "changelog,names"),
        ];
        if let Some(token) = &self.token {
            parameters.push(("nextPageToken", token));
        }
        let url = client.url("/rest/api/2/search/jql", &parameters);
        Ok(client.get(&url)?.body)
    }

    fn goes_on(&mut self, page: &Value) -> bool {
        let found = page["issues"].as_array().map_or(0, Vec::len);
        if self.newer {
            self.token = page["nextPageToken"].as_str().map(str::to_owned);
            return found > 0 && self.token.is_some();
        }
        let goes_on = found > 0 && ((self.start + found) as u64) < page["total"].as_u64().unwrap_or(0);
        // An issue that changes meanwhile goes to the end, and those behind it move up.
        self.start += found - OVERLAP.min(found.saturating_sub(1));
        goes_on
    }
}

/// Fetches the entries that the issue's own list lacks.
fn whole_changelog(issue: &mut Value, client: &mut RestClient) -> Result<(), Error> {
    let listed = issue["changelog"]["histories"].as_array().map_or(0, Vec::len);
    let total = issue["changelog"]["total"].as_u64().unwrap_or(0) as usize;
    if total <= listed {
        return Ok(());
    }
    let path = format!("/rest/api/2/issue/{}/changelog", issue["id"].as_str().unwrap_or_default());
    let mut entries: Vec<Value> = Vec::new();
    loop {
        let (start, max) = (entries.len().to_string(), ENTRIES_PER_PAGE.to_string());
        let url = client.url(&path, &[("startAt", start.as_str()), ("maxResults", max.as_str())]);
        // Servers without this list give the whole changelog with the issue.
        let Ok(answer) = client.find(&url)? else { return Ok(()) };
        let values = answer.body["values"].as_array().cloned().unwrap_or_default();
        let (none, total) = (values.is_empty(), answer.body["total"].as_u64().unwrap_or(0) as usize);
        entries.extend(values);
        if none || entries.len() >= total.min(ENTRIES_MAX) {
            issue["changelog"] = json!({"total": total, "histories": entries});
            return Ok(());
        }
    }
}

/// Versions that are new or differ from the last time, at the time of asking.
fn versions(project: &str, client: &mut RestClient, feed: &mut Feed<'_>) -> Result<(), Error> {
    feed.progress(&format!("{project} versions"));
    let url = client.url(&format!("/rest/api/2/project/{project}/versions"), &[]);
    let answer = client.get(&url)?;
    let versions = client.list(&url, answer.body)?;
    let before = feed.cursor.mark(&feed.name, "versions").map(|mark| mark.seen.clone()).unwrap_or_default();
    let mut seen = Vec::new();
    for version in versions {
        let key = version.to_string();
        if !before.contains(&key) {
            let (origin, now_ms) = (format!("{project} version {}", version["id"]), now_us() / 1_000);
            let mut told = version.clone();
            told["project"] = json!(project);
            let body =
                |event: &str, at_ms: i64| json!({"webhookEvent": event, "timestamp": at_ms, "version": told});
            feed.tell("version", &origin, &body("jira:version_updated", now_ms));
            if version["released"] == true {
                let day = version["releaseDate"].as_str().map(|day| format!("{day}T00:00:00Z"));
                let at_ms = day.and_then(|day| event::parse_time(&day)).map_or(now_ms, |us| us / 1_000);
                feed.tell("version", &origin, &body("jira:version_released", at_ms));
            }
        }
        seen.push(key);
    }
    feed.commit("versions", Mark { since: String::new(), seen })
}

/// `2026-03-02T09:14:00.000+0100` with the colon that RFC 3339 wants.
fn rfc3339(time: &str) -> String {
    let colon = time.len().checked_sub(2).filter(|_| event::parse_time(time).is_none());
    match colon.and_then(|at| time.split_at_checked(at)) {
        Some((clock, minutes)) => format!("{clock}:{minutes}"),
        None => time.to_owned(),
    }
}
