//! When something last happened at each source of events.
//!
//! Invariants: the same rows in any order and in any batches give the same, up to the bound on the number of
//! sources; what a source dates after its log record counts as of the record. Deliberately absent: judging who
//! is silent: that is for whoever knows how often a source speaks.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};

use crate::segment::micros;

/// Sources beyond this many are not told apart; their rows are counted.
const SOURCES_MAX: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources {
    /// Latest `effective_at` by source, µs since 1970.
    latest_us: HashMap<String, i64>,
    /// Rows of sources beyond the bound.
    pub beyond_rows: u64,
}

impl Sources {
    /// Takes the rows of an event table into account.
    pub fn see(&mut self, rows: &RecordBatch) {
        let Some(sources) = rows.column_by_name("source").and_then(|column| column.as_string_view_opt())
        else {
            return;
        };
        let effective = micros(rows, "effective_at");
        // Neighbours mostly have one source, so its name is looked up once.
        let mut start = 0;
        while start < rows.num_rows() {
            let name = sources.value(start);
            let (mut end, mut latest) = (start + 1, effective[start]);
            while end < rows.num_rows() && sources.value(end) == name {
                latest = latest.max(effective[end]);
                end += 1;
            }
            self.heard(name, latest, (end - start) as u64);
            start = end;
        }
    }

    fn heard(&mut self, name: &str, latest_us: i64, rows: u64) {
        if let Some(known) = self.latest_us.get_mut(name) {
            *known = latest_us.max(*known);
        } else if self.latest_us.len() < SOURCES_MAX {
            self.latest_us.insert(name.to_owned(), latest_us);
        } else {
            self.beyond_rows += rows;
        }
    }

    /// Each source and its latest time, µs since 1970, in no order.
    pub fn latest(&self) -> impl Iterator<Item = (&str, i64)> {
        self.latest_us.iter().map(|(name, latest)| (name.as_str(), *latest))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringViewArray, TimestampMicrosecondArray};

    use super::*;

    fn rows(of: &[(&str, i64)]) -> RecordBatch {
        let names: StringViewArray = of.iter().map(|(name, _)| Some(*name)).collect();
        let times: TimestampMicrosecondArray = of.iter().map(|(_, at)| Some(*at)).collect();
        RecordBatch::try_from_iter([
            ("source", Arc::new(names) as ArrayRef),
            ("effective_at", Arc::new(times.with_timezone("UTC")) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn the_latest_time_counts_in_any_order() {
        let all = [("git:a", 5), ("git:a", 9), ("jira:b", 3), ("git:a", 7), ("jira:b", 1)];
        let (mut whole, mut parts) = (Sources::default(), Sources::default());
        whole.see(&rows(&all));
        for row in all.iter().rev() {
            parts.see(&rows(&[*row]));
        }
        assert_eq!(whole, parts);
        let mut latest: Vec<_> = whole.latest().collect();
        latest.sort_unstable();
        assert_eq!(latest, [("git:a", 9), ("jira:b", 3)]);
    }

    #[test]
    fn sources_are_bounded() {
        let names: Vec<String> = (0..SOURCES_MAX + 2).map(|n| format!("s{n}")).collect();
        let mut sources = Sources::default();
        sources.see(&rows(&names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>()));
        assert_eq!((sources.latest().count(), sources.beyond_rows), (SOURCES_MAX, 2));
    }
}
