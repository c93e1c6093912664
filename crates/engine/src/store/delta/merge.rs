//! Merging small cold files of one table into a larger one, in key order.
//!
//! Files of about the same size are merged [`FAN_IN`] at a time, so a row is written again only
//! when its file grows by that factor: log8(128 MiB / 4 KiB), five times. Inputs are sorted, so
//! they are merged as streams and memory holds a batch of each, not the rows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use deltalake_core::logstore::ObjectStoreRef;
use event::Table;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::file::{DEAD_LETTER_ROWS, Encoded, Encoder, KEY_COLUMN, Reader};
use super::{ColdFile, StoreError};

/// A merged file is not made larger than this, compressed.
pub const TARGET_BYTES: u64 = 128 << 20;
/// So many files of one size class are merged at once.
pub const FAN_IN: usize = 8;
/// Files below this are one size class.
const SMALLEST_BYTES: u64 = 4 << 10;
/// Rows decoded from each input, and written to the output, at a time.
const BATCH_ROWS: usize = 8192;

/// Dead letters are large, so fewer of them.
fn batch_rows(table: Table) -> usize {
    if table == Table::DeadLetters { DEAD_LETTER_ROWS } else { BATCH_ROWS }
}

/// Files that are due to be merged. Holds no lock: the store goes on while it runs.
pub struct Merge {
    pub inputs: Vec<ColdFile>,
    pub(super) store: ObjectStoreRef,
}

/// A merged file, to be put in the place of its inputs by `ColdStore::replace`.
pub struct Merged {
    pub(super) inputs: Vec<ColdFile>,
    pub(super) encoded: Encoded,
}

impl Merge {
    /// Reads, merges and encodes; changes nothing in the store.
    pub async fn run(self) -> Result<Merged, StoreError> {
        let Merge { inputs, store } = self;
        let table = inputs[0].table;
        let mut sources = Vec::new();
        for file in &inputs {
            sources.push(store.get(&Path::from(file.path.as_str())).await?.bytes().await?);
        }
        let encoded = tokio::task::spawn_blocking(move || merge(table, sources)).await??;
        let rows: u64 = inputs.iter().map(|file| file.rows).sum();
        assert_eq!(encoded.rows, rows, "a merge keeps every row");
        Ok(Merged { inputs, encoded })
    }
}

/// The files to merge next, oldest first: the smallest size class of a table that has enough.
pub fn candidates(files: &[ColdFile]) -> Option<Vec<ColdFile>> {
    let mut classes: Vec<(u32, Table)> =
        files.iter().filter_map(|f| Some((class(f.bytes)?, f.table))).collect();
    classes.sort_by_key(|&(class, table)| (class, table.name()));
    classes.dedup();
    classes.into_iter().find_map(|wanted| {
        let of_class: Vec<&ColdFile> =
            files.iter().filter(|f| class(f.bytes) == Some(wanted.0) && f.table == wanted.1).collect();
        if of_class.len() < FAN_IN {
            return None;
        }
        let mut bytes = 0;
        let fitting = of_class.into_iter().take_while(|f| {
            bytes += f.bytes;
            bytes <= TARGET_BYTES
        });
        Some(fitting.take(FAN_IN).cloned().collect())
    })
}

/// The size class: one per factor of [`FAN_IN`]; `None` for files too large to be merged in twos.
fn class(bytes: u64) -> Option<u32> {
    (bytes <= TARGET_BYTES / 2).then(|| (bytes / SMALLEST_BYTES).max(1).ilog(FAN_IN as u64))
}

