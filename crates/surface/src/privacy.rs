//! What of a result may be shown, and under which names.
//!
//! Rows about teams of too few people lose their numbers; person-level rows are for whom the configuration names;
//! in pseudonymous mode people are called by a keyed hash of their name. Only `wall` calls these functions.
//! Invariant: whether a team is too small is for `engine::Teams` to say, whatever columns a metric has.
//! Deliberately absent: names inside free text, such as titles; they stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, RecordBatchOptions,
    StringArray, StructArray,
};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use engine::{Error, Metric, MetricResult, is_about_teams};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::Secret;

/// Columns that tell over how many people a row of a team-level metric is.
const COUNT_COLUMNS: [&str; 6] = ["people", "reviewers", "assignees", "authors", "contributors", "members"];

/// Columns that name a row's team and its ISO week.
const TEAM: &str = "team";
const WEEK: &str = "week";
/// How parameters end that say how many values a percentile takes at least.
const FEWEST_VALUES: &str = "_n_min";
/// Columns that hold ids of events, which producers make of names.
const EVENT_IDS: [&str; 2] = ["event", "event_id"];

/// Hex digits of a pseudonym, and of what stands for an event's id.
const PSEUDONYM_DIGITS: usize = 8;
const EVENT_DIGITS: usize = 12;

/// Clears the numbers of rows about teams of fewer than `group_min` people, or over fewer, and counts those rows. What
/// tells rows apart stays, and so does the number of people.
pub fn suppress(
    metric: &Metric,
    result: &MetricResult,
    group_min: u64,
) -> Result<(RecordBatch, u64), ArrowError> {
    let rows = &result.rows;
    // A repository or a file with one author is a risk worth seeing; a team of one is a person.
    if !is_about_teams(metric) {
        return Ok((rows.clone(), 0));
    }
    let sizes = team_sizes(result)?;
    let (count, people) = people_column(rows)?.unzip();
    // A row over nobody says nothing about anybody.
    let over_few = |row: usize| {
        people
            .as_ref()
            .is_some_and(|people| people.is_valid(row) && (1..group_min as i64).contains(&people.value(row)))
    };
    // With 1 every number may be seen, also of a week in which the team had nobody yet.
    let of_few = |row: usize| group_min > 1 && sizes[row].is_some_and(|size| size < group_min);
    let few: BooleanArray = (0..rows.num_rows()).map(|row| Some(of_few(row) || over_few(row))).collect();
    let suppressed = few.true_count() as u64;
    if suppressed == 0 {
        return Ok((rows.clone(), 0));
    }
    let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if Some(field.name().as_str()) == count || metric.labels.contains(field.name()) {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        } else {
            fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
            columns.push(nullif(column, &few)?);
        }
    }
    Ok((batch(rows, fields, columns)?, suppressed))
}

/// How many people the team of each row had, in the row's week if it is about one, else at the result's moment.
fn team_sizes(result: &MetricResult) -> Result<Vec<Option<u64>>, ArrowError> {
    let texts =
        |name: &str| result.rows.column_by_name(name).map(|column| cast(column, &DataType::Utf8)).transpose();
    let Some(teams) = texts(TEAM)? else { return Ok(vec![None; result.rows.num_rows()]) };
    let (teams, weeks) = (teams.as_string::<i32>(), texts(WEEK)?);
    let size = |row: usize| {
        let week = weeks.as_ref().map(|weeks| weeks.as_string::<i32>()).filter(|weeks| weeks.is_valid(row));
        let (from, to) =
            week.and_then(|weeks| week_of(weeks.value(row))).unwrap_or((result.as_of, result.as_of));
        let team = teams.is_valid(row).then(|| teams.value(row))?;
        result.teams.people(team, from.min(result.as_of), to.min(result.as_of))
    };
    Ok((0..teams.len()).map(size).collect())
}

/// The first and the last moment of an ISO week such as `2026-W07`.
fn week_of(label: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (year, week) = label.split_once("-W")?;
    let monday = NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)?;
    let from = monday.and_time(NaiveTime::MIN).and_utc();
    Some((from, from + TimeDelta::weeks(1) - TimeDelta::microseconds(1)))
}

