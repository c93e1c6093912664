//! What repositories are called: one that was renamed or moved goes on as itself.
//!
//! Its host knows a repository by a number (`repo_id`), and events tell its name beside it. Of several names of one number
//! the last one told is what rows say, in every id that the name is part of, so that old and new rows meet under one key.
//! A row without a number (`ingest git`, events of older versions) belongs to the number that had its name at the time,
//! else to the one that had it first; of a history read by git the last one that ever had it counts.
//! A name that two numbers had last is that of the later; the earlier one gets its number behind it.
//! Hosts take capital and small letters for the same: a row without a number may spell a name in its own way.
//! Invariant: a function of the set of rows, never of their order; naming rows again changes nothing.
//! Deliberately absent: names of rows that no number was ever told of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListBuilder, RecordBatch, StringViewArray, StringViewBuilder,
};
use arrow::error::ArrowError;
use event::{Table, key_hash, site_of};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::rows::segment::{key_column, micros};

/// Digits of the shortest hash of a commit that ids hold.
const SHA_DIGITS: usize = 40;
/// Where names are kept that rows no longer say.
const FILE: &str = "names.json";

/// Tool, site and number.
type Number = String;

/// When a number had a name: first and last told, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    first_us: i64,
    last_us: i64,
}

#[derive(Debug, Clone, Default)]
pub struct Names {
    told: HashMap<Number, BTreeMap<String, Told>>,
    /// What each number is called, and which numbers had a name: made of `told`, for names that need a change.
    called: HashMap<Number, String>,
    held: HashMap<String, Vec<Number>>,
    /// Names of rows without a number.
    loose: BTreeSet<String>,
}

