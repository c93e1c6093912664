//! The functions that Plimsoll adds to SQL. Registered once per session by [`register`].
//!
//! | function | gives |
//! |---|---|
//! | `date_trunc(part, at)` | as the query engine's own, for every year, see [`truncation`] |
//! | `millis_between(a, b)` | milliseconds from timestamp `a` to `b`, negative when `b` is before `a` |
//! | `days_before(at, n)` | `at` less `n` times 24 hours |
//! | `working_days_before(at, n)` | `at`, moved back to a weekday if it is none, less `n` working days; the time of day stays |
//! | `working_days_between(a, b)` | days Monday to Friday after date `a` up to and including `b`; negative when `b` is before `a` |
//! | `days_between(a, b)` | calendar days from date `a` to date `b` |
//! | `age_ms(opened_at, pauses, at)` | milliseconds from `opened_at` to `at` without the pauses |
//! | `business_ms(from, to, timezone, hours, away)` | working milliseconds between two timestamps, see [`calendar`] |
//! | `business_age_ms(opened_at, pauses, at, timezone, hours, away)` | working milliseconds without the pauses |
//! | `holds_at(from_at, to_at, at)` | whether what began at `from_at` and ended at `to_at`, or lasts if that is NULL, held at `at`: begun by then, and not yet ended |
//! | `ms_to_hours(ms)`, `ms_to_days(ms)` | hours to two decimals, days of 24 hours to three |
//! | `hours_to_ms(n)`, `days_to_ms(n)` | whole milliseconds in `n` hours, in `n` days of 24 hours |
//! | `ratio(a, b)` | `a / b` to six decimals; NULL where `b` is 0 |
//! | `points(hundredths)` | story points to two decimals, of the hundredths in which views keep them |
//! | `equal_share(n)` | what each of `n` people has of a ticket, in units: 720720ths, which 1 to 16 divide; NULL for 0 |
//! | `units_to_tickets(units)`, `units_to_points(units)` | tickets of such units, story points of units times hundredths; both to two decimals |
//! | `day_in(at, timezone)` | the date at timestamp `at` in a time zone, see [`zone`] |
//! | `day_end(day, timezone)` | the first moment after a date in a time zone |
//! | `is_bot(person)` | whether the name is that of a known bot or AI agent, or has the form of one |
//! | `kind_of(person)` | `human`, `bot` or `ai`, by the name, from the list `queries/data/machines.toml` |
//! | `ending_of(resolution, status)` | `done`, `dropped`, `duplicate` or `moved`, by their names, see [`endings`] |
//! | `percentile_nearest(x, p [, n_min])` | nearest-rank percentile of integers, exact; NULL below `n_min` values |
//! | `median_nearest(x)` | `percentile_nearest(x, 0.5)` |
//! | `gini`, `gini_corrected`, `hhi`, `effective_count`, `evenness`, `top_share`, `top20_share` of `(x)` | concentration of integers >= 0, see [`concentration`] |
//! | `km_quantile(duration_ms, observed, p, n_min)` | Kaplan-Meier quantile of durations, see [`survival`]; NULL below `n_min` subjects |
//! | `xmr(position, x, baseline_n, n_min)` | struct of n, mean, mean_range, lower, upper, range_upper, see [`control`] |
//! | `theil_sen(x, y)` | median slope of all pairs, see [`trend`] |
//! | `file_knowledge(at_ms, seq, sha, path, old_path, kind, person)` | a list of who knows each file, see [`knowledge`] |
//! | `truck_factor(file, person, changes, minor_share)` | struct of files, tf_raw, tf_pruned, people, see [`truck`] |
//! | `milestone_forecast(days_ago, done, added, weeks, remaining, due_days, days_max, trials, seed, endings)` | struct of p50_days, p85_days, p95_days, p_hit, p_never, trials, days, see [`forecast`] |
//! | `spread(x, n)`, `reference_days`, `quantile_blend`, `quantile_share`, `quantile_loss` | forecasts as quantiles, see [`quantiles`] |
//! | `forecast_exact(done, remaining, p)` | days until `remaining` is reached when days are independent, exact, see [`forecast`] |
//! | `lww(at, seq, event_id, cleared, a, b, ...)` | a struct of the last value of each column, see [`lww`] |
//! | `revisions(at, seq, event_id, cleared, a, b, ...)` | a list with one struct for each event that changed a column, see [`revisions`] |
//! | `holdings(at, seq, event_id, cleared, list, gone)` | a list of who held the thing from when to when, see [`holdings`] |
//! | `memberships(at, seq, event_id, type, person, role, since_at, until_at)` | a list of dated memberships, see [`memberships`] |
//! | `review_episodes(at, seq, event_id, ...)` | a list of review episodes, see [`episodes`] |
//! | `joined_episodes(episodes)` | those of one person who goes by several names, see [`joined`] |
//!
//! Invariant: every function is a pure function of the set of its input rows. Order of arrival, batching
//! and partitioning change no bit of a result: integers are summed exactly, and whatever needs floats or
//! an order sorts first. Deliberately absent: clocks, randomness without a seed, approximation, I/O.

mod aggregate;
pub mod calendar;
pub mod concentration;
pub mod control;
pub mod endings;
pub mod episodes;
pub mod forecast;
mod gathered;
pub mod holdings;
mod integers;
pub mod joined;
pub mod knowledge;
pub mod lww;
pub mod memberships;
pub mod percentile;
pub mod quantiles;
pub mod revisions;
mod samples;
mod scalar;
pub mod survival;
pub mod trend;
pub mod truck;
mod truncation;
mod types;
mod zone;

use datafusion::prelude::SessionContext;

/// Part of every definition hash; raise it when the meaning of a function changes.
pub const DEFINITION_VERSION: u32 = 4;

/// What the functions read besides their arguments: lists of names. Part of every definition hash as well.
pub fn lists() -> [&'static str; 3] {
    [event::MACHINES, endings::LIST, endings::configured()]
}

/// Adds every function to a session.
pub fn register(context: &SessionContext) {
    for function in scalar::all() {
        context.register_udf(function);
    }
    context.register_udf(joined::function());
    for function in quantiles::all() {
        context.register_udf(function);
    }
    for function in truncation::all() {
        context.register_udf(function);
    }
    for function in integers::all() {
        context.register_udaf(function);
    }
    for function in samples::all() {
        context.register_udaf(function);
    }
    for function in aggregate::all() {
        context.register_udaf(function);
    }
}

#[cfg(test)]
mod tests;
