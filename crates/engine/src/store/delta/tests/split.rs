//! A store from before people, teams, calendars and reports had a table of their own, and what opening makes of it.

use std::sync::atomic::AtomicU32;

use arrow::datatypes::Schema;

use super::*;
use crate::rows::segment::sort_by_key;

/// Makes a closed store what it was before: tickets and the directory in two files of tickets.
pub async fn unsplit(root: &Path) {
    let mut store = ColdStore::open(root).await.unwrap();
    let inputs: Vec<ColdFile> = store.files().iter().filter(|file| file.table.is_mixed()).cloned().collect();
    let [tickets, directory] = [Table::Tickets, Table::Directory].map(event::schema);
    let more = directory.fields().iter().filter(|field| tickets.column_with_name(field.name()).is_none());
    let schema = Arc::new(Schema::new(tickets.fields().iter().chain(more).cloned().collect::<Vec<_>>()));
    let mut rows = Vec::new();
    for file in &inputs {
        rows.push(file::conform(&store.read(file).await.unwrap(), &schema).unwrap());
    }
    let rows = sort_by_key(&concat_batches(&schema, &rows).unwrap()).unwrap();
    let half = rows.num_rows() / 2;
    let mut written = Vec::new();
    for rows in [rows.slice(0, half), rows.slice(half, rows.num_rows() - half)] {
        let mut encoder = file::Encoder::of(Table::Tickets, Arc::clone(&schema)).unwrap();
        encoder.write(&rows).unwrap();
        written.push(store.put(encoder.finish().unwrap()).await.unwrap());
    }
    store.swap(&inputs, written, DeltaOperation::Update { predicate: None }).await.unwrap();
}

/// Rows about the entities of `table` in turn.
fn about(table: Table, first: i64, count: usize) -> RecordBatch {
    let entities = event::Entity::ALL.into_iter().filter(|entity| entity.table() == table);
    let names: Vec<&str> = entities.map(|entity| entity.as_str()).collect();
    let rows = rows(table, first, count);
    let mut columns = rows.columns().to_vec();
    let named = (0..count).map(|row| Some(names[row % names.len()]));
    columns[rows.schema().index_of("entity").unwrap()] = Arc::new(named.collect::<StringViewArray>());
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

/// The rows of each table in key order, and the positions.
async fn content(store: &ColdStore) -> (Vec<RecordBatch>, HashMap<String, i64>) {
    let mut all = Vec::new();
    for table in [Table::Reviews, Table::Tickets, Table::Directory] {
        let mut rows = Vec::new();
        for file in store.files().iter().filter(|file| file.table == table) {
            rows.push(store.read(file).await.unwrap());
        }
        all.push(sort_by_key(&concat_batches(&event::schema(table), &rows).unwrap()).unwrap());
    }
    (all, store.positions().clone())
}

/// A store of an older version with so many rows about tickets a commit, and what is to be in it.
async fn older(count: usize) -> (TempDir, PathBuf, (Vec<RecordBatch>, HashMap<String, i64>)) {
    let (dir, root, mut store) = fresh().await;
    for i in 0..3 {
        let parts = vec![
            (Table::Reviews, rows(Table::Reviews, i, 10)),
            (Table::Tickets, about(Table::Tickets, 10 * i, count)),
            (Table::Directory, about(Table::Directory, 7 * (count as i64) * i / 3, 12)),
        ];
        store.commit(parts, &[span(0, 10 * i, 10 * (i + 1))]).await.unwrap();
    }
    let expected = content(&store).await;
    drop(store);
    unsplit(&root).await;
    (dir, root, expected)
}

fn stored(root: &Path) -> usize {
    fs::read_dir(root.join("table=directory")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_store_is_split_once() {
    let (_dir, root, expected) = older(6_000).await;
    let files = stored(&root);
    let store = ColdStore::open(&root).await.unwrap();
    assert!(content(&store).await == expected, "the same rows at the same positions");
    assert_eq!(store.version(), 5, "three commits, one that made it old, and one for all files");
    assert_eq!((store.files().len(), stored(&root)), (3 + 2 + 2, files + 2));

    let mut again = ColdStore::open(&root).await.unwrap();
    assert_eq!((again.version(), again.torn().len()), (5, 0), "nothing is left to do");
    assert!(content(&again).await == expected);
    commit_tens(&mut again, 3..4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_store_of_tickets_alone_is_split_once_too() {
    let (_dir, root, mut store) = fresh().await;
    store.commit(vec![(Table::Tickets, about(Table::Tickets, 0, 50))], &[span(0, 0, 50)]).await.unwrap();
    drop(store);
    unsplit(&root).await;
    for _ in 0..2 {
        let store = ColdStore::open(&root).await.unwrap();
        assert_eq!((store.version(), row_count(&store).await, stored_files(&store)), (3, 50, [2, 0]));
    }
}

fn stored_files(store: &ColdStore) -> [usize; 2] {
    [Table::Tickets, Table::Directory]
        .map(|table| store.files().iter().filter(|file| file.table == table).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_stops_anywhere_loses_and_doubles_nothing() {
    static SYNCS_LEFT: AtomicU32 = AtomicU32::new(0);
    let mut stopped = 0;
    loop {
        let (_dir, root, expected) = older(50).await;
        SYNCS_LEFT.store(stopped, Ordering::SeqCst);
        let durable = Durable::with_sync(|file| {
            let left = SYNCS_LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            left.map_err(|_| io::Error::other("injected")).and_then(|_| file.sync_all())
        });
        let opened = ColdStore::open_on(&root, durable).await;
        let is_whole = opened.is_ok();
        drop(opened);
        let store = ColdStore::open(&root).await.unwrap();
        assert!(content(&store).await == expected, "stopped at sync {stopped}");
        assert_eq!(store.version(), 5);
        if is_whole {
            break;
        }
        stopped += 1;
    }
    assert!(stopped > 5, "each of the four files and the commit is synced: stopped {stopped} times");
}
