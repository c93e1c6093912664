//! Renames the way git finds them: same id first, then the same base name when it is unique on both
//! sides, then the most similar pairs of what is left.
//!
//! Invariants: for the same changes in the same order the pairs equal those of `git diff -M` with its
//! defaults (50 % similarity, at most `limit` squared comparisons, no copies), ties included.
//! Similarity is git's estimate: the bytes that two files share in spans of up to 64 bytes or a line.
//! Deliberately lacking: copies, broken pairs and directory renames, which `git log` does not look for.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::is_binary;
use super::objects::{Fault, Object, Reader};
use super::tree::{Change, Side};

/// Scores run from 0 to this.
const MAX_SCORE: u64 = 60_000;
const SCORE_MIN: u64 = MAX_SCORE / 2;
/// For pairs taken only because their base name is unique.
const BASENAME_SCORE_MIN: u64 = SCORE_MIN + (MAX_SCORE - SCORE_MIN) / 2;
/// The best sources kept for each destination.
const CANDIDATES: usize = 4;
/// Sources of the same content looked at for one destination, after the first.
const SAME_CONTENT_MAX: usize = 101;
/// Spans of sources kept between destinations.
const SPANS_BYTES_MAX: usize = 64 << 20;
/// Hashes of spans are below this prime.
const HASH_BASE: u32 = 107_927;
const SPAN_BYTES: usize = 64;

/// A path that differs, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: Vec<u8>,
    /// The path before, when the file was renamed.
    pub old_path: Option<Vec<u8>>,
    pub old: Option<Side>,
    pub new: Option<Side>,
}

/// Pairs deleted with added paths. `limit` is git's `diff.renameLimit`; 0 means none.
pub fn find(
    reader: &mut Reader<'_>,
    changes: Vec<Change>,
    limit: u64,
    similarity: &mut Similarity,
) -> Result<Vec<ChangedFile>, Fault> {
    let deleted = |change: &Change| change.new.is_none();
    let added = |change: &Change| change.old.is_none();
    if !changes.iter().any(deleted) || !changes.iter().any(added) {
        return Ok(changes.into_iter().map(unpaired).collect());
    }
    let mut search = RenameSearch {
        sources: files(&changes, |change| change.old.filter(|_| deleted(change))),
        targets: files(&changes, |change| change.new.filter(|_| added(change))),
        reader,
        similarity,
        spans: HashMap::new(),
        spans_bytes: 0,
    };
    search.same_content();
    search.same_basename()?;
    search.similar(limit)?;
    let pairs: HashMap<usize, usize> =
        search.targets.iter().filter_map(|target| Some((target.change, target.source?))).collect();
    let taken: Vec<usize> = pairs.values().copied().collect();
    Ok(joined(changes, &pairs, &taken))
}

/// The changes with each pair joined in the place of its destination.
fn joined(changes: Vec<Change>, pairs: &HashMap<usize, usize>, taken: &[usize]) -> Vec<ChangedFile> {
    let gone: HashMap<usize, (Vec<u8>, Option<Side>)> =
        taken.iter().map(|&source| (source, (changes[source].path.clone(), changes[source].old))).collect();
    let kept = changes.into_iter().enumerate().filter(|(index, _)| !gone.contains_key(index));
    kept.map(|(index, change)| match pairs.get(&index).and_then(|source| gone.get(source)) {
        Some((path, old)) => {
            ChangedFile { path: change.path, old_path: Some(path.clone()), old: *old, new: change.new }
        }
        None => unpaired(change),
    })
    .collect()
}

fn unpaired(change: Change) -> ChangedFile {
    ChangedFile { path: change.path, old_path: None, old: change.old, new: change.new }
}

/// A source or a destination of a rename.
struct RenameEnd<'c> {
    /// Its index among the changes.
    change: usize,
    path: &'c [u8],
    side: Side,
    /// Sources: whether it is taken.
    used: bool,
    /// Destinations: the change it came from.
    source: Option<usize>,
}

fn files(changes: &[Change], side: impl Fn(&Change) -> Option<Side>) -> Vec<RenameEnd<'_>> {
    let file = |(index, change): (usize, _)| -> Option<RenameEnd<'_>> {
        let change: &Change = change;
        Some(RenameEnd {
            change: index,
            path: &changes[index].path,
            side: side(change)?,
            used: false,
            source: None,
        })
    };
    changes.iter().enumerate().filter_map(file).collect()
}

struct RenameSearch<'s, 'p, 'c> {
    sources: Vec<RenameEnd<'c>>,
    targets: Vec<RenameEnd<'c>>,
    reader: &'s mut Reader<'p>,
    similarity: &'s mut Similarity,
    /// Of sources, by change.
    spans: HashMap<usize, Arc<Spans>>,
    spans_bytes: usize,
}

