//! A result that tests of encoders and surfaces share.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};

/// Two rows with the types that results have, the second one all NULL but for the team.
pub fn sample() -> RecordBatch {
    let mut owners = ListBuilder::new(StringBuilder::new());
    owners.values().append_value("ada");
    owners.append(true);
    owners.append(false);
    RecordBatch::try_from_iter_with_nullable([
        ("team", Arc::new(StringArray::from(vec!["a,b", "core"])) as ArrayRef, false),
        ("open_reviews", Arc::new(Int64Array::from(vec![Some(12_345), None])), true),
        ("share", Arc::new(Float64Array::from(vec![Some(0.25), None])), true),
        ("oldest_age_ms", Arc::new(Int64Array::from(vec![Some(93_784_000), None])), true),
        (
            "since",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_772_442_840_000_000), None]).with_timezone("UTC"),
            ),
            true,
        ),
        ("owners", Arc::new(owners.finish()), true),
    ])
    .expect("the columns have one length")
}
