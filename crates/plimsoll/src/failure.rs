//! Why a command ends early: one line for the person at the terminal, and the exit code.
//!
//! Every line is lower case, names the thing and the remedy, and has no line breaks. A reader that
//! closed its end of the pipe is no failure: it ends the command quietly.

use std::fmt;
use std::io;

/// Exit code 1 or 2, or a quiet end.
#[derive(Debug)]
pub enum Failure {
    /// The request was wrong: flags, names, parameters, configuration. Exit code 2.
    Misuse(String),
    /// The request was right and could not be done. Exit code 1.
    Failed(String),
    /// The reader of stdout went away. Exit code 0, nothing printed.
    BrokenPipe,
}

impl Failure {
    pub fn misuse(message: impl Into<String>) -> Self {
        Self::Misuse(one_line(&message.into()))
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(one_line(&message.into()))
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Failed(_) => 1,
            Self::Misuse(_) => 2,
        }
    }

    /// An error from writing results to stdout.
    pub fn writing(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::failed(format!("could not write the result to stdout: {error}"))
    }

    /// An error of the engine, with what to try next.
    pub fn engine(error: &engine::Error) -> Self {
        use engine::Error;
        let text = error.to_string();
        match error {
            Error::UnknownMetric { .. }
            | Error::BadParameter { .. }
            | Error::BadSql { .. }
            | Error::Forbidden { .. } => Self::misuse(text),
            Error::Timeout { .. }
            | Error::TooLarge { .. }
            | Error::ResourcesExhausted { .. }
            | Error::Locked { .. }
            | Error::Storage { .. }
            | Error::Fatal { .. }
            | Error::Internal { .. } => Self::failed(text),
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        Self::engine(&error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(message) | Self::Failed(message) => f.write_str(message),
            Self::BrokenPipe => f.write_str("the reader of the output went away"),
        }
    }
}

/// Folds line breaks and runs of blanks, so that one error stays one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(Failure::misuse("a\n  b\tc").to_string(), "a b c");
        assert_eq!(Failure::misuse("x").exit_code(), 2);
        assert_eq!(Failure::failed("x").exit_code(), 1);
    }
}
