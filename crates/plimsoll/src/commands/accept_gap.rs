//! `accept-gap`: the recorded way past a halted partition: reading goes on where its log begins now.
//!
//! Invariants: only a partition that cannot be read as it is has a gap; what is given up becomes a row, in the one commit
//! that moves the position. It needs the data directory for itself, so a server is stopped first.
//! Deliberately absent: what fills the gap. A backfill does, from the source.

use std::time::Duration;

use ingest::Gap;

use super::{has_data, print};
use crate::cli::AcceptGapArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline::{self, Store};

const CLUSTER_TIMEOUT: Duration = Duration::from_secs(15);
/// The local log's only partition.
const LOCAL: (&str, i32) = ("local", 0);

pub fn run(config: &Config, arguments: &AcceptGapArgs) -> Result<(), Failure> {
    if !has_data(&config.data_dir) {
        return Err(Failure::misuse(format!("{} holds no data; see --data", config.data_dir.display())));
    }
    crate::runtime::runtime("plimsoll")?.block_on(async {
        let store = pipeline::open(config, &config.data_dir).await?;
        // All are asked before the first is accepted.
        let places = arguments.partitions.iter();
        let gaps: Vec<Gap> = places.map(|place| find(config, &store, place)).collect::<Result<_, _>>()?;
        let mut text = String::new();
        for gap in gaps {
            let (topic, partition) = (gap.span.topic.clone(), gap.span.partition);
            let line = format!("{topic}/{partition}: {}\n", gap.detail);
            accept(&store, gap).await?;
            text.push_str(&line);
        }
        text.push_str(
            "recorded in dead_letters as gap_accepted; fill the gap from the source with 'plimsoll ingest'\n",
        );
        print(text.as_bytes())
    })
}

fn find(config: &Config, store: &Store, place: &(String, i32)) -> Result<Gap, Failure> {
    let place = (place.0.as_str(), place.1);
    let gap = if place == LOCAL {
        store.log.gap(&store.positions())
    } else if config.kafka_enabled() {
        let positions = store.engine.positions();
        ingest::kafka_gap(&pipeline::kafka_config(config), &positions, place, CLUSTER_TIMEOUT)
    } else {
        return Err(Failure::misuse("no kafka brokers are configured; without them there is local/0 only"));
    };
    gap.map_err(|error| pipeline::log_failure(&error))
}

async fn accept(store: &Store, gap: Gap) -> Result<(), Failure> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let sent = sender.send(gap.accept()).await;
    drop(sender);
    store.engine.ingest(receiver).await.map_err(|error| Failure::engine(&error))?;
    sent.map_err(|_| Failure::failed("the store takes nothing"))
}
