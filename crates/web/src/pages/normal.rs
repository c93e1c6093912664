//! What is normal for a weekly figure: the natural process limits of its own past, as the metric `signals` has them.

use std::ops::RangeInclusive;

use engine::control_limits;

/// With fewer weeks there are no limits; `signals` asks for as many.
const WEEKS_MIN: usize = 6;

/// From the weeks before the one that is judged; weeks without a figure are left out.
pub fn limits(weeks: &[Option<f64>]) -> Option<RangeInclusive<f64>> {
    let known: Vec<f64> = weeks.iter().flatten().copied().collect();
    let limits = control_limits(&known).filter(|_| known.len() >= WEEKS_MIN)?;
    Some(limits.lower..=limits.upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_a_process_behaviour_chart() {
        let deficit = [10.7, 13.0, 11.4, 11.5, 12.5, 14.1, 14.8, 14.1, 12.6, 16.0, 11.7, 10.6].map(Some);
        let limits = limits(&deficit).unwrap();
        assert!((limits.start() - 8.3247).abs() < 5e-5 && (limits.end() - 17.1753).abs() < 5e-5);
        assert_eq!(super::limits(&deficit[..5]), None);
    }
}