impl Names {
    /// Whether any row has to say another name than it came with.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What earlier runs kept in `dir`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(dir: &Path) -> Result<Names, Error> {
        let path = dir.join(FILE);
        let told = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| Error::Storage {
                message: format!(
                    "{} is damaged ({error}); remove it, names are learned again",
                    path.display()
                ),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error.into()),
        };
        let mut names = Names { told, ..Names::default() };
        names.settle();
        Ok(names)
    }

    /// Keeps the names of numbers that had several: rows that are stored from now on say only the last.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let several: BTreeMap<_, _> = self.told.iter().filter(|(_, names)| names.len() > 1).collect();
        let (path, fresh) = (dir.join(FILE), dir.join(format!("{FILE}.new")));
        let mut file = std::fs::File::create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(&several).expect("texts and numbers serialise"))?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        Ok(std::fs::File::open(dir)?.sync_all()?)
    }

    /// Takes in what rows tell; says whether rows that came before have to say other names now.
    pub fn learn(&mut self, rows: &RecordBatch) -> bool {
        let (Some(ids), Some(repos)) = (texts(rows, "repo_id"), texts(rows, "repo")) else { return false };
        let mut fresh = self.learn_loose(ids, repos);
        let (sources, times) =
            (texts(rows, "source").expect("rows have a source"), micros(rows, "effective_at"));
        let was = texts(rows, "was");
        let mut last: Option<(&str, &str, Number)> = None;
        for row in (0..rows.num_rows()).filter(|&row| ids.is_valid(row) && repos.is_valid(row)) {
            let (id, repo, source) = (ids.value(row), repos.value(row), sources.value(row));
            let number = match &last {
                Some((known, of, number)) if *known == id && *of == source => number.clone(),
                _ => number_of(source, repo, id),
            };
            last = Some((id, source, number.clone()));
            fresh |= self.tell(&number, repo, times[row]);
            if let Some(was) = was.filter(|was| was.is_valid(row)) {
                fresh |= self.tell(&number, was.value(row), times[row] - 1);
            }
        }
        fresh && self.settle()
    }

    /// Takes in the names of rows without a number; says whether one is new.
    fn learn_loose(&mut self, ids: &StringViewArray, repos: &StringViewArray) -> bool {
        let (mut fresh, mut last) = (false, None);
        for row in (0..ids.len()).filter(|&row| ids.is_null(row) && repos.is_valid(row)) {
            let repo = repos.value(row);
            if last != Some(repo) && !self.loose.contains(repo) {
                self.loose.insert(repo.to_owned());
                fresh = true;
            }
            last = Some(repo);
        }
        fresh
    }

    /// Whether it is the first time, or the last name of a number may be another now.
    fn tell(&mut self, number: &str, name: &str, at_us: i64) -> bool {
        if !self.told.contains_key(number) {
            self.told.insert(number.to_owned(), BTreeMap::new());
        }
        let names = self.told.get_mut(number).expect("it was put there");
        let alone = names.len() == 1;
        match names.get_mut(name) {
            Some(told) => {
                let wider = at_us < told.first_us || at_us > told.last_us;
                told.first_us = told.first_us.min(at_us);
                told.last_us = told.last_us.max(at_us);
                wider && !alone
            }
            None => {
                names.insert(name.to_owned(), Told { first_us: at_us, last_us: at_us });
                true
            }
        }
    }

    /// Makes of what was told what is called; says whether that changed.
    fn settle(&mut self) -> bool {
        let mut newest: Vec<(&str, i64, &Number)> = Vec::new();
        let mut holders: BTreeMap<&str, Vec<&Number>> = BTreeMap::new();
        for (number, names) in &self.told {
            let last = names.iter().max_by_key(|(name, told)| (told.last_us, (*name).clone()));
            if let Some((name, told)) = last {
                newest.push((name.as_str(), told.last_us, number));
            }
            names.keys().for_each(|name| holders.entry(name.as_str()).or_default().push(number));
        }
        // The latest holder of a name first.
        newest.sort_unstable_by_key(|&(name, last_us, number)| (name, std::cmp::Reverse(last_us), number));
        let (mut called, mut before) = (HashMap::new(), None);
        for (name, _, number) in newest {
            let plain = before != Some(name);
            before = Some(name);
            let digits = number.rsplit(' ').next().unwrap_or(number);
            called.insert(number.clone(), if plain { name.to_owned() } else { format!("{name}~{digits}") });
        }
        // Only names that some row must change are looked up later.
        let mut held: HashMap<String, Vec<Number>> = HashMap::new();
        for (name, numbers) in holders {
            let mut numbers: Vec<Number> = numbers.into_iter().cloned().collect();
            numbers.sort_unstable();
            if numbers.iter().any(|number| called[number] != name) {
                held.insert(name.to_owned(), numbers);
            }
        }
        held.extend(self.spelt_otherwise());
        let changed =
            held != self.held || held.values().flatten().any(|number| called[number] != self.name_of(number));
        (self.called, self.held) = (called, held);
        changed
    }

    /// Names of rows without a number that differ from those of numbers in letter case alone.
    fn spelt_otherwise(&self) -> HashMap<String, Vec<Number>> {
        if self.loose.is_empty() {
            return HashMap::new();
        }
        let mut folded: HashMap<String, BTreeSet<&Number>> = HashMap::new();
        for (number, names) in self.told.iter().filter(|(number, _)| !is_case_told(number)) {
            for name in names.keys() {
                folded.entry(name.to_lowercase()).or_default().insert(number);
            }
        }
        let is_told = |name: &str, numbers: &BTreeSet<&Number>| {
            numbers.iter().any(|number| self.told[*number].contains_key(name))
        };
        let mut spelt = HashMap::new();
        for name in &self.loose {
            if let Some(numbers) = folded.get(&name.to_lowercase()).filter(|numbers| !is_told(name, numbers))
            {
                spelt.insert(name.clone(), numbers.iter().copied().cloned().collect());
            }
        }
        spelt
    }

    fn name_of(&self, number: &str) -> &str {
        self.called.get(number).map_or("", String::as_str)
    }

    /// What a row calls the repository that it knows under `name`; `None` where that is its name.
    fn call(&self, name: &str, id: Option<&str>, source: &str, at_us: i64) -> Option<&str> {
        let numbers = self.held.get(name)?;
        let told = |number: &&Number| {
            let names = &self.told[*number];
            let spelt = || names.iter().find(|(told, _)| told.to_lowercase() == name.to_lowercase());
            names.get(name).or_else(|| spelt().map(|(_, told)| told)).copied()
        };
        let number = match id.map(|id| number_of(source, name, id)) {
            Some(number) if self.told.contains_key(&number) => number,
            _ if source.starts_with("git:") => {
                numbers.iter().max_by_key(|number| (told(number).map(|told| told.last_us), *number))?.clone()
            }
            _ => {
                let had =
                    numbers.iter().filter(|number| told(number).is_some_and(|told| told.first_us <= at_us));
                let latest = had.max_by_key(|number| (told(number).map(|told| told.first_us), *number));
                let first =
                    || numbers.iter().min_by_key(|number| (told(number).map(|told| told.first_us), *number));
                latest.or_else(first)?.clone()
            }
        };
        let called = self.name_of(&number);
        (called != name && !called.is_empty()).then_some(called)
    }

    /// The rows with today's names; `None` where none changes.
    ///
    /// # Errors
    /// The rows are not of the table.
    pub fn apply(&self, table: Table, rows: &RecordBatch) -> Result<Option<RecordBatch>, ArrowError> {
        if self.is_empty() || !matches!(table, Table::Commits | Table::Reviews | Table::Tickets) {
            return Ok(None);
        }
        let row = ToRename { names: self, rows };
        let mut columns = rows.columns().to_vec();
        let mut changed = false;
        for (index, field) in rows.schema_ref().fields().iter().enumerate() {
            let renamed = match field.name().as_str() {
                "repo" | "event_id" | "ticket" | "entity_id" | "milestone" | "sprint" | "parent"
                | "project" => row.text(index),
                "tickets" => row.list(index),
                _ => None,
            };
            if let Some(renamed) = renamed {
                columns[index] = renamed;
                changed = true;
            }
        }
        if !changed {
            return Ok(None);
        }
        let named = RecordBatch::try_new(rows.schema(), columns)?;
        let keys: ArrayRef = Arc::new(keys_of(table, &named));
        let mut columns = named.columns().to_vec();
        columns[named.schema_ref().index_of("key_hash")?] = keys;
        RecordBatch::try_new(named.schema(), columns).map(Some)
    }
}

