//! Grafana dashboards, made from the catalogue: a metric is a panel, so a file more is a panel more.
//!
//! Panels about the work read the PostgreSQL port (`panel.rs`), those about the engine read Prometheus (`health.rs`).
//! Invariants: the same catalogue gives the same bytes; what is about single people is left out unless everybody may
//! see it.
//! Deliberately absent: anything but Grafana's own panels.

mod health;
mod overview;
mod panel;

use engine::{Catalogue, Level, Metric};
use serde_json::{Value, json};

use panel::Panel;

/// A dashboard's file and what is in it.
pub struct File {
    pub name: String,
    pub content: String,
}

/// Columns of Grafana's grid.
const WIDTH: u32 = 24;
/// The newest dashboard schema that Grafana 12 writes itself.
const SCHEMA: u32 = 41;

/// Identifiers of the data sources, as provisioned.
const POSTGRES: &str = "plimsoll-postgres";
const PROMETHEUS: &str = "plimsoll-prometheus";

struct Board {
    /// File name and identifier.
    slug: String,
    title: String,
    help: String,
    panels: Vec<Panel>,
    /// How far back it looks at first.
    from: &'static str,
}

/// Dashboards of the shipped sections: file, title, what it answers, and the sections on it.
const SECTIONS: [(&str, &str, &str, &[&str]); 4] = [
    (
        "review-load",
        "Review load",
        "Who waits for reviews, how long, and how evenly reviewing is spread.",
        &["Review load"],
    ),
    (
        "milestones",
        "Milestones and roadmap",
        "When milestones will be done, how far they have moved, and why.",
        &["Milestone drift"],
    ),
    (
        "delegation",
        "Delegation balance",
        "How work and knowledge are spread, and which goals have no owner.",
        &["Delegation balance"],
    ),
    (
        "flow",
        "Flow and signals",
        "How long work takes, what is unfinished, and which changes are more than noise.",
        &["Flow", "Data quality"],
    ),
];

/// The dashboards of a catalogue; with `people`, also what is about single people.
pub fn files(catalogue: &Catalogue, people: bool) -> Vec<File> {
    let shown = |metric: &&Metric| people || metric.level == Level::Team;
    let metrics: Vec<&Metric> = catalogue.metrics.iter().filter(shown).collect();
    let mut boards = vec![overview::board(&metrics)];
    for (slug, title, help, sections) in SECTIONS {
        boards.extend(section(slug, title, help, sections, &metrics));
    }
    let shipped = |section: &str| SECTIONS.iter().any(|(.., sections)| sections.contains(&section));
    let mut own: Vec<&str> = metrics.iter().map(|metric| metric.section.as_str()).collect();
    own.retain(|section| !shipped(section));
    own.sort_unstable();
    own.dedup();
    for name in own {
        boards.extend(section(&slug(name), name, "", &[name], &metrics));
    }
    boards.push(health::board());
    boards.iter().map(Board::file).collect()
}

fn section(slug: &str, title: &str, help: &str, sections: &[&str], metrics: &[&Metric]) -> Option<Board> {
    let mut panels: Vec<Panel> = metrics
        .iter()
        .filter(|metric| sections.contains(&metric.section.as_str()))
        .map(|metric| panel::of_metric(metric))
        .collect();
    // Small ones first, wide ones last, so that rows are full.
    panels.sort_by_key(|panel| panel.width);
    (!panels.is_empty()).then(|| Board {
        slug: slug.to_owned(),
        title: title.to_owned(),
        help: help.to_owned(),
        panels,
        from: "now-90d",
    })
}

fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

impl Board {
    fn file(&self) -> File {
        let mut content = serde_json::to_string_pretty(&self.json()).expect("a dashboard is JSON");
        content.push('\n');
        File { name: format!("{}.json", self.slug), content }
    }

