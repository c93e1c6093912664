//! The difference of two trees, file by file, in git's order.
//!
//! Invariants: subtrees with the same id are never read; changes come out in the order in which git
//! queues them, which decides ties in rename detection; modes are normalised as git does; a few small trees that stand
//! for very many files end in a fault, not in work without an end.
//! Deliberately lacking: renames (see [`super::rename`]) and contents.

use std::cmp::Ordering;

use gix::ObjectId;

use super::objects::{Fault, Reader};

/// What a tree says about one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    pub mode: Mode,
    pub id: ObjectId,
}

/// What kind of thing a tree entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    File,
    Executable,
    Link,
    Tree,
    /// A submodule: its id is a commit of another repository.
    Submodule,
}

impl Mode {
    pub fn is_regular(self) -> bool {
        matches!(self, Mode::File | Mode::Executable)
    }
}

/// A path that differs. At least one side is there, and neither is a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: Vec<u8>,
    pub old: Option<Side>,
    pub new: Option<Side>,
}

/// Appends what differs between two trees to `out`; `None` is the empty tree.
pub fn diff(
    reader: &mut Reader<'_>,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
    out: &mut Vec<Change>,
) -> Result<(), Fault> {
    if old == new {
        return Ok(());
    }
    TreeWalk { reader, path: Vec::new(), out, steps: 0, path_bytes: 0 }.trees(old, new)
}

/// Trees inside each other; deeper ones are damage or an attack.
const MAX_DEPTH: usize = 1_000;
/// Files that one commit changes, and bytes of their paths.
pub const FILES_MAX: usize = 250_000;
const PATHS_BYTES_MAX: usize = 64 << 20;
/// Entries looked at for one commit; a tree that is read counts as this many.
const STEPS_MAX: u64 = 20_000_000;
const STEPS_TREE: u64 = 100;

struct TreeWalk<'w, 'p> {
    reader: &'w mut Reader<'p>,
    /// The directory being compared, with a slash at its end, or nothing for the root.
    path: Vec<u8>,
    out: &'w mut Vec<Change>,
    steps: u64,
    path_bytes: usize,
}

impl TreeWalk<'_, '_> {
    fn trees(&mut self, old: Option<&ObjectId>, new: Option<&ObjectId>) -> Result<(), Fault> {
        let damaged = |id: Option<&ObjectId>| Fault::Damaged {
            id: id.copied().unwrap_or_else(|| ObjectId::null(gix::hash::Kind::Sha1)),
            detail: "a tree that does not parse".to_owned(),
        };
        self.step(STEPS_TREE)?;
        let old_tree = old.map(|id| self.reader.tree(id)).transpose()?;
        let new_tree = new.map(|id| self.reader.tree(id)).transpose()?;
        let (a, b) = (
            old_tree.as_deref().map_or(&[][..], |tree| &tree.data),
            new_tree.as_deref().map_or(&[][..], |tree| &tree.data),
        );
        let hash_len = old.or(new).map_or(20, |id| id.as_slice().len());
        let start = same_entries(a, b, hash_len).ok_or_else(|| damaged(old))?;
        let tail = common_suffix(&a[start..], &b[start..]);
        let (mut at_a, mut at_b) = (start, start);
        loop {
            // The rest is the same on both sides: trees are sorted, so nothing more differs.
            if a.len() - at_a == b.len() - at_b && a.len() - at_a <= tail {
                return Ok(());
            }
            let left = entry(a, at_a, hash_len).ok_or_else(|| damaged(old))?;
            let right = entry(b, at_b, hash_len).ok_or_else(|| damaged(new))?;
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => compare(left, right),
            };
            let left = left.filter(|_| order != Ordering::Greater);
            let right = right.filter(|_| order != Ordering::Less);
            at_a = left.as_ref().map_or(at_a, |entry| entry.end);
            at_b = right.as_ref().map_or(at_b, |entry| entry.end);
            self.step(1)?;
            self.entries(left, right)?;
        }
    }

    fn step(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps += steps;
        if self.steps > STEPS_MAX { Err(Fault::TooMany("directories")) } else { Ok(()) }
    }

    /// One name, on one side or both.
    fn entries(&mut self, left: Option<Entry<'_>>, right: Option<Entry<'_>>) -> Result<(), Fault> {
        let old = left.as_ref().map(|entry| entry.side);
        let new = right.as_ref().map(|entry| entry.side);
        let Some(name) = left.or(right).map(|entry| entry.name) else {
            return Ok(());
        };
        if old == new {
            return Ok(());
        }
        let base = self.path.len();
        self.path.extend_from_slice(name);
        // Where both sides are there, either both are trees or neither is.
        if old.or(new).is_some_and(|side| side.mode == Mode::Tree) {
            self.path.push(b'/');
            if self.path.iter().filter(|&&byte| byte == b'/').count() > MAX_DEPTH {
                let id = old.or(new).map(|side| side.id).expect("one side is there");
                return Err(Fault::Damaged { id, detail: "trees nested without an end".to_owned() });
            }
            let (old, new) = (old.map(|side| side.id), new.map(|side| side.id));
            self.trees(old.as_ref(), new.as_ref())?;
        } else {
            self.path_bytes += self.path.len();
            if self.out.len() == FILES_MAX || self.path_bytes > PATHS_BYTES_MAX {
                return Err(Fault::TooMany("files"));
            }
            self.out.push(Change { path: self.path.clone(), old, new });
        }
        self.path.truncate(base);
        Ok(())
    }
}