/// Rows whose names are looked up.
struct ToRename<'r> {
    names: &'r Names,
    rows: &'r RecordBatch,
}

impl ToRename<'_> {
    /// A text that is, begins with or holds a repository's name; `None` where no row changes.
    fn text(&self, column: usize) -> Option<ArrayRef> {
        let old = self.rows.column(column).as_string_view();
        let mut fresh: Vec<Option<String>> = Vec::new();
        for row in (0..old.len()).filter(|&row| old.is_valid(row)) {
            if let Some(text) = self.renamed(row, old.value(row)) {
                fresh.resize(old.len(), None);
                fresh[row] = Some(text);
            }
        }
        if fresh.is_empty() {
            return None;
        }
        let text = |row: usize| fresh[row].as_deref().or(old.is_valid(row).then(|| old.value(row)));
        Some(Arc::new((0..old.len()).map(text).collect::<StringViewArray>()))
    }

    fn list(&self, column: usize) -> Option<ArrayRef> {
        let lists = self.rows.column(column).as_list::<i32>();
        let texts = lists.values().as_string_view();
        let mut builder = ListBuilder::new(StringViewBuilder::new());
        let mut changed = false;
        for row in 0..lists.len() {
            for item in lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize {
                let old = texts.value(item);
                let fresh = self.renamed(row, old);
                changed |= fresh.is_some();
                builder.values().append_value(fresh.as_deref().unwrap_or(old));
            }
            builder.append(lists.is_valid(row));
        }
        changed.then(|| Arc::new(builder.finish()) as ArrayRef)
    }

    /// A text with the name in it that the repository is called by now.
    fn renamed(&self, row: usize, text: &str) -> Option<String> {
        let (start, name) = name_in(text, &self.names.held)?;
        let of = |column: &str| {
            texts(self.rows, column).filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
        };
        // The number beside a row is that of the row's own repository.
        let own = of("repo") == Some(name);
        let id = of("repo_id").filter(|_| own);
        let at_us = micros(self.rows, "effective_at")[row];
        let called = self.names.call(name, id, of("source")?, at_us)?;
        Some(format!("{}{called}{}", &text[..start], &text[start + name.len()..]))
    }
}

