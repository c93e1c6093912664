//! Every chart, drawn from the same figures in every look.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::*;

/// As mails and paper have it.
const PRINT: Look = Look { width: 680, height: 270, paint: Paint::Fixed };

fn at(week: i64) -> DateTime<Utc> {
    "2026-08-31T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::weeks(week)
}

fn on(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn lines() -> Plot {
    let series = |name: &str, values: [Option<f64>; 5]| {
        (name.to_owned(), (0..).zip(values).map(|(week, value)| (at(week), value)).collect())
    };
    let series = [
        series("core & <co>", [Some(3.0), Some(4.5), Some(4.0), Some(9.0), Some(12.0)]),
        series("payments", [Some(7.0), None, Some(8.0), Some(6.0), Some(2.0)]),
    ];
    over_time(Head::new("lines", "Open reviews"), "reviews", series)
}

fn slips() -> Plot {
    let reviews = vec![
        (at(0), Some(on("2026-11-01")), None),
        (at(1), Some(on("2026-11-01")), Some(on("2026-11-08"))),
        (at(2), Some(on("2026-11-20")), Some(on("2026-11-25"))),
    ];
    slip(Head::new("slip", "Slip chart"), &Slip { reviews, baseline: Some(on("2026-10-20")) })
}

fn burn_up() -> Plot {
    let history = (0..28)
        .map(|n| (on("2026-10-26") + chrono::Days::new(n), (n / 2) as f64, if n < 10 { 26.0 } else { 28.0 }));
    let done_by = vec![(50, on("2026-12-03")), (85, on("2026-12-10")), (95, on("2026-12-18"))];
    let history = history.collect();
    let (due, baseline) = (Some(on("2026-11-27")), Some(on("2026-11-20")));
    fan(Head::new("fan", "Burn-up"), &Fan { unit: "tickets".into(), history, done_by, due, baseline })
}

fn teams() -> Bars {
    let bar = |label: &str, value: Option<f64>| Bar {
        label: label.to_owned(),
        value,
        said: value.map_or("too few people".to_owned(), number),
        tone: Tone::Series(0),
    };
    let bars =
        vec![bar("core", Some(4.0)), bar("payments", Some(17.0)), bar("a very long team name indeed", None)];
    Bars { head: Head::new("bars", "Open reviews"), bars }
}

fn spark() -> Spark {
    let values = vec![Some(1.0), Some(3.0), None, Some(2.0), Some(5.0)];
    let head = Head { description: "from 1 to 5".into(), ..Head::new("spark", "Load") };
    Spark { head, values, range: Some(0.5..=4.0), tone: Tone::Series(0) }
}

fn drawings(look: Look) -> Vec<String> {
    let plots = [lines(), slips(), burn_up()];
    let spark = spark().svg(Look { paint: look.paint, ..Look::SPARK });
    plots.iter().map(|plot| plot.svg(look)).chain([teams().svg(look), spark]).collect()
}

#[test]
fn a_drawing_is_whole_and_the_same_each_time() {
    for look in [Look::WIDE, Look::NARROW, PRINT] {
        let first = drawings(look);
        assert_eq!(first, drawings(look));
        for svg in &first {
            assert!(svg.starts_with("<svg class=\"chart\" role=\"img\"") && svg.ends_with("</svg>"), "{svg}");
            assert!(svg.contains("<title id=") && svg.contains("<desc id="), "{svg}");
            assert_eq!(svg.contains("var(--chart-"), look.paint == Paint::Theme, "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("style="), "{svg}");
            assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        }
    }
}

/// The numbers of an attribute, wherever it stands.
fn numbers_of(svg: &str, attribute: &str) -> Vec<f64> {
    let start = format!(" {attribute}=\"");
    let values = svg.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    values.flat_map(|value| value.split([' ', ','])).map(|number| number.parse().unwrap()).collect()
}

#[test]
fn shapes_are_as_large_as_their_values() {
    let widths = numbers_of(&teams().svg(Look::WIDE), "width");
    assert!((widths[0] / widths[1] - 4.0 / 17.0).abs() < 0.001 && widths[2] == 0.0, "{widths:?}");
    // The series of three runs: all of the first team; of the second, one point before its gap, and the rest.
    let svg = lines().svg(PRINT);
    let drawn: Vec<&str> =
        svg.split("<polyline").filter(|part| part.contains("stroke-width=\"2.5\"")).collect();
    let counts: Vec<usize> = drawn.iter().map(|part| numbers_of(part, "points").len() / 2).collect();
    assert_eq!(counts, [5, 3]);
    let core = numbers_of(drawn[0], "points");
    assert!(
        ((core[7] - core[1]) / (core[9] - core[1]) - 6.0 / 9.0).abs() < 0.01 && core[9] < core[1],
        "{core:?}"
    );
}

#[test]
fn nothing_leaves_the_drawing() {
    for look in [Look::WIDE, Look::NARROW, PRINT] {
        for svg in drawings(look) {
            let view = numbers_of(&svg, "viewBox");
            for (at, place) in numbers_of(&svg, "points").into_iter().enumerate() {
                assert!((0.0..=view[2 + at % 2]).contains(&place), "{place}: {svg}");
            }
            assert!(numbers_of(&svg, "x").iter().all(|x| (0.0..=view[2]).contains(x)), "{svg}");
        }
    }
}

#[test]
fn text_is_escaped_and_described() {
    let svg = lines().svg(Look::WIDE);
    assert!(svg.contains("core &amp; &lt;co&gt;") && !svg.contains("<co>"), "{svg}");
    assert!(svg.contains("payments: 7 on 31 Aug 2026, 2 on 28 Sep 2026"), "{svg}");
}

#[test]
fn tables_have_the_figures() {
    let table = lines().table().into_string();
    assert!(
        table.contains("<th scope=\"row\">28 Sep 2026</th><td class=\"n\">12</td><td class=\"n\">2</td>"),
        "{table}"
    );
    assert!(table.contains("in reviews"), "{table}");
    let table = burn_up().table().into_string();
    assert!(table.contains("50 to 85% likely done from") && table.contains("due"), "{table}");
    let table = teams().table().into_string();
    assert!(table.contains("<td class=\"n\">17</td>") && table.contains("too few people"), "{table}");
}

#[test]
fn nothing_to_draw_is_drawn() {
    let nothing = over_time(Head::new("none", "None"), "reviews", []);
    assert!(nothing.svg(Look::NARROW).contains("No figures yet."));
    let one = over_time(Head::new("one", "One"), "reviews", [("a".to_owned(), vec![(at(0), Some(0.0))])]);
    assert!(one.svg(Look::WIDE).contains("<circle"));
    let gaps =
        over_time(Head::new("gaps", "Gaps"), "", [("a".to_owned(), vec![(at(0), None), (at(1), None)])]);
    assert!(gaps.svg(Look::WIDE).contains("a: no value"));
    assert!(slip(Head::new("s", "S"), &Slip::default()).svg(Look::WIDE).ends_with("</svg>"));
    let fan_of_none =
        Fan { unit: String::new(), history: vec![], done_by: vec![], due: None, baseline: None };
    assert!(fan(Head::new("f", "F"), &fan_of_none).svg(Look::WIDE).ends_with("</svg>"));
    let none = Bars { head: Head::new("b", "B"), bars: vec![] };
    assert!(none.svg(PRINT).ends_with("</svg>"));
    let flat = Spark { values: vec![Some(2.0); 3], range: None, ..spark() };
    assert!(flat.svg(Look::SPARK).contains("<polyline"));
}
