//! The bytes of a block: many records framed one after another, whole or compressed, with a
//! checksum, so that a block either reads back as it was written or is refused.
//!
//! Frames hold no offsets: a block's first offset is its key in the log, and the rest follow.
//! Deliberately lacking: any reading of the values.

use xxhash_rust::xxh3::xxh3_64;

use crate::{Entry, Error};

/// Largest key, headers and value of one record together.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
/// A block is closed once its frames reach this size.
pub const BLOCK_BYTES: usize = 1 << 20;

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 18;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_LEVEL: i32 = 1;
/// Below this, compressing costs more than it saves.
const COMPRESS_FROM_BYTES: usize = 512;

/// Frames that belong next to each other in the log.
#[derive(Default)]
pub struct Frames {
    pub count: u32,
    pub bytes: Vec<u8>,
}

/// A finished block: `count` records, ready to be stored.
pub struct Block {
    pub count: u32,
    pub bytes: Vec<u8>,
}

/// One record inside a block.
#[derive(Debug, PartialEq)]
pub struct Frame<'a> {
    pub timestamp_us: i64,
    pub topic: &'a str,
    pub key: &'a [u8],
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub value: &'a [u8],
}

impl Frames {
    /// Appends an entry: fixed little-endian lengths first, then the parts they measure.
    pub fn push(&mut self, entry: &Entry, timestamp_us: i64) -> Result<(), Error> {
        let headers: usize = entry.headers.iter().map(|(k, v)| k.len() + v.len()).sum();
        let size = entry.topic.len() + entry.key.len() + headers + entry.value.len();
        if size > MAX_RECORD_BYTES || entry.headers.len() > usize::from(u16::MAX) {
            return Err(Error::TooLarge { bytes: size, limit: MAX_RECORD_BYTES });
        }
        let out = &mut self.bytes;
        out.extend_from_slice(&timestamp_us.to_le_bytes());
        out.extend_from_slice(&(entry.key.len() as u32).to_le_bytes());
        out.extend_from_slice(&(entry.value.len() as u32).to_le_bytes());
        out.extend_from_slice(&(entry.topic.len() as u16).to_le_bytes());
        out.extend_from_slice(&(entry.headers.len() as u16).to_le_bytes());
        out.extend_from_slice(entry.topic.as_bytes());
        out.extend_from_slice(&entry.key);
        for (name, value) in &entry.headers {
            out.extend_from_slice(&(name.len() as u32).to_le_bytes());
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(&entry.value);
        self.count += 1;
        Ok(())
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES
    }

    /// Compresses where that pays, and puts the header in front.
    pub fn seal(&self) -> Block {
        let compressed = if self.bytes.len() >= COMPRESS_FROM_BYTES {
            zstd::bulk::compress(&self.bytes, ZSTD_LEVEL).ok().filter(|bytes| bytes.len() < self.bytes.len())
        } else {
            None
        };
        let (codec, payload) = match &compressed {
            Some(bytes) => (ZSTD, bytes.as_slice()),
            None => (PLAIN, self.bytes.as_slice()),
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.push(FORMAT);
        bytes.push(codec);
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(payload).to_le_bytes());
        bytes.extend_from_slice(payload);
        Block { count: self.count, bytes }
    }
}

/// The number of records in a stored block.
pub fn count(block: &[u8]) -> Result<u32, String> {
    if block.len() < HEADER_BYTES {
        return Err("a block is cut short".to_owned());
    }
    if block[0] != FORMAT {
        return Err(format!("block format {} is not known to this version", block[0]));
    }
    Ok(u32::from_le_bytes(le(block, 2)))
}

/// Checks a stored block and gives its frames, replacing what `frames` held.
pub fn open(block: &[u8], frames: &mut Frames) -> Result<(), String> {
    frames.count = count(block)?;
    frames.bytes.clear();
    let length = u32::from_le_bytes(le(block, 6)) as usize;
    let checksum = u64::from_le_bytes(le(block, 10));
    let payload = &block[HEADER_BYTES..];
    if xxh3_64(payload) != checksum {
        return Err("a block's checksum does not match".to_owned());
    }
    match block[1] {
        PLAIN => frames.bytes.extend_from_slice(payload),
        ZSTD => {
            frames.bytes.reserve(length);
            zstd::bulk::Decompressor::new()
                .and_then(|mut zstd| zstd.decompress_to_buffer(payload, &mut frames.bytes))
                .map_err(|error| format!("a block does not decompress: {error}"))?;
        }
        codec => return Err(format!("block codec {codec} is not known to this version")),
    }
    if frames.bytes.len() != length {
        return Err("a block has the wrong length".to_owned());
    }
    Ok(())
}

/// The frame that starts at byte `at`, and where the next one starts; `None` when the bytes are
/// not a frame.
pub fn frame(bytes: &[u8], at: usize) -> Option<(Frame<'_>, usize)> {
    let mut rest = FrameReader { bytes, at };
    let timestamp_us = i64::from_le_bytes(rest.array()?);
    let key = u32::from_le_bytes(rest.array()?) as usize;
    let value = u32::from_le_bytes(rest.array()?) as usize;
    let topic = u16::from_le_bytes(rest.array()?) as usize;
    let header_count = u16::from_le_bytes(rest.array()?);
    let topic = std::str::from_utf8(rest.slice(topic)?).ok()?;
    let key = rest.slice(key)?;
    let mut headers = Vec::with_capacity(usize::from(header_count));
    for _ in 0..header_count {
        let name = u32::from_le_bytes(rest.array()?) as usize;
        let value = u32::from_le_bytes(rest.array()?) as usize;
        let name = std::str::from_utf8(rest.slice(name)?).ok()?;
        headers.push((name, rest.slice(value)?));
    }
    let value = rest.slice(value)?;
    let frame = Frame { timestamp_us, topic, key, headers, value };
    Some((frame, rest.at))
}

struct FrameReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> FrameReader<'a> {
    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let slice = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(slice)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }
}