/// What one comparison came to, for one destination.
#[derive(Clone, Copy)]
struct Candidate {
    source: usize,
    target: usize,
    score: u64,
    same_name: bool,
}

impl Candidate {
    /// Sorts the better one first.
    fn rank(&self) -> (std::cmp::Reverse<u64>, std::cmp::Reverse<bool>) {
        (std::cmp::Reverse(self.score), std::cmp::Reverse(self.same_name))
    }
}

impl RenameSearch<'_, '_, '_> {
    fn pair(&mut self, source: usize, target: usize) {
        self.sources[source].used = true;
        self.targets[target].source = Some(self.sources[source].change);
    }

    /// Unchanged files: a free source with the same base name, else the first free one.
    fn same_content(&mut self) {
        let mut by_id: HashMap<gix::ObjectId, Vec<usize>> = HashMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            by_id.entry(source.side.id).or_default().push(index);
        }
        for target in 0..self.targets.len() {
            let side = self.targets[target].side;
            let same = by_id.get(&side.id).map_or(&[][..], Vec::as_slice);
            let mut best = None;
            let mut looked_at = 0;
            for &index in same {
                let source = &self.sources[index];
                let regular = source.side.mode.is_regular() && side.mode.is_regular();
                if source.used || (!regular && source.side.mode != side.mode) {
                    continue;
                }
                if basename_same(source.path, self.targets[target].path) {
                    best = Some(index);
                    break;
                }
                best = best.or(Some(index));
                looked_at += 1;
                if looked_at > SAME_CONTENT_MAX {
                    break;
                }
            }
            if let Some(source) = best {
                self.pair(source, target);
            }
        }
    }

    /// Files that moved to another directory: the base name occurs once on each side.
    fn same_basename(&mut self) -> Result<(), Fault> {
        let sources = unique_basenames(&self.sources, |source| !source.used);
        let targets = unique_basenames(&self.targets, |target| target.source.is_none());
        for source in 0..self.sources.len() {
            if self.sources[source].used {
                continue;
            }
            let name = basename(self.sources[source].path);
            let (Some(Some(_)), Some(&Some(target))) = (sources.get(name), targets.get(name)) else {
                continue;
            };
            let spans = self.score(source, target, BASENAME_SCORE_MIN)?;
            if spans >= BASENAME_SCORE_MIN {
                self.pair(source, target);
            }
        }
        Ok(())
    }

    /// Everything else: each destination with each source, the best pairs first.
    fn similar(&mut self, limit: u64) -> Result<(), Fault> {
        let sources: Vec<usize> =
            (0..self.sources.len()).filter(|&index| !self.sources[index].used).collect();
        let targets: Vec<usize> =
            (0..self.targets.len()).filter(|&index| self.targets[index].source.is_none()).collect();
        if limit > 0 && sources.len() as u64 * targets.len() as u64 > limit.saturating_mul(limit) {
            return Ok(());
        }
        let mut candidates = Vec::new();
        for &target in &targets {
            let mut best: Vec<Candidate> = Vec::with_capacity(CANDIDATES);
            let mut target_spans = None;
            for &source in &sources {
                let score = self.score_with(source, target, SCORE_MIN, &mut target_spans)?;
                let same_name = basename_same(self.sources[source].path, self.targets[target].path);
                keep_if_better(&mut best, Candidate { source, target, score, same_name });
            }
            candidates.append(&mut best);
        }
        // Stable: of equals the one found first comes first.
        candidates.sort_by_key(Candidate::rank);
        for candidate in candidates.into_iter().take_while(|candidate| candidate.score >= SCORE_MIN) {
            let taken =
                self.targets[candidate.target].source.is_some() || self.sources[candidate.source].used;
            if !taken {
                self.pair(candidate.source, candidate.target);
            }
        }
        Ok(())
    }

    fn score(&mut self, source: usize, target: usize, score_min: u64) -> Result<u64, Fault> {
        self.score_with(source, target, score_min, &mut None)
    }

    /// How similar two files are; 0 when their sizes alone rule out `score_min`.
    fn score_with(
        &mut self,
        source: usize,
        target: usize,
        score_min: u64,
        target_spans: &mut Option<Arc<Spans>>,
    ) -> Result<u64, Fault> {
        let (from, to) = (self.sources[source].side, self.targets[target].side);
        if !from.mode.is_regular() || !to.mode.is_regular() {
            return Ok(0);
        }
        let key = self.sources[source].change;
        let known = self.spans.get(&key).cloned();
        let from_object = if known.is_none() { Some(self.reader.content(&from.id)?) } else { None };
        let to_object = if target_spans.is_none() { Some(self.reader.content(&to.id)?) } else { None };
        let size = |spans: Option<&Arc<Spans>>, object: Option<&Arc<Object>>| {
            spans.map(|spans| spans.size).or(object.map(|object| object.data.len() as u64)).unwrap_or(0)
        };
        let from_size = size(known.as_ref(), from_object.as_ref());
        let to_size = size(target_spans.as_ref(), to_object.as_ref());
        let (small, large) = (from_size.min(to_size), from_size.max(to_size));
        if large * (MAX_SCORE - score_min) < (large - small) * MAX_SCORE || large == 0 || to_size == 0 {
            return Ok(0);
        }
        let from_spans = match (known, from_object) {
            (Some(spans), _) => spans,
            (None, object) => self.remember(key, object.as_deref().map_or(&[], |object| &object.data)),
        };
        let similarity = &mut *self.similarity;
        let to_spans = target_spans.get_or_insert_with(|| {
            Arc::new(similarity.spans(to_object.as_deref().map_or(&[], |object| &object.data)))
        });
        Ok(copied(&from_spans.counts, &to_spans.counts) * MAX_SCORE / large)
    }

    fn remember(&mut self, key: usize, data: &[u8]) -> Arc<Spans> {
        let spans = Arc::new(self.similarity.spans(data));
        let bytes = std::mem::size_of_val(spans.counts.as_slice());
        if self.spans_bytes + bytes <= SPANS_BYTES_MAX {
            self.spans_bytes += bytes;
            self.spans.insert(key, Arc::clone(&spans));
        }
        spans
    }
}

