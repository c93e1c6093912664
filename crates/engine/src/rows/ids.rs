//! One row per event id, whatever the arrival order.
//!
//! Invariant: what a reader sees of an id depends on the set of its rows, never on their order.
//! Of the rows of an id known at K, the highest `source_version` wins, then the highest payload hash, and `effective_at`
//! is capped by the earliest observation. A row that can win at no K, since another was observed no later and outranks
//! it, is dropped on admission: exact copies are, and most other repetitions. The rows that are left are the id's
//! *steps* (`ladder.rs`), the winners as K grows.
//! Time and memory are linear in rows, even if a producer gives all its events one id.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBufferBuilder, RecordBatch, TimestampMicrosecondArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::rows::ladder::{Ladder, Place, Variant};
use crate::rows::segment::{key_column, micros};

/// 128 bits of an event id: at 10^9 events the chance of any collision is below 10^-20.
type IdHash = [u64; 2];

type ById<T> = HashMap<IdHash, T, BuildHasherDefault<Take64>>;

/// Recent variants are moved to the others when they are more than this, and more than an eighth of those.
const RECENT_MIN: usize = 1024;

/// The ids that have more than one row. A clone shares all of it; the first change after one copies the recent part
/// only, which stays small against the rest.
#[derive(Debug, Clone, Default)]
pub struct Variants {
    settled: Arc<ById<Arc<Ladder>>>,
    /// In place of what `settled` says of the same id.
    recent: Arc<ById<Arc<Ladder>>>,
}

/// A row, as far as it decides whether it stands among those of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    id: IdHash,
    payload_hash: i64,
    source_version: i64,
    pub observed_us: i64,
}

impl Claim {
    pub fn of(batch: &RecordBatch, row: usize) -> Claim {
        Claim {
            id: id_hash(event_ids(batch).value(row)),
            payload_hash: int64(batch, "payload_hash")[row],
            source_version: int64(batch, "source_version")[row],
            observed_us: micros(batch, "observed_at")[row],
        }
    }
}

/// Every id admitted so far. 48 bytes an id, in memory.
#[derive(Default)]
pub struct Ids {
    seen: ById<Variant>,
    variants: Variants,
    pub duplicates: u64,
    /// Ids with conflicting payloads.
    pub conflicts: u64,
}

/// What came of offering a batch.
pub struct Admitted {
    /// Rows to keep; `None` when all are.
    pub keep: Option<BooleanBuffer>,
    /// Keys of rows that stood and now do not, or count from another time: they must be folded again.
    pub also_touched: Vec<i64>,
}

impl Variants {
    pub fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.recent.is_empty()
    }

    /// When a row counts that says `effective_us`, of what was known then; `None` where another row of its id stands.
    pub fn counts_from(&self, claim: &Claim, effective_us: i64, known_at_us: i64) -> Option<i64> {
        if claim.observed_us > known_at_us {
            return None;
        }
        let Some(ladder) = self.get(&claim.id) else { return Some(effective_us) };
        let winner = ladder.winner(known_at_us)?;
        let stands = (winner.payload_hash, winner.source_version, winner.observed_us)
            == (claim.payload_hash, claim.source_version, claim.observed_us);
        stands.then(|| effective_us.min(ladder.earliest_us()))
    }

    /// When a row's id may come to count from another time, or another row of it stand.
    pub fn changes_of(&self, claim: &Claim) -> impl Iterator<Item = i64> {
        self.get(&claim.id).into_iter().flat_map(Ladder::changes).map(|(at_us, _)| at_us)
    }

    fn get(&self, id: &IdHash) -> Option<&Ladder> {
        self.recent.get(id).or_else(|| self.settled.get(id)).map(Arc::as_ref)
    }

    /// The steps of an id, which are `first` if it had no other row before.
    fn change(&mut self, id: IdHash, first: Variant) -> &mut Ladder {
        if self.recent.len() >= RECENT_MIN && self.recent.len() > self.settled.len() / 8 {
            let recent = std::mem::take(&mut self.recent);
            let settled = Arc::make_mut(&mut self.settled);
            settled.extend(recent.iter().map(|(id, steps)| (*id, Arc::clone(steps))));
        }
        let settled = &self.settled;
        let before = || settled.get(&id).cloned().unwrap_or_else(|| Arc::new(Ladder::of(first)));
        Arc::make_mut(Arc::make_mut(&mut self.recent).entry(id).or_insert_with(before))
    }

    fn each(&self) -> impl Iterator<Item = &Ladder> {
        let replaced = |(id, _): &(&IdHash, &Arc<Ladder>)| !self.recent.contains_key(*id);
        let settled = self.settled.iter().filter(replaced).map(|(_, steps)| steps);
        self.recent.values().chain(settled).map(Arc::as_ref)
    }

    /// Keys of every row of the ids that have a row not known at K: without it another row may win, under another key.
    pub fn keys_hidden_at(&self, known_at_us: i64) -> impl Iterator<Item = i64> {
        let hidden = move |steps: &&Ladder| steps.newest_us() > known_at_us;
        self.each().filter(hidden).flat_map(Ladder::keys)
    }

    /// Keys of every row that may stand, of the ids that have several.
    pub fn keys(&self) -> impl Iterator<Item = i64> {
        self.each().flat_map(Ladder::keys)
    }

    /// When an id that has several rows may change what a key shows, with that key.
    pub fn changes(&self) -> impl Iterator<Item = (i64, i64)> {
        self.each().flat_map(Ladder::changes)
    }
}