/// The name of a repository in a text: the text itself, or what stands before the rest of an id.
fn name_in<'t>(text: &'t str, names: &HashMap<String, Vec<Number>>) -> Option<(usize, &'t str)> {
    if names.contains_key(text) {
        return Some((0, text));
    }
    // `git-acme/api-9fceb02...`
    if let Some(rest) = text.strip_prefix("git-") {
        let is_sha = |tail: &str| tail.bytes().take_while(u8::is_ascii_hexdigit).count() >= SHA_DIGITS;
        let mut ends = rest.match_indices('-').map(|(end, _)| end).filter(|&end| is_sha(&rest[end + 1..]));
        return ends
            .next()
            .map(|end| &rest[..end])
            .filter(|name| names.contains_key(*name))
            .map(|name| (4, name));
    }
    // `acme/api#7`, `acme/api/milestones/3`, `github:acme/api/pull/7:opened`, `gitlab:acme/api!7:opened`
    let start = ["github:", "gitlab:", "bitbucket:", "gitea:"]
        .iter()
        .find(|tool| text.starts_with(**tool))
        .map_or(0, |tool| tool.len());
    let rest = &text[start..];
    let marks = ["#", "!", "/milestones/", "/pull/", "/issues/", "/pull-requests/"];
    let mut ends: Vec<usize> = marks.iter().filter_map(|mark| rest.find(mark)).collect();
    ends.sort_unstable();
    ends.into_iter().map(|end| &rest[..end]).find(|name| names.contains_key(*name)).map(|name| (start, name))
}

/// Whether the number's host tells names by letter case.
fn is_case_told(number: &str) -> bool {
    number.starts_with("gerrit ")
}

fn number_of(source: &str, repo: &str, id: &str) -> Number {
    let tool = source.split(':').next().unwrap_or(source);
    let site = site_of(source, Some(bare(source, repo))).map(|(_, site)| site).unwrap_or_default();
    format!("{tool} {site} {id}")
}

/// The repository as the source ends with it: without the site that its id names.
fn bare<'r>(source: &str, repo: &'r str) -> &'r str {
    if source.ends_with(repo) && !source.ends_with(&format!("//{repo}")) {
        return repo;
    }
    repo.match_indices('/')
        .map(|(slash, _)| &repo[slash + 1..])
        .find(|tail| source.ends_with(tail))
        .unwrap_or(repo)
}

fn texts<'r>(rows: &'r RecordBatch, column: &str) -> Option<&'r StringViewArray> {
    rows.column_by_name(column).map(|column| column.as_string_view())
}