/// Keeps the best candidates of a destination, in the slots where git would have them.
fn keep_if_better(best: &mut Vec<Candidate>, candidate: Candidate) {
    if best.len() < CANDIDATES {
        best.push(candidate);
        return;
    }
    // The first of the worst.
    let mut worst = 0;
    for index in 1..best.len() {
        if best[index].rank() > best[worst].rank() {
            worst = index;
        }
    }
    if best[worst].rank() > candidate.rank() {
        best[worst] = candidate;
    }
}

/// Base names that occur once (with their index), or more often (with none).
fn unique_basenames<'c>(
    files: &[RenameEnd<'c>],
    free: impl Fn(&RenameEnd<'c>) -> bool,
) -> HashMap<&'c [u8], Option<usize>> {
    let mut names = HashMap::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| free(file)) {
        names.entry(basename(file.path)).and_modify(|unique| *unique = None).or_insert(Some(index));
    }
    names
}

fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

fn basename_same(a: &[u8], b: &[u8]) -> bool {
    basename(a) == basename(b)
}

/// A file as bytes per span hash, in the order of the hashes.
pub struct Spans {
    size: u64,
    counts: Vec<(u32, u32)>,
}

/// Scratch space for hashing files into spans.
pub struct Similarity {
    bytes_by_hash: Vec<u32>,
}

impl Default for Similarity {
    fn default() -> Self {
        Similarity { bytes_by_hash: vec![0; HASH_BASE as usize] }
    }
}

impl Similarity {
    /// Cuts `data` at newlines and every 64 bytes. Git before 2.44 leaves out the rest of a text that
    /// does not end in a newline, and so do we: its result is what people compare with.
    fn spans(&mut self, data: &[u8]) -> Spans {
        let text = !is_binary(data);
        let mut hashes = Vec::with_capacity(data.len() / 24 + 4);
        let (mut low, mut high) = (0_u32, 0_u32);
        let mut len = 0;
        let mut bytes = data.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            // A line ending of two bytes is the same as one of one.
            if text && byte == b'\r' && bytes.peek() == Some(&b'\n') {
                continue;
            }
            let old_low = low;
            low = (low << 7) ^ (high >> 25);
            high = (high << 7) ^ (old_low >> 25);
            low = low.wrapping_add(u32::from(byte));
            len += 1;
            if len < SPAN_BYTES && byte != b'\n' {
                continue;
            }
            let hash = low.wrapping_add(high.wrapping_mul(0x61)) % HASH_BASE;
            let bytes = &mut self.bytes_by_hash[hash as usize];
            if *bytes == 0 {
                hashes.push(hash);
            }
            *bytes += len as u32;
            (low, high, len) = (0, 0, 0);
        }
        hashes.sort_unstable();
        let counts = hashes
            .into_iter()
            .map(|hash| (hash, std::mem::take(&mut self.bytes_by_hash[hash as usize])))
            .collect();
        Spans { size: data.len() as u64, counts }
    }
}

/// Bytes that two files share.
fn copied(a: &[(u32, u32)], b: &[(u32, u32)]) -> u64 {
    let (mut at, mut sum) = (0, 0);
    for &(hash, bytes) in a {
        while at < b.len() && b[at].0 < hash {
            at += 1;
        }
        match b.get(at) {
            None => break,
            Some(&(other, there)) if other == hash => {
                sum += u64::from(bytes.min(there));
                at += 1;
            }
            Some(_) => {}
        }
    }
    sum
}
