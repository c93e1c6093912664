//! The nearest-rank percentile: always one of the values, exact, the same on every machine.

/// The smallest value that at least a share `p` of the values does not exceed. `p` is taken to a millionth,
/// so that 0.85 of 20 is 17 and not a hair more. None for no values or `p` outside (0, 1].
pub fn nearest_rank(sorted: &[i64], p: f64) -> Option<i64> {
    debug_assert!(sorted.is_sorted());
    if !(p > 0.0 && p <= 1.0) {
        return None;
    }
    let millionths = (p * 1e6).round() as u128;
    let rank = (millionths * sorted.len() as u128).div_ceil(1_000_000).max(1);
    sorted.get(rank as usize - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_of_the_worked_case() {
        let values: Vec<i64> = (1..=10).collect();
        assert_eq!(nearest_rank(&values, 0.85), Some(9));
        assert_eq!(nearest_rank(&values, 0.5), Some(5));
        assert_eq!(nearest_rank(&values, 1.0), Some(10));
        assert_eq!(nearest_rank(&values, 0.000_1), Some(1));
        assert_eq!(nearest_rank(&[], 0.5), None);
        assert_eq!(nearest_rank(&values, 0.0), None);
    }

    #[test]
    fn binary_fractions_do_not_push_a_rank_up() {
        let values: Vec<i64> = (1..=100).collect();
        for percent in 1..=100 {
            assert_eq!(nearest_rank(&values, f64::from(percent) / 100.0), Some(i64::from(percent)));
        }
    }
}