fn merge(table: Table, sources: Vec<Bytes>) -> Result<Encoded, StoreError> {
    let batch_rows = batch_rows(table);
    let mut encoder = Encoder::new(table)?;
    let mut pool: Vec<RecordBatch> = Vec::new();
    let mut inputs = Vec::new();
    for source in sources {
        let mut input = Input { rows: Reader::open(source, table, batch_rows)?, slot: 0, row: 0, keys: None };
        if input.advance(&mut pool)? {
            inputs.push(input);
        }
    }
    let mut heap: BinaryHeap<_> =
        inputs.iter().enumerate().map(|(i, input)| Reverse((input.key(), i))).collect();
    let mut picked: Vec<(usize, usize)> = Vec::with_capacity(batch_rows);
    while let Some(Reverse((_, i))) = heap.pop() {
        let input = &mut inputs[i];
        picked.push((input.slot, input.row));
        input.row += 1;
        if input.row < pool[input.slot].num_rows() || input.advance(&mut pool)? {
            heap.push(Reverse((input.key(), i)));
        }
        if picked.len() == batch_rows || heap.is_empty() {
            encoder.write(&interleave_record_batch(&pool.iter().collect::<Vec<_>>(), &picked)?)?;
            picked.clear();
            // Only the batches that inputs still stand in are needed from here on.
            let current = heap.iter().map(|Reverse((_, i))| *i);
            let kept: Vec<RecordBatch> = current
                .enumerate()
                .map(|(slot, i)| {
                    let batch = pool[inputs[i].slot].clone();
                    inputs[i].slot = slot;
                    batch
                })
                .collect();
            pool = kept;
        }
    }
    encoder.finish()
}

/// A place in one sorted file.
struct Input {
    rows: Reader,
    /// Where its current batch is in the pool.
    slot: usize,
    row: usize,
    /// The keys of the current batch; `None` for a table without keys, which is only concatenated.
    keys: Option<ScalarBuffer<i64>>,
}

impl Input {
    fn key(&self) -> i64 {
        self.keys.as_ref().map_or(0, |keys| keys[self.row])
    }

    /// Moves to the next batch that has rows; false at the end.
    fn advance(&mut self, pool: &mut Vec<RecordBatch>) -> Result<bool, StoreError> {
        for batch in self.rows.by_ref() {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let keys = batch.column_by_name(KEY_COLUMN);
            self.keys = keys.map(|k| k.as_primitive::<Int64Type>().values().clone());
            (self.slot, self.row) = (pool.len(), 0);
            pool.push(batch);
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(table: Table, sizes: &[u64]) -> Vec<ColdFile> {
        let file = |(i, &bytes)| ColdFile { path: format!("{table}{i}"), table, rows: 1, bytes };
        sizes.iter().enumerate().map(file).collect()
    }

    #[test]
    fn only_enough_files_of_one_size_are_merged() {
        let check = |sizes: &[u64], expected: usize| {
            let found = candidates(&files(Table::Reviews, sizes)).map_or(0, |group| group.len());
            assert_eq!(found, expected, "{sizes:?}");
        };
        check(&[], 0);
        check(&[5_000; 7], 0);
        check(&[5_000; 8], 8);
        check(&[5_000; 20], 8);
        check(&[5_000, 5_000, 5_000, 5_000, 900_000, 900_000, 900_000, 900_000], 0);
        check(&[60 << 20; 9], 2);
        check(&[100 << 20; 50], 0);
    }

    #[test]
    fn each_row_is_written_again_a_logarithm_of_times() {
        let mut files: Vec<ColdFile> = Vec::new();
        let mut written = 0;
        let commits = 5_000;
        for i in 0..commits {
            files.push(ColdFile { path: i.to_string(), table: Table::Commits, rows: 1, bytes: 20_000 });
            while let Some(group) = candidates(&files) {
                let bytes: u64 = group.iter().map(|f| f.bytes).sum();
                files.retain(|f| !group.iter().any(|g| g.path == f.path));
                written += bytes;
                files.push(ColdFile { path: format!("m{i}.{bytes}"), bytes, ..group[0].clone() });
            }
        }
        assert!(files.len() <= 40, "{} files are left", files.len());
        assert!(written <= 5 * 20_000 * commits, "written {} times", written / (20_000 * commits));
    }
}
