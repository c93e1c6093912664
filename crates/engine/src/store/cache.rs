//! Memory-mapped Arrow IPC copies of cold files.
//!
//! Invariant: `map` returns the batch that was given to `write`, or an error; never other bytes.
//! A copy holds one record batch, is made under a staging name and renamed, and is not fsynced:
//! after a power cut it may be torn, so the footer carries the length and a checksum of all that
//! goes before it, and `map` verifies them. That is what makes it sound to map without Arrow's
//! own validation, which would cost more. There is no eviction here: the caller deletes copies,
//! and rebuilds one from its cold file when `map` refuses it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, RecordBatch, StructArray, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{ByteViewType, DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;
use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::store::delta::StoreError;

/// Bytes after the footer: its length and the closing magic.
const TRAILER_BYTES: usize = 10;
/// Footer keys: how many bytes are covered by the checksum, and the checksum in hex.
const LENGTH_KEY: &str = "plimsoll.length";
/// Its name changes with the format, and when files of older versions must not be used: until version 2, rows were
/// missing from files that were merged twice in one go.
const CHECKSUM_KEY: &str = "plimsoll.xxh3.2";
/// String data that no row refers to is kept only up to this share of what they do refer to.
const SLACK: usize = 2;

/// Writes `batch` to `path`, replacing what is there. A reader sees the old file or the new.
pub fn write(path: &Path, batch: &RecordBatch) -> Result<(), StoreError> {
    let batch = compact(batch).map_err(|e| unusable(path, &e))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(|e| StoreError::io(dir, &e))?;
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".{}.tmp", std::process::id()));
    let staged = Path::new(&staged);
    let result = write_file(staged, &batch)
        .and_then(|()| std::fs::rename(staged, path))
        .map_err(|e| StoreError::io(path, &e));
    if result.is_err() {
        let _ = std::fs::remove_file(staged);
    }
    result
}

fn write_file(path: &Path, batch: &RecordBatch) -> io::Result<()> {
    let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let sink = Checksummed { inner: file, hash: Xxh3::new(), length: 0 };
    let mut writer = FileWriter::try_new(sink, batch.schema_ref()).map_err(io::Error::other)?;
    writer.write(batch).map_err(io::Error::other)?;
    let (length, checksum) = (writer.get_ref().length, writer.get_ref().hash.digest());
    writer.write_metadata(LENGTH_KEY, length.to_string());
    writer.write_metadata(CHECKSUM_KEY, format!("{checksum:016x}"));
    writer.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Maps the file at `path`: its columns point into the mapping, which lives as long as they do.
/// The file must not be changed in place while mapped; replacing or deleting it is fine.
pub fn map(path: &Path) -> Result<RecordBatch, StoreError> {
    let file = File::open(path).map_err(|e| StoreError::io(path, &e))?;
    // SAFETY: a copy is only ever replaced by renaming a new file over it, so the mapped inode
    // keeps its length and bytes for as long as it is mapped.
    let mapped = unsafe { Mmap::map(&file) }.map_err(|e| StoreError::io(path, &e))?;
    let buffer = Buffer::from(Bytes::from_owner(mapped));
    decode(&buffer).map_err(|e| unusable(path, &e))
}

/// The rows of a file that has the columns of `schema`; one of an older version lacks those that came since.
pub fn map_as(path: &Path, schema: &SchemaRef) -> Option<RecordBatch> {
    map(path).ok().filter(|rows| rows.schema().fields() == schema.fields())
}

/// The cache file of a cold file.
pub fn cold_path(dir: &Path, file: &str) -> PathBuf {
    let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".parquet");
    dir.join("cache").join(format!("{stem}.arrow"))
}

fn unusable(path: &Path, error: &ArrowError) -> StoreError {
    StoreError::Cache { path: path.display().to_string(), reason: error.to_string() }
}

fn torn(reason: impl Into<String>) -> ArrowError {
    ArrowError::IpcError(reason.into())
}

