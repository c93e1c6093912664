//! Refusals over HTTP: RFC 9457 problem details, one kind for each way to go wrong.
//!
//! The mapping from engine errors is exhaustive, here and nowhere else. What only the operator
//! should read (storage paths, internal failures) goes to the log and not to the client.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable identifier, the last part of the problem's `type` URN.
    pub kind: &'static str,
    pub detail: String,
    /// Further members, such as the index of a malformed event.
    pub members: Map<String, Value>,
}

/// What a [`Problem`] leaves in its response, so that it can be told in another form.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub detail: String,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), members: Map::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub fn bad_parameter(name: &str, reason: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", format!("parameter '{name}': {reason}"))
            .with("parameter", name)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    }

    pub fn unavailable(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail)
    }

    /// What is asked for is there once the store is open.
    pub fn starting() -> Self {
        Self::unavailable("starting", "the store is being opened; /readyz says when it is ready")
    }

    /// The log gets the message, the client does not.
    pub fn internal(message: &str) -> Self {
        tracing::error!(error = message, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server failed on this request; its log has the details",
        )
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        use engine::Error;
        let detail = error.to_string();
        match error {
            Error::UnknownMetric { name, near } => {
                let hint = if near.is_empty() {
                    "GET /api/v1/metrics lists them".to_owned()
                } else {
                    format!("did you mean {}?", near.join(", "))
                };
                Self::new(
                    StatusCode::NOT_FOUND,
                    "unknown-metric",
                    format!("no metric named '{name}'; {hint}"),
                )
                .with("nearest", near)
            }
            Error::BadParameter { name, reason } => Self::bad_parameter(&name, &reason),
            Error::BadSql { .. } => Self::new(StatusCode::BAD_REQUEST, "bad-sql", detail),
            Error::Forbidden { .. } => Self::forbidden(detail),
            Error::Timeout { .. } => Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail),
            Error::TooLarge { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "result-too-large", detail),
            Error::ResourcesExhausted { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "resources-exhausted", detail)
            }
            Error::Locked { .. } => {
                tracing::error!(error = detail, "data directory in use");
                Self::unavailable("locked", "the data directory is in use by another process")
            }
            Error::Storage { .. } | Error::Fatal { .. } => {
                tracing::error!(error = detail, "storage failed");
                Self::unavailable("storage", "the store failed; the server's log has the details")
            }
            Error::Internal { .. } => Self::internal(&detail),
        }
    }
}

impl From<arrow::error::ArrowError> for Problem {
    fn from(error: arrow::error::ArrowError) -> Self {
        match error {
            // Only a writer with a limit says so.
            arrow::error::ArrowError::MemoryError(over) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "result-too-large", over)
            }
            other => Self::internal(&other.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:plimsoll:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(object) = body.as_object_mut() {
            object.extend(self.members);
        }
        let mut response = (self.status, body.to_string()).into_response();
        response.extensions_mut().insert(Refusal { status: self.status, detail: self.detail });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Error;

    fn check(error: Error, status: u16, expect: &str) {
        let problem = Problem::from(error);
        assert_eq!(problem.status.as_u16(), status);
        assert!(problem.detail.contains(expect), "{} lacks {expect}", problem.detail);
    }

    #[test]
    fn each_engine_error_has_its_status() {
        let message = || "secret /path".to_owned();
        let near = vec!["review_load".to_owned()];
        check(Error::UnknownMetric { name: "x".into(), near }, 404, "did you mean review_load");
        check(Error::BadParameter { name: "t".into(), reason: "no".into() }, 400, "'t': no");
        check(Error::BadSql { message: message() }, 400, "secret");
        check(Error::Forbidden { message: message() }, 403, "secret");
        check(Error::Timeout { seconds: 1.0 }, 408, "longer than 1 s");
        check(Error::TooLarge { rows_max: 5 }, 422, "more than 5 rows");
        check(Error::ResourcesExhausted { message: message() }, 507, "memory");
    }

    #[test]
    fn internals_stay_inside() {
        let message = || "secret /path".to_owned();
        for error in [
            Error::Storage { message: message() },
            Error::Fatal { message: message() },
            Error::Internal { message: message() },
            Error::Locked { dir: message() },
        ] {
            assert!(!Problem::from(error).detail.contains("secret"));
        }
    }
}
