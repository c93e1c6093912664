//! The materialised views: one mechanism, recompute the touched keys.
//!
//! Invariant: the rows of a key are a function of that key's events. So a new batch, a late event
//! and a past moment are the same call with other keys, and folding everything is the test for it.
//! Views read event tables and other views of the same key, so a chunk of keys is folded through
//! all views without looking outside the chunk.

pub mod fold;
pub mod past;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::catalogue::{Catalogue, View};
use crate::error::Error;
use crate::moment::Moment;
use crate::rows::by_key::{Rows, ViewRows};
use crate::rows::tables::{EVENT_TABLES, Keys, Tables, schema};
use crate::snapshot::Snapshot;
use crate::views::fold::Fold;
use crate::views::past::{Copy, PastViews, SETTLED_AFTER_US};

/// Keys folded in one go: bounds memory, and spreads a large change over the cores.
const KEYS_PER_CHUNK: usize = 1 << 13;
/// Events folded in one go when everything is.
const ROWS_PER_CHUNK: usize = 1 << 16;
/// Chunks under way at once for the writer; whoever asks about other moments has one, all of them together.
const CHUNKS_AT_ONCE: usize = 2;

/// The planned views of a catalogue.
pub struct Views {
    planned: Vec<Planned>,
    /// Of moments asked about before.
    pub past: PastViews,
    /// Whose turn it is to fold a chunk for a reader.
    readers: Semaphore,
    context: Box<dyn Fn() -> SessionContext + Send + Sync>,
}

/// The rows of each view for a chunk of keys.
type Folded = BTreeMap<String, RecordBatch>;

struct Planned {
    view: Arc<View>,
    schema: SchemaRef,
    /// Plans not in use. A run takes one or makes one.
    idle: Mutex<Vec<Fold>>,
}

impl Views {
    /// Plans every view once, which also tells its schema. `context` makes an empty session.
    pub async fn plan(
        catalogue: &Catalogue,
        context: impl Fn() -> SessionContext + Send + Sync + 'static,
    ) -> Result<Views, Error> {
        let (planned, past, readers) = (Vec::new(), PastViews::default(), Semaphore::new(1));
        let mut views = Views { planned, past, readers, context: Box::new(context) };
        for view in catalogue.keyed() {
            let fold = Fold::plan(view, (views.context)(), &views.schemas()).await?;
            let planned =
                Planned { view: view.clone().into(), schema: fold.schema(), idle: vec![fold].into() };
            views.planned.push(planned);
        }
        Ok(views)
    }

    /// Schemas of the event tables and the views planned so far, by name.
    pub fn schemas(&self) -> HashMap<String, SchemaRef> {
        let tables = EVENT_TABLES.iter().enumerate().map(|(i, t)| (t.name().to_owned(), schema(i)));
        let views = self.planned.iter().map(|p| (p.view.name.clone(), p.schema.clone()));
        tables.chain(views).collect()
    }

    /// Every view without a row.
    pub fn empty(&self) -> ViewRows {
        let rows = |p: &Planned| (p.view.name.clone(), Rows::new(p.schema.clone(), p.view.open.clone()));
        self.planned.iter().map(rows).collect()
    }

    /// The views named, and those that they read.
    pub fn closure(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = names.clone();
        for planned in self.planned.iter().rev() {
            if all.contains(&planned.view.name) {
                all.extend(planned.view.from.iter().cloned());
            }
        }
        all
    }

    /// Brings `rows` up to date with `tables` after the events of `keys` (ascending) changed.
    pub async fn refold(
        self: &Arc<Self>,
        tables: &Tables,
        keys: &[i64],
        rows: &mut ViewRows,
    ) -> Result<(), Error> {
        self.fold_chunks(tables, sets(keys), Moment::ALL, None, |keys, folded| replace(rows, keys, folded))
            .await
    }

