//! Reading git objects fast: packs are read directly, deltas are applied onto shared bases, and what
//! was decoded stays in a cache that all threads share. Anything that is not in a pack known at the
//! start (loose objects, packs that appeared since) is left to gix.
//!
//! Invariants: a replaced object is read as its replacement, as git does; memory is bounded by the
//! cache's size plus the objects in use; a damaged or absent object is a [`Fault`], never a panic.
//! Deliberately lacking: hash verification (git does not verify on reading either) and writing.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::ObjectId;
use gix::hashtable;
use gix::objs::Kind;
use gix::odb::pack::data::entry::Header;
use gix::odb::pack::{data, index};
use gix::zlib::Inflate;

use super::error::Error;

/// Objects over this size are not read; git calls such files binary as well.
const MAX_OBJECT_BYTES: u64 = 512 << 20;
/// Deltas from an object to its base; git makes at most 4095.
const MAX_CHAIN: usize = 10_000;
const SHARDS: usize = 16;

/// A decoded object.
#[derive(Debug)]
pub struct Object {
    pub kind: Kind,
    pub data: Vec<u8>,
}

/// Why an object cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is nowhere in the repository: a partial or shallow clone, or damage.
    Missing(ObjectId),
    /// It is there but cannot be decoded.
    Damaged { id: ObjectId, detail: String },
    /// It is over [`MAX_OBJECT_BYTES`].
    TooLarge(ObjectId),
    /// One commit has more of these than are compared.
    TooMany(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing(id) => write!(f, "object {id} is missing"),
            Fault::Damaged { id, detail } => write!(f, "object {id} is damaged: {detail}"),
            Fault::TooLarge(id) => write!(f, "object {id} is over {MAX_OBJECT_BYTES} bytes"),
            Fault::TooMany(what) => write!(f, "too many {what} to compare; its files are left out"),
        }
    }
}

/// The packs of a repository and what was decoded from them, for all threads.
pub struct Packs {
    packs: Vec<Pack>,
    replaced: hashtable::HashMap<ObjectId, ObjectId>,
    /// Trees and blobs.
    contents: Cache,
    /// Commits apart, so that walking far ahead does not drive out trees and blobs.
    commits: Cache,
}

struct Pack {
    index: index::File,
    data: data::File,
}

impl Packs {
    /// Opens every readable pack of the repository and its alternates; a broken one is left to gix,
    /// which will say what is wrong when an object in it is needed.
    pub fn open(repository: &gix::Repository, cache_bytes: usize) -> Result<Packs, Error> {
        let failed = |detail: String| Error { repository: repository.git_dir().to_owned(), detail };
        let store = repository.objects.store_ref();
        let mut directories = vec![store.path().to_owned()];
        directories.extend(store.alternate_db_paths().map_err(|error| failed(error.to_string()))?);
        let hash = repository.object_hash();
        let mut packs = Vec::new();
        for directory in directories {
            packs.extend(index_files(&directory.join("pack")).iter().filter_map(|path| {
                let index = index::File::at(path, hash).ok()?;
                let data = data::File::at(path.with_extension("pack"), hash).ok()?;
                Some(Pack { index, data })
            }));
        }
        Ok(Packs {
            packs,
            replaced: store.replacements().collect(),
            contents: Cache::new(cache_bytes),
            commits: Cache::new(cache_bytes / 16),
        })
    }
}

/// The index files of a directory in name order.
fn index_files(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .collect();
    paths.sort();
    paths
}

/// One thread's way to the objects.
pub struct Reader<'p> {
    packs: &'p Packs,
    repository: gix::Repository,
    inflate: Inflate,
    delta: Vec<u8>,
    /// The pack that had the last object; the next one is likely there too.
    last: usize,
}

