//! What clients send, measured and looked at before the codec reads it.
//!
//! Invariant: what is good is whole messages, each built as its kind says: texts in UTF-8 and with an end, counts that its
//! bytes can hold, and nothing left over. A message is refused by its length alone, before any more of it is kept.
//! Deliberately absent: what messages mean, and kinds that the codec does not read.

use std::io::{self, ErrorKind};

/// Largest first packet, as in PostgreSQL: the user's name and a few settings.
pub const FIRST_BYTES_MAX: usize = 10_000;

/// Follows a stream of messages: the first has a length only, all others a type before it.
pub struct Messages {
    message_bytes_max: usize,
    /// What has come of the present message.
    part: Vec<u8>,
    /// Messages that the codec may have.
    pub good: Vec<u8>,
    first: bool,
    /// Messages of the login so far.
    passwords: usize,
}

impl Messages {
    pub fn new(message_bytes_max: usize) -> Messages {
        Messages { message_bytes_max, part: Vec::new(), good: Vec::new(), first: true, passwords: 0 }
    }

    /// # Errors
    /// `FileTooLarge` for a message over the limit, `InvalidInput` for a text that is not UTF-8, and `InvalidData` for
    /// what is no message.
    pub fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let head = usize::from(!self.first) + 4;
            let wanted = match self.part.len() < head {
                true => head,
                false => head + self.rest(head)?,
            };
            let count = (wanted - self.part.len()).min(bytes.len());
            self.part.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.part.len() >= head && self.part.len() == head + self.rest(head)? {
                self.check(head)?;
                self.good.append(&mut self.part);
                self.first = false;
            }
        }
        Ok(())
    }

    /// What follows a length, which counts its own four bytes.
    fn rest(&self, head: usize) -> io::Result<usize> {
        let length = self.part[head - 4..head].try_into().expect("a length has four bytes");
        let length = u32::from_be_bytes(length) as usize;
        let max = match (self.first, self.passwords) {
            (true, _) => FIRST_BYTES_MAX,
            // Nobody has logged in yet.
            (false, 0 | 1) => self.message_bytes_max.min(FIRST_BYTES_MAX),
            (false, _) => self.message_bytes_max,
        };
        if length > max {
            let message = format!("a message of {length} bytes; at most {max} are taken");
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        length.checked_sub(4).ok_or_else(malformed)
    }

    fn check(&mut self, head: usize) -> io::Result<()> {
        let mut body = Body(&self.part[head..]);
        if self.first {
            return body.first();
        }
        match self.part[0] {
            b'Q' => body.text()?,
            b'P' => {
                body.text()?;
                body.text()?;
                let types = body.count()?;
                body.skip(types * 4)?;
            }
            b'B' => body.bind()?,
            b'D' | b'C' => {
                body.skip(1)?;
                body.text()?;
            }
            b'E' => {
                body.text()?;
                body.skip(4)?;
            }
            b'S' | b'H' | b'X' => {}
            b'p' => {
                self.passwords += 1;
                // The first names a mechanism; those after it are its own.
                if self.passwords > 1 {
                    return Ok(());
                }
                body.text()?;
                body.value()?;
            }
            _ => return Ok(()),
        }
        body.end()
    }
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a message is not built as its kind says")
}

/// What is left to read of a message.
struct Body<'m>(&'m [u8]);

impl<'m> Body<'m> {
    /// A request, or a version with pairs of texts and an empty one.
    fn first(&mut self) -> io::Result<()> {
        const VERSION: u32 = 3;
        let code = u32::from_be_bytes(self.bytes(4)?.try_into().expect("four bytes"));
        if code >> 16 != VERSION {
            return Ok(());
        }
        while self.0.first().is_some_and(|byte| *byte != 0) {
            self.text()?;
            self.text()?;
        }
        self.text()?;
        self.end()
    }

    fn bind(&mut self) -> io::Result<()> {
        self.text()?;
        self.text()?;
        let formats = self.count()?;
        self.skip(formats * 2)?;
        for _ in 0..self.count()? {
            self.value()?;
        }
        let formats = self.count()?;
        self.skip(formats * 2)
    }

