//! `theil_sen(x, y)`: the slope of y over x that outliers do not move, as the median of the slopes of all pairs.
//!
//! Theil (1950), Sen (1968). Of an even number of slopes the median is the mean of the two in the middle.
//! Pairs with one x are left out; with no pair there is no slope.

/// Most points taken, the last by x: pairs grow with the square.
pub const POINTS_MAX: usize = 1_000;

pub fn theil_sen(points: &mut [(f64, f64)]) -> Option<f64> {
    points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let points = &points[points.len().saturating_sub(POINTS_MAX)..];
    let mut slopes = Vec::new();
    for (index, a) in points.iter().enumerate() {
        let later = points[index + 1..].iter().filter(|b| b.0 > a.0);
        slopes.extend(later.map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    match slopes.len() {
        0 => None,
        n if n % 2 == 1 => Some(slopes[middle]),
        _ => Some((slopes[middle - 1] + slopes[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_the_slope() {
        assert_eq!(theil_sen(&mut [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0), (4.0, 8.0), (5.0, 99.0)]), Some(2.0));
        assert_eq!(theil_sen(&mut [(3.0, 5.0), (1.0, 1.0), (2.0, 2.0)]), Some(2.0));
        assert_eq!(theil_sen(&mut [(0.0, 0.0), (1.0, 1.0), (2.0, 4.0), (3.0, 9.0)]), Some(3.0));
        assert_eq!(theil_sen(&mut [(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(theil_sen(&mut []), None);
    }
}