impl<'p> Reader<'p> {
    pub fn new(packs: &'p Packs, repository: gix::Repository) -> Reader<'p> {
        Reader { packs, repository, inflate: Inflate::default(), delta: Vec::new(), last: 0 }
    }

    /// A tree or blob.
    pub fn content(&mut self, id: &ObjectId) -> Result<Arc<Object>, Fault> {
        self.object(id, &self.packs.contents)
    }

    pub fn tree(&mut self, id: &ObjectId) -> Result<Arc<Object>, Fault> {
        let object = self.content(id)?;
        kind_is(Kind::Tree, id, object)
    }

    pub fn commit(&mut self, id: &ObjectId) -> Result<Arc<Object>, Fault> {
        let object = self.object(id, &self.packs.commits)?;
        kind_is(Kind::Commit, id, object)
    }

    fn object(&mut self, id: &ObjectId, cache: &'p Cache) -> Result<Arc<Object>, Fault> {
        let id = self.packs.replaced.get(id).unwrap_or(id);
        match self.locate(id) {
            Some((pack, offset)) => self.packed(id, pack, offset, cache),
            None => self.unpacked(id),
        }
    }

    fn locate(&mut self, id: &ObjectId) -> Option<(usize, u64)> {
        let count = self.packs.packs.len();
        for step in 0..count {
            let pack = (self.last + step) % count;
            let index = &self.packs.packs[pack].index;
            if let Some(entry) = index.lookup(id) {
                self.last = pack;
                return Some((pack, index.pack_offset_at_index(entry)));
            }
        }
        None
    }

    fn unpacked(&mut self, id: &ObjectId) -> Result<Arc<Object>, Fault> {
        if let Ok(Some(header)) = self.repository.try_find_header(*id)
            && header.size() > MAX_OBJECT_BYTES
        {
            return Err(Fault::TooLarge(*id));
        }
        match self.repository.try_find_object(*id) {
            Ok(Some(object)) => Ok(Arc::new(Object { kind: object.kind, data: object.data.clone() })),
            Ok(None) => Err(Fault::Missing(*id)),
            Err(error) => Err(Fault::Damaged { id: *id, detail: error.to_string() }),
        }
    }

    /// Follows the deltas down to a full object or one in the cache, then applies them upwards.
    fn packed(
        &mut self,
        id: &ObjectId,
        pack: usize,
        offset: u64,
        cache: &'p Cache,
    ) -> Result<Arc<Object>, Fault> {
        let damaged = |detail: &str| Fault::Damaged { id: *id, detail: detail.to_owned() };
        let Pack { index, data } = &self.packs.packs[pack];
        let mut deltas: Vec<(u64, data::Entry)> = Vec::new();
        let mut at = offset;
        let mut base = loop {
            if let Some(object) = cache.get(pack, at) {
                break object;
            }
            let entry = data.entry(at).map_err(|error| damaged(&error.to_string()))?;
            if entry.decompressed_size > MAX_OBJECT_BYTES {
                return Err(Fault::TooLarge(*id));
            }
            let next = match &entry.header {
                Header::OfsDelta { base_distance } => entry
                    .checked_base_pack_offset(*base_distance)
                    .ok_or_else(|| damaged("a delta without its base"))?,
                Header::RefDelta { base_id } => match index.lookup(base_id) {
                    Some(found) => index.pack_offset_at_index(found),
                    None => {
                        let base_id = *base_id;
                        deltas.push((at, entry));
                        break self.unpacked(&base_id)?;
                    }
                },
                Header::Commit | Header::Tree | Header::Blob | Header::Tag => {
                    let kind = entry.header.as_kind().expect("these four are the kinds of objects");
                    let mut bytes = Vec::new();
                    inflate(&mut self.inflate, data, &entry, &mut bytes)
                        .map_err(|detail| damaged(&detail))?;
                    break cache.put(pack, at, Object { kind, data: bytes });
                }
            };
            deltas.push((at, entry));
            if deltas.len() > MAX_CHAIN {
                return Err(damaged("a chain of deltas without an end"));
            }
            at = next;
        };
        while let Some((at, entry)) = deltas.pop() {
            inflate(&mut self.inflate, data, &entry, &mut self.delta).map_err(|detail| damaged(&detail))?;
            let bytes = apply(&base.data, &self.delta).map_err(|why| match why {
                Misfit::Damaged => damaged("a delta that does not fit its base"),
                Misfit::TooLarge => Fault::TooLarge(*id),
            })?;
            base = cache.put(pack, at, Object { kind: base.kind, data: bytes });
        }
        Ok(base)
    }
}

fn kind_is(kind: Kind, id: &ObjectId, object: Arc<Object>) -> Result<Arc<Object>, Fault> {
    if object.kind == kind {
        return Ok(object);
    }
    Err(Fault::Damaged { id: *id, detail: format!("a {} where a {kind} belongs", object.kind) })
}

fn inflate(
    inflate: &mut Inflate,
    pack: &data::File,
    entry: &data::Entry,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let size = usize::try_from(entry.decompressed_size).map_err(|error| error.to_string())?;
    // Only the length must be right: every byte is overwritten, or the call fails.
    out.resize(size, 0);
    // An empty stream has no byte to write, so its end is not looked for.
    if size == 0 {
        return Ok(());
    }
    let _: usize = pack.decompress_entry(entry, inflate, out).map_err(|error| error.to_string())?;
    Ok(())
}

enum Misfit {
    Damaged,
    TooLarge,
}

/// Applies a pack delta: two sizes, then copies from the base (high bit set) and literal runs.
fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, Misfit> {
    let mut input = delta;
    let base_size = size(&mut input)?;
    let result_size = size(&mut input)?;
    if base_size != base.len() as u64 {
        return Err(Misfit::Damaged);
    }
    if result_size > MAX_OBJECT_BYTES {
        return Err(Misfit::TooLarge);
    }
    let result_size = result_size as usize;
    let mut out = Vec::with_capacity(result_size);
    while let Some((&op, rest)) = input.split_first() {
        input = rest;
        let run = if op & 0x80 != 0 {
            let start = operand(&mut input, op, 4)? as usize;
            let len = operand(&mut input, op >> 4, 3)? as usize;
            let len = if len == 0 { 0x10000 } else { len };
            base.get(start..start + len).ok_or(Misfit::Damaged)?
        } else {
            let (run, rest) = input.split_at_checked(usize::from(op)).ok_or(Misfit::Damaged)?;
            if run.is_empty() {
                return Err(Misfit::Damaged);
            }
            input = rest;
            run
        };
        if out.len() + run.len() > result_size {
            return Err(Misfit::Damaged);
        }
        out.extend_from_slice(run);
    }
    if out.len() == result_size { Ok(out) } else { Err(Misfit::Damaged) }
}

/// A size in groups of seven bits, the lowest first.
fn size(input: &mut &[u8]) -> Result<u64, Misfit> {
    let mut size = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or(Misfit::Damaged)?;
        *input = rest;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
    Err(Misfit::Damaged)
}

/// A number of up to `bytes` bytes, of which those with their bit in `present` are there.
fn operand(input: &mut &[u8], present: u8, bytes: u32) -> Result<u32, Misfit> {
    let mut value = 0;
    for byte in 0..bytes {
        if present & (1 << byte) != 0 {
            let (&part, rest) = input.split_first().ok_or(Misfit::Damaged)?;
            *input = rest;
            value |= u32::from(part) << (8 * byte);
        }
    }
    Ok(value)
}

/// Decoded objects by pack and offset, in shards so that threads seldom wait for each other.
struct Cache {
    shards: [Mutex<Shard>; SHARDS],
}

/// Two generations: what is used moves to the young one; when that is full, the old one is dropped.
#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
    young_bytes: usize,
    young_bytes_max: usize,
}

