//! The cold store against restarts, torn files, rival writers and failing disks.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Int32Array, Int64Array, ListArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use tempfile::TempDir;

use super::*;

pub mod split;

/// A column of any type that the event schemas have; every third value is NULL where it may be.
fn column(field: &Field, rows: usize, keys: &[i64]) -> ArrayRef {
    let value = |row: usize| (!field.is_nullable() || !row.is_multiple_of(3)).then_some(row as i64);
    let all = || (0..rows).map(value);
    match field.data_type() {
        DataType::Int64 if field.name() == file::KEY_COLUMN => Arc::new(Int64Array::from(keys.to_vec())),
        DataType::Int64 => Arc::new(all().collect::<Int64Array>()),
        DataType::Int32 => Arc::new(all().map(|v| v.map(|v| v as i32)).collect::<Int32Array>()),
        DataType::Date32 => Arc::new(all().map(|v| v.map(|v| v as i32)).collect::<Date32Array>()),
        DataType::Boolean => Arc::new(all().map(|v| v.map(|v| v % 2 == 0)).collect::<BooleanArray>()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let moments = all().map(|v| v.map(|v| 1_700_000_000_000_000 + v));
            Arc::new(moments.collect::<TimestampMicrosecondArray>().with_timezone_opt(zone.clone()))
        }
        DataType::Utf8View => {
            let text = |v: i64| format!("{} with a long enough value {v}", field.name());
            Arc::new(all().map(|v| v.map(text)).collect::<StringViewArray>())
        }
        DataType::Binary => {
            Arc::new(all().map(|v| v.map(|v| v.to_le_bytes().to_vec())).collect::<BinaryArray>())
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|f| column(f, rows, keys)).collect();
            Arc::new(StructArray::new(fields.clone(), columns, None))
        }
        DataType::List(item) => {
            let offsets = OffsetBuffer::from_lengths((0..rows).map(|row| row % 3));
            let items = column(item, *offsets.last().unwrap() as usize, keys);
            let valid = field.is_nullable().then(|| (0..rows).map(|row| !row.is_multiple_of(5)).collect());
            Arc::new(ListArray::new(Arc::clone(item), offsets, items, valid))
        }
        other => panic!("no test column for {other}"),
    }
}

/// Rows whose keys are `first`, `first + 7`, ...
fn rows(table: Table, first: i64, rows: usize) -> RecordBatch {
    let schema = event::schema(table);
    let keys: Vec<i64> = (0..rows as i64).map(|row| first + 7 * row).collect();
    let columns = schema.fields().iter().map(|field| column(field, rows, &keys)).collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn span(partition: i32, base: i64, next: i64) -> Span {
    Span { log: "local:test".into(), topic: "local".into(), partition, base, next, was: None }
}

/// A data directory with a store in it.
async fn fresh() -> (TempDir, PathBuf, ColdStore) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("events");
    let store = ColdStore::open(&root).await.unwrap();
    (dir, root, store)
}

/// Commits of ten rows each, at offsets `10 * i..10 * (i + 1)`.
async fn commit_tens(store: &mut ColdStore, numbers: std::ops::Range<i64>) {
    for i in numbers {
        let part = (Table::Reviews, rows(Table::Reviews, i, 10));
        store.commit(vec![part], &[span(0, 10 * i, 10 * (i + 1))]).await.unwrap();
    }
}

fn position(store: &ColdStore) -> Option<i64> {
    store.positions().get(&span(0, 0, 0).app_id()).copied()
}

