//! Which functions a user's SQL may call, and how much larger than its arguments a result can get.
//!
//! Invariant: every name that a session knows is in exactly one of [`ALLOWED`] and [`REFUSED`]; a test asks the session,
//! so a function that a new version brings is in neither and fails it. Deliberately absent: shipped SQL, which may call all.

/// How the result of a call grows, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Growth {
    /// A number, a time, a flag, a short text, or one of the arguments.
    Fixed,
    /// At most that many times its arguments.
    Times(u64),
    /// The third argument in place of each find of the second.
    Replace,
    /// The same, with parts of the first argument in it; the second is a pattern.
    ReplacePattern,
    /// The second argument is a pattern.
    Pattern,
    /// The elements of a list with the second argument between them.
    Join,
    /// A list of the parts of the first argument.
    Split,
    /// The second argument is a format.
    Format,
    /// The other arguments with the first between them.
    Separated,
    /// The time is the product of the lengths.
    Product,
    /// The time is that of each day between two times, for each leave of the last argument.
    Days,
}

use Growth::{Days, Fixed, Format, Join, Pattern, Product, Replace, ReplacePattern, Separated, Split, Times};

/// Scalar functions, aggregates and window functions that may be called.
#[rustfmt::skip]
pub const ALLOWED: &[(&str, Growth)] = &[
    // Values
    ("arrow_typeof", Fixed), ("coalesce", Fixed), ("get_field", Fixed), ("greatest", Fixed), ("ifnull", Fixed),
    ("least", Fixed), ("nullif", Fixed), ("nvl", Fixed), ("nvl2", Fixed), ("version", Fixed),
    // Times
    ("current_date", Fixed), ("current_time", Fixed), ("current_timestamp", Fixed), ("date_bin", Fixed),
    ("date_format", Format), ("date_part", Fixed), ("date_trunc", Fixed), ("datepart", Fixed), ("datetrunc", Fixed),
    ("from_unixtime", Fixed), ("make_date", Fixed), ("make_time", Fixed), ("now", Fixed), ("to_char", Format),
    ("to_date", Fixed), ("to_local_time", Fixed), ("to_time", Fixed), ("to_timestamp", Fixed),
    ("to_timestamp_micros", Fixed), ("to_timestamp_millis", Fixed), ("to_timestamp_nanos", Fixed),
    ("to_timestamp_seconds", Fixed), ("to_unixtime", Fixed), ("today", Fixed),
    // Numbers
    ("abs", Fixed), ("acos", Fixed), ("acosh", Fixed), ("asin", Fixed), ("asinh", Fixed), ("atan", Fixed),
    ("atan2", Fixed), ("atanh", Fixed), ("cbrt", Fixed), ("ceil", Fixed), ("cos", Fixed), ("cosh", Fixed),
    ("cot", Fixed), ("degrees", Fixed), ("exp", Fixed), ("factorial", Fixed), ("floor", Fixed), ("gcd", Fixed),
    ("isnan", Fixed), ("iszero", Fixed), ("lcm", Fixed), ("ln", Fixed), ("log", Fixed), ("log10", Fixed),
    ("log2", Fixed), ("nanvl", Fixed), ("pi", Fixed), ("pow", Fixed), ("power", Fixed), ("radians", Fixed),
    ("rand", Fixed), ("random", Fixed), ("round", Fixed), ("signum", Fixed), ("sin", Fixed), ("sinh", Fixed),
    ("sqrt", Fixed), ("tan", Fixed), ("tanh", Fixed), ("trunc", Fixed),
    // Texts
    ("ascii", Fixed), ("bit_length", Fixed), ("char_length", Fixed), ("character_length", Fixed), ("chr", Fixed),
    ("contains", Fixed), ("ends_with", Fixed), ("find_in_set", Fixed), ("instr", Fixed), ("length", Fixed),
    ("octet_length", Fixed), ("position", Fixed), ("starts_with", Fixed), ("strpos", Fixed), ("to_hex", Fixed),
    ("uuid", Fixed), ("levenshtein", Product),
    ("btrim", Times(1)), ("concat", Times(1)), ("concat_ws", Separated), ("initcap", Times(3)), ("left", Times(1)), ("lower", Times(3)),
    ("ltrim", Times(1)), ("overlay", Times(1)), ("reverse", Times(1)), ("right", Times(1)), ("rtrim", Times(1)),
    ("split_part", Times(1)), ("substr", Times(1)), ("substr_index", Times(1)), ("substring", Times(1)),
    ("substring_index", Times(1)), ("translate", Times(4)), ("trim", Times(1)), ("upper", Times(3)),
    ("decode", Times(1)), ("encode", Times(2)),
    ("digest", Fixed), ("md5", Fixed), ("sha224", Fixed), ("sha256", Fixed), ("sha384", Fixed), ("sha512", Fixed),
    ("replace", Replace), ("regexp_count", Pattern), ("regexp_instr", Pattern), ("regexp_like", Pattern),
    ("regexp_match", Pattern), ("regexp_replace", ReplacePattern),
    // Lists and structs
    ("array_any_value", Times(1)), ("array_contains", Fixed), ("array_dims", Fixed), ("array_element", Times(1)),
    ("array_empty", Fixed), ("array_extract", Times(1)), ("array_has", Fixed), ("array_has_all", Product),
    ("array_has_any", Product), ("array_indexof", Fixed), ("array_join", Join), ("array_length", Fixed),
    ("array_max", Times(1)), ("array_min", Times(1)), ("array_ndims", Fixed), ("array_position", Fixed),
    ("array_to_string", Join), ("arrays_overlap", Product), ("cardinality", Fixed), ("empty", Fixed),
    ("list_any_value", Times(1)), ("list_contains", Fixed), ("list_dims", Fixed), ("list_element", Times(1)),
    ("list_empty", Fixed), ("list_extract", Times(1)), ("list_has", Fixed), ("list_has_all", Product),
    ("list_has_any", Product), ("list_indexof", Fixed), ("list_join", Join), ("list_length", Fixed),
    ("list_max", Times(1)), ("list_ndims", Fixed), ("list_position", Fixed),
    ("list_to_string", Join), ("string_to_array", Split), ("string_to_list", Split),
    ("array_append", Times(2)), ("array_cat", Times(2)), ("array_concat", Times(2)), ("array_distinct", Times(2)),
    ("array_prepend", Times(2)), ("array_push_back", Times(2)), ("array_push_front", Times(2)),
    ("array_remove", Times(2)), ("array_remove_all", Times(2)), ("array_reverse", Times(2)), ("array_slice", Times(2)),
    ("array_sort", Times(2)), ("list_append", Times(2)), ("list_cat", Times(2)), ("list_concat", Times(2)),
    ("list_distinct", Times(2)), ("list_prepend", Times(2)), ("list_push_back", Times(2)),
    ("list_push_front", Times(2)), ("list_remove", Times(2)), ("list_remove_all", Times(2)),
    ("list_reverse", Times(2)), ("list_slice", Times(2)), ("list_sort", Times(2)), ("make_array", Times(2)),
    ("make_list", Times(2)), ("named_struct", Times(2)), ("row", Times(2)), ("struct", Times(2)),
    // Aggregates
    ("any_value", Fixed), ("approx_distinct", Fixed), ("approx_median", Fixed), ("approx_percentile_cont", Fixed),
    ("approx_percentile_cont_with_weight", Fixed), ("array_agg", Fixed), ("avg", Fixed), ("bit_and", Fixed),
    ("bit_or", Fixed), ("bit_xor", Fixed), ("bool_and", Fixed), ("bool_or", Fixed), ("corr", Fixed), ("count", Fixed),
    ("covar", Fixed), ("covar_pop", Fixed), ("covar_samp", Fixed), ("grouping", Fixed), ("max", Fixed), ("mean", Fixed),
    ("median", Fixed), ("min", Fixed), ("percentile_cont", Fixed), ("quantile_cont", Fixed), ("regr_avgx", Fixed),
    ("regr_avgy", Fixed), ("regr_count", Fixed), ("regr_intercept", Fixed), ("regr_r2", Fixed), ("regr_slope", Fixed),
    ("regr_sxx", Fixed), ("regr_sxy", Fixed), ("regr_syy", Fixed), ("stddev", Fixed), ("stddev_pop", Fixed),
    ("stddev_samp", Fixed), ("string_agg", Fixed), ("sum", Fixed), ("var", Fixed), ("var_pop", Fixed),
    ("var_population", Fixed), ("var_samp", Fixed), ("var_sample", Fixed),
    // Windows
    ("cume_dist", Fixed), ("dense_rank", Fixed), ("first_value", Fixed), ("lag", Fixed), ("last_value", Fixed),
    ("lead", Fixed), ("nth_value", Fixed), ("ntile", Fixed), ("percent_rank", Fixed), ("rank", Fixed),
    ("row_number", Fixed),
    // Plimsoll's
    ("age_ms", Fixed), ("business_age_ms", Days), ("business_ms", Days), ("day_end", Fixed), ("day_in", Fixed), ("days_before", Fixed),
    ("days_between", Fixed), ("days_to_ms", Fixed), ("equal_share", Fixed), ("holds_at", Fixed), ("hours_to_ms", Fixed),
    ("is_bot", Fixed), ("kind_of", Fixed), ("ending_of", Fixed), ("millis_between", Fixed), ("ms_to_days", Fixed), ("ms_to_hours", Fixed), ("points", Fixed),
    ("ratio", Fixed), ("units_to_points", Fixed), ("units_to_tickets", Fixed), ("working_days_before", Fixed),
    ("working_days_between", Fixed),
    ("effective_count", Fixed), ("evenness", Fixed), ("gini", Fixed), ("gini_corrected", Fixed), ("hhi", Fixed),
    ("km_quantile", Fixed), ("median_nearest", Fixed), ("percentile_nearest", Fixed), ("top20_share", Fixed),
    ("top_share", Fixed), ("xmr", Fixed),
];

