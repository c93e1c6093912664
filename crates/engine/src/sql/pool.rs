//! The memory that the steps of users' plans say that they need.
//!
//! Invariant: what is given here is within `limits.sql_memory_bytes`, and only while the meter agrees, which counts what no
//! step speaks of as well. One aggregate gets a quarter: its values are written out once more, and copied, at its end.

use std::fmt;

use datafusion::common::{Result, resources_err};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::meter;

/// Of the memory, the part that one aggregate may have.
const AGGREGATE_SHARE: usize = 4;

#[derive(Debug)]
pub struct StatementPool {
    inner: FairSpillPool,
    memory_bytes: usize,
}

impl StatementPool {
    pub fn new(memory_bytes: usize) -> StatementPool {
        StatementPool { inner: FairSpillPool::new(memory_bytes), memory_bytes }
    }
}

impl fmt::Display for StatementPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl MemoryPool for StatementPool {
    fn name(&self) -> &str {
        "statements"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let name = reservation.consumer().name();
        let most = self.memory_bytes / AGGREGATE_SHARE;
        if name.contains("Aggregate") && reservation.size().saturating_add(additional) > most {
            return resources_err!(
                "{name} would hold more than {} MiB, a quarter of limits.sql_memory_bytes",
                most >> 20
            );
        }
        // What is asked for here is often there already, and counted.
        meter::check(0)?;
        self.inner.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.memory_bytes)
    }
}
