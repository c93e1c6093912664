//! Which sites are home in a data directory: those whose ids are written without the site.
//!
//! A new directory has github.com alone. One that was made before ids named their sites is taken over: of each tool, the
//! site that most of its rows came from is home from now on, and so is every clone, so that all that is there keeps its
//! ids and goes on. What was decided is kept in `sites.json`.
//! Invariant: it is decided once. Deliberately absent: what the configuration says, which goes before.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use event::{Homes, Table, site_of, site_of_link};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::rows::segment::Segment;
use crate::rows::tables::{ByTable, EVENT_TABLES};

const FILE: &str = "sites.json";
/// Tools whose sources did not name their site.
const UNNAMED: [&str; 3] = ["github", "gitlab", "bitbucket"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    home: Vec<String>,
    git: bool,
}

/// What was decided, else what the rows tell, which is then kept.
///
/// # Errors
/// The file is damaged, or cannot be written.
pub fn settle(dir: &Path, rows: &ByTable<Vec<Arc<Segment>>>) -> Result<Homes, Error> {
    let path = dir.join(FILE);
    match std::fs::read(&path) {
        Ok(text) => {
            let kept: Kept = serde_json::from_slice(&text).map_err(|error| Error::Storage {
                message: format!(
                    "{} is damaged ({error}); restore it, or name the sites in the key sites.home and remove it",
                    path.display()
                ),
            })?;
            Ok(Homes::new(kept.home, kept.git))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let homes = told(rows).unwrap_or_default();
            write(&path, &homes)?;
            Ok(homes)
        }
        Err(error) => Err(error.into()),
    }
}

/// The homes of a directory that has rows; `None` for an empty one.
fn told(rows: &ByTable<Vec<Arc<Segment>>>) -> Option<Homes> {
    if rows.iter().all(Vec::is_empty) {
        return None;
    }
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (table, segments) in EVENT_TABLES.iter().zip(rows) {
        if !matches!(table, Table::Reviews | Table::Tickets) {
            continue;
        }
        for segment in segments {
            let column =
                |name: &str| segment.batch.column_by_name(name).map(|column| column.as_string_view());
            let (Some(sources), Some(urls)) = (column("source"), column("url")) else { continue };
            let repos = column("repo");
            for row in 0..segment.rows() {
                let repo = repos.filter(|repos| repos.is_valid(row)).map(|repos| repos.value(row));
                let link = urls.is_valid(row).then(|| urls.value(row));
                if let Some(site) = site_of_row(sources.value(row), repo, link) {
                    *found.entry(site).or_default() += 1;
                }
            }
        }
    }
    let mut homes: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for ((tool, site), rows) in found {
        let most = homes.entry(tool).or_insert((0, String::new()));
        if rows > most.0 {
            *most = (rows, site);
        }
    }
    homes.entry("github".to_owned()).or_insert((0, "github.com".to_owned()));
    Some(Homes::new(homes.into_values().map(|(_, site)| site), true))
}

fn site_of_row(source: &str, repo: Option<&str>, link: Option<&str>) -> Option<(String, String)> {
    if let Some((tool, site)) = site_of(source, repo) {
        return Some((tool.to_owned(), site));
    }
    let tool = source.split(':').next().filter(|tool| UNNAMED.contains(tool))?;
    Some((tool.to_owned(), site_of_link(link?, repo.unwrap_or_default())?))
}

fn write(path: &Path, homes: &Homes) -> Result<(), Error> {
    let kept = Kept { home: homes.sites().map(str::to_owned).collect(), git: homes.has_git() };
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(&kept).expect("texts serialise"))?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    Ok(std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?)
}
