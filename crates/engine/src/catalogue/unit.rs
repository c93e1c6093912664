//! What a figure is called on the Prometheus page: in base units, with the unit as a suffix.
//!
//! Seconds, ratios from 0 to 1 and counts are base units (<https://prometheus.io/docs/practices/naming/>). The unit of a
//! metric's value stands in its front matter; that of a further gauge is the end of the column's name.
//! Invariant: a unit of time or a share in another spelling is refused, so that no such figure keeps its scale.

/// By what values are multiplied and divided; whole numbers, so that nothing is rounded twice.
pub type Scale = (f64, f64);

const AS_IT_IS: Scale = (1.0, 1.0);
const SECONDS: &str = "_seconds";
const RATIO: &str = "_ratio";

/// Units of time, and how many seconds each has.
const TIMES: [(&str, Scale); 6] = [
    ("milliseconds", (1.0, 1_000.0)),
    ("seconds", AS_IT_IS),
    ("minutes", (60.0, 1.0)),
    ("hours", (3_600.0, 1.0)),
    ("days", (86_400.0, 1.0)),
    ("weeks", (604_800.0, 1.0)),
];

/// Ends of column names, with the suffix of the series.
const ENDS: [(&str, &str, Scale); 8] = [
    ("_ms", SECONDS, (1.0, 1_000.0)),
    ("_seconds", SECONDS, AS_IT_IS),
    ("_minutes", SECONDS, (60.0, 1.0)),
    ("_hours", SECONDS, (3_600.0, 1.0)),
    ("_days", SECONDS, (86_400.0, 1.0)),
    ("_weeks", SECONDS, (604_800.0, 1.0)),
    ("_at", "_timestamp_seconds", AS_IT_IS),
    ("_ratio", RATIO, AS_IT_IS),
];

/// Other ways to say a unit, with the way that is understood.
const OTHERWISE: [(&str, &str); 25] = [
    ("ms", "milliseconds"),
    ("msec", "milliseconds"),
    ("millisecond", "milliseconds"),
    ("s", "seconds"),
    ("sec", "seconds"),
    ("secs", "seconds"),
    ("second", "seconds"),
    ("min", "minutes"),
    ("mins", "minutes"),
    ("minute", "minutes"),
    ("h", "hours"),
    ("hr", "hours"),
    ("hrs", "hours"),
    ("hour", "hours"),
    ("d", "days"),
    ("day", "days"),
    ("week", "weeks"),
    ("month", "days"),
    ("months", "days"),
    ("quarters", "days"),
    ("year", "days"),
    ("years", "days"),
    ("%", "percent"),
    ("share", "ratio"),
    ("fraction", "ratio"),
];

/// The suffix and scale of a metric's value.
pub(super) fn of_value(unit: &str) -> (&'static str, Scale) {
    match unit {
        "ratio" => (RATIO, AS_IT_IS),
        "percent" => (RATIO, (1.0, 100.0)),
        _ => TIMES
            .iter()
            .find(|(name, _)| *name == unit)
            .map_or(("", AS_IT_IS), |(_, scale)| (SECONDS, *scale)),
    }
}

/// What comes of a further column's name, and its scale. A probability, `p_...`, is a ratio.
pub(super) fn of_column(column: &str) -> (String, Scale) {
    let end = ENDS.iter().find_map(|(end, suffix, scale)| Some((column.strip_suffix(end)?, suffix, *scale)));
    match end {
        Some((stem, suffix, scale)) => (format!("{stem}{suffix}"), scale),
        None if column.ends_with("_share") || column.starts_with("p_") => {
            (format!("{column}{RATIO}"), AS_IT_IS)
        }
        None => (column.to_owned(), AS_IT_IS),
    }
}

/// What is wrong with a unit, or with a value column that says another.
pub(super) fn wrong(unit: &str, value: &str) -> Option<String> {
    if let Some((_, right)) = OTHERWISE.iter().find(|(name, _)| *name == unit.to_lowercase()) {
        return Some(format!(
            "unit {unit:?} cannot be converted to a base unit; give the value in {right:?}"
        ));
    }
    let of_end = ENDS[..6].iter().find(|(end, ..)| value.ends_with(end)).map(|(.., scale)| *scale)?;
    (of_value(unit) != (SECONDS, of_end))
        .then(|| format!("unit is {unit:?}, and the name of the value {value:?} says another"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_base_units() {
        assert_eq!(of_value("days"), ("_seconds", (86_400.0, 1.0)));
        assert_eq!(of_value("milliseconds"), ("_seconds", (1.0, 1_000.0)));
        assert_eq!(of_value("ratio"), ("_ratio", (1.0, 1.0)));
        assert_eq!(of_value("percent"), ("_ratio", (1.0, 100.0)));
        assert_eq!(of_value("reviews"), ("", (1.0, 1.0)));
    }

    #[test]
    fn columns_say_their_unit_at_their_end() {
        let name = |column: &str| of_column(column).0;
        assert_eq!(of_column("late_replan_age_days"), ("late_replan_age_seconds".into(), (86_400.0, 1.0)));
        assert_eq!(name("last_at"), "last_timestamp_seconds");
        assert_eq!(name("p_never"), "p_never_ratio");
        assert_eq!(name("critical_share"), "critical_share_ratio");
        assert_eq!(name("hit_ratio"), "hit_ratio");
        assert_eq!(name("replans"), "replans");
    }

    #[test]
    fn units_that_cannot_be_converted_are_refused() {
        for (unit, value, expect) in [
            ("hrs", "age", "give the value in \"hours\""),
            ("months", "age", "give the value in \"days\""),
            ("%", "part", "give the value in \"percent\""),
            ("hours", "age_days", "says another"),
            ("reviews", "age_days", "says another"),
        ] {
            let said = wrong(unit, value).unwrap_or_default();
            assert!(said.contains(expect), "{unit} {value}: {said}");
        }
        for (unit, value) in
            [("days", "age_days"), ("reviews", "open"), ("per week", "n"), ("ratio", "p_hit")]
        {
            assert_eq!(wrong(unit, value), None);
        }
    }
}
