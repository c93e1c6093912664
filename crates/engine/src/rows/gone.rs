//! Commits that their branch no longer has: amended, rebased, squashed or filtered out.
//!
//! `commit.removed` takes a commit away, `commit.reset` all of a repository that were told by then, `commit.restored` brings
//! one back. The last of these at a moment decides, and the push itself comes before those of its own time. Readers see the
//! commits that are there; of the other three types they see no row.
//! Invariant: what a reader sees depends on the set of rows and the moment, never on their order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use xxhash_rust::xxh3::xxh3_128;

use crate::moment::Moment;
use crate::rows::ids::{Claim, Variants};
use crate::rows::segment::{Segment, key_column, micros};

const PUSHED: &str = "commit.pushed";
const REMOVED: &str = "commit.removed";
const RESET: &str = "commit.reset";

/// A repository, or a commit of one.
type Of = u128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    effective_us: i64,
    seq: i64,
    gone: bool,
    claim: Claim,
}

/// What rewrote histories. A clone shares it; a change copies it, which happens once for each rewriting.
#[derive(Debug, Clone, Default)]
pub struct Gone(Arc<GoneCommits>);

#[derive(Debug, Clone, Default)]
struct GoneCommits {
    steps: HashMap<Of, BTreeSet<Step>>,
    /// The keys of the rows that the steps of a repository or a commit are about.
    keys: HashMap<Of, HashSet<i64>>,
}

impl Gone {
    pub fn is_empty(&self) -> bool {
        self.0.steps.is_empty()
    }

    /// Takes in rows of the table of commits, which `before` are not yet among; gives the keys of older rows that they
    /// change.
    pub fn learn(&mut self, rows: &RecordBatch, before: &[Arc<Segment>]) -> Vec<i64> {
        let commits = Commits::of(rows);
        let fresh: HashSet<Of> = (0..rows.num_rows()).filter_map(|row| Some(commits.step(row)?.0)).collect();
        if fresh.is_empty() && self.is_empty() {
            return Vec::new();
        }
        let inner = Arc::make_mut(&mut self.0);
        for row in 0..rows.num_rows() {
            if let Some((of, step)) = commits.step(row) {
                inner.steps.entry(of).or_default().insert(step);
                inner.keys.entry(of).or_default().insert(commits.keys.value(row));
            }
        }
        let mut touched = HashSet::new();
        if !fresh.is_empty() {
            for segment in before {
                inner.meet(&Commits::of(&segment.batch), Some(&fresh), &mut touched);
            }
        }
        inner.meet(&commits, None, &mut HashSet::new());
        touched.into_iter().collect()
    }

    /// The rows that a reader sees.
    pub fn filter(
        &self,
        rows: RecordBatch,
        variants: &Variants,
        moment: Moment,
    ) -> Result<RecordBatch, ArrowError> {
        if self.is_empty() {
            return Ok(rows);
        }
        let commits = Commits::of(&rows);
        let mut last: Option<(&str, Of, bool)> = None;
        let keep: BooleanBuffer = (0..rows.num_rows())
            .map(|row| {
                if commits.types.value(row) != PUSHED {
                    return false;
                }
                let repo = commits.repos.value(row);
                let (of_repo, reset) = match last {
                    Some((known, of, reset)) if known == repo => (of, reset),
                    _ => {
                        let of = hash(repo, "");
                        (of, self.0.steps.contains_key(&of))
                    }
                };
                last = Some((repo, of_repo, reset));
                let own = self.0.steps.get(&hash(repo, commits.shas.value(row)));
                let all = if reset { self.0.steps.get(&of_repo) } else { None };
                let pushed = (commits.effective_us[row], commits.seq.value(row));
                let counts = |step: &Step| {
                    let at_us = variants.counts_from(&step.claim, step.effective_us, moment.known_at_us)?;
                    (at_us <= moment.as_of_us).then_some((at_us, step.seq, step.gone))
                };
                let latest = own.into_iter().chain(all).flatten().filter_map(counts).max();
                !latest.is_some_and(|(at_us, seq, gone)| gone && (at_us, seq) >= pushed)
            })
            .collect();
        filter_record_batch(&rows, &keep.into())
    }

