//! What is written with every result: the note of the example, and how many bytes it may have.
//!
//! Invariant: no more than the limit and what the writer adds at once is ever in memory.

use std::io;

use arrow::error::ArrowError;

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Whether the data is that of the example.
    pub example: bool,
    /// Most bytes of the answer.
    pub bytes_max: usize,
}

/// On one's own terminal an answer has no limit.
impl From<bool> for Writing {
    fn from(example: bool) -> Writing {
        Writing { example, bytes_max: usize::MAX }
    }
}

impl Writing {
    /// The bytes that `write` writes.
    ///
    /// # Errors
    /// `MemoryError` where they are over the limit, and what `write` says.
    pub fn bounded(
        self,
        write: impl FnOnce(&mut Out) -> Result<(), ArrowError>,
    ) -> Result<Vec<u8>, ArrowError> {
        let mut out = Out { bytes: Vec::new(), bytes_max: self.bytes_max, over: false };
        let written = write(&mut out);
        if out.over {
            return Err(ArrowError::MemoryError(format!(
                "the answer is over {} bytes (limits.answer_bytes_max); ask for fewer rows or columns",
                self.bytes_max
            )));
        }
        written.map(|()| out.bytes)
    }
}

/// Memory that takes so many bytes and no more.
pub struct Out {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Encoders wrap what a writer says in errors of their own.
    over: bool,
}

impl io::Write for Out {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.bytes_max - self.bytes.len() {
            self.over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
