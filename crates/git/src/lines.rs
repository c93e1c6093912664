//! Lines added and deleted between two contents, as `git diff --numstat` counts them.
//!
//! Git's result is not always the smallest difference: lines that are frequent in the whole file are
//! set aside before the search, and a long search is cut short. The steps are our own: `gix-imara-diff`
//! 0.3.3 takes 43 to 49 % more time for a whole history, and counts a long search of samba's history
//! otherwise (docs/decisions/0030). Only the lines between the common beginning and end are
//! compared; outside, those that the middle knows are counted, since what is frequent depends on the
//! whole file.
//! Invariant: the counts equal git's default (Myers) algorithm.
//! Deliberately lacking: hunks; only their sums are needed.

mod search;

use gix::bstr::ByteSlice;
use hashbrown::HashMap;
use search::{differences, root};

use super::tree::{common_prefix, common_suffix};

/// Git looks for a NUL this far when it decides whether a file is binary.
const BINARY_PROBE_BYTES: usize = 8_000;
/// Lines looked at on each side when deciding whether to set a frequent line aside.
const NEIGHBOURS: usize = 100;
/// A line that occurs this often is frequent in a file of any length.
const FREQUENT_MAX: u32 = 1_024;

/// Lines of one side against the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub added: u64,
    pub deleted: u64,
}

pub fn is_binary(data: &[u8]) -> bool {
    data[..data.len().min(BINARY_PROBE_BYTES)].find_byte(0).is_some()
}

/// Lines of `data`; a last line without a newline counts.
pub fn count(data: &[u8]) -> u64 {
    // Sums of up to 255 fit a byte, which lets the compiler compare 16 or 32 bytes at a time.
    let newlines: u64 = data
        .chunks(255)
        .map(|chunk| {
            u64::from(chunk.iter().map(|&byte| u8::from(byte == b'\n')).fold(0_u8, u8::wrapping_add))
        })
        .sum();
    newlines + u64::from(data.last().is_some_and(|&byte| byte != b'\n'))
}

/// Lines added and deleted from `old` to `new`.
pub fn diff(old: &[u8], new: &[u8]) -> Counts {
    let prefix = line_start(old, common_prefix(old, new));
    let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
    let suffix = whole_lines_at_end(old_rest, new_rest);
    let (old_middle, tail) = old_rest.split_at(old_rest.len() - suffix);
    let new_middle = &new_rest[..new_rest.len() - suffix];
    if old_middle.is_empty() || new_middle.is_empty() {
        return Counts { added: count(new_middle), deleted: count(old_middle) };
    }
    middle(old_middle, new_middle, [&old[..prefix], tail])
}

/// The start of the line that `at` is in.
fn line_start(data: &[u8], at: usize) -> usize {
    data[..at].rfind_byte(b'\n').map_or(0, |newline| newline + 1)
}

/// Bytes of the whole lines that both have in common at their end.
fn whole_lines_at_end(old: &[u8], new: &[u8]) -> usize {
    let same = common_suffix(old, new);
    let starts_line = |data: &[u8]| same == data.len() || data[data.len() - same - 1] == b'\n';
    if starts_line(old) && starts_line(new) {
        return same;
    }
    let common = &old[old.len() - same..];
    common.find_byte(b'\n').map_or(0, |newline| same - newline - 1)
}

