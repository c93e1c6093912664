//! The views of past moments that somebody asked about, kept for whoever asks about the same moment next: the panels
//! of a dashboard, the metrics of a page, both sides of a comparison.
//!
//! A past moment hardly ever changes. Only an event that happened before it and came after the copy was made touches
//! it, and the writer tells of each such event, so a copy is brought up to date by folding those keys.
//! Invariant: `Views::at` gives the same with a copy as without one.
//! Deliberately absent: moments at which something is hidden for not being known yet, what-ifs, and copies on disk.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::rows::by_key::ViewRows;

/// Copies share nearly all rows with the views of now; each costs about a bit a row.
const COPIES_MAX: usize = 16;
/// A copy may be the last to hold rows that were replaced since, so it goes when nobody asks for it ...
const UNUSED_MAX: Duration = Duration::from_secs(600);
/// ... and all of them together hold about so much that the views of now do not.
const OWN_BYTES_MAX: usize = 128 << 20;
/// Moments this much older than the newest event are long past: no other is kept.
pub const SETTLED_AFTER_US: i64 = 3_600_000_000;
/// Late events remembered; more of them are a backfill, during which copies do not last.
pub const LATE_MAX: usize = 100_000;

/// An event that happened before moments that copies may be of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Late {
    pub effective_us: i64,
    pub key: i64,
}

/// The views as of one moment, of what one snapshot holds.
#[derive(Debug, Clone)]
pub struct Copy {
    pub as_of_us: i64,
    pub sequence: u64,
    /// Views whose rows are right; the others are not.
    pub names: BTreeSet<String>,
    pub rows: ViewRows,
}

#[derive(Default)]
pub struct PastViews(Mutex<Copies>);

#[derive(Default)]
struct Copies {
    copies: Vec<(Copy, Instant)>,
    /// With the sequence of the first snapshot that holds it, ascending.
    late: Vec<(u64, Late)>,
    /// What came late up to this snapshot is forgotten: copies of older ones cannot be brought up to date.
    since: u64,
}

impl PastViews {
    /// The snapshot `sequence`, about to be published, holds these events that its predecessor lacks, and its views
    /// are `now`.
    pub fn arrived(&self, sequence: u64, late: &[Late], now: &ViewRows) {
        let mut state = self.state();
        state.copies.retain(|(_, used)| used.elapsed() < UNUSED_MAX);
        state.drop_beyond(OWN_BYTES_MAX, now);
        if late.is_empty() {
            return;
        }
        if state.copies.is_empty() || state.late.len() + late.len() > LATE_MAX {
            *state = Copies { since: sequence, ..Copies::default() };
        } else {
            state.late.extend(late.iter().map(|event| (sequence, *event)));
        }
    }

    /// A copy as of a moment, and the keys (ascending) to fold again for it to be right at `sequence`.
    pub fn find(&self, as_of_us: i64, sequence: u64) -> Option<(Copy, Vec<i64>)> {
        let state = &mut *self.state();
        let right = |copy: &Copy| copy.as_of_us == as_of_us && copy.sequence <= sequence;
        let (copy, used) = state.copies.iter_mut().find(|(copy, _)| right(copy))?;
        *used = Instant::now();
        let arrived = |came: u64| copy.sequence < came && came <= sequence;
        let touches = |(came, late): &&(u64, Late)| arrived(*came) && late.effective_us <= as_of_us;
        let mut keys: Vec<i64> = state.late.iter().filter(touches).map(|(_, late)| late.key).collect();
        keys.sort_unstable();
        keys.dedup();
        Some((copy.clone(), keys))
    }