async fn row_count(store: &ColdStore) -> usize {
    let mut count = 0;
    for file in store.files() {
        let batch = store.read(file).await.unwrap();
        assert_eq!(batch.num_rows() as u64, file.rows);
        count += batch.num_rows();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_positions_come_back() {
    let (_dir, root, mut store) = fresh().await;
    let parts: Vec<_> = Table::ALL.iter().map(|&table| (table, rows(table, -500, 1000))).collect();
    let files = store.commit(parts.clone(), &[span(0, 5, 4005), span(1, 0, 17)]).await.unwrap();
    store.commit(vec![(Table::Tickets, rows(Table::Tickets, 0, 0))], &[span(1, 17, 18)]).await.unwrap();
    assert!(store.commit(vec![], &[]).await.unwrap().is_empty());
    assert_eq!(store.version(), 2);

    let again = ColdStore::open(&root).await.unwrap();
    assert_eq!((again.version(), again.torn()), (2, [].as_slice()));
    assert_eq!(again.positions(), store.positions());
    assert_eq!(position(&again), Some(4005));
    assert_eq!(again.positions()[&span(1, 0, 0).app_id()], 18);
    let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    let mut found: Vec<&str> = again.files().iter().map(|file| file.path.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, paths);
    for ((table, batch), file) in parts.iter().zip(&files) {
        assert_eq!(file.table, *table);
        assert_eq!(again.read(file).await.unwrap(), *batch, "{table}");
    }
}

#[tokio::test]
async fn a_position_can_take_the_place_of_another() {
    let (_dir, root, mut store) = fresh().await;
    commit_tens(&mut store, 0..2).await;
    let old = span(0, 0, 0).app_id();
    let anew =
        |base, next| Span { log: "local:anew".into(), was: Some(old.as_str().into()), ..span(0, base, next) };
    let error = store.commit(vec![], &[anew(5, 9)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Position { found: 20, .. }), "{error}");
    store.commit(vec![], &[anew(20, 3), span(1, 0, 4)]).await.unwrap();
    for store in [&store, &ColdStore::open(&root).await.unwrap()] {
        assert_eq!(store.positions().len(), 2, "{:?}", store.positions());
        assert_eq!(store.positions()[&anew(0, 0).app_id()], 3);
    }
    // What the old name says now is nothing that a log can hold.
    let logs = store.table.log_store();
    let txn = store.table.snapshot().unwrap().transaction_version(&logs, old.clone()).await;
    assert_eq!(txn.unwrap(), Some(log::RETIRED));
    store.commit(vec![], &[anew(3, 7)]).await.unwrap();
    assert_eq!(store.positions()[&anew(0, 0).app_id()], 7);
}

#[tokio::test]
async fn a_batch_must_start_where_the_table_ends() {
    let (_dir, _root, mut store) = fresh().await;
    commit_tens(&mut store, 0..2).await;
    for base in [10, 19, 21] {
        let part = (Table::Reviews, rows(Table::Reviews, 0, 1));
        let error = store.commit(vec![part], &[span(1, 0, 9), span(0, base, 30)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Position { found: 20, .. }), "{error}");
        assert!(error.to_string().contains(&span(0, 0, 0).app_id()), "{error}");
    }
    let gap = store.commit(vec![], &[span(0, 20, 25), span(0, 26, 30)]).await;
    assert!(matches!(gap, Err(StoreError::Position { found: 25, .. })), "{gap:?}");
    store.commit(vec![], &[span(0, 20, 25), span(0, 25, 30)]).await.unwrap();
    assert_eq!((store.version(), position(&store)), (3, Some(30)));
}

#[tokio::test]
async fn rows_out_of_order_are_refused() {
    let (_dir, _root, mut store) = fresh().await;
    let schema = event::schema(Table::Reviews);
    let parts = [rows(Table::Reviews, 100, 2), rows(Table::Reviews, 0, 2)];
    let batch = concat_batches(&schema, &parts).unwrap();
    let error = store.commit(vec![(Table::Reviews, batch)], &[span(0, 0, 4)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Rows { .. }), "{error}");
    let other = (Table::Commits, rows(Table::Reviews, 0, 2));
    assert!(matches!(store.commit(vec![other], &[]).await, Err(StoreError::Rows { .. })));
    commit_tens(&mut store, 0..1).await;
}

#[tokio::test]
async fn of_two_writers_of_a_partition_the_stale_one_fails() {
    let (_dir, root, mut first) = fresh().await;
    let mut second = ColdStore::open(&root).await.unwrap();
    let mut bystander = ColdStore::open(&root).await.unwrap();
    commit_tens(&mut first, 0..1).await;

    // Neither had a position for the partition: only Delta's conflict check can tell.
    let part = (Table::Reviews, rows(Table::Reviews, 0, 10));
    let error = second.commit(vec![part], &[span(0, 0, 10)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Position { base: 0, found: 10, .. }), "{error}");
    assert_eq!((second.version(), position(&second)), (1, Some(10)));
    commit_tens(&mut second, 1..2).await;
    let error = first.commit(vec![], &[span(0, 10, 15)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Position { base: 10, found: 20, .. }), "{error}");

    // Another partition is no conflict, and shows what the others did.
    let part = (Table::Commits, rows(Table::Commits, 0, 3));
    bystander.commit(vec![part], &[span(7, 100, 103)]).await.unwrap();
    assert_eq!((bystander.version(), position(&bystander)), (3, Some(20)));
    assert_eq!(row_count(&bystander).await, 23);
    let stored = fs::read_dir(root.join("table=reviews")).unwrap().count();
    assert_eq!(stored, 2, "files of refused commits are deleted");
}

/// The newest file with extension `ext` under `dir`.
fn newest(dir: &Path, ext: &str) -> PathBuf {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let files = entries.filter(|p| p.extension().is_some_and(|e| e == ext));
    files.max_by_key(|p| fs::metadata(p).unwrap().modified().unwrap()).unwrap()
}

fn cut(path: &Path, keep: impl Fn(&[u8]) -> Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, keep(&bytes)).unwrap();
}

#[tokio::test]
async fn a_torn_tail_is_set_aside_and_the_table_goes_on() {
    type Damage = fn(commit: &Path, data: &Path);
    let cases: [(&str, Damage); 9] = [
        ("half a commit", |commit, _| cut(commit, |b| b[..b.len() / 2].to_vec())),
        ("empty commit", |commit, _| cut(commit, |_| Vec::new())),
        ("commit of zeros", |commit, _| cut(commit, |b| vec![0; b.len()])),
        ("commit with a tail of zeros", |commit, _| cut(commit, |b| [&b[..b.len() - 9], &[0; 9]].concat())),
        ("commit without its last line", |commit, _| {
            cut(commit, |b| b[..b.iter().rposition(|&b| b == b'\n').unwrap()].to_vec());
        }),
        ("half a data file", |_, data| cut(data, |b| b[..b.len() / 2].to_vec())),
        ("data file with a tail of zeros", |_, data| cut(data, |b| [&b[..b.len() - 64], &[0; 64]].concat())),
        ("empty data file", |_, data| cut(data, |_| Vec::new())),
        ("no data file", |_, data| fs::remove_file(data).unwrap()),
    ];
    for (what, damage) in cases {
        let (dir, root, mut store) = fresh().await;
        commit_tens(&mut store, 0..3).await;
        damage(&newest(&root.join("_delta_log"), "json"), &newest(&root.join("table=reviews"), "parquet"));

        let mut store = ColdStore::open(&root).await.unwrap();
        assert_eq!((store.version(), position(&store)), (2, Some(20)), "{what}");
        assert_eq!(row_count(&store).await, 20, "{what}");
        assert!(!store.torn().is_empty(), "{what}");
        for torn in store.torn() {
            let kept = dir.path().join("quarantine").join(format!("{}.torn", torn.file));
            assert!(kept.exists(), "{what}: {}", torn.file);
        }
        commit_tens(&mut store, 2..4).await;
        let store = ColdStore::open(&root).await.unwrap();
        assert_eq!((position(&store), store.torn().len()), (Some(40), 0), "{what}");
        assert_eq!(row_count(&store).await, 40, "{what}");
    }
}

#[tokio::test]
async fn a_torn_file_takes_the_commits_after_it_along() {
    let (_dir, root, mut store) = fresh().await;
    commit_tens(&mut store, 0..2).await;
    let torn = newest(&root.join("table=reviews"), "parquet");
    commit_tens(&mut store, 2..5).await;
    cut(&torn, |_| Vec::new());
    let store = ColdStore::open(&root).await.unwrap();
    assert_eq!((store.version(), position(&store)), (1, Some(10)));
    assert_eq!(store.torn().len(), 5, "four commits and a data file");
}

#[tokio::test]
async fn a_torn_first_commit_starts_the_table_again() {
    let (_dir, root, store) = fresh().await;
    drop(store);
    cut(&newest(&root.join("_delta_log"), "json"), |b| b[..b.len() / 2].to_vec());
    let mut store = ColdStore::open(&root).await.unwrap();
    assert_eq!((store.version(), store.torn().len()), (0, 1));
    commit_tens(&mut store, 0..1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_commits_survive_a_torn_checkpoint() {
    let (_dir, root, mut store) = fresh().await;
    for i in 0..210 {
        commit_tens(&mut store, i..i + 1).await;
    }
    let checkpoint = newest(&root.join("_delta_log"), "parquet");
    assert!(checkpoint.to_string_lossy().contains("200.checkpoint"), "{}", checkpoint.display());

    let check = async |torn: usize| {
        let store = ColdStore::open(&root).await.unwrap();
        assert_eq!((store.version(), position(&store), store.torn().len()), (210, Some(2100), torn));
        assert_eq!(store.files().len(), 210);
        let app_id = span(0, 0, 0).app_id();
        let snapshot = store.table.snapshot().unwrap();
        let delta = snapshot.transaction_version(&store.table.log_store(), app_id).await.unwrap();
        assert_eq!(delta, Some(2100), "our reading of the log agrees with Delta Lake's");
    };
    check(0).await;
    cut(&checkpoint, |b| b[..b.len() / 2].to_vec());
    check(2).await;
    cut(&root.join("_delta_log").join(format!("{:020}.json", 210)), |_| Vec::new());
    let store = ColdStore::open(&root).await.unwrap();
    assert_eq!((store.version(), position(&store)), (209, Some(2090)));
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_keeps_every_row_in_key_order() {
    let (_dir, root, mut store) = fresh().await;
    let mut expected = Vec::new();
    for i in 0..8 {
        let batch = rows(Table::Commits, i, 3000);
        expected.push(batch.clone());
        let parts = vec![(Table::Commits, batch), (Table::DeadLetters, rows(Table::DeadLetters, 0, 4))];
        store.commit(parts, &[span(0, i, i + 1)]).await.unwrap();
    }
    let (done, failure) = store.compact().await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(done.iter().map(|c| (c.removed.len(), c.added.rows)).max(), Some((8, 24_000)));
    assert_eq!(store.files().len(), 2);
    let mut again = ColdStore::open(&root).await.unwrap();
    assert_eq!((again.files().len(), position(&again)), (2, Some(8)));
    let file = again.files().iter().find(|f| f.table == Table::Commits).unwrap();
    let merged = again.read(file).await.unwrap();
    let keys = merged[file::KEY_COLUMN].as_primitive::<Int64Type>().values().to_vec();
    assert!(keys.is_sorted());
    let all = concat_batches(&merged.schema(), &expected).unwrap();
    let all_keys = all[file::KEY_COLUMN].as_primitive::<Int64Type>().values();
    let mut order: Vec<u32> = (0..24_000).collect();
    order.sort_by_key(|&row| all_keys[row as usize]);
    let sorted = arrow::compute::take_record_batch(&all, &UInt32Array::from(order)).unwrap();
    assert!(merged == sorted, "rows of one key stay in the order in which they were committed");

    let removed = root.join(&done[0].removed[0]);
    assert!(removed.exists(), "readers of older versions still find merged files");
    fs::write(root.join("table=commits/part-orphan.parquet"), "left by a killed process").unwrap();
    assert_eq!(again.vacuum(RETENTION).await.unwrap(), 0);
    assert_eq!(again.vacuum(Duration::ZERO).await.unwrap(), 17);
    assert!(!removed.exists());
    assert_eq!(row_count(&again).await, 24_032);
    again.maintain().await.unwrap();
    let again = ColdStore::open(&root).await.unwrap();
    assert_eq!((again.torn().len(), row_count(&again).await), (0, 24_032));
}

#[tokio::test]
async fn of_two_merges_of_the_same_files_one_is_dropped() {
    let (_dir, root, mut first) = fresh().await;
    commit_tens(&mut first, 0..8).await;
    let mut second = ColdStore::open(&root).await.unwrap();
    let late = second.merge_due().unwrap().run().await.unwrap();
    let mine = first.merge_due().unwrap().run().await.unwrap();
    commit_tens(&mut first, 8..9).await;
    first.replace(mine).await.unwrap();
    let error = second.replace(late).await.unwrap_err();
    assert!(matches!(error, StoreError::Stale { .. }), "{error}");
    assert_eq!(second.files().len(), 2);
    assert_eq!(row_count(&second).await, 90);
}

#[tokio::test]
async fn a_table_of_an_older_version_gets_its_new_columns() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("events");
    let old: Vec<_> = columns::union().unwrap().into_iter().filter(|f| f.name() != "verdict").collect();
    let table = build(&root, &Durable::new()).unwrap();
    let create = CreateBuilder::new().with_log_store(table.log_store()).with_columns(old);
    create.with_partition_columns([columns::TABLE_COLUMN]).await.unwrap();

    let mut store = ColdStore::open(&root).await.unwrap();
    commit_tens(&mut store, 0..1).await;
    let store = ColdStore::open(&root).await.unwrap();
    assert_eq!((store.version(), row_count(&store).await), (2, 10));
    let newer = store.table.clone().add_columns();
    let field =
        deltalake_core::kernel::StructField::nullable("novelty", deltalake_core::kernel::DataType::LONG);
    newer.with_fields([field]).await.unwrap();
    let error = ColdStore::open(&root).await.err().map(|e| e.to_string()).unwrap();
    assert!(error.contains("novelty") && error.contains("newer plimsoll"), "{error}");
}

#[test]
fn a_file_with_other_columns_and_types_reads_as_the_schema() {
    let batch = rows(Table::Tickets, 0, 50);
    let mut kept = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()).rev() {
        match field.name().as_str() {
            "verdict" | "title" => {}
            "seq" => kept.push(("seq".to_owned(), arrow::compute::cast(column, &DataType::Int32).unwrap())),
            name => kept.push((name.to_owned(), Arc::clone(column))),
        }
    }
    let other = RecordBatch::try_from_iter(kept).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    let read = file::decode(writer.into_inner().unwrap().into(), Table::Tickets).unwrap();
    assert_eq!(read.schema(), batch.schema());
    assert_eq!(read["title"].null_count(), 50);
    assert_eq!(&read["seq"], &batch["seq"]);
    assert_eq!(&read["labels"], &batch["labels"]);
}

#[tokio::test]
async fn after_a_failed_fsync_nothing_is_stored() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("events");
    let durable = Durable::with_sync(|file| match BROKEN.load(Ordering::SeqCst) {
        true => Err(io::Error::other("injected")),
        false => file.sync_all(),
    });
    let mut store = ColdStore::open_on(&root, durable).await.unwrap();
    commit_tens(&mut store, 0..1).await;
    BROKEN.store(true, Ordering::SeqCst);
    let part = || vec![(Table::Reviews, rows(Table::Reviews, 0, 1))];
    let error = store.commit(part(), &[span(0, 10, 11)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Fatal { .. }), "{error}");
    BROKEN.store(false, Ordering::SeqCst);
    let error = store.commit(part(), &[span(0, 10, 11)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Fatal { .. }), "an fsync is never tried again: {error}");
    let mut store = ColdStore::open(&root).await.unwrap();
    assert_eq!(position(&store), Some(10));
    commit_tens(&mut store, 1..2).await;
}
