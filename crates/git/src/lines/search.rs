//! How many elements differ between two sequences, by Myers' linear-space search with the two
//! shortcuts that git takes when a search gets long.
//!
//! Method: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986): from both corners
//! of the edit graph, extend the furthest reaching paths edit by edit until they meet, split there,
//! and do the same on both sides. The shortcuts split at a promising place before they meet.
//! Invariant: the result is what git's default algorithm comes to, shortcuts included; hence the
//! constants. Short searches (the usual case) give the smallest difference.

/// Edits before a promising run of matches is good enough.
const PROMISING_AFTER: i64 = 256;
/// Such a run has this many matches.
const RUN: i64 = 20;
/// And its path is this many times as long as the edits so far.
const PROGRESS: i64 = 4;
/// Edits before a search ends at the furthest path, at least.
const COST_MAX_LEAST: i64 = 256;

/// Elements only in `new` and only in `old`.
pub fn differences(old: &[u32], new: &[u32]) -> (u64, u64) {
    let diagonals = old.len() + new.len() + 3;
    let mut search = Search {
        old,
        new,
        forward: vec![0; diagonals + 1],
        backward: vec![0; diagonals + 1],
        origin: new.len() as i64 + 1,
        cost_max: i64::from(root(diagonals)).max(COST_MAX_LEAST),
        added: 0,
        deleted: 0,
    };
    search.part((0, old.len() as i64), (0, new.len() as i64), false);
    (search.added, search.deleted)
}

/// About the square root, as a power of two: twice for every factor of four.
pub fn root(number: usize) -> u32 {
    let bits = usize::BITS - number.leading_zeros();
    1 << bits.div_ceil(2).min(31)
}

struct Search<'s> {
    old: &'s [u32],
    new: &'s [u32],
    /// For each diagonal (position in `old` less position in `new`) the position in `old` that the
    /// path from the beginning has reached, and the one from the end.
    forward: Vec<i64>,
    backward: Vec<i64>,
    /// Where diagonal 0 is in these two.
    origin: i64,
    cost_max: i64,
    added: u64,
    deleted: u64,
}

/// Where to cut a part in two, and whether each side must be searched without shortcuts.
struct Cut {
    old: i64,
    new: i64,
    exact_before: bool,
    exact_after: bool,
}

type Range = (i64, i64);

/// The diagonals that paths from one corner are on, every other one from `low` to `high`.
#[derive(Clone, Copy)]
struct Front {
    low: i64,
    high: i64,
    /// Of the corner.
    middle: i64,
}

impl Front {
    fn at(diagonal: i64) -> Front {
        Front { low: diagonal, high: diagonal, middle: diagonal }
    }

    fn contains(&self, diagonal: i64) -> bool {
        (self.low..=self.high).contains(&diagonal)
    }

    fn diagonals(self) -> impl Iterator<Item = i64> {
        (self.low..=self.high).rev().step_by(2)
    }

    /// One edit more: a diagonal more on each side, or one less where the part ends. The neighbours
    /// outside get a value that is never chosen.
    fn widen(&mut self, reached: &mut [i64], origin: i64, limits: Range, outside: i64) {
        if self.low > limits.0 {
            self.low -= 1;
            reached[(self.low - 1 + origin) as usize] = outside;
        } else {
            self.low += 1;
        }
        if self.high < limits.1 {
            self.high += 1;
            reached[(self.high + 1 + origin) as usize] = outside;
        } else {
            self.high -= 1;
        }
    }
}

