//! How unevenly a whole is split: the measures, over integers, as plain functions.
//!
//! Values are >= 0, zeros included, and sorted ascending; sums are exact integers and each measure makes
//! at most one division of them, or (for entropy) adds floats in that order. Nothing to split gives none.

/// Gini: sum((2i - n - 1) x_i) / (n sum x), i from 1 over ascending x.
pub fn gini(sorted: &[i64]) -> Option<f64> {
    let n = sorted.len() as i128;
    let sum = total(sorted)?;
    let spread: i128 =
        sorted.iter().zip(1..).map(|(&x, i): (&i64, i128)| (2 * i - n - 1) * i128::from(x)).sum();
    Some(spread as f64 / (n * sum) as f64)
}

/// Gini times n / (n - 1): 1 when one has all. None for a single value.
pub fn gini_corrected(sorted: &[i64]) -> Option<f64> {
    let n = sorted.len() as i128;
    let sum = total(sorted)?;
    let spread: i128 =
        sorted.iter().zip(1..).map(|(&x, i): (&i64, i128)| (2 * i - n - 1) * i128::from(x)).sum();
    (n > 1).then(|| spread as f64 / ((n - 1) * sum) as f64)
}

/// Herfindahl-Hirschman index: the sum of squared shares, 1/n to 1 (times 10,000 for points).
pub fn hhi(sorted: &[i64]) -> Option<f64> {
    let sum = total(sorted)?;
    Some(squares(sorted) as f64 / (sum as f64 * sum as f64))
}

/// 1 / HHI: how many equal holders would be as concentrated.
pub fn effective_count(sorted: &[i64]) -> Option<f64> {
    let sum = total(sorted)?;
    Some(sum as f64 * sum as f64 / squares(sorted) as f64)
}

/// Shannon entropy of the shares, in nats.
pub fn entropy(sorted: &[i64]) -> Option<f64> {
    let sum = total(sorted)? as f64;
    let term = |&x: &i64| {
        let share = x as f64 / sum;
        share * share.ln()
    };
    Some(0.0 - sorted.iter().filter(|&&x| x > 0).map(term).sum::<f64>())
}

/// Entropy over ln n: 1 when all hold the same. None for a single value.
pub fn evenness(sorted: &[i64]) -> Option<f64> {
    let entropy = entropy(sorted)?;
    (sorted.len() > 1).then(|| entropy / (sorted.len() as f64).ln())
}

/// The largest share.
pub fn top_share(sorted: &[i64]) -> Option<f64> {
    let sum = total(sorted)?;
    sorted.last().map(|&top| top as f64 / sum as f64)
}

/// The share of the top fifth of holders, rounded up to whole holders.
pub fn top20_share(sorted: &[i64]) -> Option<f64> {
    let sum = total(sorted)?;
    let top: i128 = sorted.iter().rev().take(sorted.len().div_ceil(5)).map(|&x| i128::from(x)).sum();
    Some(top as f64 / sum as f64)
}

fn total(sorted: &[i64]) -> Option<i128> {
    debug_assert!(sorted.is_sorted() && sorted.first().is_none_or(|&least| least >= 0));
    let sum: i128 = sorted.iter().map(|&x| i128::from(x)).sum();
    (sum > 0).then_some(sum)
}

fn squares(sorted: &[i64]) -> i128 {
    sorted.iter().map(|&x| i128::from(x) * i128::from(x)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<f64>, want: f64) {
        let got = got.unwrap();
        assert!((got - want).abs() < 5e-8, "{got} is not {want}");
    }

    #[test]
    fn gini_of_the_worked_cases() {
        close(gini(&[1, 1, 1, 1, 2, 3, 4]), 0.307_692_3);
        close(gini(&[10, 40]), 0.3);
        close(gini(&[0, 0, 0, 10]), 0.75);
        close(gini_corrected(&[0, 0, 0, 10]), 1.0);
    }

    #[test]
    fn hhi_of_the_worked_case() {
        close(hhi(&[20, 20, 30, 30]), 0.26);
        assert!((effective_count(&[20, 20, 30, 30]).unwrap() - 3.846).abs() < 5e-4);
    }

    #[test]
    fn entropy_of_the_worked_case() {
        close(entropy(&[1, 1, 2, 4]).map(|nats| nats / std::f64::consts::LN_2), 1.75);
        close(evenness(&[1, 1, 2, 4]), 1.75 / 2.0);
        close(evenness(&[7, 7, 7]), 1.0);
    }

    #[test]
    fn nothing_to_split_is_none_not_zero() {
        for measure in [gini, gini_corrected, hhi, effective_count, entropy, evenness, top_share, top20_share]
        {
            assert_eq!(measure(&[]), None);
            assert_eq!(measure(&[0, 0]), None);
        }
        assert_eq!((gini(&[5]), gini_corrected(&[5]), evenness(&[5])), (Some(0.0), None, None));
    }

    #[test]
    fn top_fifth_is_rounded_up() {
        close(top20_share(&[1, 1, 2, 6]), 0.6);
        close(top20_share(&[0, 1, 1, 1, 3, 4]), 0.7);
        close(top_share(&[1, 3]), 0.75);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        close(gini(&[i64::MAX, i64::MAX]), 0.0);
        close(hhi(&[i64::MAX, i64::MAX]), 0.5);
    }
}
