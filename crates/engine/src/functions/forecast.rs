//! When remaining work will be done: a double bootstrap over weeks, and the exact answer of the simple case.
//!
//! `milestone_forecast(days_ago, done, added, weeks, remaining, due_days, days_max, trials, seed, endings)` plays
//! `trials` futures. Each draws a pseudo-history of `weeks` weeks with replacement (Efron 1979; the outer bootstrap, for
//! not knowing the true rate), then plays weeks drawn from it (the inner one). A week is seven days up to the moment, so
//! that weekdays stay in step, and brings its daily completions together with its net change of scope. A trial ends on
//! the day on which nothing remains, or never when that is after `days_max`.
//!
//! With `endings`, what was done of what remained in the end of past milestones (millionths; more than a million where
//! scope grew), each future takes one of them in turn for its own end: that much of `remaining` is to be done, and the
//! weeks bring completions only.
//!
//! `forecast_exact(done, remaining, p)` convolves the distribution of independent days: the least number of days by
//! which `remaining` is reached with probability `p`.
//!
//! Invariants: the history is sorted and zero days are filled in, so the order of rows changes nothing; trial i uses
//! stream i of ChaCha8 (Bernstein 2008), seeded by the hash of `seed`, so equal input gives equal output everywhere.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::percentile::nearest_rank;
use super::quantiles::{LEVELS, level};

pub const WEEKS_MAX: usize = 53;
pub const DAYS_MAX: i64 = 7_300;
pub const TRIALS_MAX: i64 = 100_000;
/// Most remaining items for which the exact distribution is computed.
pub const REMAINING_MAX: i64 = 10_000;
/// Most additions for one exact answer; beyond them there is none.
const ADDITIONS_MAX: i64 = 500_000_000;
/// Most answers that are remembered, about 1 MiB; beyond them all are forgotten.
const ANSWERS_MAX: usize = 10_000;
const NEVER: i64 = i64::MAX;

/// Completions and net change of scope of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    pub done: i64,
    pub added: i64,
}

pub type Week = [Day; 7];

#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub remaining: i64,
    /// Days until the due date; the day itself counts.
    pub due_days: Option<i64>,
    pub days_max: i64,
    pub trials: i64,
    pub seed: &'a str,
    /// Millionths of what remains that will have to be done, one a future in turn.
    pub endings: Option<&'a [i64]>,
}

/// Days from the moment; a percentile that falls among the unfinished trials is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The days at each of [`LEVELS`]; what never ends counts as the longest future that is played.
    pub days: [i64; LEVELS],
    pub p50_days: Option<i64>,
    pub p85_days: Option<i64>,
    pub p95_days: Option<i64>,
    pub p_hit: Option<f64>,
    pub p_never: f64,
    pub trials: i64,
}

/// The weeks before a moment from rows of (days ago, day): the last week first, each in order of days.
pub fn weeks(rows: &[(i64, Day)], weeks: usize) -> Vec<Week> {
    let mut history = vec![Week::default(); weeks.min(WEEKS_MAX)];
    for &(ago, day) in rows {
        if let Ok(ago) = usize::try_from(ago)
            && let Some(week) = history.get_mut(ago / 7)
        {
            let total = &mut week[6 - ago % 7];
            total.done += day.done;
            total.added += day.added;
        }
    }
    history
}

/// As [`forecast`], remembering what was asked lately: metrics ask the same again at every change.
pub fn remembered(history: &[Week], question: &Question<'_>) -> Option<Forecast> {
    static ANSWERS: LazyLock<Mutex<HashMap<u128, Option<Forecast>>>> = LazyLock::new(Mutex::default);
    let key = key(history, question);
    let answers = || ANSWERS.lock().expect("nobody panics while holding it");
    if let Some(answer) = answers().get(&key) {
        return answer.clone();
    }
    let answer = forecast(history, question);
    let mut answers = answers();
    if answers.len() >= ANSWERS_MAX {
        answers.clear();
    }
    answers.insert(key, answer.clone());
    answer
}

/// All that an answer depends on.
fn key(history: &[Week], question: &Question<'_>) -> u128 {
    let mut hash = Xxh3::new();
    for day in history.iter().flatten() {
        hash.update(&day.done.to_le_bytes());
        hash.update(&day.added.to_le_bytes());
    }
    let Question { remaining, due_days, days_max, trials, seed, endings } = question;
    for number in [*remaining, due_days.unwrap_or(i64::MIN), *days_max, *trials] {
        hash.update(&number.to_le_bytes());
    }
    for ending in endings.unwrap_or_default().iter().chain([&(endings.is_some() as i64)]) {
        hash.update(&ending.to_le_bytes());
    }
    hash.update(seed.as_bytes());
    hash.digest128()
}