    fn json(&self) -> Value {
        let reads = |uid: &str| self.panels.iter().any(|panel| panel.reads == uid);
        let mut variables = Vec::new();
        if reads(POSTGRES) {
            variables.push(json!({
                "name": "as_of", "type": "textbox", "label": "As of (empty: now)", "query": "",
                "description": "a past moment: a date such as 2026-03-02, or 2026-03-02T09:00:00Z",
                "current": { "text": "", "value": "" },
                "options": [{ "text": "", "value": "", "selected": true }],
            }));
            variables.push(choice("team", "Team", "SELECT DISTINCT team FROM review_load ORDER BY 1"));
        }
        if self.panels.iter().any(|panel| panel.query.contains("${repo")) {
            variables.push(choice("repo", "Repository", "SELECT DISTINCT repo FROM truck_factor ORDER BY 1"));
        }
        variables.push(json!({
            "name": "plimsoll", "type": "constant", "hide": 2, "query": "http://127.0.0.1:8080",
            "description": "where Plimsoll's own pages are",
        }));
        json!({
            "uid": format!("plimsoll-{}", self.slug),
            "title": format!("Plimsoll / {}", self.title),
            "description": self.help,
            "tags": ["plimsoll"],
            "schemaVersion": SCHEMA,
            "editable": true,
            "graphTooltip": 1,
            "timezone": "utc",
            "refresh": "1m",
            "time": { "from": self.from, "to": "now" },
            "templating": { "list": variables },
            "annotations": { "list": [] },
            "links": [{
                "type": "dashboards", "title": "Plimsoll", "tags": ["plimsoll"], "asDropdown": true,
                "includeVars": true, "keepTime": true, "icon": "external link", "tooltip": "", "targetBlank": false,
            }],
            "panels": placed(&self.panels),
        })
    }
}

/// A variable with the values that a query gives, several at once or all.
fn choice(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "type": "query", "label": label, "query": query,
        "datasource": { "type": panel::POSTGRES_TYPE, "uid": POSTGRES },
        "multi": true, "includeAll": true, "refresh": 2, "sort": 1, "regex": "", "options": [],
        "current": { "text": ["All"], "value": ["$__all"] },
    })
}

/// The panels on the grid, from left to right and row by row.
fn placed(panels: &[Panel]) -> Vec<Value> {
    let (mut x, mut y, mut height) = (0, 0, 0);
    let mut placed = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        if x + panel.width > WIDTH {
            (x, y, height) = (0, y + height, 0);
        }
        let mut json = panel.json();
        json["id"] = json!(index + 1);
        json["gridPos"] = json!({ "x": x, "y": y, "w": panel.width, "h": panel.height });
        placed.push(json);
        x += panel.width;
        height = height.max(panel.height);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(people: bool) -> Vec<File> {
        files(&Catalogue::shipped().expect("the shipped catalogue is sound"), people)
    }

    /// `PLIMSOLL_BLESS=1` writes them anew.
    #[test]
    fn the_committed_dashboards_are_those_of_the_shipped_catalogue() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../grafana/dashboards");
        for file in shipped(false) {
            let path = dir.join(&file.name);
            if std::env::var_os("PLIMSOLL_BLESS").is_some() {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&path, &file.content).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == file.content,
                "{}: run 'plimsoll dashboard --out grafana/dashboards'",
                path.display()
            );
        }
        let names: Vec<String> = shipped(false).into_iter().map(|file| file.name).collect();
        for entry in std::fs::read_dir(&dir).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&name), "{name} is of no section any more");
        }
    }

    #[test]
    fn people_are_on_no_dashboard_unless_everybody_may_see_them() {
        let catalogue = Catalogue::shipped().expect("the shipped catalogue is sound");
        let names = |people: bool| shipped(people).into_iter().map(|file| file.content).collect::<String>();
        for metric in &catalogue.metrics {
            let call = format!("FROM {}(", metric.name);
            assert_eq!(names(false).contains(&call), metric.level == Level::Team, "{}", metric.name);
            assert!(names(true).contains(&call), "{}", metric.name);
        }
    }

    #[test]
    fn no_two_panels_share_a_place() {
        for file in shipped(true) {
            let board: Value = serde_json::from_str(&file.content).unwrap();
            let mut taken = std::collections::BTreeSet::new();
            for panel in board["panels"].as_array().unwrap() {
                let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
                assert!(place("x") + place("w") <= u64::from(WIDTH), "{}", panel["title"]);
                for x in place("x")..place("x") + place("w") {
                    for y in place("y")..place("y") + place("h") {
                        assert!(taken.insert((x, y)), "{}: {}", file.name, panel["title"]);
                    }
                }
            }
        }
    }
}
