//! The one way in which numbers are written for people: `12,345`, `57%`.

/// At most so many decimals, without trailing zeros: `12,345.6`.
pub fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut written = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        written.push('.');
        written.push_str(fraction);
    }
    if value < 0.0 && written != "0" { format!("\u{2212}{written}") } else { written }
}

/// A share of one in percent; what is not quite none or all is not called so.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small > 0.0 && small < 1.0 => "under 1%".to_owned(),
        large if large > 99.0 && large < 100.0 => "over 99%".to_owned(),
        percent => format!("{}%", decimal(percent.round(), 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_one_way() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.001, "0"),
            (3.0, "3"),
            (1.234, "1.23"),
            (12_345.0, "12,345"),
            (-1_234_567.5, "\u{2212}1,234,567.5"),
            (999.999, "1,000"),
        ] {
            assert_eq!(decimal(value, 2), expect, "{value}");
        }
        assert_eq!(decimal(3.06, 1), "3.1");
        for (share, expect) in [
            (0.0, "0%"),
            (0.003, "under 1%"),
            (0.5714, "57%"),
            (0.999, "over 99%"),
            (1.0, "100%"),
            (12.5, "1,250%"),
        ] {
            assert_eq!(percent(share), expect);
        }
    }
}
