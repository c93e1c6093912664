//! `km_quantile(duration_ms, observed, p, n_min)`: how long things take, those that are not over yet included.
//!
//! The product-limit estimate S(t) of Kaplan and Meier (1958): at each duration at which something ended, the share
//! that goes on is multiplied by 1 - ended / at risk. What is censored at t was at risk at t. The quantile `p` is the
//! least duration at which S has fallen to 1 - p; with nothing censored that is the nearest rank.
//! None where the curve never falls so far: it then takes longer than anything that was seen.

/// Slack for products of floats: a millionth of a millionth of all subjects.
const SLACK: f64 = 1e-12;

/// Each duration at which something ended, with the share that goes on beyond it.
/// Takes (duration, whether the end was observed) in any order.
pub fn curve(subjects: &mut [(i64, bool)]) -> Vec<(i64, f64)> {
    // Ends come before the censored of the same duration.
    subjects.sort_unstable_by_key(|&(duration, observed)| (duration, !observed));
    let (mut steps, mut share, mut at) = (Vec::new(), 1.0, 0);
    while at < subjects.len() {
        let duration = subjects[at].0;
        let ended = subjects[at..].iter().take_while(|&&subject| subject == (duration, true)).count();
        let risk = subjects.len() - at;
        if ended > 0 {
            share *= (risk - ended) as f64 / risk as f64;
            steps.push((duration, share));
        }
        at += subjects[at..].iter().take_while(|subject| subject.0 == duration).count();
    }
    steps
}

/// The least duration by which a share `p` has ended.
pub fn quantile(subjects: &mut [(i64, bool)], p: f64) -> Option<i64> {
    if !(p > 0.0 && p <= 1.0) {
        return None;
    }
    curve(subjects).into_iter().find(|&(_, share)| share <= 1.0 - p + SLACK).map(|(duration, _)| duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remission of 21 patients under 6-mercaptopurine, in weeks (Freireich 1963); negative is censored.
    const SIX_MP: [i64; 21] =
        [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35];

    fn patients() -> Vec<(i64, bool)> {
        SIX_MP.iter().rev().map(|&weeks| (weeks.abs(), weeks > 0)).collect()
    }

    #[test]
    fn kaplan_meier_of_the_worked_case() {
        let want =
            [(6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)];
        let got = curve(&mut patients());
        assert_eq!(got.len(), want.len());
        for ((weeks, share), (want_weeks, want_share)) in got.into_iter().zip(want) {
            assert_eq!(weeks, want_weeks);
            assert!((share - want_share).abs() < 5e-5, "S({weeks}) = {share}");
        }
        assert_eq!(quantile(&mut patients(), 0.5), Some(23));
        assert_eq!(quantile(&mut patients(), 0.85), None);
    }

    #[test]
    fn without_censoring_it_is_the_nearest_rank() {
        for n in 1..=60 {
            let values: Vec<i64> = (1..=n).collect();
            for percent in 1..=100 {
                let p = f64::from(percent) / 100.0;
                let mut subjects: Vec<(i64, bool)> = values.iter().map(|&value| (value, true)).collect();
                let rank = super::super::percentile::nearest_rank(&values, p);
                assert_eq!(quantile(&mut subjects, p), rank, "{percent} % of {n}");
            }
        }
    }

    #[test]
    fn nothing_observed_gives_nothing() {
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(quantile(&mut [(5, false), (6, false)], 0.5), None);
        assert_eq!(quantile(&mut [(5, true)], 0.0), None);
    }
}