    /// Keeps a copy; two of the same moment and snapshot become one.
    pub fn put(&self, copy: Copy) {
        let mut state = self.state();
        if copy.sequence < state.since {
            return;
        }
        let used = Instant::now();
        if let Some((old, old_used)) = state.copies.iter_mut().find(|(old, _)| old.as_of_us == copy.as_of_us)
        {
            *old_used = used;
            if old.sequence == copy.sequence {
                for name in copy.names {
                    old.rows.insert(name.clone(), copy.rows[&name].clone());
                    old.names.insert(name);
                }
            } else if old.sequence < copy.sequence {
                *old = copy;
            }
            return;
        }
        if state.copies.len() == COPIES_MAX {
            let oldest = (0..COPIES_MAX).min_by_key(|&index| state.copies[index].1);
            state.copies.swap_remove(oldest.expect("there are copies"));
        }
        state.copies.push((copy, used));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Copies> {
        self.0.lock().expect("no holder of the kept copies panics")
    }
}

impl Copies {
    /// The copies that were asked for last stay, as long as they hold no more than `bytes_max` that `now` does not.
    fn drop_beyond(&mut self, mut bytes_max: usize, now: &ViewRows) {
        if self.copies.is_empty() {
            return;
        }
        let parts = |rows: &ViewRows| -> Vec<(usize, usize)> {
            rows.values().flat_map(|rows| rows.parts()).map(|part| part.held()).collect()
        };
        let mut counted: HashSet<usize> = parts(now).into_iter().map(|(part, _)| part).collect();
        self.copies.sort_by_key(|(_, used)| std::cmp::Reverse(*used));
        let fits = |(copy, _): &(Copy, Instant)| {
            let own = parts(&copy.rows).into_iter().filter(|(part, _)| counted.insert(*part));
            let own: usize = own.map(|(_, bytes)| bytes).sum();
            bytes_max.checked_sub(own).inspect(|left| bytes_max = *left).is_some()
        };
        let fitting = self.copies.iter().map(fits).take_while(|fits| *fits).count();
        self.copies.truncate(fitting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(as_of_us: i64, sequence: u64, names: &[&str]) -> Copy {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::empty());
        let rows =
            names.iter().map(|name| (name.clone(), crate::rows::by_key::Rows::new(schema.clone(), None)));
        Copy { as_of_us, sequence, rows: rows.collect(), names }
    }

    #[test]
    fn copies_hold_little_that_the_views_of_now_do_not() {
        use arrow::array::{ArrayRef, Int64Array, RecordBatch};
        let views = |from: i64| {
            let keys: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(from..from + 1_000));
            let batch = RecordBatch::try_from_iter([("key_hash", keys)]).unwrap();
            let mut rows = crate::rows::by_key::Rows::new(batch.schema(), None);
            rows.add(&batch).unwrap();
            ViewRows::from([("change".to_owned(), rows)])
        };
        let (now, before, long_before) = (views(0), views(1_000), views(2_000));
        let of = |as_of_us: i64, rows: &ViewRows| Copy { rows: rows.clone(), ..copy(as_of_us, 3, &[]) };
        let left = |bytes_max: usize| {
            let kept = PastViews::default();
            for (as_of_us, rows) in [(1, &long_before), (2, &before), (3, &now), (4, &before), (5, &now)] {
                kept.put(of(as_of_us, rows));
            }
            let mut state = kept.state();
            state.drop_beyond(bytes_max, &now);
            state.copies.iter().map(|(copy, _)| copy.as_of_us).collect::<Vec<_>>()
        };
        assert_eq!(left(16_000), [5, 4, 3, 2, 1]);
        assert_eq!(left(15_999), [5, 4, 3, 2], "what two copies hold counts once");
        assert_eq!(left(7_999), [5]);
        assert_eq!(left(0), [5], "what the views of now hold costs nothing");
    }

    /// The keys to fold again for the copy as of 100, or `None` without a copy.
    fn stale(kept: &PastViews, sequence: u64) -> Option<Vec<i64>> {
        kept.find(100, sequence).map(|(_, keys)| keys)
    }

    #[test]
    fn what_came_late_is_folded_again_at_the_snapshots_that_hold_it() {
        let kept = PastViews::default();
        kept.put(copy(100, 3, &["change"]));
        kept.arrived(
            4,
            &[Late { effective_us: 100, key: 7 }, Late { effective_us: 101, key: 8 }],
            &ViewRows::new(),
        );
        kept.arrived(
            5,
            &[Late { effective_us: 1, key: 2 }, Late { effective_us: 2, key: 7 }],
            &ViewRows::new(),
        );
        assert_eq!(stale(&kept, 2), None);
        assert_eq!(stale(&kept, 3), Some(vec![]));
        assert_eq!(stale(&kept, 4), Some(vec![7]));
        assert_eq!(stale(&kept, 5), Some(vec![2, 7]));
        kept.put(copy(100, 5, &["change"]));
        assert_eq!(stale(&kept, 5), Some(vec![]));
        assert_eq!(stale(&kept, 4), None, "a reader of an older snapshot does without");
    }

    #[test]
    fn a_copy_from_before_what_was_forgotten_is_not_kept() {
        let kept = PastViews::default();
        kept.arrived(4, &[Late { effective_us: 1, key: 7 }], &ViewRows::new());
        kept.put(copy(100, 3, &[]));
        assert_eq!(stale(&kept, 9), None);
        kept.put(copy(100, 4, &[]));
        assert_eq!(stale(&kept, 9), Some(vec![]));
        kept.arrived(10, &vec![Late { effective_us: 1, key: 7 }; LATE_MAX + 1], &ViewRows::new());
        assert_eq!(stale(&kept, 10), None);
    }

    #[test]
    fn copies_of_one_moment_are_joined_and_their_number_is_bounded() {
        let kept = PastViews::default();
        kept.put(copy(100, 3, &["change"]));
        kept.put(copy(100, 3, &["ticket"]));
        assert_eq!(kept.find(100, 3).unwrap().0.names.len(), 2);
        for moment in 0..2 * COPIES_MAX as i64 {
            kept.put(copy(moment, 3, &[]));
        }
        assert_eq!(kept.state().copies.len(), COPIES_MAX);
    }
}