impl Ids {
    pub fn variants(&self) -> Variants {
        self.variants.clone()
    }

    /// Offers event rows; says which are new.
    pub fn admit(&mut self, batch: &RecordBatch) -> Admitted {
        let rows = batch.num_rows();
        self.seen.reserve(rows);
        let (keys, observed) = (key_column(batch).values(), micros(batch, "observed_at"));
        let (payloads, versions) = (int64(batch, "payload_hash"), int64(batch, "source_version"));
        let ids = event_ids(batch);
        let mut dropped = Vec::new();
        let mut also_touched = Vec::new();
        for row in 0..rows {
            let variant = Variant {
                payload_hash: payloads[row],
                observed_us: observed[row],
                source_version: versions[row],
                key_hash: keys[row],
            };
            let id = id_hash(ids.value(row));
            match self.seen.entry(id) {
                hashbrown::hash_map::Entry::Vacant(slot) => {
                    slot.insert(variant);
                }
                hashbrown::hash_map::Entry::Occupied(slot) => {
                    let first = *slot.get();
                    match self.admit_again(id, first, variant) {
                        Some(touched) => also_touched.extend(touched),
                        None => dropped.push(row),
                    }
                }
            }
        }
        self.duplicates += dropped.len() as u64;
        also_touched.sort_unstable();
        also_touched.dedup();
        let keep = (!dropped.is_empty()).then(|| {
            let mut mask = BooleanBufferBuilder::new(rows);
            mask.append_n(rows, true);
            dropped.iter().for_each(|&row| mask.set_bit(row, false));
            mask.finish()
        });
        Admitted { keep, also_touched }
    }

    /// A further row of an id: `None` when it adds nothing, else the key whose rows must be folded again, if any.
    fn admit_again(&mut self, id: IdHash, first: Variant, row: Variant) -> Option<Option<i64>> {
        let conflicts = row.payload_hash != first.payload_hash;
        let known = self.variants.get(&id);
        let adds_nothing = known.map_or_else(|| first.outdoes(&row), |steps| steps.outdo(&row));
        // The first row that conflicts stays, even if it can never win: after a restart it is counted again.
        if adds_nothing && (!conflicts || known.is_some_and(|steps| steps.conflicting)) {
            return None;
        }
        let steps = self.variants.change(id, first);
        self.conflicts += u64::from(conflicts && !steps.conflicting);
        steps.conflicting |= conflicts;
        Some(match steps.place(row) {
            Place::Nowhere => None,
            Place::Step { unsettled } => unsettled,
        })
    }
}

/// Of `batch`, the rows that stand at (`as_of_us`, `known_at_us`): one per id, with `effective_at` settled.
pub fn settle(
    batch: &RecordBatch,
    variants: &Variants,
    as_of_us: i64,
    known_at_us: i64,
) -> Result<RecordBatch, ArrowError> {
    let (effective, observed) = (micros(batch, "effective_at"), micros(batch, "observed_at"));
    let unlimited = |values: &[i64], limit: i64| limit == i64::MAX || values.iter().all(|&v| v <= limit);
    if variants.is_empty() {
        if unlimited(effective, as_of_us) && unlimited(observed, known_at_us) {
            return Ok(batch.clone());
        }
        let keep = (0..batch.num_rows()).map(|r| effective[r] <= as_of_us && observed[r] <= known_at_us);
        return filter_record_batch(batch, &BooleanBuffer::from_iter(keep).into());
    }
    let (ids, payloads) = (event_ids(batch), int64(batch, "payload_hash"));
    let versions = int64(batch, "source_version");
    let mut settled = effective.to_vec();
    let keep = (0..batch.num_rows()).map(|row| {
        if observed[row] > known_at_us {
            return false;
        }
        if let Some(ladder) = variants.get(&id_hash(ids.value(row))) {
            let Some(winner) = ladder.winner(known_at_us) else { return false };
            let row_is = (payloads[row], versions[row], observed[row]);
            if row_is != (winner.payload_hash, winner.source_version, winner.observed_us) {
                return false;
            }
            settled[row] = settled[row].min(ladder.earliest_us());
        }
        settled[row] <= as_of_us
    });
    let keep = BooleanBuffer::from_iter(keep);
    let index = batch.schema_ref().index_of("effective_at")?;
    let zone = batch.column(index).data_type().clone();
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(TimestampMicrosecondArray::from(settled).with_data_type(zone));
    filter_record_batch(&RecordBatch::try_new(batch.schema(), columns)?, &keep.into())
}

