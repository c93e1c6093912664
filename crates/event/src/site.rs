//! Sites: which host the things of an event belong to, and how their ids say so.
//!
//! Two sites of one tool count their issues, versions and pull requests from the same numbers, and a repository and its
//! mirror share a path. The site is the address in the event's `source`: `jira:https://tickets.acme.example`,
//! `gitlab:https://git.acme.example/acme/api`. Ids get it in front: `git.acme.example/acme/api`.
//! Invariant: what an event says depends on the event and on the [`Homes`] alone, so that no order of arrival matters.
//! Deliberately absent: sites of sources without an address, which programs of one's own have: their ids are what they say.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::decode::Event;
use crate::model::{Entity, slot_of};
use crate::value::Value;

/// Sites whose ids are written without the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homes {
    sites: BTreeSet<String>,
    /// Whether the repositories of `ingest git` are at home, wherever they were cloned from.
    git: bool,
}

impl Default for Homes {
    /// github.com alone.
    fn default() -> Self {
        Homes::new(["github.com".to_owned()], false)
    }
}

impl Homes {
    pub fn new(sites: impl IntoIterator<Item = String>, git: bool) -> Homes {
        Homes { sites: sites.into_iter().map(|site| site.to_lowercase()).collect(), git }
    }

    /// The sites, in alphabetical order.
    pub fn sites(&self) -> impl Iterator<Item = &str> {
        self.sites.iter().map(String::as_str)
    }

    /// Whether repositories of `ingest git` are at home.
    pub fn has_git(&self) -> bool {
        self.git
    }

    fn holds(&self, tool: &str, site: &str) -> bool {
        self.sites.contains(site) || self.git && tool == "git"
    }
}

/// Tool and site of a `source`: the address without scheme and without the repository at its end.
pub fn site_of<'s>(source: &'s str, repo: Option<&str>) -> Option<(&'s str, String)> {
    let (tool, rest) = source.split_once(':')?;
    let address = match rest.split_once("://") {
        Some((_, address)) => address,
        // Gerrit's sources have been host names alone; a server without one has none.
        None if tool == "gerrit" && rest.contains('.') => rest,
        None => return None,
    };
    let address = address.trim_end_matches('/');
    let tail = repo.and_then(|repo| address.strip_suffix(repo)).and_then(|site| site.strip_suffix('/'));
    let site = tail.unwrap_or(address).trim_end_matches('/').to_lowercase();
    (!site.is_empty()).then_some((tool, site))
}

/// The site of a thing by its own address, with what a server is served under before the repository's path.
pub fn site_of_link(link: &str, repo: &str) -> Option<String> {
    let (_, address) = link.split_once("://")?;
    let host = || address.split(['/', '?', '#']).next().unwrap_or(address);
    let site = address.find(&format!("/{repo}")).map_or_else(host, |end| &address[..end]);
    (!site.is_empty()).then(|| site.to_lowercase())
}

/// Fields that hold an id of the source's own, or a list of them.
const IDS: [&str; 9] =
    ["repo", "was", "ticket", "milestone", "sprint", "parent", "goal", "depends_on", "tickets"];

impl<'a> Event<'a> {
    /// Puts the site in front of every id, unless it is a home.
    pub(crate) fn place(&mut self, homes: &Homes) {
        if matches!(self.kind.entity, Entity::Person | Entity::Team | Entity::Calendar | Entity::Report) {
            return;
        }
        let repo = self.get("repo").as_text().map(str::to_owned);
        let Some((tool, site)) = site_of(&self.source, repo.as_deref()) else { return };
        if homes.holds(tool, &site) {
            return;
        }
        let keys_are_names = tool == "jira";
        if !self.id.contains(&site) {
            self.id = Cow::Owned(format!("{}@{site}", self.id));
        }
        let own = |id: &Cow<'a, str>| Cow::Owned(under(&site, id));
        for name in IDS {
            let Some(slot) = slot_of(self.kind.entity, name) else { continue };
            match &mut self.values[slot] {
                Value::Text(id) => *id = own(id),
                Value::Texts(ids) => {
                    // Tickets of another tracker are named by keys, which say nothing of a site.
                    let is_own = |id: &Cow<'_, str>| name != "tickets" || id.contains('#');
                    ids.iter_mut().filter(|id| is_own(id)).for_each(|id| *id = own(id));
                }
                _ => {}
            }
        }
        // A project is a repository, or has a key that another site may have as well.
        if let Some(slot) = slot_of(self.kind.entity, "project")
            && let Value::Text(project) = &mut self.values[slot]
            && (keys_are_names || repo.as_deref() == Some(project))
        {
            *project = own(project);
        }
    }
}