pub fn forecast(history: &[Week], question: &Question<'_>) -> Option<Forecast> {
    let endings = question.endings.map(sorted);
    if history.is_empty() || question.trials < 1 || endings.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let history = &match endings {
        Some(_) => history.iter().map(|week| week.map(|day| Day { added: 0, ..day })).collect(),
        None => history.to_vec(),
    };
    let days_max = question.days_max.clamp(1, DAYS_MAX);
    let trials = question.trials.min(TRIALS_MAX);
    let mut random = ChaCha8Rng::seed_from_u64(xxh3_64(question.seed.as_bytes()));
    let mut pseudo = Vec::with_capacity(history.len());
    let mut ends: Vec<i64> = (0..trials as u64)
        .map(|trial| {
            random.set_stream(trial);
            random.set_word_pos(0);
            pseudo.clear();
            pseudo.extend((0..history.len()).map(|_| history[below(&mut random, history.len())]));
            let remaining = match &endings {
                Some(endings) => share_of(question.remaining, endings[trial as usize % endings.len()]),
                None => question.remaining,
            };
            play(&pseudo, remaining, days_max, &mut random)
        })
        .collect();
    ends.sort_unstable();
    let percentile = |p| nearest_rank(&ends, p).filter(|&days| days != NEVER);
    let share = |count: usize| count as f64 / trials as f64;
    Some(Forecast {
        days: std::array::from_fn(|n| nearest_rank(&ends, level(n)).unwrap_or(NEVER).min(days_max)),
        p50_days: percentile(0.5),
        p85_days: percentile(0.85),
        p95_days: percentile(0.95),
        p_hit: question.due_days.map(|due| share(ends.partition_point(|&end| end != NEVER && end <= due))),
        p_never: share(ends.iter().filter(|&&end| end == NEVER).count()),
        trials,
    })
}

fn sorted(endings: &[i64]) -> Vec<i64> {
    let mut endings = endings.to_vec();
    endings.sort_unstable();
    endings
}

/// Millionths of a number of tickets, in whole tickets, rounded up.
fn share_of(remaining: i64, millionths: i64) -> i64 {
    let share = i128::from(remaining) * i128::from(millionths.max(0));
    i64::try_from((share + 999_999) / 1_000_000).unwrap_or(i64::MAX)
}

/// The day on which nothing remains, playing weeks drawn from `weeks`.
fn play(weeks: &[Week], mut remaining: i64, days_max: i64, random: &mut impl Rng) -> i64 {
    if remaining <= 0 {
        return 0;
    }
    let mut day = 0;
    while day < days_max {
        for one in &weeks[below(random, weeks.len())] {
            day += 1;
            remaining += one.added - one.done;
            if remaining <= 0 {
                return if day <= days_max { day } else { NEVER };
            }
        }
    }
    NEVER
}

/// A number from 0 to n - 1, by multiplication (Lemire 2019); the bias is n / 2^64.
fn below(random: &mut impl Rng, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}

