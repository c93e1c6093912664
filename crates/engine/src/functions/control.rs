//! `xmr(position, x, baseline_n, n_min)`: the natural process limits of a series, as a struct.
//!
//! From the mean of the first `baseline_n` values by position and the mean of their moving ranges, mR: limits
//! mean -+ 2.66 mR, and 3.268 mR for a moving range (Shewhart; Wheeler, Understanding Variation, 1993).
//! A series shorter than `n_min` (or 2) has no limits.

/// Limits are this multiple of the mean moving range from the mean: 3 / d2, d2 = 1.128 for ranges of two.
pub const LIMIT_FACTOR: f64 = 2.66;
/// The upper limit of a moving range as a multiple of their mean: D4 for ranges of two.
pub const RANGE_FACTOR: f64 = 3.268;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Values that the limits come from.
    pub n: i64,
    pub mean: f64,
    pub mean_range: f64,
    pub lower: f64,
    pub upper: f64,
    pub range_upper: f64,
}

/// `series` is in order of position.
pub fn control_limits(series: &[f64]) -> Option<Limits> {
    if series.len() < 2 {
        return None;
    }
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    let ranges = series.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let mean_range = ranges.sum::<f64>() / (series.len() - 1) as f64;
    Some(Limits {
        n: series.len() as i64,
        mean,
        mean_range,
        lower: mean - LIMIT_FACTOR * mean_range,
        upper: mean + LIMIT_FACTOR * mean_range,
        range_upper: RANGE_FACTOR * mean_range,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmr_of_the_worked_case() {
        let deficit = [10.7, 13.0, 11.4, 11.5, 12.5, 14.1, 14.8, 14.1, 12.6, 16.0, 11.7, 10.6];
        let got = control_limits(&deficit).unwrap();
        for (value, want) in
            [(got.mean, 12.75), (got.mean_range, 1.6636), (got.lower, 8.3247), (got.upper, 17.1753)]
        {
            assert!((value - want).abs() < 5e-5, "{value} is not {want}");
        }
        assert_eq!(control_limits(&[1.0]), None);
    }
}