/// Refuses fewer values to a percentile than there are by default.
pub fn admit(metric: &Metric, params: &BTreeMap<String, String>) -> Result<(), Error> {
    for param in metric.params.iter().filter(|param| param.name.ends_with(FEWEST_VALUES)) {
        let given = params.get(&param.name).and_then(|given| given.trim().parse::<f64>().ok());
        let least = param.default.to_string().parse::<f64>().ok();
        if given.zip(least).is_some_and(|(given, least)| given < least) {
            let reason = format!(
                "cannot be less than {} here, for few values say whose they are; ask with 'plimsoll query {}' where the \
                 data is",
                param.default, metric.name
            );
            return Err(Error::BadParameter { name: param.name.clone(), reason });
        }
    }
    Ok(())
}

/// The column that says over how many people a row is, where there is one.
fn people_column(rows: &RecordBatch) -> Result<Option<(&'static str, Int64Array)>, ArrowError> {
    for name in COUNT_COLUMNS {
        if let Some(column) = rows.column_by_name(name)
            && column.data_type().is_integer()
        {
            let counts = cast(column, &DataType::Int64)?;
            return Ok(Some((name, counts.as_primitive::<Int64Type>().clone())));
        }
    }
    Ok(None)
}

/// Whether a person-level metric has labels by which its rows can be told to be somebody's.
pub fn names_people(metric: &Metric) -> bool {
    metric.labels.iter().any(|label| metric.names(label))
}

/// The rows that are about nobody but `people`: every person among a row's labels is one of them.
pub fn only(
    metric: &Metric,
    rows: &RecordBatch,
    people: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let mut keep = vec![names_people(metric); rows.num_rows()];
    for label in metric.labels.iter().filter(|label| metric.names(label)) {
        let Some(column) = rows.column_by_name(label) else { continue };
        let names = cast(column, &DataType::Utf8)?;
        for (keep, name) in keep.iter_mut().zip(names.as_string::<i32>()) {
            *keep &= name.is_some_and(|name| people.contains(name));
        }
    }
    filter_record_batch(rows, &BooleanArray::from(keep))
}

/// Names people by a keyed hash: the same person the same name, and no way back without the key.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// `source` is `env:NAME` or `file:PATH`; empty means that people keep their names.
    pub fn new(source: &str) -> Result<Option<Pseudonyms>, String> {
        if source.is_empty() {
            return Ok(None);
        }
        let secret = Secret::read(source).map_err(|error| format!("people.pseudonyms {error}"))?;
        Ok(Some(Pseudonyms(hmac::Key::new(hmac::HMAC_SHA256, secret.bytes()))))
    }

    pub fn name(&self, person: &str) -> String {
        let digest = hex::encode(hmac::sign(&self.0, person.as_bytes()));
        format!("p-{}", &digest[..PSEUDONYM_DIGITS])
    }

    /// The rows with pseudonyms wherever the metric has people.
    pub fn apply(&self, metric: &Metric, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let column = self.column(metric, field.name(), column)?;
            fields.push(Arc::new(Field::new(field.name(), column.data_type().clone(), field.is_nullable())));
            columns.push(column);
        }
        batch(rows, fields, columns)
    }

    fn column(&self, metric: &Metric, path: &str, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if metric.names(path) => {
                let texts = cast(column, &DataType::Utf8)?;
                let renamed: StringArray =
                    texts.as_string::<i32>().iter().map(|text| text.map(|text| self.name(text))).collect();
                Ok(Arc::new(renamed))
            }
            DataType::List(item) => {
                let list = column.as_list::<i32>();
                let values = self.column(metric, path, list.values())?;
                let item = Field::new(item.name(), values.data_type().clone(), item.is_nullable());
                let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
                Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets, values, nulls)?))
            }
            DataType::Struct(inner) => {
                let parts = column.as_struct();
                let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
                for (field, part) in inner.iter().zip(parts.columns()) {
                    let part = self.column(metric, &format!("{path}.{}", field.name()), part)?;
                    fields.push(Arc::new(Field::new(
                        field.name(),
                        part.data_type().clone(),
                        field.is_nullable(),
                    )));
                    columns.push(part);
                }
                Ok(Arc::new(StructArray::try_new(fields.into(), columns, parts.nulls().cloned())?))
            }
            _ => Ok(Arc::clone(column)),
        }
    }
}

