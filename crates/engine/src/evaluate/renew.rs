//! Every metric at now, onto the board.
//!
//! Invariant: a result reaches the board only if the definitions that it was made by are still in force.
//! Deliberately absent: when (`pace.rs`, `demand.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;

use crate::error::Error;
use crate::evaluate::board::{Attempt, Board, Evaluated};
use crate::evaluate::round::{Answer, Round};
use crate::evaluate::{Evaluator, moment};
use crate::shared::Shared;
use crate::snapshot::Snapshot;

impl Evaluator {
    /// Evaluates the metrics named on the newest snapshot, at now, and puts each result on the board as it
    /// comes. The first board is put up whole: before it nothing is ready.
    pub async fn renew(&self, shared: &Shared, names: &BTreeSet<String>) -> Result<(), Error> {
        let snapshot = shared.snapshot.load_full();
        let whole = shared.board.load().tried.len() < self.catalogue.metrics.len();
        let mut waiting = Vec::new();
        self.at_now(&snapshot, names, whole, |evaluated| {
            waiting.push(evaluated);
            if !whole {
                self.put(shared, &std::mem::take(&mut waiting));
            }
        })
        .await?;
        self.put(shared, &waiting);
        Ok(())
    }

    pub async fn renew_all(&self, shared: &Shared) -> Result<(), Error> {
        let names = self.catalogue.metrics.iter().map(|metric| metric.name.clone()).collect();
        self.renew(shared, &names).await
    }

    /// Puts results on the board, unless other definitions came into force meanwhile.
    fn put(&self, shared: &Shared, evaluated: &[Evaluated]) {
        shared.board.rcu(|board| {
            let mut board = Board::clone(board);
            if Arc::ptr_eq(&shared.evaluator.load().catalogue, &self.catalogue) {
                evaluated.iter().for_each(|evaluated| board.take(evaluated));
            }
            board
        });
    }

    async fn at_now(
        &self,
        snapshot: &Snapshot,
        names: &BTreeSet<String>,
        at_once: bool,
        mut put: impl FnMut(Evaluated),
    ) -> Result<(), Error> {
        let now = Utc::now();
        let moment = moment(now, now);
        let reads = names.iter().filter_map(|name| self.reads.get(name)).flatten().cloned().collect();
        let views = self.views.at(snapshot, moment, &reads).await?;
        let asked = self.catalogue.metrics.iter().filter(|metric| names.contains(&metric.name));
        let asked = asked.map(|metric| Ok((metric, self.bind(metric, moment, &BTreeMap::new())?)));
        let asked = asked.collect::<Result<Vec<_>, Error>>()?;
        let mut round = Round::new(self, snapshot, &views, moment, asked)?;
        if at_once {
            // Nothing is ready before it is over, and whoever asks meanwhile finds the most of it done.
            round = round.at_once().await;
        }
        while let Some(Answer { metric, rows, seconds }) = round.next(Ok).await {
            let outcome = rows.map(|rows| Arc::new(self.result(metric, now, now, snapshot, rows)));
            let outcome = outcome.map_err(|error| {
                tracing::error!(metric = metric.name, %error, "metric failed");
                error.to_string()
            });
            let tried = Attempt {
                at: now,
                seconds: seconds + self.shared_seconds(self.reads(metric)),
                sequence: snapshot.sequence,
                position: snapshot.position.clone(),
            };
            put(Evaluated { metric: metric.name.clone(), tried, outcome });
        }
        Ok(())
    }
}