/// The keys of rows as the decoder makes them.
fn keys_of(table: Table, rows: &RecordBatch) -> Int64Array {
    let old = key_column(rows);
    let column = |name: &str| texts(rows, name).expect("rows of the table carry it");
    let value =
        |column: &StringViewArray, row: usize| column.is_valid(row).then(|| column.value(row).to_owned());
    (0..rows.num_rows())
        .map(|row| match table {
            Table::Commits | Table::Reviews => {
                let change = value(column("change"), row);
                let thing = change.or_else(|| texts(rows, "sha").and_then(|shas| value(shas, row)));
                key_hash(&["change", column("repo").value(row), &thing.unwrap_or_default()])
            }
            Table::Tickets => key_hash(&[column("entity").value(row), column("entity_id").value(row)]),
            Table::Directory | Table::DeadLetters => old.value(row),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use event::{BatchBuilder, Record};
    use serde_json::{Value, json};

    use super::*;

    /// Rows of changes, as `(source, repo, number, day)`.
    fn rows(facts: &[(&str, &str, Option<&str>, u32)]) -> RecordBatch {
        let mut builder = BatchBuilder::new();
        for (n, (source, repo, number, day)) in facts.iter().enumerate() {
            let mut data = json!({"repo": repo, "change": "7", "tickets": [format!("{repo}#3"), "API-7"]});
            if let Some(number) = number {
                data["repo_id"] = Value::from(*number);
            }
            let event = json!({
                "specversion": "1.0", "id": format!("github:{repo}/pull/7:{n}"), "source": source,
                "type": "dev.plimsoll.change.opened.v1", "time": format!("2026-03-{day:02}T09:00:00Z"), "data": data,
            });
            let value = event.to_string();
            builder.push(&Record {
                topic: "t",
                partition: 0,
                offset: n as i64,
                timestamp_us: -1,
                key: None,
                headers: &[],
                value: Some(value.as_bytes()),
            });
        }
        builder.finish(Vec::new()).reviews
    }

    fn named(facts: &[(&str, &str, Option<&str>, u32)]) -> Vec<String> {
        let rows = rows(facts);
        let mut names = Names::default();
        names.learn(&rows);
        let named = names.apply(Table::Reviews, &rows).unwrap().unwrap_or(rows);
        assert_eq!(names.apply(Table::Reviews, &named).unwrap(), None, "naming again changes nothing");
        texts(&named, "repo").unwrap().iter().flatten().map(str::to_owned).collect()
    }

    const GITHUB: &str = "github:x";

    #[test]
    fn letter_case_means_nothing_where_no_number_is_told() {
        let facts = [
            ("git:Acme/API", "Acme/API", None, 1),
            (GITHUB, "acme/Api", Some("1"), 2),
            ("git:acme/api", "acme/api", None, 3),
            ("git:acme/apis", "acme/apis", None, 3),
            ("gerrit:x", "Tools", Some("4"), 3),
            ("git:tools", "tools", None, 4),
        ];
        let right = ["acme/Api", "acme/Api", "acme/Api", "acme/apis", "Tools", "tools"];
        assert_eq!(named(&facts), right);
        let mut backwards = facts;
        backwards.reverse();
        assert_eq!(named(&backwards), right.into_iter().rev().collect::<Vec<_>>());
        // Renamed by its host, it goes on whatever the spelling.
        let renamed = [
            (GITHUB, "acme/Api", Some("1"), 2),
            (GITHUB, "acme/core", Some("1"), 4),
            ("git:x", "ACME/API", None, 3),
        ];
        assert_eq!(named(&renamed), ["acme/core"; 3]);
    }

    #[test]
    fn a_repository_goes_on_under_its_last_name() {
        let facts = [
            (GITHUB, "acme/api", Some("1"), 2),
            (GITHUB, "acme/api", None, 3),
            (GITHUB, "acme/core", Some("1"), 4),
            ("git:acme/api", "acme/api", None, 5),
            (GITHUB, "acme/web", Some("2"), 4),
        ];
        assert_eq!(named(&facts), ["acme/core", "acme/core", "acme/core", "acme/core", "acme/web"]);
        let rows = rows(&facts);
        let mut names = Names::default();
        assert!(names.learn(&rows));
        assert!(!names.learn(&rows), "the same again is no news");
        let named = names.apply(Table::Reviews, &rows).unwrap().unwrap();
        let keys = key_column(&named).values();
        assert_eq!(keys[0], keys[2]);
        assert_eq!(keys[0], key_hash(&["change", "acme/core", "7"]));
        assert_eq!(texts(&named, "event_id").unwrap().value(0), "github:acme/core/pull/7:0");
        let tickets = named.column_by_name("tickets").unwrap().as_list::<i32>().value(0);
        let tickets: Vec<&str> = tickets.as_string_view().iter().flatten().collect();
        assert_eq!(tickets, ["acme/core#3", "API-7"]);
    }

    #[test]
    fn a_name_that_another_repository_took_over_is_that_one_s() {
        let facts = [
            (GITHUB, "acme/api", Some("1"), 2),
            (GITHUB, "acme/core", Some("1"), 4),
            (GITHUB, "acme/api", Some("2"), 6),
            (GITHUB, "acme/api", None, 3),
            (GITHUB, "acme/api", None, 7),
        ];
        assert_eq!(named(&facts), ["acme/core", "acme/core", "acme/api", "acme/core", "acme/api"]);
    }

    #[test]
    fn one_that_was_deleted_and_made_again_is_another() {
        let facts = [(GITHUB, "acme/api", Some("1"), 2), (GITHUB, "acme/api", Some("2"), 6)];
        assert_eq!(named(&facts), ["acme/api~1", "acme/api"]);
    }

    #[test]
    fn numbers_of_two_sites_are_two() {
        let facts = [
            (GITHUB, "acme/api", Some("1"), 2),
            ("github:https://git.acme.example/acme/core", "acme/core", Some("1"), 4),
        ];
        assert_eq!(named(&facts), ["acme/api", "git.acme.example/acme/core"]);
    }

    #[test]
    fn names_stand_at_the_start_of_ids() {
        let held: HashMap<String, Vec<Number>> = [("acme/api".to_owned(), Vec::new())].into();
        let sha = "9fceb02d0ae598e95dc970b74767f19372d61af8";
        for (text, expect) in [
            ("acme/api", Some(0)),
            ("acme/api#7", Some(0)),
            ("acme/api/milestones/3", Some(0)),
            ("github:acme/api/issues/7:opened", Some(7)),
            ("gitlab:acme/api!7:opened", Some(7)),
            ("acme/api-x#7", None),
            ("my-acme/api", None),
        ] {
            assert_eq!(name_in(text, &held).map(|(start, _)| start), expect, "{text}");
        }
        assert_eq!(name_in(&format!("git-acme/api-{sha}"), &held), Some((4, "acme/api")));
        assert_eq!(name_in(&format!("git-acme/api-x-{sha}"), &held), None);
    }
}
