//! Events from NDJSON files and standard input, plain, gzip or zstd (told by the first bytes, so
//! a pipe works as well), as entries for the log.
//!
//! Invariants: every line that is not blank becomes exactly one entry in input order, whatever is
//! in it: a line that is no event becomes a dead letter further on, with its position, and carries
//! the file and line it came from in [`ORIGIN_HEADER`]. Memory is bounded by the longest line.
//! Deliberately lacking: decoding; only `type` and `subject` are looked at, for topic and key.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use crate::{Entry, Error, Produce, topic};

/// Names the file and line of an entry that is not a JSON object with an event type.
pub const ORIGIN_HEADER: &str = "plimsoll_origin";
/// Gives the whole length of a line that was cut.
pub const LENGTH_HEADER: &str = "plimsoll_length";
/// Standard input as a path.
pub const STDIN: &str = "-";

/// Lines longer than this are cut to it, and end as dead letters: the cut leaves them over the
/// record limit that decoding allows, or no longer JSON.
pub const MAX_LINE_BYTES: usize = 4 << 20;
/// Entries produced at once.
pub const BATCH_ENTRIES: usize = 20_000;
/// An earlier end to a batch of large entries.
pub const BATCH_BYTES: usize = 16 << 20;

const READ_BYTES: usize = 256 << 10;
/// The largest zstd window that is accepted, as a power of two (128 MiB).
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// What reading one input came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineTotals {
    pub entries: u64,
    pub bytes: u64,
    /// Entries that are no JSON object with an event type, or that were cut.
    pub suspect: u64,
}

/// Reads a file (or [`STDIN`]) to its end into the log. Blocks. `progress` hears the totals after
/// each batch that is durable.
pub fn ingest_file(
    path: &Path,
    log: &mut dyn Produce,
    progress: &mut dyn FnMut(&LineTotals),
) -> Result<LineTotals, Error> {
    let mut lines = Lines::open(path)?;
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(entry) = lines.next_entry()? {
        bytes += entry.value.len();
        batch.push(entry);
        if batch.len() >= BATCH_ENTRIES || bytes >= BATCH_BYTES {
            log.produce(std::mem::take(&mut batch))?;
            progress(&lines.totals);
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        log.produce(batch)?;
    }
    progress(&lines.totals);
    Ok(lines.totals)
}

/// The lines of one input as entries.
pub struct Lines {
    name: String,
    reader: Box<dyn BufRead + Send>,
    max_line_bytes: usize,
    line: u64,
    totals: LineTotals,
}

impl Lines {
    pub fn open(path: &Path) -> Result<Lines, Error> {
        let name = path.display().to_string();
        let input: Box<dyn Read + Send> = if path == Path::new(STDIN) {
            Box::new(std::io::stdin())
        } else {
            let file = File::open(path).map_err(|error| input_error(&name, &error))?;
            if file.metadata().is_ok_and(|about| about.is_dir()) {
                return Err(Error::Input { name, detail: "is a directory; name the files in it".to_owned() });
            }
            Box::new(file)
        };
        Lines::read(name, input)
    }

    /// Reads any stream; `name` is what errors and dead letters call it.
    pub fn read(name: String, input: Box<dyn Read + Send>) -> Result<Lines, Error> {
        let reader = decompress(&name, input)?;
        Ok(Lines { name, reader, max_line_bytes: MAX_LINE_BYTES, line: 0, totals: LineTotals::default() })
    }

    pub fn totals(&self) -> LineTotals {
        self.totals
    }

    /// The next line that is not blank, as an entry; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        Ok(self.next_value()?.map(|(value, length)| self.entry(value, length)))
    }

    /// The next line that is not blank, with its whole length, of which it may be cut; `None` at the end.
    pub fn next_value(&mut self) -> Result<Option<(Vec<u8>, u64)>, Error> {
        loop {
            let mut value = Vec::new();
            let Some(length) = self.next_line(&mut value)? else {
                return Ok(None);
            };
            self.line += 1;
            if value.iter().all(u8::is_ascii_whitespace) && length == value.len() as u64 {
                continue;
            }
            self.totals.entries += 1;
            self.totals.bytes += length;
            return Ok(Some((value, length)));
        }
    }

    /// The input and the line that was read last, as `events.ndjson:7`.
    pub fn origin(&self) -> String {
        format!("{}:{}", self.name, self.line)
    }

    /// Cuts lines at another length.
    pub fn with_max_line_bytes(self, max_line_bytes: usize) -> Lines {
        Lines { max_line_bytes, ..self }
    }

    fn entry(&mut self, value: Vec<u8>, length: u64) -> Entry {
        let cut = length > value.len() as u64;
        let envelope = if cut { None } else { serde_json::from_slice::<Envelope<'_>>(&value).ok() };
        let mut headers = Vec::new();
        let (topic, key) = match &envelope {
            Some(envelope) => {
                (topic::of(&envelope.kind), envelope.subject.as_deref().unwrap_or("").as_bytes().to_vec())
            }
            None => {
                self.totals.suspect += 1;
                headers.push((ORIGIN_HEADER.to_owned(), self.origin().into_bytes()));
                if cut {
                    headers.push((LENGTH_HEADER.to_owned(), length.to_string().into_bytes()));
                }
                (topic::TICKETS, Vec::new())
            }
        };
        Entry { topic, key, headers, value }
    }

    /// Reads one line without its end into `line`, at most `max_line_bytes` of it, and gives its
    /// whole length; `None` at the end of the input.
    fn next_line(&mut self, line: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        let mut length = 0_u64;
        let mut any = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Error::Input {
                        name: format!("{}:{}", self.name, self.line + 1),
                        detail: format!("cannot be read on: {error}"),
                    });
                }
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = self.max_line_bytes.saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            length += part.len() as u64;
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if length == line.len() as u64 && line.last() == Some(&b'\r') {
            line.pop();
            length -= 1;
        }
        Ok(any.then_some(length))
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
}

