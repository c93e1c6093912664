//! What can go wrong in the engine, as one closed enum.
//!
//! The surfaces map each variant to one HTTP status or exit code, exhaustively; so a variant is
//! added only when a caller would act differently on it.

use std::fmt;

use datafusion::error::DataFusionError;

use crate::store::delta::StoreError;

/// A refused request or a broken world. Texts are lower case and name the thing and the remedy.
#[derive(Debug)]
pub enum Error {
    /// No metric of that name; `near` lists the closest names.
    UnknownMetric { name: String, near: Vec<String> },
    /// A parameter that the metric does not declare, or a value outside its range.
    BadParameter { name: String, reason: String },
    /// SQL that does not parse or plan.
    BadSql { message: String },
    /// SQL that would write, or reach outside the tables.
    Forbidden { message: String },
    /// The query ran past its time.
    Timeout { seconds: f64 },
    /// The result has more rows than the limit.
    TooLarge { rows_max: usize },
    /// The query asked for more memory or spill space than its share.
    ResourcesExhausted { message: String },
    /// Another process holds the data directory.
    Locked { dir: String },
    /// The cold store or its files.
    Storage { message: String },
    /// The cold store cannot promise anything any more, or does not stand where it must: stop.
    Fatal { message: String },
    /// Our bug: a view or metric that passed `check` and failed all the same.
    Internal { message: String },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownMetric { name, near } if near.is_empty() => {
                write!(f, "no metric named '{name}'; `plimsoll query --list` shows them")
            }
            Error::UnknownMetric { name, near } => {
                write!(f, "no metric named '{name}'; did you mean {}?", near.join(", "))
            }
            Error::BadParameter { name, reason } => write!(f, "parameter '{name}': {reason}"),
            Error::BadSql { message } => write!(f, "{message}"),
            Error::Forbidden { message } => write!(f, "{message}"),
            Error::Timeout { seconds } => {
                write!(f, "the query ran longer than {seconds} s; narrow it or raise limits.sql_timeout_ms")
            }
            Error::TooLarge { rows_max } => {
                write!(f, "the result has more than {rows_max} rows; add LIMIT or raise limits.sql_rows_max")
            }
            Error::ResourcesExhausted { message } => {
                write!(f, "the query needs more memory than its limit: {message}")
            }
            Error::Locked { dir } => {
                write!(f, "another plimsoll process uses {dir}; stop it or choose another --data directory")
            }
            Error::Storage { message } | Error::Fatal { message } | Error::Internal { message } => {
                write!(f, "{message}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Storage { message: error.to_string() }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Io { .. }
            | StoreError::Delta { .. }
            | StoreError::Unsure { .. }
            | StoreError::Cache { .. } => Error::Storage { message },
            StoreError::Fatal { .. }
            | StoreError::Position { .. }
            | StoreError::Stale { .. }
            | StoreError::Damaged { .. }
            | StoreError::Schema { .. }
            | StoreError::Rows { .. } => Error::Fatal { message },
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Error::Internal { message: error.to_string() }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(message) => {
                Error::ResourcesExhausted { message: message.lines().next().unwrap_or_default().to_owned() }
            }
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Diagnostic(..) => Error::BadSql { message: first_line(error.find_root()) },
            _ => Error::Internal { message: first_line(&error) },
        }
    }
}

pub(crate) fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().to_owned()
}
