//! Not read yet: every kind of this tool is unknown.

use serde_json::Value;

use super::{Delivery, Normalised};
use crate::reject::Reject;

pub(super) fn normalise(_delivery: &Delivery<'_>, _body: &Value) -> Result<Normalised, Reject> {
    Ok(Normalised::unknown("unknown"))
}