/// Those that may not: their results are not bounded by their arguments, they make types of any width, they are
/// quadratic, or nobody was seen to want them.
#[rustfmt::skip]
pub const REFUSED: &[&str] = &[
    "array_repeat", "array_resize", "generate_series", "list_repeat", "list_resize", "lpad", "range", "repeat", "rpad",
    "arrow_cast", "arrow_field", "arrow_metadata", "arrow_try_cast", "cast_to_type", "file_row_index",
    "input_file_name", "try_cast_to_type", "union_extract", "union_tag", "with_metadata",
    "any_match", "array_any_match", "array_filter", "array_first", "array_transform", "list_any_match", "list_filter",
    "list_first", "list_transform",
    "array_add", "array_avg", "array_compact", "array_distance", "array_except", "array_intersect", "array_normalize",
    "array_pop_back", "array_pop_front", "array_positions", "array_product", "array_remove_n", "array_replace",
    "array_replace_all", "array_replace_n", "array_scale", "array_subtract", "array_sum", "array_union", "arrays_zip",
    "cosine_distance", "dot_product", "element_at", "flatten", "inner_product", "list_add", "list_avg", "list_compact",
    "list_distance", "list_except", "list_intersect", "list_normalize", "list_pop_back", "list_pop_front",
    "list_positions", "list_product", "list_remove_n", "list_replace", "list_replace_all", "list_replace_n",
    "list_scale", "list_subtract", "list_sum", "list_union", "list_zip", "map", "map_entries", "map_extract",
    "map_keys", "map_values",
    "file_knowledge", "forecast_exact", "holdings", "joined_episodes", "lww", "memberships", "milestone_forecast", "quantile_blend",
    "quantile_loss", "quantile_share", "reference_days", "review_episodes", "revisions", "spread", "theil_sen", "truck_factor",
];

