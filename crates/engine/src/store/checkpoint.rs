//! The views on disk, so that a restart folds only what came after.
//!
//! Invariant: a checkpoint is used only when it was made by the same view definitions; then the
//! rows of events at or after its positions are folded again, so a missing, old or half-written
//! checkpoint costs time and never changes a result. It is a cache: deleting it is safe.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::functions;
use crate::rows::by_key::ViewRows;
use crate::store::cache;

#[derive(Serialize, Deserialize)]
struct Manifest {
    definitions: String,
    /// Durable next offsets, by app id, that the views cover.
    positions: HashMap<String, i64>,
}

/// Writes the views as they stand at `positions`. The manifest goes last and comes off first.
pub fn write(
    dir: &Path,
    catalogue: &Catalogue,
    views: &ViewRows,
    positions: &HashMap<String, i64>,
) -> Result<(), Error> {
    let manifest_path = manifest_path(dir);
    if manifest_path.exists() {
        std::fs::remove_file(&manifest_path)?;
    }
    std::fs::create_dir_all(views_dir(dir))?;
    for (name, rows) in views {
        cache::write(&view_path(dir, name), &rows.to_batch()?)?;
    }
    let manifest = Manifest { definitions: definitions(catalogue), positions: positions.clone() };
    let text = serde_json::to_vec(&manifest).expect("a manifest is strings and integers");
    std::fs::write(manifest_path, text)?;
    Ok(())
}

/// Fills `views` and gives the positions that they cover; `None` where there is no usable checkpoint.
pub fn read(dir: &Path, catalogue: &Catalogue, views: &mut ViewRows) -> Option<HashMap<String, i64>> {
    let text = std::fs::read(manifest_path(dir)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    if manifest.definitions != definitions(catalogue) {
        return None;
    }
    let mut loaded = views.clone();
    for (name, rows) in &mut loaded {
        let batch = cache::map(&view_path(dir, name)).ok()?;
        if batch.schema() != rows.schema {
            return None;
        }
        rows.add(&batch).ok()?;
    }
    *views = loaded;
    Some(manifest.positions)
}

/// Changes with anything that a view's rows depend on besides events.
fn definitions(catalogue: &Catalogue) -> String {
    let mut text = format!("{} {}", env!("CARGO_PKG_VERSION"), functions::DEFINITION_VERSION);
    text.extend(functions::lists());
    for view in catalogue.keyed() {
        text.push_str(&format!("\u{0}{}\u{0}{:?}\u{0}{}", view.name, view.open, view.sql));
    }
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

fn views_dir(dir: &Path) -> PathBuf {
    dir.join("cache").join("views")
}

fn manifest_path(dir: &Path) -> PathBuf {
    views_dir(dir).join("manifest.json")
}

fn view_path(dir: &Path, name: &str) -> PathBuf {
    views_dir(dir).join(format!("{name}.arrow"))
}