/// Puts a keyed hash in the place of events' ids, which hold logins: rows stay apart, and nobody can be guessed.
#[derive(Debug)]
pub struct Veil(hmac::Key);

impl Veil {
    /// With pseudonyms an id has one name for as long as people have; else until the process ends.
    pub fn new(pseudonyms: Option<&Pseudonyms>) -> Veil {
        let mut key = [0; 32];
        match pseudonyms {
            Some(Pseudonyms(of_people)) => {
                key.copy_from_slice(hmac::sign(of_people, b"\0event ids").as_ref())
            }
            None => SystemRandom::new().fill(&mut key).expect("the system gives random bytes"),
        }
        Veil(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    pub fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            if EVENT_IDS.contains(&field.name().as_str()) && column.data_type().is_string() {
                let texts = cast(column, &DataType::Utf8)?;
                let ids = texts.as_string::<i32>().iter().map(|id| id.map(|id| self.id(id)));
                fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, field.is_nullable())));
                columns.push(Arc::new(ids.collect::<StringArray>()));
            } else {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(column));
            }
        }
        batch(rows, fields, columns)
    }

    fn id(&self, id: &str) -> String {
        format!("event-{}", &hex::encode(hmac::sign(&self.0, id.as_bytes()))[..EVENT_DIGITS])
    }
}