impl Search<'_> {
    /// Counts the differences of a part. Recursion goes into the first half only.
    fn part(&mut self, mut old: Range, mut new: Range, mut exact: bool) {
        loop {
            while old.0 < old.1 && new.0 < new.1 && self.same(old.0, new.0) {
                old.0 += 1;
                new.0 += 1;
            }
            while old.0 < old.1 && new.0 < new.1 && self.same(old.1 - 1, new.1 - 1) {
                old.1 -= 1;
                new.1 -= 1;
            }
            if old.0 == old.1 || new.0 == new.1 {
                self.deleted += (old.1 - old.0) as u64;
                self.added += (new.1 - new.0) as u64;
                return;
            }
            let cut = self.cut(old, new, exact);
            self.part((old.0, cut.old), (new.0, cut.new), cut.exact_before);
            old.0 = cut.old;
            new.0 = cut.new;
            exact = cut.exact_after;
        }
    }

    fn same(&self, old: i64, new: i64) -> bool {
        self.old[old as usize] == self.new[new as usize]
    }

    fn cut(&mut self, old: Range, new: Range, exact: bool) -> Cut {
        let limits = (old.0 - new.1, old.1 - new.0);
        let mut from_start = Front::at(old.0 - new.0);
        let mut from_end = Front::at(old.1 - new.1);
        let odd = (from_start.middle - from_end.middle) % 2 != 0;
        let origin = self.origin;
        self.forward[(from_start.middle + origin) as usize] = old.0;
        self.backward[(from_end.middle + origin) as usize] = old.1;
        let mut edits = 0;
        loop {
            edits += 1;
            let mut run = false;
            from_start.widen(&mut self.forward, origin, limits, -1);
            for diagonal in from_start.diagonals() {
                let (at, matches) = self.extend(diagonal, old, new);
                run |= matches > RUN;
                if odd && from_end.contains(diagonal) && self.backward[(diagonal + origin) as usize] <= at {
                    return Cut { old: at, new: at - diagonal, exact_before: true, exact_after: true };
                }
            }
            from_end.widen(&mut self.backward, origin, limits, i64::MAX);
            for diagonal in from_end.diagonals() {
                let (at, matches) = self.extend_back(diagonal, old, new);
                run |= matches > RUN;
                if !odd && from_start.contains(diagonal) && at <= self.forward[(diagonal + origin) as usize] {
                    return Cut { old: at, new: at - diagonal, exact_before: true, exact_after: true };
                }
            }
            if exact {
                continue;
            }
            if run && edits > PROMISING_AFTER {
                if let Some((at, diagonal)) = self.promising(from_start, old, new, edits) {
                    return Cut { old: at, new: at - diagonal, exact_before: true, exact_after: false };
                }
                if let Some((at, diagonal)) = self.promising_back(from_end, old, new, edits) {
                    return Cut { old: at, new: at - diagonal, exact_before: false, exact_after: true };
                }
            }
            if edits >= self.cost_max {
                return self.furthest(from_start, from_end, old, new);
            }
        }
    }

    /// The path from the beginning on `diagonal` with one edit more, then along all matches.
    fn extend(&mut self, diagonal: i64, old: Range, new: Range) -> (i64, i64) {
        let slot = (diagonal + self.origin) as usize;
        let (below, above) = (self.forward[slot - 1], self.forward[slot + 1]);
        let start = if below >= above { below + 1 } else { above };
        let mut at = start;
        while at < old.1 && at - diagonal < new.1 && self.same(at, at - diagonal) {
            at += 1;
        }
        self.forward[slot] = at;
        (at, at - start)
    }

    fn extend_back(&mut self, diagonal: i64, old: Range, new: Range) -> (i64, i64) {
        let slot = (diagonal + self.origin) as usize;
        let (below, above) = (self.backward[slot - 1], self.backward[slot + 1]);
        let start = if below < above { below } else { above - 1 };
        let mut at = start;
        while at > old.0 && at - diagonal > new.0 && self.same(at - 1, at - 1 - diagonal) {
            at -= 1;
        }
        self.backward[slot] = at;
        (at, start - at)
    }

    /// The path from the beginning that got furthest for its edits and ends in a run of matches.
    fn promising(&self, front: Front, old: Range, new: Range, edits: i64) -> Option<(i64, i64)> {
        let mut best = (0, None);
        for diagonal in front.diagonals() {
            let at = self.forward[(diagonal + self.origin) as usize];
            let there = at - diagonal;
            let gain = (at - old.0) + (there - new.0) - (diagonal - front.middle).abs();
            if gain > PROGRESS * edits
                && gain > best.0
                && (old.0 + RUN..old.1).contains(&at)
                && (new.0 + RUN..new.1).contains(&there)
                && (1..=RUN).all(|back| self.same(at - back, there - back))
            {
                best = (gain, Some((at, diagonal)));
            }
        }
        best.1
    }

    fn promising_back(&self, front: Front, old: Range, new: Range, edits: i64) -> Option<(i64, i64)> {
        let mut best = (0, None);
        for diagonal in front.diagonals() {
            let at = self.backward[(diagonal + self.origin) as usize];
            let there = at - diagonal;
            let gain = (old.1 - at) + (new.1 - there) - (diagonal - front.middle).abs();
            if gain > PROGRESS * edits
                && gain > best.0
                && (old.0 + 1..=old.1 - RUN).contains(&at)
                && (new.0 + 1..=new.1 - RUN).contains(&there)
                && (0..RUN).all(|ahead| self.same(at + ahead, there + ahead))
            {
                best = (gain, Some((at, diagonal)));
            }
        }
        best.1
    }

    /// Enough: cut at the end of the longest path from either side.
    fn furthest(&self, from_start: Front, from_end: Front, old: Range, new: Range) -> Cut {
        let ends = from_start.diagonals().map(|diagonal| {
            let at = self.forward[(diagonal + self.origin) as usize].min(old.1);
            if at - diagonal > new.1 { (new.1 + diagonal, new.1) } else { (at, at - diagonal) }
        });
        let mut forward = (-1, -1);
        for (at, there) in ends {
            if at + there > forward.0 {
                forward = (at + there, at);
            }
        }
        let starts = from_end.diagonals().map(|diagonal| {
            let at = self.backward[(diagonal + self.origin) as usize].max(old.0);
            if at - diagonal < new.0 { (new.0 + diagonal, new.0) } else { (at, at - diagonal) }
        });
        let mut backward = (i64::MAX, i64::MAX);
        for (at, there) in starts {
            if at + there < backward.0 {
                backward = (at + there, at);
            }
        }
        if (old.1 + new.1) - backward.0 < forward.0 - (old.0 + new.0) {
            Cut { old: forward.1, new: forward.0 - forward.1, exact_before: true, exact_after: false }
        } else {
            Cut { old: backward.1, new: backward.0 - backward.1, exact_before: false, exact_after: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest difference by dynamic programming.
    fn smallest(old: &[u32], new: &[u32]) -> (u64, u64) {
        let mut common = vec![vec![0_u64; new.len() + 1]; old.len() + 1];
        for (i, a) in old.iter().enumerate() {
            for (j, b) in new.iter().enumerate() {
                common[i + 1][j + 1] =
                    if a == b { common[i][j] + 1 } else { common[i][j + 1].max(common[i + 1][j]) };
            }
        }
        let both = common[old.len()][new.len()];
        (new.len() as u64 - both, old.len() as u64 - both)
    }

    #[test]
    fn short_searches_find_the_smallest_difference() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let letters = 1 + random(6);
            let (len_a, len_b) = (random(30), random(30));
            let a: Vec<u32> = (0..len_a).map(|_| random(letters) as u32).collect();
            let b: Vec<u32> = (0..len_b).map(|_| random(letters) as u32).collect();
            assert_eq!(differences(&a, &b), smallest(&a, &b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn roots_are_powers_of_two() {
        for (number, expect) in [(1, 2), (3, 2), (4, 4), (15, 4), (16, 8), (1000, 32), (1024, 64)] {
            assert_eq!(root(number), expect, "{number}");
        }
    }
}