    /// The views of a snapshot at a past moment, from a copy where there is one. Only `names` are right, which must
    /// hold what they read as well.
    pub async fn at(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        moment: Moment,
        names: &BTreeSet<String>,
    ) -> Result<ViewRows, Error> {
        let tables = &snapshot.tables;
        let keeps = snapshot.what_if == 0
            && moment.as_of_us < snapshot.settled_us
            && moment.as_of_us < moment.known_at_us.saturating_sub(SETTLED_AFTER_US)
            && tables.is_known_by(moment.known_at_us);
        if !keeps {
            return self.hide(tables, &snapshot.views, moment, names).await;
        }
        let (as_of_us, sequence) = (moment.as_of_us, snapshot.sequence);
        let (mut copy, stale) = self.past.find(as_of_us, sequence).unwrap_or_else(|| {
            let (names, rows) = (BTreeSet::new(), snapshot.views.clone());
            (Copy { as_of_us, sequence, names, rows }, Vec::new())
        });
        copy.sequence = sequence;
        if !stale.is_empty() {
            self.step(tables, &mut copy.rows, &stale, moment, &copy.names).await?;
        }
        let missing: BTreeSet<String> = names
            .iter()
            .filter(|name| copy.rows.contains_key(*name) && !copy.names.contains(*name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let mut rows = self.hide(tables, &snapshot.views, moment, &self.closure(&missing)).await?;
            for name in missing {
                copy.rows.insert(name.clone(), rows.remove(&name).expect("every planned view has rows"));
                copy.names.insert(name);
            }
        }
        self.past.put(copy.clone());
        Ok(copy.rows)
    }

    /// The views at a past moment: rows of keys with something hidden are folded again, every
    /// other row is what it is now. Only `names` and what they read are right afterwards.
    pub async fn hide(
        self: &Arc<Self>,
        tables: &Tables,
        now: &ViewRows,
        moment: Moment,
        names: &BTreeSet<String>,
    ) -> Result<ViewRows, Error> {
        let hidden = tables.keys_hidden_at(moment);
        if hidden.is_empty() {
            return Ok(now.clone());
        }
        let mut rows = now.clone();
        for (name, rows) in &mut rows {
            if names.contains(name) {
                rows.remove(&hidden);
            }
        }
        let names = Some(Arc::new(names.clone()));
        // Most of what is hidden in a far past had not begun: there is nothing to fold.
        let begun = tables.keys_seen_at(&hidden, moment);
        self.fold_chunks(tables, sets(&begun), moment, names, |_, folded| add(&mut rows, folded)).await?;
        Ok(rows)
    }

    /// From the views at one moment to those at a neighbouring one: folds `keys` (ascending), which must be
    /// those whose events differ between the two. Only `names` and what they read are right afterwards.
    pub async fn step(
        self: &Arc<Self>,
        tables: &Tables,
        rows: &mut ViewRows,
        keys: &[i64],
        moment: Moment,
        names: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let names = Some(Arc::new(names.clone()));
        self.fold_chunks(tables, sets(keys), moment, names, |keys, folded| replace(rows, keys, folded)).await
    }

    /// Every view from all events: what `refold` must equal.
    pub async fn fold_all(self: &Arc<Self>, tables: &Tables, moment: Moment) -> Result<ViewRows, Error> {
        let count = tables.total_rows().div_ceil(ROWS_PER_CHUNK).max(1) as i128;
        let width = (1_i128 << 64) / count;
        let ranges = (0..count).map(|i| {
            let from = i64::MIN as i128 + i * width;
            let to = if i + 1 == count { i64::MAX as i128 } else { from + width - 1 };
            Keys::Between(from as i64, to as i64)
        });
        let mut rows = self.empty();
        let take = |keys: &Keys, folded| replace(&mut rows, keys, folded);
        self.fold_chunks(tables, ranges.collect(), moment, None, take).await?;
        Ok(rows)
    }

    /// Folds each chunk of keys on its own task. `take` gets what came of each, in the order of `chunks`, as it comes:
    /// so memory is needed for a few chunks, however many there are.
    async fn fold_chunks(
        self: &Arc<Self>,
        tables: &Tables,
        chunks: Vec<Keys>,
        moment: Moment,
        names: Option<Arc<BTreeSet<String>>>,
        mut take: impl FnMut(&Keys, Folded) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let folds = chunks.into_iter().map(|keys| {
            let (views, tables, names) = (Arc::clone(self), tables.clone(), names.clone());
            let fold = async move {
                let folded = views.fold_chunk(&tables, &keys, moment, names.as_deref()).await?;
                Ok::<_, Error>((keys, folded))
            };
            async move { tokio::spawn(fold).await.map_err(stopped)? }
        });
        let mut folds = futures::stream::iter(folds).buffered(CHUNKS_AT_ONCE);
        while let Some((keys, folded)) = folds.try_next().await? {
            take(&keys, folded)?;
        }
        Ok(())
    }

    /// The rows of every view for some keys.
    async fn fold_chunk(
        &self,
        tables: &Tables,
        keys: &Keys,
        moment: Moment,
        names: Option<&BTreeSet<String>>,
    ) -> Result<Folded, Error> {
        // Only readers name views. The writer waits for nobody.
        let _turn = match names {
            Some(_) => Some(self.readers.acquire().await.expect("nobody closes it")),
            None => None,
        };
        let mut inputs = HashMap::new();
        for (index, table) in EVENT_TABLES.iter().enumerate() {
            inputs.insert(table.name(), tables.gather(index, keys, moment)?);
        }
        let mut folded = Folded::new();
        for planned in &self.planned {
            let view = &planned.view;
            if names.is_some_and(|names| !names.contains(&view.name)) {
                continue;
            }
            let quiet = view.from.iter().all(|name| inputs[name.as_str()].num_rows() == 0);
            let rows = if quiet {
                RecordBatch::new_empty(planned.schema.clone())
            } else {
                self.run(planned, &inputs).await?
            };
            inputs.insert(&view.name, rows.clone());
            folded.insert(view.name.clone(), rows);
        }
        Ok(folded)
    }

    async fn run(
        &self,
        planned: &Planned,
        inputs: &HashMap<&str, RecordBatch>,
    ) -> Result<RecordBatch, Error> {
        let idle = planned.idle.lock().expect("no holder of the idle plans panics").pop();
        let fold = match idle {
            Some(fold) => fold,
            None => Fold::plan(&planned.view, (self.context)(), &self.schemas()).await?,
        };
        let started = Instant::now();
        let rows = fold.run(inputs).await.map_err(|error| Error::Internal {
            message: format!("view '{}' failed: {error}", planned.view.name),
        })?;
        let seconds = started.elapsed().as_secs_f64();
        tracing::trace!(view = planned.view.name, rows = rows.num_rows(), seconds, "folded a view");
        planned.idle.lock().expect("no holder of the idle plans panics").push(fold);
        Ok(rows)
    }
}

/// Makes what was folded the rows of `keys`; those of a range have none yet.
fn replace(rows: &mut ViewRows, keys: &Keys, folded: Folded) -> Result<(), Error> {
    let keys: &[i64] = match keys {
        Keys::Set(keys) => keys,
        Keys::Between(..) => &[],
    };
    for (name, batch) in folded {
        rows.get_mut(&name).expect("every planned view has rows").replace(keys, &batch)?;
    }
    Ok(())
}

/// Adds what was folded of keys that have no rows. What is there stays shared with other moments.
fn add(rows: &mut ViewRows, folded: Folded) -> Result<(), Error> {
    for (name, batch) in folded {
        rows.get_mut(&name).expect("every planned view has rows").add(&batch)?;
    }
    Ok(())
}

fn sets(keys: &[i64]) -> Vec<Keys> {
    keys.chunks(KEYS_PER_CHUNK).map(|keys| Keys::Set(keys.into())).collect()
}

fn stopped(error: JoinError) -> Error {
    Error::Internal { message: format!("a fold stopped: {error}") }
}