struct Entry<'t> {
    side: Side,
    name: &'t [u8],
    /// Where the next entry starts.
    end: usize,
}

/// The entry at `at`: `None` when it does not parse, `Some(None)` at the end.
fn entry(tree: &[u8], at: usize, hash_len: usize) -> Option<Option<Entry<'_>>> {
    let rest = &tree[at..];
    if rest.is_empty() {
        return Some(None);
    }
    let space = rest.iter().take(8).position(|&byte| byte == b' ')?;
    let mode = rest[..space].iter().try_fold(0_u32, |mode, &digit| {
        (b'0'..=b'7').contains(&digit).then(|| mode << 3 | u32::from(digit - b'0'))
    })?;
    let name_start = space + 1;
    let name_end = name_start + gix::bstr::ByteSlice::find_byte(&rest[name_start..], 0)?;
    let id = rest.get(name_end + 1..name_end + 1 + hash_len)?;
    if name_end == name_start {
        return None;
    }
    Some(Some(Entry {
        side: Side { mode: normal(mode), id: ObjectId::from_bytes_or_panic(id) },
        name: &rest[name_start..name_end],
        end: at + name_end + 1 + hash_len,
    }))
}

/// Old histories hold modes such as 100664; git takes the owner's execute bit and forgets the rest.
fn normal(mode: u32) -> Mode {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => Mode::Executable,
        0o100_000 => Mode::File,
        0o120_000 => Mode::Link,
        0o040_000 => Mode::Tree,
        _ => Mode::Submodule,
    }
}

/// Git's order of tree entries: a directory sorts as if its name ended in a slash.
fn compare(left: &Entry<'_>, right: &Entry<'_>) -> Ordering {
    let len = left.name.len().min(right.name.len());
    let next = |entry: &Entry<'_>| match entry.name.get(len) {
        Some(&byte) => byte,
        None if entry.side.mode == Mode::Tree => b'/',
        None => 0,
    };
    left.name[..len].cmp(&right.name[..len]).then_with(|| next(left).cmp(&next(right)))
}

/// The end of the last entry that both trees have in their common beginning.
/// Only one of them is parsed up to there.
fn same_entries(a: &[u8], b: &[u8], hash_len: usize) -> Option<usize> {
    let same = common_prefix(a, b);
    let mut at = 0;
    loop {
        // The shortest entry: a mode, a space, one byte of name, a NUL and the id.
        if at + hash_len + 5 > same {
            return Some(at);
        }
        match entry(a, at, hash_len)? {
            Some(entry) if entry.end <= same => at = entry.end,
            _ => return Some(at),
        }
    }
}

/// How many bytes two slices have in common at their beginning.
pub fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 64;
    let blocks = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    blocks + a[blocks..].iter().zip(&b[blocks..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes two slices have in common at their end.
pub fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 64;
    let blocks = a.rchunks_exact(STEP).zip(b.rchunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let (a, b) = (&a[..a.len() - blocks], &b[..b.len() - blocks]);
    blocks + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
