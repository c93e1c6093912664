//! Operators whose results grow, or that search, as functions of their two sides, so that they can be guarded like any.
//!
//! Invariant: the values, their types and where they are NULL are the operator's own. Every operator is named here.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{self, Column, LikeExpr, Literal};

use super::registry::Growth;

/// Each operator, by its name: a new one does not compile until somebody has looked at it.
pub fn operator_growth(op: Operator) -> Growth {
    match op {
        Operator::StringConcat => Growth::Times(1),
        Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch => {
            Growth::Pattern
        }
        Operator::LikeMatch | Operator::ILikeMatch | Operator::NotLikeMatch | Operator::NotILikeMatch => {
            Growth::Pattern
        }
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::Plus
        | Operator::Minus
        | Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::And
        | Operator::Or
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom
        | Operator::BitwiseAnd
        | Operator::BitwiseOr
        | Operator::BitwiseXor
        | Operator::BitwiseShiftRight
        | Operator::BitwiseShiftLeft
        | Operator::IntegerDivide => Growth::Fixed,
        // The query engine has no kernels for these: it refuses them, or makes calls of them.
        Operator::AtArrow
        | Operator::ArrowAt
        | Operator::Arrow
        | Operator::LongArrow
        | Operator::HashArrow
        | Operator::HashLongArrow
        | Operator::AtAt
        | Operator::HashMinus
        | Operator::AtQuestion
        | Operator::Question
        | Operator::QuestionAnd
        | Operator::QuestionPipe
        | Operator::Colon => Growth::Fixed,
    }
}

/// An operator that grows or searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbol {
    Binary(Operator),
    Like { negated: bool, case_insensitive: bool },
    Similar { negated: bool, case_insensitive: bool },
}

/// An operator as a function of its two sides.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OperatorCall {
    pub symbol: Symbol,
    signature: Signature,
}

impl OperatorCall {
    pub fn new(symbol: Symbol) -> OperatorCall {
        OperatorCall { symbol, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// Whether its right side is a pattern of LIKE, not a regular expression.
    pub fn is_like(&self) -> bool {
        match self.symbol {
            Symbol::Like { .. } => true,
            Symbol::Binary(op) => matches!(
                op,
                Operator::LikeMatch | Operator::ILikeMatch | Operator::NotLikeMatch | Operator::NotILikeMatch
            ),
            Symbol::Similar { .. } => false,
        }
    }

    fn expression(
        &self,
        sides: [Arc<dyn PhysicalExpr>; 2],
        schema: &Schema,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [left, right] = sides;
        match self.symbol {
            Symbol::Binary(op) => expressions::binary(left, op, right, schema),
            Symbol::Like { negated, case_insensitive } => {
                Ok(Arc::new(LikeExpr::new(negated, case_insensitive, left, right)))
            }
            Symbol::Similar { negated, case_insensitive } => {
                expressions::similar_to(negated, case_insensitive, left, right)
            }
        }
    }
}

impl ScalarUDFImpl for OperatorCall {
    fn name(&self) -> &str {
        match self.symbol {
            Symbol::Binary(Operator::StringConcat) => "||",
            Symbol::Binary(_) => "~",
            Symbol::Like { .. } => "LIKE",
            Symbol::Similar { .. } => "SIMILAR TO",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.symbol, arg_types) {
            (Symbol::Binary(op), [left, right]) => {
                let (left, right) = BinaryTypeCoercer::new(left, &op, right).get_input_types()?;
                Ok(vec![left, right])
            }
            _ => Ok(arg_types.to_vec()),
        }
    }

    /// NULL where one side is, as with the operator.
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match (self.symbol, arg_types) {
            (Symbol::Binary(op), [left, right]) => BinaryTypeCoercer::new(left, &op, right).get_result_type(),
            _ => Ok(DataType::Boolean),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args, number_rows, .. } = args;
        let [left, right] = args.as_slice() else { return internal_err!("an operator has two sides") };
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        let mut side = |name: &str, value: &ColumnarValue| -> Arc<dyn PhysicalExpr> {
            match value {
                ColumnarValue::Scalar(value) => Arc::new(Literal::new(value.clone())),
                ColumnarValue::Array(array) => {
                    fields.push(Field::new(name, array.data_type().clone(), true));
                    columns.push(Arc::clone(array));
                    Arc::new(Column::new(name, columns.len() - 1))
                }
            }
        };
        let sides = [side("left", left), side("right", right)];
        let schema = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(number_rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        self.expression(sides, &schema)?.evaluate(&batch)
    }
}