fn event_ids(batch: &RecordBatch) -> &arrow::array::StringViewArray {
    batch.column_by_name("event_id").expect("event rows carry event_id").as_string_view()
}

fn int64<'a>(batch: &'a RecordBatch, name: &str) -> &'a [i64] {
    batch.column_by_name(name).expect("event rows carry their hashes").as_primitive::<Int64Type>().values()
}

fn id_hash(id: &str) -> IdHash {
    let hash = xxh3_128(id.as_bytes());
    [hash as u64, (hash >> 64) as u64]
}

/// The ids are hashes already: the map takes their first half as it is.
#[derive(Default)]
pub struct Take64(u64);

impl Hasher for Take64 {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut first = [0; 8];
        let n = bytes.len().min(8);
        first[..n].copy_from_slice(&bytes[..n]);
        self.0 = u64::from_le_bytes(first);
    }

    fn write_usize(&mut self, _length: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(payload_hash: i64, observed_us: i64, source_version: i64) -> Variant {
        Variant { payload_hash, observed_us, source_version, key_hash: 7 }
    }

    /// Admits `rows` of one id in the given order.
    fn admitted(rows: &[Variant]) -> (Ids, IdHash) {
        let mut ids = Ids::default();
        let id = id_hash("e");
        for &row in rows {
            match ids.seen.get(&id).copied() {
                None => {
                    ids.seen.insert(id, row);
                }
                Some(first) => {
                    ids.admit_again(id, first, row);
                }
            }
        }
        (ids, id)
    }

    /// Who wins at K, and from when it counts.
    fn winner(rows: &[Variant], known_at_us: i64) -> Option<(i64, i64)> {
        let (ids, id) = admitted(rows);
        let single = Ladder::of(ids.seen[&id]);
        let steps = ids.variants.get(&id).unwrap_or(&single);
        steps.winner(known_at_us).map(|winner| (winner.payload_hash, steps.earliest_us()))
    }

    #[test]
    fn a_payload_that_comes_back_in_a_higher_version_wins_in_any_order() {
        let mut rows = [variant(5, 10, 0), variant(9, 20, 1), variant(5, 30, 2), variant(9, 40, 1)];
        for rotation in 0..rows.len() {
            rows.rotate_left(rotation);
            assert_eq!(winner(&rows, 25), Some((9, 10)));
            assert_eq!(winner(&rows, i64::MAX), Some((5, 10)));
            rows.reverse();
            assert_eq!(winner(&rows, i64::MAX), Some((5, 10)));
        }
    }

    #[test]
    fn the_winner_does_not_depend_on_the_order() {
        let rows =
            [variant(5, 10, 0), variant(9, 20, 0), variant(2, 30, 1), variant(5, 5, 0), variant(9, 25, 0)];
        for rotation in 0..rows.len() {
            let mut order = rows;
            order.rotate_left(rotation);
            assert_eq!(winner(&order, i64::MAX), Some((2, 5)));
            assert_eq!(winner(&order, 24), Some((9, 5)));
            assert_eq!(winner(&order, 7), Some((5, 5)));
            assert_eq!(winner(&order, 4), None);
            order.reverse();
            assert_eq!(winner(&order, 24), Some((9, 5)));
        }
    }

    #[test]
    fn a_conflict_counts_once_even_if_its_row_never_wins() {
        for rows in [
            vec![variant(9, 10, 0), variant(5, 10, 0), variant(4, 11, 0), variant(9, 12, 0)],
            vec![variant(4, 11, 0), variant(9, 12, 0), variant(9, 10, 0), variant(5, 10, 0)],
        ] {
            let (ids, _) = admitted(&rows);
            assert_eq!(ids.conflicts, 1);
        }
        assert_eq!(admitted(&[variant(9, 10, 0), variant(9, 12, 1)]).0.conflicts, 0);
    }

    #[test]
    fn a_copy_of_the_variants_stays_as_it_was() {
        let mut ids = Ids::default();
        let mut copies = Vec::new();
        for number in 0..3 * RECENT_MIN as i64 {
            let id = id_hash(&number.to_string());
            ids.seen.insert(id, variant(1, 10, 0));
            ids.admit_again(id, variant(1, 10, 0), variant(2, 20, 0));
            if number % 500 == 0 && number < 2_900 {
                copies.push((number as usize + 1, ids.variants()));
            }
            if number == 2_900 {
                let again = id_hash("7");
                ids.admit_again(again, variant(1, 10, 0), variant(3, 5, 0));
            }
        }
        for (count, copy) in copies {
            assert_eq!(copy.keys().count(), 2 * count);
            assert_eq!(copy.get(&id_hash("7")).map(Ladder::earliest_us), (count > 7).then_some(10));
        }
        assert_eq!(ids.variants.get(&id_hash("7")).map(Ladder::earliest_us), Some(5));
        assert_eq!(ids.variants.keys().count(), 6 * RECENT_MIN - 1, "what outdoes both is the only step");
    }
}
