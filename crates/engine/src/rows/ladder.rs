//! The rows of one event id that can win, the earliest observed first.
//!
//! Invariant: each step was observed later than the one before it and outranks it, so the winner at K is the last step
//! observed by K, and the earliest observation is the first step's. The steps depend on the set of rows placed, never
//! on their order. Placing a row costs a logarithm of their number.

use std::collections::BTreeMap;

/// One stored row of an id, told from the id's other rows by (payload, version, observed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    pub payload_hash: i64,
    pub observed_us: i64,
    pub source_version: i64,
    pub key_hash: i64,
}

/// The steps of an id.
#[derive(Debug, Clone)]
pub struct Ladder {
    first: Variant,
    /// By observation.
    later: BTreeMap<i64, Variant>,
    /// Whether two rows of the id ever had different payloads.
    pub conflicting: bool,
}

/// Where a row went.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// Another row outdoes it.
    Nowhere,
    /// It is a step. `unsettled` is the key of the row that won before, if that lost or counts from another time now.
    Step { unsettled: Option<i64> },
}

impl Variant {
    fn rank(&self) -> (i64, i64) {
        (self.source_version, self.payload_hash)
    }

    /// Whether `other` can win at no moment because of this row.
    pub fn outdoes(&self, other: &Variant) -> bool {
        self.observed_us <= other.observed_us && self.rank() >= other.rank()
    }
}

impl Ladder {
    pub fn of(first: Variant) -> Ladder {
        Ladder { first, later: BTreeMap::new(), conflicting: false }
    }

    /// Whether `row` can win at no moment.
    pub fn outdo(&self, row: &Variant) -> bool {
        self.winner(row.observed_us).is_some_and(|step| step.outdoes(row))
    }

    /// Adds a row; the steps that it outdoes go.
    pub fn place(&mut self, row: Variant) -> Place {
        if self.outdo(&row) {
            return Place::Nowhere;
        }
        let (won, began_us) = (*self.last(), self.first.observed_us);
        while let Some((&at_us, step)) = self.later.range(row.observed_us..).next()
            && row.outdoes(step)
        {
            self.later.remove(&at_us);
        }
        if row.observed_us > self.first.observed_us {
            self.later.insert(row.observed_us, row);
        } else {
            let first = std::mem::replace(&mut self.first, row);
            if !row.outdoes(&first) {
                self.later.insert(first.observed_us, first);
            }
        }
        let settled = *self.last() == won && self.first.observed_us == began_us;
        Place::Step { unsettled: (!settled).then_some(won.key_hash) }
    }

    /// The row that wins among those known at K.
    pub fn winner(&self, known_at_us: i64) -> Option<&Variant> {
        let later = self.later.range(..=known_at_us).next_back().map(|(_, step)| step);
        later.or_else(|| (self.first.observed_us <= known_at_us).then_some(&self.first))
    }

    pub fn earliest_us(&self) -> i64 {
        self.first.observed_us
    }

    pub fn newest_us(&self) -> i64 {
        self.last().observed_us
    }

    fn last(&self) -> &Variant {
        self.later.last_key_value().map_or(&self.first, |(_, step)| step)
    }

    fn each(&self) -> impl Iterator<Item = &Variant> {
        std::iter::once(&self.first).chain(self.later.values())
    }

    pub fn keys(&self) -> impl Iterator<Item = i64> {
        self.each().map(|step| step.key_hash)
    }

    /// When the rows of a key may change because of this id: a step wins when it is observed, and the one before it
    /// loses; and each counts from the earliest observation, if it says a later time.
    pub fn changes(&self) -> impl Iterator<Item = (i64, i64)> {
        let began_us = self.earliest_us();
        let won =
            self.each().flat_map(move |step| [(step.observed_us, step.key_hash), (began_us, step.key_hash)]);
        let lost =
            self.later.values().zip(self.each()).map(|(step, before)| (step.observed_us, before.key_hash));
        won.chain(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(observed_us: i64, version: i64, key_hash: i64) -> Variant {
        Variant { payload_hash: version % 3, observed_us, source_version: version, key_hash }
    }

    /// Numbers that repeat with a seed.
    fn dice(seed: &mut u64, sides: u64) -> i64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*seed >> 33) % sides) as i64
    }

    #[test]
    fn the_steps_say_what_all_rows_say() {
        let mut seed = 7;
        for _ in 0..2_000 {
            let count = 1 + dice(&mut seed, 7);
            let rows: Vec<Variant> =
                (0..count).map(|key| row(dice(&mut seed, 8), dice(&mut seed, 5), key)).collect();
            let mut steps = Ladder::of(rows[0]);
            for (index, new) in rows.iter().enumerate().skip(1) {
                let before = (*steps.last(), steps.earliest_us());
                let place = steps.place(*new);
                let unsettled = (before != (*steps.last(), steps.earliest_us())).then_some(before.0.key_hash);
                let stands = steps.each().any(|step| step == new);
                assert_eq!(stands, place != Place::Nowhere, "{rows:?}");
                if let Place::Step { unsettled: said } = place {
                    assert_eq!(said, unsettled, "{rows:?}");
                }
                for known_at_us in -1..9 {
                    let known = || rows[..=index].iter().filter(|row| row.observed_us <= known_at_us);
                    let best = known().map(Variant::rank).max();
                    assert_eq!(
                        steps.winner(known_at_us).map(Variant::rank),
                        best,
                        "{rows:?} at {known_at_us}"
                    );
                    let earliest = known().map(|row| row.observed_us).min();
                    let said = best.is_some().then_some(steps.earliest_us());
                    assert_eq!(said, earliest, "{rows:?} at {known_at_us}");
                }
            }
        }
    }

    #[test]
    fn every_change_of_what_a_key_shows_is_told() {
        let steps = [row(10, 1, 100), row(20, 2, 200), row(30, 3, 300)];
        let mut all = Ladder::of(steps[1]);
        all.place(steps[2]);
        all.place(steps[0]);
        let mut changes: Vec<(i64, i64)> = all.changes().collect();
        changes.sort_unstable();
        changes.dedup();
        assert_eq!(changes, [(10, 100), (10, 200), (10, 300), (20, 100), (20, 200), (30, 200), (30, 300)]);
    }
}
