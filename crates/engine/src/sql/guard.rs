//! Functions and operators of a user's SQL, each behind a look at what it is about to take.
//!
//! Invariant: before a kernel runs whose result may be larger than its arguments, or whose time is more than linear, its
//! size is estimated from above, and the statement's meter is asked; a kernel that may take long runs in pieces, with a
//! look at the meter between two of them. What a function gives is what the query engine's own gives.
//! A plan is rewritten twice: before it is optimised, since constants are computed there, and after, since the optimiser
//! brings functions of its own. Deliberately absent: which functions may be called (`registry.rs`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_err, plan_err, resources_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Like, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use super::meter;
use super::operator::{OperatorCall, Symbol, operator_growth};
use super::registry::{self, Growth};
use super::size::{elements, longest, value_bytes};

/// Largest result of one call over one batch.
const CALL_BYTES_MAX: u64 = 128 << 20;
/// Largest text or list that a kernel takes whose time is the product of two.
const PRODUCT_LENGTH_MAX: u64 = 8 << 10;
/// Work of such a kernel between two looks at the meter, in steps.
const PRODUCT_WORK: u64 = 1 << 26;
/// Largest text that a pattern is searched in.
const SEARCHED_BYTES_MAX: u64 = 64 << 10;
/// Leaves of one row of a calendar's function, and the work of one of them.
const LEAVES_MAX: u64 = 1_024;
const DAYS_WORK: u64 = 1 << 14;
/// Text that is searched between two looks at the meter.
const SEARCHED_WORK: u64 = 256 << 10;
/// Longest pattern, and what it may compile to.
const PATTERN_BYTES_MAX: usize = 1_024;
const PATTERN_COMPILED_MAX: usize = 256 << 10;
/// Different patterns of one batch, each compiled.
const PATTERNS_MAX: usize = 64;
/// Wildcards of a LIKE that is not looked at: more of them search again and again.
const WILDCARDS_MAX: usize = 8;
/// Constants of one step of a plan beyond a kilobyte each: they are written out for each row of a batch.
const CONSTANT_BYTES_MAX: usize = 128 << 10;
/// Columns of one step of a plan: the optimiser looks at each of them many times.
const COLUMNS_MAX: usize = 2_000;

/// The plan with every call of the user's guarded.
pub fn guarded(plan: LogicalPlan) -> Result<LogicalPlan> {
    rewrite(plan, false)
}

/// The same for an optimised plan: operators that search too, and constants are measured.
pub fn guarded_last(plan: LogicalPlan) -> Result<LogicalPlan> {
    rewrite(plan, true)
}

fn rewrite(plan: LogicalPlan, last: bool) -> Result<LogicalPlan> {
    let guarded = plan.transform_up_with_subqueries(|node| {
        if last {
            check_constants(&node)?;
        }
        let columns = node.schema().fields().len();
        if columns > COLUMNS_MAX {
            return plan_err!(
                "a part of the statement has {columns} columns; at most {COLUMNS_MAX} are allowed, so name those that you need"
            );
        }
        let names = NamePreserver::new(&node);
        let rewritten = node.map_expressions(|expression| {
            let name = names.save(&expression);
            let rewritten = expression.transform_up(|part| call(part, last))?;
            Ok(rewritten.update_data(|expression| name.restore(expression)))
        })?;
        if rewritten.transformed {
            return rewritten.map_data(LogicalPlan::recompute_schema);
        }
        Ok(rewritten)
    });
    guarded.data()
}