    /// Keys of all rows that the steps under these keys (ascending) are about.
    pub fn related(&self, keys: &[i64]) -> Vec<i64> {
        let told = |about: &&HashSet<i64>| about.iter().any(|key| keys.binary_search(key).is_ok());
        self.0.keys.values().filter(told).flatten().copied().collect()
    }

    /// Keys that have a step which is hidden at the moment.
    pub fn keys_hidden_at<'g>(&'g self, variants: &'g Variants, moment: Moment) -> impl Iterator<Item = i64> {
        let hidden = move |step: &Step| {
            step.effective_us > moment.as_of_us
                || step.claim.observed_us > moment.known_at_us
                || variants.changes_of(&step.claim).next().is_some()
        };
        let of = self.0.steps.iter().filter(move |(_, steps)| steps.iter().any(hidden)).map(|(of, _)| of);
        of.filter_map(|of| self.0.keys.get(of)).flatten().copied()
    }

    /// When each step happened, with the keys that it is about.
    pub fn changes<'g>(&'g self, variants: &'g Variants) -> impl Iterator<Item = (i64, i64)> {
        self.0.steps.iter().flat_map(move |(of, steps)| {
            let times = move |step: &'g Step| variants.changes_of(&step.claim).chain([step.effective_us]);
            let keys = self.0.keys.get(of).into_iter().flatten();
            keys.flat_map(move |&key| steps.iter().flat_map(times).map(move |at_us| (at_us, key)))
        })
    }
}

impl GoneCommits {
    /// Remembers the keys of commits that steps are about: of all, or of those named.
    fn meet(&mut self, commits: &Commits<'_>, named: Option<&HashSet<Of>>, met: &mut HashSet<i64>) {
        for row in (0..commits.types.len()).filter(|&row| commits.types.value(row) == PUSHED) {
            let repo = commits.repos.value(row);
            for of in [hash(repo, ""), hash(repo, commits.shas.value(row))] {
                if named.is_none_or(|named| named.contains(&of))
                    && let Some(keys) = self.keys.get_mut(&of)
                {
                    keys.insert(commits.keys.value(row));
                    met.insert(commits.keys.value(row));
                }
            }
        }
    }
}

/// The columns that tell.
struct Commits<'r> {
    types: &'r StringViewArray,
    repos: &'r StringViewArray,
    shas: &'r StringViewArray,
    keys: &'r Int64Array,
    seq: &'r Int64Array,
    effective_us: &'r [i64],
    rows: &'r RecordBatch,
}

impl<'r> Commits<'r> {
    fn of(rows: &'r RecordBatch) -> Commits<'r> {
        let column = |name: &str| rows.column_by_name(name).expect("rows of commits carry it");
        Commits {
            types: column("type").as_string_view(),
            repos: column("repo").as_string_view(),
            shas: column("sha").as_string_view(),
            keys: key_column(rows),
            seq: column("seq").as_primitive::<Int64Type>(),
            effective_us: micros(rows, "effective_at"),
            rows,
        }
    }

    /// What a row takes away or brings back; `None` for a push.
    fn step(&self, row: usize) -> Option<(Of, Step)> {
        let type_ = self.types.value(row);
        if type_ == PUSHED {
            return None;
        }
        let sha = if type_ == RESET { "" } else { self.shas.value(row) };
        let step = Step {
            effective_us: self.effective_us[row],
            seq: self.seq.value(row),
            gone: type_ == REMOVED || type_ == RESET,
            claim: Claim::of(self.rows, row),
        };
        Some((hash(self.repos.value(row), sha), step))
    }
}

fn hash(repo: &str, sha: &str) -> Of {
    xxh3_128(format!("{repo}\u{1f}{sha}").as_bytes())
}