    fn bytes(&mut self, count: usize) -> io::Result<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        self.bytes(count).map(drop)
    }

    fn count(&mut self) -> io::Result<usize> {
        let count = i16::from_be_bytes(self.bytes(2)?.try_into().expect("two bytes"));
        usize::try_from(count).map_err(|_| malformed())
    }

    /// A length and as many bytes; -1 is NULL.
    fn value(&mut self) -> io::Result<()> {
        match i32::from_be_bytes(self.bytes(4)?.try_into().expect("four bytes")) {
            -1 => Ok(()),
            length => self.skip(usize::try_from(length).map_err(|_| malformed())?),
        }
    }

    fn text(&mut self) -> io::Result<()> {
        let length = self.0.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let text = self.bytes(length + 1)?;
        match std::str::from_utf8(text) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(ErrorKind::InvalidInput, "a text is not utf-8")),
        }
    }

    fn end(&self) -> io::Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(malformed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn started() -> Vec<u8> {
        message(None, b"\0\x03\0\0user\0ada\0\0")
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: Option<ErrorKind>) {
        for size in [1, 3, bytes.len()] {
            let mut messages = Messages::new(100);
            let taken = bytes.chunks(size).try_for_each(|part| messages.take(part));
            assert_eq!(taken.err().map(|error| error.kind()), expect, "{size}");
            if expect.is_none() {
                assert_eq!(messages.good, bytes, "{size}");
            }
        }
    }

    #[test]
    fn lengths_are_held_to_their_limit_however_the_bytes_come() {
        let query = |bytes: usize| message(Some(b'Q'), &[vec![b'x'; bytes], vec![0]].concat());
        check(&[started(), query(95), message(Some(b'S'), b"")].concat(), None);
        check(&[started(), query(96)].concat(), Some(ErrorKind::FileTooLarge));
        let announced = |length: u32| [started(), vec![b'Q'], length.to_be_bytes().to_vec()].concat();
        check(&announced(1 << 30), Some(ErrorKind::FileTooLarge));
        check(&announced(3), Some(ErrorKind::InvalidData));
        check(&u32::MAX.to_be_bytes(), Some(ErrorKind::FileTooLarge));
        check(&(FIRST_BYTES_MAX as u32 + 1).to_be_bytes(), Some(ErrorKind::FileTooLarge));
    }

    #[test]
    fn what_is_not_built_as_its_kind_says_never_reaches_the_codec() {
        let after = |kind: u8, body: &[u8]| [started(), message(Some(kind), body)].concat();
        let bind = |values: &[u8]| after(b'B', &[b"\0\0\0\0", values, b"\0\0"].concat());
        for good in [
            message(None, &[0, 3, 0, 0, 0]),
            message(None, &80_877_103_u32.to_be_bytes()),
            after(b'Q', b"SELECT '\xc3\xa4'\0"),
            after(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17"),
            bind(b"\0\x02\xff\xff\xff\xff\0\0\0\x01x"),
            after(b'D', b"Ss\0"),
            after(b'E', b"\0\0\0\0\0"),
            after(b'p', b"SCRAM-SHA-256\0\0\0\0\x02n,"),
        ] {
            check(&good, None);
        }
        for bad in [
            message(None, b""),
            message(None, b"\0\x03\0\0user\0ada\0"),
            message(None, b"\0\x03\0\0user"),
            after(b'Q', b"SELECT 1"),
            after(b'Q', b"SELECT 1\0SELECT 2\0"),
            after(b'P', b"s\0SELECT 1\0\0\x02\0\0\0\x17"),
            after(b'P', b"s\0SELECT 1\0\xff\xff"),
            // A value of -2 bytes, one that is longer than its message, and fewer values than are counted.
            bind(b"\0\x01\xff\xff\xff\xfe"),
            bind(b"\0\x01\0\0\0\x09x"),
            bind(b"\0\x09\xff\xff\xff\xff"),
            after(b'D', b""),
            after(b'C', b"S"),
            after(b'E', b"\0\0"),
            after(b'S', b"x"),
            after(b'p', b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,"),
            after(b'p', b"nope"),
        ] {
            check(&bad, Some(ErrorKind::InvalidData));
        }
        check(&after(b'Q', b"SELECT '\xff'\0"), Some(ErrorKind::InvalidInput));
        check(&message(None, b"\0\x03\0\0user\0\xff\0\0"), Some(ErrorKind::InvalidInput));
    }
}