fn call(part: Expr, last: bool) -> Result<Transformed<Expr>> {
    match part {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            // What is not allowed to users comes from shipped SQL.
            let growth = registry::growth(func.name()).unwrap_or(Growth::Fixed);
            if growth == Growth::Fixed || is_guarded(&func) {
                return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })));
            }
            Ok(Transformed::yes(guard(func, growth, args)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let growth = operator_growth(op);
            if growth == Growth::Fixed || (growth == Growth::Pattern && !last) {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Ok(Transformed::yes(operator(Symbol::Binary(op), growth, *left, *right)))
        }
        Expr::Like(like) if last && !is_plain(&like) => {
            let Like { negated, expr, pattern, case_insensitive, .. } = like;
            let symbol = Symbol::Like { negated, case_insensitive };
            Ok(Transformed::yes(operator(symbol, Growth::Pattern, *expr, *pattern)))
        }
        Expr::SimilarTo(Like { negated, expr, pattern, case_insensitive, .. }) if last => {
            let symbol = Symbol::Similar { negated, case_insensitive };
            Ok(Transformed::yes(operator(symbol, Growth::Pattern, *expr, *pattern)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Whether a LIKE has a short constant with few wildcards.
fn is_plain(like: &Like) -> bool {
    let Expr::Literal(pattern, _) = like.pattern.as_ref() else { return false };
    let Some(pattern) = pattern.try_as_str() else { return true };
    let pattern = pattern.unwrap_or_default();
    let wildcards = pattern.chars().filter(|character| matches!(character, '%' | '_')).count();
    wildcards <= WILDCARDS_MAX && pattern.len() <= PATTERN_BYTES_MAX
}

/// What constants the optimiser has made of a short text, and how often it has put them.
fn check_constants(node: &LogicalPlan) -> Result<()> {
    if matches!(node, LogicalPlan::Values(_)) {
        return Ok(());
    }
    let mut bytes = 0;
    node.apply_expressions(|expression| {
        expression.apply(|part| {
            if let Expr::Literal(value, _) = part {
                bytes += Some(value.size()).filter(|size| *size > 1 << 10).unwrap_or(0);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if bytes > CONSTANT_BYTES_MAX {
        return resources_err!(
            "the constants of one step of the statement have {bytes} bytes; at most {CONSTANT_BYTES_MAX} are allowed"
        );
    }
    Ok(())
}

fn is_guarded(function: &ScalarUDF) -> bool {
    let inner = function.inner();
    inner.is::<Guarded>() || inner.is::<OperatorCall>()
}

fn guard(function: Arc<ScalarUDF>, growth: Growth, args: Vec<Expr>) -> Expr {
    let guarded = ScalarUDF::new_from_impl(Guarded { inner: function, growth });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(guarded), args))
}

fn operator(symbol: Symbol, growth: Growth, left: Expr, right: Expr) -> Expr {
    guard(Arc::new(ScalarUDF::new_from_impl(OperatorCall::new(symbol))), growth, vec![left, right])
}

/// A function that looks before it runs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Guarded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(Guarded { inner, growth: self.growth }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = self.inner.name();
        let taken = estimate(self.growth, &args.args, args.number_rows as u64);
        if taken > CALL_BYTES_MAX {
            return resources_err!(
                "{name} would make {} MiB of {} rows; at most {} MiB are allowed, so give it fewer or shorter texts",
                taken >> 20,
                args.number_rows,
                CALL_BYTES_MAX >> 20
            );
        }
        meter::check(taken)?;
        let work = match self.growth {
            Growth::Pattern | Growth::ReplacePattern => {
                check_patterns(name, self.inner.inner().as_ref(), &args.args)?;
                searched(name, &args.args)?
            }
            Growth::Product => products(name, &args.args)?,
            Growth::Days => days(name, &args.args, args.number_rows)?,
            _ => return self.inner.invoke_with_args(args),
        };
        in_pieces(&self.inner, args, &work)
    }
}

/// An upper bound of what a call makes of its arguments, in bytes.
fn estimate(growth: Growth, args: &[ColumnarValue], rows: u64) -> u64 {
    let all = || args.iter().map(|value| value_bytes(value, rows)).fold(0, u64::saturating_add);
    let of = |index: usize| args.get(index).map_or(0, |value| value_bytes(value, rows));
    let long = |index: usize| args.get(index).map_or(0, longest);
    let put_in = || of(0).saturating_add(rows).saturating_mul(long(2)).saturating_add(of(0));
    match growth {
        Growth::Fixed | Growth::Product | Growth::Days => rows.saturating_mul(32),
        // Each group of the pattern may give what was found.
        Growth::Pattern => {
            rows.saturating_mul(32).saturating_add(of(0).saturating_mul(count('(', args.get(1))))
        }
        Growth::Times(factor) => all().saturating_mul(factor),
        Growth::Replace => put_in(),
        // Each `$` of the replacement gives at most what was found.
        Growth::ReplacePattern => put_in().saturating_add(of(0).saturating_mul(count('$', args.get(2)))),
        Growth::Join => {
            let count = args.first().map_or(0, |value| elements(value, rows));
            let between = long(1).saturating_add(long(2)).saturating_add(32);
            count.saturating_mul(between).saturating_add(of(0))
        }
        Growth::Split => of(0).saturating_mul(24).saturating_add(rows.saturating_mul(32)),
        Growth::Format => rows.saturating_mul(long(1).saturating_mul(32).saturating_add(64)),
        Growth::Separated => {
            let between = rows.saturating_mul(long(0)).saturating_mul(args.len() as u64);
            all().saturating_add(between)
        }
    }
}

/// How often a character is in a constant; in values of a column, at most.
fn count(wanted: char, value: Option<&ColumnarValue>) -> u64 {
    match value {
        Some(ColumnarValue::Scalar(text)) => {
            let text = text.try_as_str().flatten().unwrap_or_default();
            text.chars().filter(|character| *character == wanted).count() as u64
        }
        Some(values) => longest(values),
        None => 0,
    }
}

/// The work of each row of a search; one constant is one row.
fn searched(name: &str, args: &[ColumnarValue]) -> Result<Vec<u64>> {
    let work = lengths(&args[0]);
    match work.iter().max() {
        Some(&most) if most > SEARCHED_BYTES_MAX => exec_err!(
            "{name} searches a text of {most} bytes; at most {SEARCHED_BYTES_MAX} are allowed, so shorten it with left(text, n)"
        ),
        _ => Ok(work.into_iter().map(|length| (length + 16) * (PRODUCT_WORK / SEARCHED_WORK)).collect()),
    }
}

/// The work of each row of a kernel that compares each part of one value with each of another.
fn products(name: &str, args: &[ColumnarValue]) -> Result<Vec<u64>> {
    let (left, right) = (lengths(&args[0]), args.get(1).map(lengths).unwrap_or_default());
    let most = left.iter().chain(&right).max().copied().unwrap_or_default();
    if most > PRODUCT_LENGTH_MAX {
        return exec_err!("{name} takes values of up to {PRODUCT_LENGTH_MAX} parts, and one has {most}");
    }
    let rows = left.len().max(right.len());
    let at = |lengths: &[u64], row: usize| lengths.get(row).or(lengths.first()).copied().unwrap_or(1);
    Ok((0..rows).map(|row| (at(&left, row) + 1) * (at(&right, row) + 1)).collect())
}

/// The work of each row of a calendar's function: its days, for each leave.
fn days(name: &str, args: &[ColumnarValue], rows: usize) -> Result<Vec<u64>> {
    let leaves = args.last().map_or(0, longest);
    if leaves > LEAVES_MAX {
        return exec_err!("{name} takes up to {LEAVES_MAX} leaves, and one row has {leaves}");
    }
    Ok(vec![DAYS_WORK * (leaves + 1); rows])
}

/// Bytes of each text, or elements of each list; one of a constant.
fn lengths(value: &ColumnarValue) -> Vec<u64> {
    match value {
        ColumnarValue::Scalar(_) => vec![longest(value)],
        ColumnarValue::Array(array) => super::size::lengths(array),
    }
}

/// Whether the patterns of a call are few, and small once they are compiled.
fn check_patterns(name: &str, function: &dyn ScalarUDFImpl, args: &[ColumnarValue]) -> Result<()> {
    let like = function.downcast_ref::<OperatorCall>().is_some_and(OperatorCall::is_like);
    let mut seen: Vec<String> = Vec::new();
    let check = |pattern: &str| -> Result<()> {
        if seen.iter().rev().any(|known| known == pattern) {
            return Ok(());
        }
        if seen.len() == PATTERNS_MAX {
            return exec_err!("{name} has over {PATTERNS_MAX} patterns at once; give it one as a constant");
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            let length = pattern.len();
            return exec_err!(
                "a pattern of {name} has {length} bytes; at most {PATTERN_BYTES_MAX} are allowed"
            );
        }
        // A LIKE's wildcards compile to a few bytes each, and are not kept.
        if like {
            return Ok(());
        }
        let compiled = regex::RegexBuilder::new(pattern).size_limit(PATTERN_COMPILED_MAX).build();
        if let Err(regex::Error::CompiledTooBig(_)) = compiled {
            return exec_err!("a pattern of {name} is too large once it is compiled; repeat less in it");
        }
        seen.push(pattern.to_owned());
        Ok(())
    };
    match args.get(1) {
        Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().map_or(Ok(()), check),
        Some(ColumnarValue::Array(array)) => match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().flatten().try_for_each(check),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().flatten().try_for_each(check),
            DataType::Utf8View => array.as_string_view().iter().flatten().try_for_each(check),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

/// Runs a call on so many rows at a time that the statement can be stopped soon.
fn in_pieces(function: &ScalarUDF, args: ScalarFunctionArgs, work: &[u64]) -> Result<ColumnarValue> {
    let rows = args.number_rows;
    if work.iter().sum::<u64>() <= PRODUCT_WORK || rows <= 1 {
        return function.invoke_with_args(args);
    }
    let mut parts: Vec<ArrayRef> = Vec::new();
    let mut start = 0;
    while start < rows {
        let mut end = start;
        let mut sum: u64 = 0;
        while end < rows && (end == start || sum < PRODUCT_WORK) {
            sum += work.get(end).or(work.first()).copied().unwrap_or_default();
            end += 1;
        }
        meter::check(0)?;
        let piece = |value: &ColumnarValue| match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, end - start)),
            scalar => scalar.clone(),
        };
        let call = ScalarFunctionArgs {
            args: args.args.iter().map(piece).collect(),
            arg_fields: args.arg_fields.clone(),
            number_rows: end - start,
            return_field: Arc::clone(&args.return_field),
            config_options: Arc::clone(&args.config_options),
        };
        parts.push(function.invoke_with_args(call)?.into_array(end - start)?);
        start = end;
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(ColumnarValue::Array(concat(&parts)?))
}
