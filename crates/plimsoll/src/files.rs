//! Files that somebody named, read as far as they may be long.
//!
//! A device or a pipe says that it is empty and may go on without an end, so lengths are counted, not asked for.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

/// The text of a file.
///
/// # Errors
/// A file that cannot be read, is no UTF-8 or is longer than `bytes_max`.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, Error> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("it is over {bytes_max} bytes; is it the right file?"),
        ));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let refused = |path: &Path| read_text(path, 4).unwrap_err().to_string();
        assert!(refused(Path::new("/dev/zero")).contains("over 4 bytes"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        assert_eq!(read_text(file.path(), 4).unwrap(), "four");
        std::fs::write(file.path(), b"\xff").unwrap();
        assert!(refused(file.path()).contains("UTF-8"));
    }
}
