//! One row per event id, whatever the arrival order.
//!
//! Invariant: what a reader sees of an id depends on the set of its rows, never on their order.
//! An exact copy (same payload, not of a higher version, not observed earlier) is dropped on admission. Other rows of an
//! id are all kept as its *variants*; among those known at K, the highest `source_version` wins,
//! then the highest payload hash, and `effective_at` is capped by the earliest observation.
//! Variants are rare, so the map of them is small and rides along in every snapshot.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBufferBuilder, RecordBatch, TimestampMicrosecondArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::rows::segment::{key_column, micros};

/// 128 bits of an event id: at 10^9 events the chance of any collision is below 10^-20.
type IdHash = [u64; 2];

/// One stored row of an id, told from the id's other rows by (payload, version, observed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    payload_hash: i64,
    observed_us: i64,
    source_version: i64,
    key_hash: i64,
}

/// The ids that have more than one row.
pub type Variants = HashMap<IdHash, Vec<Variant>, BuildHasherDefault<Take64>>;

/// Every id admitted so far. 48 bytes an id, in memory.
#[derive(Default)]
pub struct Ids {
    seen: HashMap<IdHash, Variant, BuildHasherDefault<Take64>>,
    variants: Arc<Variants>,
    pub duplicates: u64,
    /// Ids with conflicting payloads.
    pub conflicts: u64,
}

/// What came of offering a batch.
pub struct Admitted {
    /// Rows to keep; `None` when all are.
    pub keep: Option<BooleanBuffer>,
    /// Keys of rows that lost to a row under another key: they must be folded again.
    pub also_touched: Vec<i64>,
}

impl Ids {
    pub fn variants(&self) -> Arc<Variants> {
        Arc::clone(&self.variants)
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
                    if !self.admit_again(id, first, variant, &mut also_touched) {
                        dropped.push(row);
                    }
                }
            }
        }
        self.duplicates += dropped.len() as u64;
        let keep = (!dropped.is_empty()).then(|| {
            let mut mask = BooleanBufferBuilder::new(rows);
            mask.append_n(rows, true);
            dropped.iter().for_each(|&row| mask.set_bit(row, false));
            mask.finish()
        });
        Admitted { keep, also_touched }
    }

    /// A second row of an id: false when it adds nothing.
    fn admit_again(&mut self, id: IdHash, first: Variant, row: Variant, touched: &mut Vec<i64>) -> bool {
        let adds_nothing = |v: &Variant| {
            v.payload_hash == row.payload_hash
                && v.source_version >= row.source_version
                && v.observed_us <= row.observed_us
        };
        let known = self.variants.get(&id);
        if adds_nothing(&first) || known.is_some_and(|all| all.iter().any(adds_nothing)) {
            return false;
        }
        let all = Arc::make_mut(&mut self.variants).entry(id).or_insert_with(|| vec![first]);
        let conflicting = |all: &[Variant]| all.iter().any(|v| v.payload_hash != all[0].payload_hash);
        let before = conflicting(all);
        touched.extend(all.iter().map(|v| v.key_hash));
        all.push(row);
        self.conflicts += u64::from(!before && conflicting(all));
        true
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
        if let Some(all) = variants.get(&id_hash(ids.value(row))) {
            let Some((winner, earliest_us)) = resolve(all, known_at_us) else { return false };
            let row_is = (payloads[row], versions[row], observed[row]);
            if row_is != (winner.payload_hash, winner.source_version, winner.observed_us) {
                return false;
            }
            settled[row] = settled[row].min(earliest_us);
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

/// Keys of every row of the ids that have a row not known at K: without it another row may win,
/// under another key.
pub fn keys_of_hidden_variants(variants: &Variants, known_at_us: i64) -> impl Iterator<Item = i64> {
    let hidden = move |all: &&Vec<Variant>| all.iter().any(|v| v.observed_us > known_at_us);
    variants.values().filter(hidden).flatten().map(|v| v.key_hash)
}

/// Keys of every row of the ids that have several.
pub fn keys_of_variants(variants: &Variants) -> impl Iterator<Item = i64> {
    variants.values().flatten().map(|v| v.key_hash)
}

/// When each row of an id that has several was observed, with each key that one of its rows has.
pub fn observations(variants: &Variants) -> impl Iterator<Item = (i64, i64)> {
    let pairs = |all: &Vec<Variant>| {
        let keys: Vec<i64> = all.iter().map(|v| v.key_hash).collect();
        let times: Vec<i64> = all.iter().map(|v| v.observed_us).collect();
        times.into_iter().flat_map(move |at_us| keys.clone().into_iter().map(move |key| (at_us, key)))
    };
    variants.values().flat_map(pairs)
}

/// The winning row of an id among those known at K, and the id's earliest observation.
fn resolve(all: &[Variant], known_at_us: i64) -> Option<(Variant, i64)> {
    let known = || all.iter().filter(|v| v.observed_us <= known_at_us);
    let winner =
        known().max_by_key(|v| (v.source_version, v.payload_hash, std::cmp::Reverse(v.observed_us)))?;
    let earliest_us = known().map(|v| v.observed_us).min()?;
    Some((*winner, earliest_us))
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

    /// Admits `rows` of one id in the given order and says who wins at K.
    fn winner(rows: &[Variant], known_at_us: i64) -> Option<(i64, i64)> {
        let mut ids = Ids::default();
        let id = id_hash("e");
        for &row in rows {
            match ids.seen.get(&id).copied() {
                None => {
                    ids.seen.insert(id, row);
                }
                Some(first) => {
                    ids.admit_again(id, first, row, &mut Vec::new());
                }
            }
        }
        let all = ids.variants.get(&id).cloned().unwrap_or_else(|| vec![ids.seen[&id]]);
        resolve(&all, known_at_us).map(|(v, earliest)| (v.payload_hash, earliest))
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
}