fn le<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&block[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &[u8]) -> Entry {
        Entry {
            topic: crate::topic::REVIEWS,
            key: key.as_bytes().to_vec(),
            headers: vec![("ce_id".to_owned(), b"e-1".to_vec())],
            value: value.to_vec(),
        }
    }

    fn check(values: &[&[u8]]) {
        let mut frames = Frames::default();
        for value in values {
            frames.push(&entry("k", value), 7).unwrap();
        }
        let block = frames.seal();
        assert_eq!(count(&block.bytes).unwrap() as usize, values.len());
        let mut read = Frames::default();
        open(&block.bytes, &mut read).unwrap();
        let mut at = 0;
        for value in values {
            let (frame, next) = frame(&read.bytes, at).unwrap();
            assert_eq!(frame.value, *value);
            assert_eq!(frame.headers, vec![("ce_id", b"e-1".as_slice())]);
            assert_eq!(
                (frame.topic, frame.key, frame.timestamp_us),
                (crate::topic::REVIEWS, b"k".as_slice(), 7)
            );
            at = next;
        }
        assert_eq!(at, read.bytes.len());
    }

    #[test]
    fn blocks_read_back_as_written() {
        check(&[]);
        check(&[b""]);
        check(&[b"one", b"\xff\x00", b""]);
        check(&[&vec![b'x'; 100_000], b"after"]);
    }

    #[test]
    fn any_flipped_byte_of_a_block_is_noticed() {
        let mut frames = Frames::default();
        for n in 0..50 {
            let value = format!("{{\"id\":\"{n}\",\"type\":\"dev.plimsoll.change.opened.v1\"}}");
            frames.push(&entry("k", value.as_bytes()), 7).unwrap();
        }
        let block = frames.seal().bytes;
        for at in HEADER_BYTES..block.len() {
            let mut damaged = block.clone();
            damaged[at] ^= 0x10;
            assert!(open(&damaged, &mut Frames::default()).is_err(), "byte {at}");
        }
        for cut in 0..block.len() {
            assert!(open(&block[..cut], &mut Frames::default()).is_err());
        }
    }

    #[test]
    fn a_record_over_the_limit_is_refused() {
        let error = Frames::default().push(&entry("k", &vec![0; MAX_RECORD_BYTES]), 0).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }));
    }
}
