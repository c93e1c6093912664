//! The two hashes that rows carry: `key_hash` clusters the rows of one subject, `payload_hash` tells
//! two deliveries of one event from two different events under one id.
//!
//! Invariant: both are functions of content alone, the same on every machine and in every version.
//! Deliberately absent: seeds, and any use of them as a security boundary.

use xxhash_rust::xxh3::xxh3_64;

/// Stands between the parts of a key: the ASCII unit separator.
const SEPARATOR: u8 = 0x1f;

/// XXH3-64 of the parts joined with 0x1f, as a signed integer.
pub fn key_hash(parts: &[&str]) -> i64 {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            joined.push(SEPARATOR);
        }
        joined.extend_from_slice(part.as_bytes());
    }
    xxh3_64(&joined).cast_signed()
}

/// Content in a canonical byte form, hashed at the end: each part is tagged and length-prefixed, so
/// that no two contents share their bytes.
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    pub(crate) fn new() -> Self {
        Payload(Vec::with_capacity(1024))
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.int(text.len() as i64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn int(&mut self, int: i64) {
        self.0.extend_from_slice(&int.to_le_bytes());
    }

    pub(crate) fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    pub(crate) fn finish(self) -> i64 {
        xxh3_64(&self.0).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_hash_is_pinned() {
        // The hash of no bytes is XXH3's published test vector.
        assert_eq!(key_hash(&[]).cast_unsigned(), 0x2d06_8005_38d3_94c2);
        assert_eq!(key_hash(&["a", "b"]), key_hash(&["a\u{1f}b"]));
        assert_ne!(key_hash(&["ab", ""]), key_hash(&["a", "b"]));
    }
}