fn decode(buffer: &Buffer) -> Result<RecordBatch, ArrowError> {
    let trailer_at = buffer.len().checked_sub(TRAILER_BYTES).ok_or_else(|| torn("too short"))?;
    let trailer: [u8; TRAILER_BYTES] =
        buffer[trailer_at..].try_into().expect("the slice has the trailer's length");
    let footer_length = read_footer_length(trailer)?;
    let footer_at = trailer_at.checked_sub(footer_length).ok_or_else(|| torn("too short for its footer"))?;
    let footer = root_as_footer(&buffer[footer_at..trailer_at])
        .map_err(|e| torn(format!("footer does not parse: {e}")))?;

    let value = |key: &str| {
        let pairs = footer.custom_metadata()?;
        pairs.iter().find(|pair| pair.key() == Some(key))?.value()
    };
    let length: usize =
        value(LENGTH_KEY).and_then(|v| v.parse().ok()).ok_or_else(|| torn("no length in the footer"))?;
    let checksum = value(CHECKSUM_KEY)
        .and_then(|v| u64::from_str_radix(v, 16).ok())
        .ok_or_else(|| torn("no checksum in the footer"))?;
    if length > footer_at || xxh3_64(&buffer[..length]) != checksum {
        return Err(torn("the checksum does not match"));
    }

    let schema = footer.schema().ok_or_else(|| torn("no schema in the footer"))?;
    let schema: SchemaRef = Arc::new(fb_to_schema(schema));
    let blocks = footer.recordBatches().ok_or_else(|| torn("no record batch"))?;
    if blocks.len() != 1 || footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err(torn("not one record batch without dictionaries"));
    }
    let block = blocks.get(0);
    let (at, size) = (block.offset() as usize, block.metaDataLength() as usize + block.bodyLength() as usize);
    if at.checked_add(size).is_none_or(|end| end > length) {
        return Err(torn("the record batch lies outside the file"));
    }
    // SAFETY: the checksum shows that these are the bytes `write` produced from a valid batch.
    let decoder = unsafe { FileDecoder::new(schema, footer.version()).with_skip_validation(true) };
    let decoder = decoder.with_require_alignment(true);
    let batch = decoder.read_record_batch(block, &buffer.slice_with_length(at, size))?;
    batch.ok_or_else(|| torn("the record batch is empty"))
}

/// A writer that knows the length and checksum of what went through it.
struct Checksummed<W> {
    inner: W,
    hash: Xxh3,
    length: u64,
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The batch without string data that its rows do not refer to: rows taken out of a large batch
/// share that batch's buffers, and IPC writes buffers whole.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(compact_array).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(batch.schema(), columns)
}

fn compact_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Utf8View => Ok(compact_views(array, array.as_string_view())),
        DataType::BinaryView => Ok(compact_views(array, array.as_binary_view())),
        DataType::List(field) => {
            let list: &GenericListArray<i32> = array.as_list();
            let values = compact_array(list.values())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(GenericListArray::try_new(Arc::clone(field), offsets, values, nulls)?))
        }
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let columns = array.columns().iter().map(compact_array).collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
        }
        _ => Ok(Arc::clone(array)),
    }
}

fn compact_views<T: ByteViewType>(
    array: &ArrayRef,
    views: &arrow::array::GenericByteViewArray<T>,
) -> ArrayRef {
    let held: usize = views.data_buffers().iter().map(Buffer::len).sum();
    if held <= SLACK * views.total_buffer_bytes_used() {
        return Arc::clone(array);
    }
    make_array(views.gc().into_data())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, ListBuilder, StringViewArray, StringViewBuilder};
    use arrow::compute::take_record_batch;

    use super::*;

    fn batch(rows: usize) -> RecordBatch {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for row in 0..rows {
            lists.append_value((0..row % 3).map(|i| Some(format!("a label of some length {row} {i}"))));
        }
        let title =
            |row: usize| (!row.is_multiple_of(5)).then(|| format!("the title of change number {row}"));
        RecordBatch::try_from_iter([
            ("key_hash", Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef),
            ("title", Arc::new((0..rows).map(title).collect::<StringViewArray>())),
            ("labels", Arc::new(lists.finish())),
        ])
        .unwrap()
    }

    #[test]
    fn what_is_written_is_mapped() {
        let dir = tempfile::tempdir().unwrap();
        for rows in [0, 1, 1000] {
            let path = dir.path().join(format!("cache/{rows}.arrow"));
            let batch = batch(rows);
            write(&path, &batch).unwrap();
            let mapped = map(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            assert_eq!(mapped, batch);
            for column in mapped.columns() {
                column.to_data().validate_full().unwrap();
            }
        }
    }

    #[test]
    fn few_rows_of_a_large_batch_take_little_space() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("few.arrow");
        let few =
            take_record_batch(&batch(100_000), &arrow::array::UInt32Array::from(vec![7, 99_999])).unwrap();
        write(&path, &few).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 10_000);
        assert_eq!(map(&path).unwrap(), few);
    }

    #[test]
    fn a_file_of_an_older_version_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.arrow");
        let new = batch(3);
        write(&path, &new.project(&[0, 1]).unwrap()).unwrap();
        assert_eq!(map_as(&path, &new.schema()), None);
        write(&path, &new).unwrap();
        assert_eq!(map_as(&path, &new.schema()), Some(new));
    }

    #[test]
    fn a_missing_or_torn_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("torn.arrow");
        assert!(map(&path).is_err(), "missing");
        write(&path, &batch(1000)).unwrap();
        let good = std::fs::read(&path).unwrap();
        let check = |what: &str, bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let error = map(&path).expect_err(what).to_string();
            assert!(error.contains("torn.arrow"), "{what}: {error}");
        };
        check("empty", b"");
        check("short", &good[..5]);
        check("half", &good[..good.len() / 2]);
        check("no trailer", &good[..good.len() - 1]);
        check("zeros", &vec![0; good.len()]);
        let mut hole = good.clone();
        hole[4096..8192].fill(0);
        check("a hole", &hole);
        std::fs::write(&path, &good).unwrap();
        map(&path).unwrap();
    }
}