fn under(site: &str, id: &str) -> String {
    let has_it = id.strip_prefix(site).is_some_and(|rest| rest.starts_with('/'));
    if has_it { id.to_owned() } else { format!("{site}/{id}") }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use serde_json::{Value, json};

    use super::{Homes, site_of, site_of_link};
    use crate::batch::{BatchBuilder, Outcome};
    use crate::model::Table;
    use crate::normalise::Format;
    use crate::record::Record;

    #[test]
    fn a_source_with_an_address_tells_its_site() {
        for (source, repo, expect) in [
            ("jira:https://Tickets.acme.example", None, Some("tickets.acme.example")),
            ("jira:https://acme.example/jira/", None, Some("acme.example/jira")),
            ("gitlab:https://git.acme.example/acme/api", Some("acme/api"), Some("git.acme.example")),
            ("gitlab:https://acme.example/git/acme/api", Some("acme/api"), Some("acme.example/git")),
            ("gerrit:review.acme.example", Some("api"), Some("review.acme.example")),
            ("gerrit:gerrit", Some("api"), None),
            ("github:acme/api", Some("acme/api"), None),
            ("planning", None, None),
        ] {
            assert_eq!(site_of(source, repo).map(|(_, site)| site).as_deref(), expect, "{source}");
        }
    }

    #[test]
    fn a_link_tells_its_site() {
        for (link, expect) in [
            ("https://git.acme.example/acme/api/pull/7", "git.acme.example"),
            ("https://acme.example/git/acme/api/-/issues/7", "acme.example/git"),
            ("https://git.acme.example", "git.acme.example"),
        ] {
            assert_eq!(site_of_link(link, "acme/api").as_deref(), Some(expect), "{link}");
        }
        assert_eq!(site_of_link("acme/api", "acme/api"), None);
    }

    /// The rows of a column, of bodies in any order.
    fn rows(bodies: &[(Format, Value)], homes: Homes, table: Table, column: &str) -> Vec<String> {
        let mut builder = BatchBuilder::new().at_home(homes);
        for (format, body) in bodies {
            let body = body.to_string();
            let record = Record {
                topic: "t",
                partition: 0,
                offset: 0,
                timestamp_us: 1_790_000_000_000_000,
                key: None,
                headers: &[],
                value: Some(body.as_bytes()),
            };
            let outcome = builder.push_as(*format, &record);
            assert!(matches!(outcome, Outcome::Normalised(_)), "{outcome:?}");
        }
        let batch = builder.finish(Vec::new());
        let column = batch.table(table).column_by_name(column).unwrap().as_string_view();
        column.iter().map(|value| value.unwrap_or("NULL").to_owned()).collect()
    }

    fn issue(site: &str) -> (Format, Value) {
        let fields = json!({
            "summary": "Work", "created": "2026-03-02T09:00:00.000+0000", "updated": "2026-03-02T09:00:00.000+0000",
            "project": {"key": "API"}, "status": {"name": "To Do"}, "fixVersions": [{"id": "10", "name": "1.0"}],
        });
        let link = format!("https://{site}/rest/api/2/issue/10001");
        (Format::Jira, json!({"id": "10001", "key": "API-1", "self": link, "fields": fields}))
    }

    fn pull(host: &str) -> (Format, Value) {
        let pull = json!({
            "number": 7, "title": "Round", "state": "open", "user": {"login": "ada"}, "body": "Fixes #3",
            "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:00:00Z",
            "html_url": format!("https://{host}/acme/api/pull/7"),
        });
        let body = json!({
            "action": "opened", "number": 7, "pull_request": pull, "sender": {"login": "ada"},
            "repository": {"id": 9, "full_name": "acme/api"},
        });
        (Format::GitHub, body)
    }

    fn merge_request(host: &str) -> (Format, Value) {
        let attributes = json!({
            "iid": 7, "action": "open", "title": "Round", "state": "opened", "created_at": "2026-03-02T09:00:00Z",
            "updated_at": "2026-03-02T09:00:00Z", "milestone_id": 4,
        });
        let project = json!({"id": 9, "path_with_namespace": "acme/api", "web_url": format!("https://{host}/acme/api")});
        let body = json!({
            "object_kind": "merge_request", "user": {"username": "ada"}, "project": project, "object_attributes": attributes,
        });
        (Format::GitLab, body)
    }

    #[test]
    fn two_sites_of_one_tool_never_mix() {
        let both = [issue("alpha.acme.example"), issue("beta.acme.example")];
        let read = |homes: Homes, column: &str| rows(&both, homes, Table::Tickets, column);
        assert_eq!(read(Homes::default(), "ticket"), ["alpha.acme.example/10001", "beta.acme.example/10001"]);
        assert_eq!(
            read(Homes::default(), "milestone"),
            ["alpha.acme.example/version/10", "beta.acme.example/version/10"]
        );
        assert_eq!(read(Homes::default(), "project"), ["alpha.acme.example/API", "beta.acme.example/API"]);
        let home = || Homes::new(["alpha.acme.example".to_owned()], true);
        assert_eq!(read(home(), "ticket"), ["10001", "beta.acme.example/10001"]);
        assert_eq!(read(home(), "event_id")[0], "jira:alpha.acme.example:10001:created");
    }

    #[test]
    fn a_repository_its_mirror_and_its_namesakes_are_four() {
        let all = [
            pull("github.com"),
            pull("git.acme.example"),
            merge_request("gitlab.com"),
            merge_request("git2.acme.example"),
        ];
        let read = |column: &str| rows(&all, Homes::default(), Table::Reviews, column);
        assert_eq!(
            read("repo"),
            ["acme/api", "git.acme.example/acme/api", "gitlab.com/acme/api", "git2.acme.example/acme/api"]
        );
        assert_eq!(
            read("event_id"),
            [
                "github:acme/api/pull/7:opened",
                "github:acme/api/pull/7:opened@git.acme.example",
                "gitlab:acme/api!7:opened@gitlab.com",
                "gitlab:acme/api!7:opened@git2.acme.example",
            ]
        );
        assert_eq!(read("milestone")[2..], ["gitlab.com/milestone/4", "git2.acme.example/milestone/4"]);
    }

    #[test]
    fn what_a_home_says_is_what_was_said_before_ids_named_sites() {
        let event = |source: &str| {
            let body = json!({
                "specversion": "1.0", "id": "e", "source": source, "type": "dev.plimsoll.change.opened.v1",
                "time": "2026-03-02T09:00:00Z", "data": {"repo": "acme/api", "change": "7"},
            });
            let text = body.to_string();
            let record = Record {
                topic: "t",
                partition: 0,
                offset: 0,
                timestamp_us: -1,
                key: None,
                headers: &[],
                value: Some(text.as_bytes()),
            };
            let mut builder = BatchBuilder::new().at_home(Homes::new(["git.acme.example".to_owned()], true));
            builder.push(&record);
            let rows = builder.finish(Vec::new()).reviews;
            let column = |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(0);
            (column("key_hash"), column("payload_hash"))
        };
        assert_eq!(event("gitlab:https://git.acme.example/acme/api"), event("gitlab:acme/api"));
        assert_ne!(event("gitlab:https://gitlab.com/acme/api"), event("gitlab:acme/api"));
    }
}
