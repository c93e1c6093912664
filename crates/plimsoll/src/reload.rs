//! Takes changed files of the user's catalogue over while serving.
//!
//! Invariant: files are read once they have stood still for one look, so that none is taken half-written. Whatever is
//! wrong with them, what was in force stays in force. Deliberately absent: a watcher of the operating system's; the
//! directories are small, and looking works on every file system.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Problem, Reloaded, Reloader, Stamp};

use surface::App;

use crate::config::Catalogue;

/// Looks at `catalogue.dirs` until the process ends. `reloader` was made when the engine opened.
pub async fn watch(app: Arc<App>, config: Catalogue, engine: Engine, mut reloader: Reloader) {
    let dirs = config.dirs;
    let mut look = tokio::time::interval(Duration::from_millis(config.reload_interval_ms));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = Stamp::of(&dirs);
    // What was written while the store was being opened counts as changed.
    let mut changed = true;
    loop {
        look.tick().await;
        let stamp = stamp(dirs.clone()).await;
        let still = stamp == seen;
        (changed, seen) = (changed || !still, stamp);
        if changed && still {
            changed = false;
            take_over(&app, &engine, &mut reloader).await;
        }
    }
}

async fn stamp(dirs: Vec<PathBuf>) -> Stamp {
    tokio::task::spawn_blocking(move || Stamp::of(&dirs)).await.expect("looking at files does not panic")
}

async fn take_over(app: &App, engine: &Engine, reloader: &mut Reloader) {
    let Reloaded { catalogue, problems } = reloader.read(&engine.catalogue()).await;
    let metrics = catalogue.map(|catalogue| engine.redefine(catalogue)).unwrap_or_default();
    if !metrics.is_empty() {
        tracing::info!(metrics = metrics.join(", "), "catalogue reloaded");
    }
    tell(&app.catalogue_problems(), &problems);
    app.set_catalogue_problems(problems);
}

/// Each problem once, not at each change of another file.
fn tell(known: &[Problem], problems: &[Problem]) {
    let known: BTreeSet<&Problem> = known.iter().collect();
    for problem in problems.iter().filter(|problem| !known.contains(problem)) {
        tracing::warn!("{}", problem.pointed());
    }
    if problems.is_empty() && !known.is_empty() {
        tracing::info!("all problems of the catalogue are solved");
    }
}
