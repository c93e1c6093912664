//! Which commits, in which order: newest first, as `git log` goes.
//!
//! Invariants: each commit comes once; the order depends on the history alone; commits known from an
//! earlier run are left out as far as their dates tell (a commit with a wrong date may come again, and
//! is then dropped as a double by its event id); an absent commit is counted, not an error.
//! Memory is about 50 bytes a commit.
//! Deliberately lacking: contents; only commit objects are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gix::ObjectId;
use gix::hashtable::{HashMap, HashSet};

use super::commit::Commit;
use super::objects::{Fault, Reader};

/// A commit to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: ObjectId,
    pub base: Base,
}

/// What a commit's files are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing: it has no parent, or none that a shallow clone has.
    Empty,
    /// The tree of its only parent.
    Tree(ObjectId),
    /// Git shows no files for a merge.
    Merge,
    /// Its parent should be there and is not.
    Absent,
}

pub struct Walk<'w, 'p> {
    reader: &'w mut Reader<'p>,
    shallow: HashSet<ObjectId>,
    queue: BinaryHeap<(i64, Reverse<u64>, ObjectId)>,
    sequence: u64,
    /// Commits that wait in the queue.
    waiting: HashMap<ObjectId, Waiting>,
    seen: HashMap<ObjectId, Seen>,
    /// Waiting commits that are not known already.
    wanted: usize,
    /// Commits that could not be read, the first ones by name.
    pub absent: Vec<Fault>,
    pub absent_count: u64,
}

struct Waiting {
    parents: Vec<ObjectId>,
}

#[derive(Clone, Copy)]
struct Seen {
    /// `None` when the commit cannot be read.
    tree: Option<ObjectId>,
    known: bool,
}

/// Absent commits that are named.
const NAMED_MAX: usize = 10;

impl<'w, 'p> Walk<'w, 'p> {
    /// From `tips`, without what can be reached from `known`.
    pub fn new(
        reader: &'w mut Reader<'p>,
        shallow: HashSet<ObjectId>,
        tips: &[ObjectId],
        known: &[ObjectId],
    ) -> Walk<'w, 'p> {
        let mut walk = Walk {
            reader,
            shallow,
            queue: BinaryHeap::new(),
            sequence: 0,
            waiting: HashMap::default(),
            seen: HashMap::default(),
            wanted: 0,
            absent: Vec::new(),
            absent_count: 0,
        };
        // A tip known from before may be gone after a force push; then its history is simply new.
        for id in known.iter().filter(|&id| !tips.contains(id)) {
            if walk.reader.commit(id).is_ok() {
                walk.push(*id, true);
            }
        }
        for id in tips {
            walk.push(*id, known.contains(id));
        }
        walk
    }

    fn push(&mut self, id: ObjectId, known: bool) -> Seen {
        if let Some(&seen) = self.seen.get(&id) {
            if known && !seen.known {
                self.seen.insert(id, Seen { known, ..seen });
                self.wanted -= usize::from(self.waiting.contains_key(&id));
            }
            return seen;
        }
        let object = match self.reader.commit(&id) {
            Ok(object) => object,
            Err(fault) => {
                if !known {
                    self.absent_count += 1;
                    if self.absent.len() < NAMED_MAX {
                        self.absent.push(fault);
                    }
                }
                let seen = Seen { tree: None, known };
                self.seen.insert(id, seen);
                return seen;
            }
        };
        let mut commit = Commit::parse(&object.data);
        if self.shallow.contains(&id) {
            commit.parents.clear();
        }
        let seen = Seen { tree: commit.tree, known };
        self.seen.insert(id, seen);
        self.queue.push((commit.seconds(), Reverse(self.sequence), id));
        self.sequence += 1;
        self.wanted += usize::from(!known);
        self.waiting.insert(id, Waiting { parents: commit.parents });
        seen
    }
}

impl Iterator for Walk<'_, '_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        while self.wanted > 0 {
            let (_, _, id) = self.queue.pop()?;
            let parents = self.waiting.remove(&id).map(|waiting| waiting.parents).unwrap_or_default();
            let known = self.seen.get(&id).is_some_and(|seen| seen.known);
            self.wanted -= usize::from(!known);
            let mut trees = Vec::with_capacity(parents.len());
            for parent in &parents {
                trees.push(self.push(*parent, known).tree);
            }
            if known {
                continue;
            }
            let base = match trees.as_slice() {
                [] => Base::Empty,
                [Some(tree)] => Base::Tree(*tree),
                [None] => Base::Absent,
                _ => Base::Merge,
            };
            return Some(Node { id, base });
        }
        None
    }
}
