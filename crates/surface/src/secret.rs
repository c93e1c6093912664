//! Secrets: where they come from, and that they are never shown.
//!
//! Invariant: a secret is named in the configuration (`env:NAME` or `file:PATH`) and never written
//! there, so `plimsoll config`, logs and process lists cannot tell it; `Debug` prints no byte of it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Longest secret, in bytes; a longer file is a mistake.
const BYTES_MAX: u64 = 16 << 10;

/// The bytes of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `source` names a secret, without reading it.
    ///
    /// # Errors
    /// What would do; a secret that was written there instead is not repeated.
    pub fn check(source: &str) -> Result<(), String> {
        let named = |name: &str| !name.is_empty() && !name.contains('\0');
        match source.split_once(':') {
            Some(("env", name)) if named(name) && !name.contains('=') => Ok(()),
            Some(("file", path)) if named(path) => Ok(()),
            _ => Err("takes env:NAME or file:PATH; a secret is not written into the configuration".into()),
        }
    }

    /// Reads what `source` names; the line end that editors add to a file is left off.
    ///
    /// # Errors
    /// What is wrong and what would do, without the secret.
    pub fn read(source: &str) -> Result<Secret, String> {
        Secret::check(source)?;
        let bytes = match source.split_once(':') {
            Some(("env", name)) => std::env::var(name)
                .map_err(|_| format!("names the environment variable {name}, which is not set"))?
                .into_bytes(),
            Some(("file", path)) => {
                read_file(Path::new(path)).map_err(|error| format!("names the file {path}: {error}"))?
            }
            _ => unreachable!("it was checked"),
        };
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        if end == 0 {
            return Err("names a secret that is empty".into());
        }
        Ok(Secret(bytes[..end].to_vec()))
    }
}

/// Whatever the file is: a device says that it is empty and goes on without an end.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("over {BYTES_MAX} bytes, which is no secret"));
    }
    Ok(bytes)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_not_shown() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "s3cret\r\n").expect("written");
        let secret = Secret::read(&format!("file:{}", file.path().display())).expect("a secret");
        assert_eq!(secret.bytes(), b"s3cret");
        assert!(!format!("{secret:?}").contains("s3cret"));
        std::fs::write(file.path(), "\n").expect("written");
        for (source, expect) in [
            ("s3cret".to_owned(), "env:NAME or file:PATH"),
            ("env:".to_owned(), "env:NAME or file:PATH"),
            ("env:A=B".to_owned(), "env:NAME or file:PATH"),
            ("file:/dev/zero".to_owned(), "no secret"),
            ("env:PLIMSOLL_NO_SUCH_VARIABLE".to_owned(), "not set"),
            ("file:/no/such/file".to_owned(), "/no/such/file"),
            (format!("file:{}", file.path().display()), "empty"),
        ] {
            let message = Secret::read(&source).expect_err(&source);
            assert!(message.contains(expect), "{message}");
        }
    }
}