/// Both sides have lines here, and neither their first nor their last ones are the same.
/// `outside` is what both files have before and after.
fn middle(old: &[u8], new: &[u8], outside: [&[u8]; 2]) -> Counts {
    let mut tokens: HashMap<&[u8], u32> = HashMap::with_capacity((old.len() + new.len()) / 40 + 8);
    let mut intern = |line| {
        let next = tokens.len() as u32;
        *tokens.entry(line).or_insert(next)
    };
    let before: Vec<u32> = lines(old).map(&mut intern).collect();
    let after: Vec<u32> = lines(new).map(&mut intern).collect();
    let mut occurrences = vec![Occurrences::default(); tokens.len()];
    before.iter().for_each(|&token| occurrences[token as usize].old += 1);
    after.iter().for_each(|&token| occurrences[token as usize].new += 1);
    if !occurrences.iter().any(|token| token.old > 0 && token.new > 0) {
        return Counts { added: after.len() as u64, deleted: before.len() as u64 };
    }
    // Lines are set aside only next to lines that the other side lacks.
    let mut lines_outside = 0;
    if occurrences.iter().any(|token| token.old == 0 || token.new == 0) {
        lines_outside = outside.map(count).iter().sum();
        add_outside(&tokens, outside, &mut occurrences);
    }
    let limit = |len: usize| root(len + lines_outside as usize).min(FREQUENT_MAX);
    let class_old = |&token: &u32| Class::of(occurrences[token as usize].new, limit(before.len()));
    let class_new = |&token: &u32| Class::of(occurrences[token as usize].old, limit(after.len()));
    let (old_kept, old_aside) = set_aside(&before, &before.iter().map(class_old).collect::<Vec<_>>());
    let (new_kept, new_aside) = set_aside(&after, &after.iter().map(class_new).collect::<Vec<_>>());
    let (added, deleted) = differences(&old_kept, &new_kept);
    Counts { added: added + new_aside, deleted: deleted + old_aside }
}

/// How often a line occurs in each file.
#[derive(Clone, Copy, Default)]
struct Occurrences {
    old: u32,
    new: u32,
}

/// Counts known lines in what both files have in common at their ends.
fn add_outside(tokens: &HashMap<&[u8], u32>, outside: [&[u8]; 2], occurrences: &mut [Occurrences]) {
    // Most lines have a length that no known line has, and need no hashing.
    let mut known_length = [false; 256];
    let slot = |line: &[u8]| line.len().min(255);
    for line in tokens.keys() {
        known_length[slot(line)] = true;
    }
    for line in outside.into_iter().flat_map(lines).filter(|line| known_length[slot(line)]) {
        if let Some(&token) = tokens.get(line) {
            occurrences[token as usize].old += 1;
            occurrences[token as usize].new += 1;
        }
    }
}

/// What the other file has of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Absent,
    Present,
    /// So often that matching it says little: blank lines, braces.
    Frequent,
}

impl Class {
    fn of(occurrences: u32, frequent: u32) -> Class {
        match occurrences {
            0 => Class::Absent,
            _ if occurrences >= frequent => Class::Frequent,
            _ => Class::Present,
        }
    }
}

/// The lines to search in, and how many were set aside as different without a search: those that the
/// other file lacks, and frequent ones among mostly such lines.
fn set_aside(tokens: &[u32], classes: &[Class]) -> (Vec<u32>, u64) {
    let is_kept = |at: usize| match classes[at] {
        Class::Absent => false,
        Class::Present => true,
        Class::Frequent => !is_drowned(classes, at),
    };
    let kept: Vec<u32> = (0..tokens.len()).filter(|&at| is_kept(at)).map(|at| tokens[at]).collect();
    let aside = (tokens.len() - kept.len()) as u64;
    (kept, aside)
}

/// Whether a frequent line stands in a run of lines that are absent from the other file or frequent,
/// with absent ones on both sides, and more than three times as many of them.
fn is_drowned(classes: &[Class], at: usize) -> bool {
    let before = &classes[at.saturating_sub(NEIGHBOURS)..at];
    let after = &classes[at + 1..classes.len().min(at + 1 + NEIGHBOURS)];
    let (absent_before, frequent_before) = run(before.iter().rev());
    let (absent_after, frequent_after) = run(after.iter());
    // The line itself counts once for each direction.
    let frequent = frequent_before + frequent_after + 2;
    absent_before > 0 && absent_after > 0 && absent_before + absent_after > 3 * frequent
}

/// Absent and frequent lines up to the first other one.
fn run<'c>(classes: impl Iterator<Item = &'c Class>) -> (usize, usize) {
    let (mut absent, mut frequent) = (0, 0);
    for class in classes {
        match class {
            Class::Absent => absent += 1,
            Class::Frequent => frequent += 1,
            Class::Present => break,
        }
    }
    (absent, frequent)
}

fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find_byte(b'\n').map_or(rest.len(), |newline| newline + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
}