fn batch(
    rows: &RecordBatch,
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ListBuilder, StringBuilder};
    use engine::{Level, Param, ParamType, Position, Teams, Value};

    fn metric(level: Level, labels: &[&str]) -> Metric {
        Metric {
            name: "m".into(),
            title: String::new(),
            help: String::new(),
            unit: String::new(),
            level,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value: "n".into(),
            gauges: Vec::new(),
            people: vec!["reviewer".into(), "owners".into()],
            section: String::new(),
            panel: String::new(),
            params: Vec::new(),
            sql: String::new(),
            sql_line: 1,
            reads: Vec::new(),
            file: String::new(),
        }
    }

    fn rows() -> RecordBatch {
        let mut owners = ListBuilder::new(StringBuilder::new());
        for name in ["ada", "bo", "cy"] {
            owners.values().append_value(name);
            owners.append(true);
        }
        RecordBatch::try_from_iter([
            ("team", Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef),
            ("reviewer", Arc::new(StringArray::from(vec!["ada", "bo", "ada"])) as ArrayRef),
            ("owners", Arc::new(owners.finish()) as ArrayRef),
            ("people", Arc::new(Int64Array::from(vec![2, 3, 0])) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![7, 8, 9])) as ArrayRef),
        ])
        .unwrap()
    }

    fn result(rows: RecordBatch, teams: Teams) -> MetricResult {
        let as_of = "2026-03-04T12:00:00Z".parse().unwrap();
        MetricResult {
            metric: "m".to_owned(),
            as_of,
            known_at: as_of,
            definition: String::new(),
            position: Position::new(),
            rows,
            teams,
            suppressed: 0,
            what_if: 0,
        }
    }

    #[test]
    fn a_small_team_has_no_numbers_whatever_columns_a_metric_has() {
        let day = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp_micros();
        let always = i64::MIN..i64::MAX;
        let since = day("2026-02-25T00:00:00Z")..i64::MAX;
        let teams = Teams::new(
            [
                ("small", "ada", always.clone()),
                ("large", "ada", always.clone()),
                ("large", "bo", since.clone()),
                ("large", "cy", since),
                ("left", "dee", i64::MIN..day("2026-01-01T00:00:00Z")),
            ],
            Some(2),
        );
        let names = ["small", "large", "left", "(none)", "unknown", "large", "large"];
        let weeks = ["2026-W10", "2026-W10", "2026-W10", "2026-W10", "2026-W10", "2026-W08", "2026-W09"];
        let rows = RecordBatch::try_from_iter([
            (TEAM, Arc::new(StringArray::from(names.to_vec())) as ArrayRef),
            (WEEK, Arc::new(StringArray::from(weeks.to_vec())) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![1; 7])) as ArrayRef),
        ])
        .unwrap();
        let hidden = |rows: RecordBatch, labels: &[&str]| {
            let result = result(rows, teams.clone());
            let (shown, suppressed) = suppress(&metric(Level::Team, labels), &result, 3).unwrap();
            let column = shown.column_by_name("n").unwrap();
            let hidden: Vec<bool> = (0..shown.num_rows()).map(|row| column.is_null(row)).collect();
            assert_eq!(hidden.iter().filter(|hidden| **hidden).count() as u64, suppressed);
            hidden
        };
        assert_eq!(hidden(rows.clone(), &[TEAM, WEEK]), [true, false, true, true, false, true, false]);
        assert_eq!(
            hidden(rows.project(&[0, 2]).unwrap(), &[TEAM]),
            [true, false, true, true, false, false, false]
        );
        assert_eq!(hidden(rows, &["repo"]), [false; 7], "a repository is no team");
    }

    #[test]
    fn a_percentile_takes_no_fewer_values_than_by_default() {
        let of = |name: &str, default| Param {
            name: name.to_owned(),
            type_: ParamType::Int,
            default,
            min: None,
            max: None,
            values: Vec::new(),
            help: String::new(),
            line: 1,
        };
        let params = vec![of("p50_n_min", Value::Int(5)), of("weeks", Value::Int(12))];
        let metric = Metric { params, ..metric(Level::Team, &["team"]) };
        for (name, value, good) in [
            ("p50_n_min", "5", true),
            ("p50_n_min", "50", true),
            ("p50_n_min", "4", false),
            ("p50_n_min", " 1", false),
            ("p50_n_min", "-1", false),
            ("weeks", "1", true),
        ] {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(admit(&metric, &given).is_ok(), good, "{name}={value}");
        }
        assert!(admit(&metric, &BTreeMap::new()).is_ok());
    }

    #[test]
    fn ids_of_events_name_nobody_and_stay_apart() {
        let ids = vec![Some("github:acme/api/pull/1:requested:ada"), None, Some("x"), Some("x")];
        let rows = RecordBatch::try_from_iter([
            ("event", Arc::new(StringArray::from(ids)) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ])
        .unwrap();
        let veil = Veil::new(None);
        let shown = veil.apply(&rows).unwrap();
        let ids = shown.column(0).as_string::<i32>();
        assert!(ids.value(0).starts_with("event-") && !ids.value(0).contains("ada"), "{}", ids.value(0));
        assert!(ids.is_null(1) && ids.value(2) == ids.value(3) && ids.value(0) != ids.value(2));
        assert_ne!(Veil::new(None).id("x"), veil.id("x"), "who knows the id cannot find its hash");
    }

    #[test]
    fn few_people_have_no_numbers() {
        let suppress = |metric: &Metric, rows: &RecordBatch, group_min: u64| {
            suppress(metric, &result(rows.clone(), Teams::default()), group_min)
        };
        let (shown, suppressed) = suppress(&metric(Level::Team, &["team"]), &rows(), 3).unwrap();
        assert_eq!(suppressed, 1);
        let numbers: Vec<_> = shown.column(4).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(numbers, [None, Some(8), Some(9)]);
        assert_eq!(shown.column(3).as_primitive::<Int64Type>().value(0), 2);
        assert!(shown.column(1).is_null(0), "names go with the numbers");
        assert_eq!(suppress(&metric(Level::Team, &["team"]), &rows(), 1).unwrap().1, 0);
    }

    #[test]
    fn rows_of_others_are_left_out() {
        let mine = BTreeSet::from(["ada".to_owned()]);
        let shown = only(&metric(Level::Person, &["team", "reviewer"]), &rows(), &mine).unwrap();
        assert_eq!(shown.num_rows(), 2);
        assert_eq!(only(&metric(Level::Person, &["team"]), &rows(), &mine).unwrap().num_rows(), 0);
    }

    #[test]
    fn a_person_has_one_pseudonym_wherever_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a key of our own").unwrap();
        let names = Pseudonyms::new(&format!("file:{}", file.path().display())).unwrap().unwrap();
        let shown = names.apply(&metric(Level::Team, &["team"]), &rows()).unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&[shown]).unwrap().to_string();
        assert!(!text.contains("ada") && !text.contains("bo"), "{text}");
        assert_eq!(text.matches(&names.name("ada")).count(), 3, "{text}");
        assert!(Pseudonyms::new("").unwrap().is_none());
        assert!(Pseudonyms::new("ada").is_err());
    }
}