/// Those that stand in FROM and give rows.
pub const OF_ROWS: &[&str] = &["generate_series", "range"];

/// Functions that a surface adds whose results grow: quotes are doubled, and a name is split.
const ADDED: &[(&str, Growth)] = &[("quote_ident", Times(3)), ("parse_ident", Split)];

/// Those that may have a window (OVER): each row costs them little. Of all other aggregates each row would have the whole
/// value, computed anew, in one step.
#[rustfmt::skip]
pub const WINDOWED: &[&str] = &[
    "avg", "bool_and", "bool_or", "count", "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "max",
    "mean", "min", "nth_value", "ntile", "percent_rank", "rank", "row_number", "stddev", "stddev_pop", "stddev_samp",
    "sum", "var", "var_pop", "var_population", "var_samp", "var_sample",
];

/// How the result of an allowed function grows.
pub fn growth(name: &str) -> Option<Growth> {
    ALLOWED.iter().chain(ADDED).find(|(allowed, _)| *allowed == name).map(|(_, growth)| *growth)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use datafusion::execution::runtime_env::RuntimeEnv;

    use super::*;
    use crate::evaluate::session::session;

    #[test]
    fn every_function_is_allowed_or_refused() {
        let state = session(RuntimeEnv::default().into()).state();
        let known: BTreeSet<&str> = state
            .scalar_functions()
            .keys()
            .chain(state.higher_order_functions().keys())
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys())
            .chain(state.table_functions().keys())
            .map(String::as_str)
            .collect();
        let listed: Vec<&str> =
            ALLOWED.iter().map(|(name, _)| *name).chain(REFUSED.iter().copied()).collect();
        let set: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(set.len(), listed.len(), "a name is in both lists, or twice in one");
        let missing: Vec<_> = known.difference(&set).collect();
        assert!(
            missing.is_empty(),
            "neither allowed nor refused; look at how large a result gets: {missing:?}"
        );
        // These come with a dependency of another crate, so they are not there when this crate is built by itself.
        let others = ["decode", "digest", "encode", "md5", "sha224", "sha256", "sha384", "sha512"];
        let gone: Vec<_> = set.difference(&known).filter(|name| !others.contains(name)).collect();
        assert!(gone.is_empty(), "no such function any more: {gone:?}");
    }

    #[test]
    fn functions_of_rows_are_known() {
        let state = session(RuntimeEnv::default().into()).state();
        let known: BTreeSet<&str> = state.table_functions().keys().map(String::as_str).collect();
        assert_eq!(known, OF_ROWS.iter().copied().collect());
    }

    #[test]
    fn aliases_grow_as_what_they_stand_for() {
        let state = session(RuntimeEnv::default().into()).state();
        for (name, function) in state.scalar_functions() {
            assert_eq!(growth(name), growth(function.name()), "{name} is {}", function.name());
        }
    }
}