/// The least number of days by which `remaining` is reached with probability `p`, when each day is one of `days`.
pub fn exact(days: &[i64], remaining: i64, p: f64) -> Option<i64> {
    if remaining <= 0 {
        return Some(0);
    }
    if days.iter().all(|&done| done <= 0) || remaining > REMAINING_MAX || !(p > 0.0 && p < 1.0) {
        return None;
    }
    let mut sorted: Vec<usize> = days.iter().map(|&done| usize::try_from(done).unwrap_or(0)).collect();
    sorted.sort_unstable();
    let mut outcomes: Vec<(usize, f64)> = Vec::new();
    for run in sorted.chunk_by(|a, b| a == b) {
        outcomes.push((run[0], run.len() as f64 / sorted.len() as f64));
    }
    // open[s]: the probability that s are done and it is not over.
    let mut open = vec![0.0; remaining as usize];
    open[0] = 1.0;
    let days_max = (ADDITIONS_MAX / (remaining * outcomes.len() as i64)).min(DAYS_MAX);
    for day in 1..=days_max {
        let mut next = vec![0.0; open.len()];
        for (done, chance) in open.iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
            for &(more, share) in &outcomes {
                if let Some(cell) = next.get_mut(done + more) {
                    *cell += chance * share;
                }
            }
        }
        open = next;
        if open.iter().sum::<f64>() <= 1.0 - p + 1e-12 {
            return Some(day);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(done: [i64; 7]) -> Week {
        done.map(|done| Day { done, added: 0 })
    }

    fn question(remaining: i64) -> Question<'static> {
        Question {
            remaining,
            due_days: Some(13),
            days_max: 400,
            trials: 10_000,
            seed: "golden",
            endings: None,
        }
    }

    #[test]
    fn exact_forecast_of_the_worked_case() {
        assert_eq!([0.5, 0.85, 0.95].map(|p| exact(&[0, 1], 5, p)), [Some(9), Some(13), Some(16)]);
        assert_eq!(exact(&[1, 0, 1, 0], 5, 0.5), Some(9));
        assert_eq!(exact(&[0, 0], 5, 0.5), None);
        assert_eq!(exact(&[3], 7, 0.5), Some(3));
        assert_eq!(exact(&[3], 0, 0.5), Some(0));
    }

    /// All 128 weeks of seven days of 0 or 1, played without the outer bootstrap, are independent days.
    #[test]
    fn the_inner_bootstrap_meets_the_exact_answer() {
        let all: Vec<Week> =
            (0..128).map(|bits: i64| week(std::array::from_fn(|day| (bits >> day) & 1))).collect();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut ends: Vec<i64> = (0..100_000).map(|_| play(&all, 5, 400, &mut random)).collect();
        ends.sort_unstable();
        for (day, want) in
            [(8, 0.363_281), (9, 0.5), (12, 0.806_152), (13, 0.866_577), (15, 0.940_765), (16, 0.961_594)]
        {
            let share = ends.partition_point(|&end| end <= day) as f64 / ends.len() as f64;
            assert!((share - want).abs() < 0.005, "P(done by day {day}) = {share}, not {want}");
        }
    }

    #[test]
    fn the_outer_bootstrap_is_less_sure() {
        let history: Vec<Week> = (0..8).map(|n| week([n % 3, 0, 1, 0, n % 2, 0, 0])).collect();
        let got = forecast(&history, &question(20)).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut ends: Vec<i64> = (0..10_000).map(|_| play(&history, 20, 400, &mut random)).collect();
        ends.sort_unstable();
        let inner = nearest_rank(&ends, 0.95).unwrap() - nearest_rank(&ends, 0.5).unwrap();
        assert!(got.p95_days.unwrap() - got.p50_days.unwrap() > inner);
    }

    #[test]
    fn a_steady_stream_ends_on_a_certain_day() {
        let history = vec![week([1, 1, 1, 1, 1, 0, 0]); 8];
        let got = forecast(&history, &question(10)).unwrap();
        assert_eq!(
            (got.p50_days, got.p95_days, got.p_hit, got.p_never),
            (Some(12), Some(12), Some(1.0), 0.0)
        );
        let none = forecast(&history, &question(0)).unwrap();
        assert_eq!((none.p50_days, none.p_hit), (Some(0), Some(1.0)));
    }

    #[test]
    fn growing_scope_is_never_done() {
        let history = vec![[Day { done: 1, added: 1 }; 7]; 8];
        let got = forecast(&history, &question(10)).unwrap();
        assert_eq!((got.p50_days, got.p_hit, got.p_never), (None, Some(0.0), 1.0));
        assert_eq!(forecast(&[], &question(10)), None);
    }

    #[test]
    fn what_is_remembered_is_what_was_asked() {
        let history: Vec<Week> = (0..8).map(|n| week([n % 3, 0, 1, 0, n % 2, 0, 0])).collect();
        let ask = |history: &[Week], question: &Question<'_>| {
            let fresh = forecast(history, question);
            assert_eq!(remembered(history, question), fresh);
            assert_eq!(remembered(history, question), fresh);
        };
        ask(&history, &question(20));
        ask(&history, &question(21));
        ask(&history[1..], &question(20));
        ask(&history, &Question { seed: "another", ..question(20) });
        ask(&history, &Question { due_days: None, ..question(20) });
        ask(&history, &Question { due_days: Some(40), ..question(20) });
        ask(&history, &Question { endings: Some(&[500_000]), ..question(20) });
        ask(&history, &Question { endings: Some(&[]), ..question(20) });
    }

    /// Half of the work was cut at the end of every past milestone; scope that grows before that does not count.
    #[test]
    fn the_end_is_as_past_ends_were() {
        let history = vec![[Day { done: 1, added: 1 }; 7]; 8];
        let cut = forecast(&history, &Question { endings: Some(&[500_000]), ..question(9) }).unwrap();
        assert_eq!((cut.p50_days, cut.p95_days, cut.p_never), (Some(5), Some(5), 0.0));
        let either = [2_000_000, 0];
        let some = forecast(&history, &Question { endings: Some(&either), ..question(9) }).unwrap();
        assert_eq!((some.days[0], some.p50_days, some.p85_days), (0, Some(0), Some(18)));
        let turned = forecast(&history, &Question { endings: Some(&[0, 2_000_000]), ..question(9) }).unwrap();
        assert_eq!(some, turned);
        assert_eq!(forecast(&history, &Question { endings: Some(&[]), ..question(9) }), None);
    }

    #[test]
    fn rows_fill_their_days_in_any_order() {
        let day = |done| Day { done, added: 0 };
        let rows = [(0, day(1)), (6, day(2)), (7, day(3)), (6, day(4)), (99, day(9)), (-1, day(9))];
        let got = weeks(&rows, 2);
        assert_eq!(got[0], week([6, 0, 0, 0, 0, 0, 1]));
        assert_eq!(got[1], week([0, 0, 0, 0, 0, 0, 3]));
        let mut reversed = rows;
        reversed.reverse();
        assert_eq!(weeks(&reversed, 2), got);
    }
}