type Generation = HashMap<u64, Arc<Object>, BuildHasherDefault<KeyHasher>>;

impl Cache {
    fn new(bytes: usize) -> Cache {
        let shard = || Mutex::new(Shard { young_bytes_max: bytes / SHARDS / 2, ..Shard::default() });
        Cache { shards: std::array::from_fn(|_| shard()) }
    }

    fn get(&self, pack: usize, offset: u64) -> Option<Arc<Object>> {
        let (key, mut shard) = self.shard(pack, offset);
        if let Some(object) = shard.young.get(&key) {
            return Some(Arc::clone(object));
        }
        let object = shard.old.remove(&key)?;
        shard.insert(key, Arc::clone(&object));
        Some(object)
    }

    fn put(&self, pack: usize, offset: u64, object: Object) -> Arc<Object> {
        let object = Arc::new(object);
        let (key, mut shard) = self.shard(pack, offset);
        if object.data.len() <= shard.young_bytes_max {
            shard.insert(key, Arc::clone(&object));
        }
        object
    }

    fn shard(&self, pack: usize, offset: u64) -> (u64, MutexGuard<'_, Shard>) {
        // Packs are under 2^48 bytes and there are under 2^16 of them, so the key is unique.
        let key = (pack as u64) << 48 | offset;
        let shard = &self.shards[(spread(key) >> 32) as usize % SHARDS];
        (key, shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn insert(&mut self, key: u64, object: Arc<Object>) {
        const OVERHEAD_BYTES: usize = 96;
        self.young_bytes += object.data.len() + OVERHEAD_BYTES;
        self.young.insert(key, object);
        if self.young_bytes > self.young_bytes_max {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = spread(self.0 ^ key);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn spread(key: u64) -> u64 {
    let product = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
    (product as u64) ^ (product >> 64) as u64
}
