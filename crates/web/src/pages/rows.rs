//! The rows of a result by column name, for pages that know which columns they want.
//!
//! Invariant: a column that is not there, or not of that type, reads as absent in every row. A user may have put a
//! metric of their own in the place of a shipped one, and a page with a gap is better than none.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, Utc};
use surface::number::decimal;
use surface::{Shown, ShownDiff};

/// The columns of a result, read as what a page takes them for.
pub struct Rows<'a>(&'a RecordBatch);

impl<'a> Rows<'a> {
    pub fn of(shown: &'a Shown) -> Rows<'a> {
        Rows(&shown.result().rows)
    }

    /// Rows that no metric gave: the page's own questions about sources and links, which name nobody.
    pub fn of_facts(batch: &'a RecordBatch) -> Rows<'a> {
        Rows(batch)
    }

    pub fn of_diff(shown: &'a ShownDiff) -> Rows<'a> {
        Rows(&shown.diff().rows)
    }

    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    fn column(&self, name: &str, as_type: &DataType) -> Option<ArrayRef> {
        cast(self.0.column_by_name(name)?, as_type).ok()
    }

    pub fn texts(&self, name: &str) -> Vec<Option<String>> {
        let Some(column) = self.column(name, &DataType::Utf8) else { return vec![None; self.len()] };
        column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    /// The people suggested for each row, with their two factors: `ada 0.28 × 1`; empty where there are none.
    pub fn suggestions(&self, name: &str) -> Vec<String> {
        let lists = self.0.column_by_name(name).and_then(|column| column.as_list_opt::<i32>());
        let Some(lists) = lists else { return vec![String::new(); self.len()] };
        lists.iter().map(|list| list.map_or_else(String::new, |people| suggested(&people))).collect()
    }

    pub fn numbers(&self, name: &str) -> Vec<Option<f64>> {
        let numeric = self.0.column_by_name(name).is_some_and(|column| column.data_type().is_numeric());
        match self.column(name, &DataType::Float64).filter(|_| numeric) {
            Some(column) => column.as_primitive::<Float64Type>().iter().collect(),
            None => vec![None; self.len()],
        }
    }

    pub fn flags(&self, name: &str) -> Vec<Option<bool>> {
        match self.0.column_by_name(name).and_then(|column| column.as_boolean_opt()) {
            Some(column) => column.iter().collect(),
            None => vec![None; self.len()],
        }
    }

    pub fn dates(&self, name: &str) -> Vec<Option<NaiveDate>> {
        let Some(column) = self.column(name, &DataType::Date32) else { return vec![None; self.len()] };
        let days = column.as_primitive::<Date32Type>();
        (0..days.len()).map(|row| days.value_as_date(row).filter(|_| days.is_valid(row))).collect()
    }

    pub fn moments(&self, name: &str) -> Vec<Option<DateTime<Utc>>> {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let Some(column) = self.column(name, &micros) else { return vec![None; self.len()] };
        let times = column.as_primitive::<TimestampMicrosecondType>();
        times.iter().map(|time| time.and_then(DateTime::from_timestamp_micros)).collect()
    }
}

fn suggested(people: &ArrayRef) -> String {
    let Some(parts) = people.as_struct_opt() else { return String::new() };
    let names = parts.column_by_name("reviewer").and_then(|names| cast(names, &DataType::Utf8).ok());
    let factor = |name| parts.column_by_name(name).and_then(|factor| cast(factor, &DataType::Float64).ok());
    let (Some(names), Some(expertise), Some(spare)) = (names, factor("expertise"), factor("spare")) else {
        return String::new();
    };
    let factors = [&expertise, &spare].map(|factor| factor.as_primitive::<Float64Type>());
    let one = |(at, name): (usize, Option<&str>)| {
        let [expertise, spare] = factors.map(|factor| decimal(factor.value(at), 2));
        format!("{} {expertise} × {spare}", name.unwrap_or_default())
    };
    names.as_string::<i32>().iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_absent() {
        let sample = surface::output::sample::sample();
        let rows = Rows(&sample);
        assert_eq!(rows.numbers("open_reviews"), [Some(12_345.0), None]);
        assert_eq!(rows.numbers("team"), [None, None]);
        assert_eq!(rows.texts("team")[1].as_deref(), Some("core"));
        assert_eq!(rows.texts("nothing"), [None, None]);
        assert_eq!(rows.flags("team"), [None, None]);
        assert_eq!(rows.dates("team"), [None, None]);
        assert_eq!(rows.moments("since")[0].map(|at| at.timestamp()), Some(1_772_442_840));
    }
}
