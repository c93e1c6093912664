//! A gap that an operator may accept: what the store can no longer read, and where it goes on.
//!
//! Invariants: what is accepted is recorded as a row, in the commit that moves the position; a partition that can be
//! read has no gap. Reading goes on where the log begins, so nothing that it holds is left out: what was read before
//! comes again, and is dropped by its event ids.
//! Deliberately lacking: asking the log (`kafka`, `local_log`).

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use event::{Batch, BatchBuilder, Record, Span};

use crate::Error;
use crate::identity::{Known, known};

/// From the store's position to the log's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub span: Span,
    /// What is given up.
    pub detail: String,
}

impl Gap {
    /// Of a log that holds the offsets of `range`, its end included as the next offset.
    pub fn find(
        positions: &HashMap<String, i64>,
        log: &str,
        (topic, partition): (&str, i32),
        range: &RangeInclusive<i64>,
    ) -> Result<Gap, Error> {
        let (start, end) = (*range.start(), *range.end());
        let none = || Err(Error::NoGap { partition: format!("{topic}/{partition}") });
        let lost = |next: i64| match next < start {
            true => {
                format!("records from {next} to {start} were given up, the log did not have them any more")
            }
            false => format!("the log ended at {end} and not at {next}, it is read again from {start}"),
        };
        let (base, was, detail) = match known(positions, log, topic, partition) {
            Known::Nothing => return none(),
            Known::Next(next) | Known::Unnamed { next, .. } if range.contains(&next) => return none(),
            Known::Next(next) => (next, None, lost(next)),
            Known::Unnamed { next, app_id } => (next, Some(app_id), lost(next)),
            Known::Other { log: was, replaced } => {
                let (app_id, next) = replaced.map_or((None, start), |(app_id, next)| (Some(app_id), next));
                let detail = format!(
                    "{was}, read up to {next}, is gone; {log} has taken its place and is read from {start}"
                );
                (next, app_id, detail)
            }
        };
        let span = Span {
            log: log.into(),
            topic: topic.into(),
            partition,
            base,
            next: start,
            was: was.map(Into::into),
        };
        Ok(Gap { span, detail })
    }

    /// What the store commits: the position, and a row that records it.
    pub fn accept(self) -> Batch {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64);
        let mut batch = BatchBuilder::new();
        let record = Record {
            topic: &self.span.topic,
            partition: self.span.partition,
            offset: self.span.next,
            timestamp_us: now,
            key: None,
            headers: &[],
            value: None,
        };
        batch.push_gap(&record, self.detail);
        batch.finish(vec![self.span])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        stored: &[(&str, i64)],
        log: &str,
        range: RangeInclusive<i64>,
    ) -> Result<(i64, i64, bool), Error> {
        let stored = stored.iter().map(|(name, next)| (format!("plimsoll:{name}"), *next)).collect();
        let gap = Gap::find(&stored, log, ("t", 0), &range)?;
        assert!(!gap.detail.is_empty());
        Ok((gap.span.base, gap.span.next, gap.span.was.is_some()))
    }

    #[test]
    fn only_what_cannot_be_read_is_accepted() {
        let stored = [("kafka:c/x:t:0", 7)];
        for range in [0..=7, 7..=9, 0..=9] {
            let error = find(&stored, "kafka:c/x", range).unwrap_err();
            assert!(error.to_string().contains("nothing to accept"), "{error}");
        }
        assert!(find(&[], "kafka:c/x", 3..=9).is_err());
        assert_eq!(find(&stored, "kafka:c/x", 8..=9), Ok((7, 8, false)));
        assert_eq!(find(&stored, "kafka:c/x", 2..=6), Ok((7, 2, false)));
        assert_eq!(find(&stored, "kafka:c/y", 0..=9), Ok((7, 0, true)));
        assert_eq!(find(&[("kafka:c:t:0", 7)], "kafka:c/y", 8..=9), Ok((7, 8, true)));
    }

    #[test]
    fn a_row_records_what_was_given_up() {
        let stored = HashMap::from([("plimsoll:kafka:c/x:t:0".to_owned(), 7)]);
        let gap = Gap::find(&stored, "kafka:c/x", ("t", 0), &(9..=20)).unwrap();
        let (span, batch) = (gap.span.clone(), gap.accept());
        assert_eq!(batch.spans, [span]);
        assert_eq!((batch.dead_letters.num_rows(), batch.counts.dead_letters), (1, 1));
    }
}
