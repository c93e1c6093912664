//! Errors as PostgreSQL clients know them: a SQLSTATE and a message.
//!
//! Engine errors come through [`Problem`], so what only the operator should read stays in the log here as well.

use pgwire::error::{ErrorInfo, PgWireError};

use surface::Problem;

/// Why a statement or a connection is refused.
#[derive(Debug)]
pub struct Refusal {
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    pub fn privilege(message: impl Into<String>) -> Refusal {
        Refusal::new("42501", message)
    }

    pub fn parameter(message: impl Into<String>) -> Refusal {
        Refusal::new("22023", message)
    }

    pub fn unsupported(message: impl Into<String>) -> Refusal {
        Refusal::new("0A000", message)
    }

    /// The connection goes on.
    pub fn error(self) -> PgWireError {
        self.info("ERROR")
    }

    /// The connection ends.
    pub fn fatal(self) -> PgWireError {
        self.info("FATAL")
    }

    fn info(self, severity: &str) -> PgWireError {
        let mut info = ErrorInfo::new(severity.to_owned(), self.code.to_owned(), self.message);
        info.severity_nonlocalized = Some(severity.to_owned());
        PgWireError::UserError(Box::new(info))
    }
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Refusal {
        Problem::from(error).into()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let code = match problem.kind {
            "bad-sql" => bad_sql(&problem.detail),
            "unknown-metric" => "42P01",
            "bad-parameter" => "22023",
            "forbidden" => "42501",
            "timeout" => "57014",
            "result-too-large" => "54000",
            "resources-exhausted" => "53200",
            "starting" | "storage" | "locked" => "57P03",
            _ => "XX000",
        };
        Refusal::new(code, problem.detail)
    }
}

impl From<datafusion::error::DataFusionError> for Refusal {
    fn from(error: datafusion::error::DataFusionError) -> Refusal {
        engine::Error::from(error).into()
    }
}

impl From<arrow::error::ArrowError> for Refusal {
    fn from(error: arrow::error::ArrowError) -> Refusal {
        engine::Error::from(error).into()
    }
}

/// DataFusion has no codes for what is wrong with a text, so its words decide.
fn bad_sql(message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    match () {
        () if says("table '") && says("not found") => "42P01",
        () if says("No field named") || says("Column") && says("not found") => "42703",
        () if says("Invalid function") => "42883",
        () if says("Divide by zero") => "22012",
        () if says("Cast error") || says("Error parsing") => "22P02",
        () if says("at most") && says("are allowed") => "54001",
        () if says("coerce") || says("No function matches") => "42804",
        () if says("This feature is not implemented") => "0A000",
        () => "42601",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_has_its_code() {
        let sql = |message: &str| engine::Error::BadSql { message: message.to_owned() };
        for (error, code) in [
            (sql("Error during planning: table 'plimsoll.public.x' not found"), "42P01"),
            (sql("Schema error: No field named x."), "42703"),
            (sql("sql parser error: Expected: an SQL statement"), "42601"),
            (sql("the query has 900 operators; at most 500 are allowed"), "54001"),
            (engine::Error::Timeout { seconds: 1.0 }, "57014"),
            (engine::Error::TooLarge { rows_max: 1 }, "54000"),
            (engine::Error::Forbidden { message: String::new() }, "42501"),
            (engine::Error::BadParameter { name: "t".into(), reason: "no".into() }, "22023"),
        ] {
            let refusal = Refusal::from(error);
            assert_eq!(refusal.code, code, "{}", refusal.message);
        }
        let inner = engine::Error::Internal { message: "secret".to_owned() };
        assert!(!Refusal::from(inner).message.contains("secret"));
    }
}
