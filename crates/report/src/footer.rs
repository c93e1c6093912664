//! What a report rests on, and what it may lack.

use std::collections::BTreeMap;

use engine::{Position, Stats};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::facts::Facts;
use super::question::What;
use super::words::{capital_count, count, list, number, percent};
use surface::moment;

/// Hex digits of the hash over all definitions.
const HASH_DIGITS: usize = 16;

#[derive(Clone, Debug, Serialize)]
pub struct Footer {
    pub as_of: String,
    pub known_at: String,
    /// Next offset by topic and partition.
    pub position: Position,
    /// Over the definitions of all metrics that were asked; each metric's own stands with it.
    pub definitions: String,
    pub dead_letters: u64,
    pub silent_sources: Vec<String>,
    /// Metrics that could not be evaluated.
    pub failed: Vec<String>,
    /// Rows about too few people to show their numbers.
    pub suppressed_rows: u64,
    /// Metrics about single people, which no report has.
    pub about_people: Vec<String>,
    /// The same in sentences.
    pub completeness: Vec<String>,
}

impl Footer {
    pub fn new(what: &What, stats: &Stats) -> Footer {
        Footer {
            as_of: moment::format(what.as_of),
            known_at: moment::format(what.known_at),
            position: Position::new(),
            definitions: String::new(),
            dead_letters: stats.dead_letters_by_reason.values().sum(),
            silent_sources: Vec::new(),
            failed: Vec::new(),
            suppressed_rows: 0,
            about_people: Vec::new(),
            completeness: Vec::new(),
        }
    }

    /// What the answers themselves tell.
    pub fn finish(&mut self, facts: &Facts, definitions: &BTreeMap<String, String>) {
        let all: String = definitions.iter().map(|(name, hash)| format!("{name}:{hash}\n")).collect();
        self.definitions = hex::encode(digest(&SHA256, all.as_bytes()))[..HASH_DIGITS].to_owned();
        self.suppressed_rows = facts.0.values().map(|rows| rows.suppressed).sum();
        self.completeness = vec![self.of_sources(facts), self.of_dead_letters(), of_corrections(facts)];
        if self.suppressed_rows > 0 {
            let rows = capital_count(self.suppressed_rows as usize, "row is", "rows are");
            self.completeness.push(format!("{rows} about too few people to show their numbers."));
        }
        if !self.failed.is_empty() {
            self.completeness.push(format!("These metrics could not be computed: {}.", list(&self.failed)));
        }
    }

    fn of_sources(&mut self, facts: &Facts) -> String {
        let sources = facts.of("source_silence");
        let silent = sources.iter().filter(|row| row.is("silent"));
        self.silent_sources =
            silent.clone().filter_map(|row| row.text("source")).map(str::to_owned).collect();
        if self.silent_sources.is_empty() {
            return format!(
                "{} sent events; none is unusually silent.",
                capital_count(sources.len(), "source", "sources")
            );
        }
        let told: Vec<String> = silent
            .map(|row| {
                let hours = row.number("hours").unwrap_or_default();
                format!("{} for {} hours", row.text("source").unwrap_or_default(), number(hours))
            })
            .collect();
        format!("Silent for longer than usual: {}. What happened there since is missing.", list(&told))
    }

    fn of_dead_letters(&self) -> String {
        match self.dead_letters {
            0 => "Every record could be read.".to_owned(),
            1 => "1 record could not be read and is missing here.".to_owned(),
            n => format!("{} could not be read and are missing here.", count(n as i64, "record", "records")),
        }
    }
}

/// How often a tool's own word differed from what its events had said.
fn of_corrections(facts: &Facts) -> String {
    let rows = facts.of("discrepancy_rate");
    let sum = |column| rows.iter().filter_map(|row| row.whole(column)).sum::<i64>();
    let (readings, corrections) = (sum("readings"), sum("corrections"));
    if readings == 0 {
        return "No tool was asked whether its events are complete.".to_owned();
    }
    let share = percent(corrections as f64 / readings as f64);
    let items = count(readings, "item", "items");
    format!(
        "Of {items} compared with the tools themselves in the last four weeks, {share} had to be corrected."
    )
}

impl Footer {
    /// `local/0 at 36,934`, for each partition.
    pub fn positions(&self) -> String {
        let told: Vec<String> =
            self.position.iter().map(|(partition, next)| format!("{partition} at {next}")).collect();
        if told.is_empty() { "an empty log".to_owned() } else { told.join(", ") }
    }
}