fn decompress(name: &str, input: Box<dyn Read + Send>) -> Result<Box<dyn BufRead + Send>, Error> {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let start = loop {
        match input.fill_buf() {
            Ok(bytes) => break bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(input_error(name, &error)),
        }
    };
    let gzip = start.starts_with(&[0x1f, 0x8b]);
    let zstd = start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    Ok(if gzip {
        Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(input)))
    } else if zstd {
        let mut decoder =
            zstd::stream::read::Decoder::with_buffer(input).map_err(|error| input_error(name, &error))?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|error| input_error(name, &error))?;
        Box::new(BufReader::with_capacity(READ_BYTES, decoder))
    } else {
        Box::new(input)
    })
}

fn input_error(name: &str, error: &std::io::Error) -> Error {
    Error::Input { name: name.to_owned(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    struct Collected(Vec<Entry>);

    impl Produce for Collected {
        fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
            self.0.extend(entries);
            Ok(())
        }
    }

    fn entries(bytes: &[u8], max_line_bytes: usize) -> Result<(Vec<Entry>, LineTotals), Error> {
        let input = std::io::Cursor::new(bytes.to_vec());
        let mut lines = Lines::read("in".to_owned(), Box::new(input))?;
        lines.max_line_bytes = max_line_bytes;
        let mut found = Vec::new();
        while let Some(entry) = lines.next_entry()? {
            found.push(entry);
        }
        Ok((found, lines.totals()))
    }

    /// Values with their topic, key and origin.
    fn check(input: &[u8], expect: &[(&[u8], &str, &str, &str)]) {
        let (found, totals) = entries(input, 100).unwrap();
        let seen: Vec<(&[u8], &str, &str, &str)> = found
            .iter()
            .map(|entry| {
                let origin = entry.headers.first().map_or("", |(name, value)| {
                    assert_eq!(name, ORIGIN_HEADER);
                    std::str::from_utf8(value).unwrap()
                });
                let key = std::str::from_utf8(&entry.key).unwrap();
                (entry.value.as_slice(), entry.topic, key, origin)
            })
            .collect();
        assert_eq!(seen, expect);
        assert_eq!(totals.entries as usize, expect.len());
    }

    #[test]
    fn events_get_their_topic_and_key() {
        let change = br#"{"type":"dev.plimsoll.change.opened.v1","subject":"acme/api#1"}"#;
        let commit = br#"{"subject":"a\nb","type":"dev.plimsoll.commit.pushed.v1"}"#;
        let other = br#"{"type":"com.example.ping"}"#;
        let input = [change.as_slice(), b"\r\n\n  \n", commit, b"\n", other].concat();
        check(
            &input,
            &[
                (change, topic::REVIEWS, "acme/api#1", ""),
                (commit, topic::COMMITS, "a\nb", ""),
                (other, topic::TICKETS, "", ""),
            ],
        );
        check(b"", &[]);
        check(b"\n\n", &[]);
    }

    #[test]
    fn what_is_no_event_is_kept_with_its_line() {
        check(
            b"{\"type\":1}\n\xff\xfe\n[]\n\xef\xbb\xbf{}\nplain",
            &[
                (b"{\"type\":1}", topic::TICKETS, "", "in:1"),
                (b"\xff\xfe", topic::TICKETS, "", "in:2"),
                (b"[]", topic::TICKETS, "", "in:3"),
                (b"\xef\xbb\xbf{}", topic::TICKETS, "", "in:4"),
                (b"plain", topic::TICKETS, "", "in:5"),
            ],
        );
    }

    #[test]
    fn a_long_line_is_cut_and_says_how_long_it_was() {
        let long = [vec![b'a'; 1000], b"\n{}".to_vec()].concat();
        let (found, totals) = entries(&long, 100).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].value, vec![b'a'; 100]);
        assert_eq!(found[0].headers[1], (LENGTH_HEADER.to_owned(), b"1000".to_vec()));
        assert_eq!((totals.suspect, totals.bytes), (2, 1002));
    }

    #[test]
    fn compressed_input_is_told_by_its_first_bytes() {
        let plain: Vec<u8> = (0..5000)
            .flat_map(|n| format!("{{\"type\":\"x\",\"subject\":\"{n}\"}}\n").into_bytes())
            .collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let two_members = [gzip.clone(), gzip.clone()].concat();
        let zstd = zstd::stream::encode_all(plain.as_slice(), 1).unwrap();
        let expect = entries(&plain, 1000).unwrap().0;
        assert_eq!(expect.len(), 5000);
        assert_eq!(entries(&gzip, 1000).unwrap().0, expect);
        assert_eq!(entries(&zstd, 1000).unwrap().0, expect);
        assert_eq!(entries(&two_members, 1000).unwrap().0.len(), 10_000);

        let error = entries(&gzip[..gzip.len() / 2], 1000).unwrap_err();
        assert!(
            error.to_string().contains("in:") && error.to_string().contains("cannot be read on"),
            "{error}"
        );
    }

    #[test]
    fn a_file_goes_into_the_log_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.ndjson");
        let lines = BATCH_ENTRIES + 10;
        let text: String = (0..lines).map(|n| format!("{{\"type\":\"t\",\"n\":{n}}}\n")).collect();
        std::fs::write(&path, text).unwrap();
        let mut log = Collected(Vec::new());
        let mut heard = Vec::new();
        let totals = ingest_file(&path, &mut log, &mut |totals| heard.push(totals.entries)).unwrap();
        assert_eq!((totals.entries as usize, log.0.len()), (lines, lines));
        assert_eq!(heard, [BATCH_ENTRIES as u64, lines as u64]);

        for missing in [directory.path().join("absent"), directory.path().to_owned()] {
            let error = ingest_file(&missing, &mut log, &mut |_| {}).unwrap_err();
            assert!(error.to_string().starts_with(&*missing.to_string_lossy()), "{error}");
        }
    }
}
