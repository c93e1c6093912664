//! What clients look around in: `pg_catalog`, `information_schema`, and the functions that they expect of a
//! PostgreSQL server.
//!
//! Invariant: an object keeps its number (oid) for as long as the server runs, for each user; what a user may not read
//! is not listed for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::SchemaProvider;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{
    ColumnarValue, ScalarUDF, Signature, SimpleScalarUDF, TypeSignature, Volatility, create_udf,
};
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables};
use datafusion_pg_catalog::setup_pg_catalog;
use engine::SQL_CATALOG;
use pgwire::api::Type;

use super::information::Information;
use super::listing::{INFORMATION_SCHEMA, Listing, PG_CATALOG};
use super::settings::{SERVER_VERSION, Settings};

/// Functions that describe what is not there: comments, indexes, sizes, the text of views.
const NOTHING_TO_TELL: [&str; 11] = [
    "obj_description",
    "shobj_description",
    "col_description",
    "pg_get_viewdef",
    "pg_get_indexdef",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_size_pretty",
    "pg_table_size",
    "pg_tablespace_location",
];

/// Functions of the catalogue that a statement may call: each gives a short text, a number, or parts of its argument.
pub const CATALOGUE_FUNCTIONS: &[&str] = &[
    "array_lower",
    "array_upper",
    "col_description",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "format_type",
    "has_any_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "obj_description",
    "parse_ident",
    "pg_advisory_unlock_all",
    "pg_backend_pid",
    "pg_collation_is_visible",
    "pg_encoding_to_char",
    "pg_get_constraintdef",
    "pg_function_is_visible",
    "pg_get_expr",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_indexdef",
    "pg_get_keywords",
    "pg_get_partkeydef",
    "pg_get_statisticsobjdef_columns",
    "pg_get_userbyid",
    "pg_get_viewdef",
    "pg_operator_is_visible",
    "pg_partition_ancestors",
    "pg_relation_is_publishable",
    "pg_relation_size",
    "pg_size_pretty",
    "pg_stat_get_numscans",
    "pg_table_is_visible",
    "pg_table_size",
    "pg_tablespace_location",
    "pg_total_relation_size",
    "pg_type_is_visible",
    "quote_ident",
    "session_user",
    "shobj_description",
    "to_regtype",
    "version",
];

/// Types of results.
const TYPES: [Type; 16] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::VARCHAR,
    Type::BYTEA,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::JSON,
];

/// What all users' catalogues have in common.
pub struct Introspection {
    tables: Arc<PgCatalogStaticTables>,
    functions: Vec<Arc<ScalarUDF>>,
    by_user: Mutex<BTreeMap<String, UserCatalogue>>,
}

#[derive(Clone)]
struct UserCatalogue {
    listing: Listing,
    schema: Arc<dyn SchemaProvider>,
}

impl Introspection {
    pub fn new() -> Result<Introspection> {
        let plain = SessionContext::new();
        let own = plain.state().scalar_functions().clone();
        setup_pg_catalog(&plain, "datafusion", EmptyContextProvider).map_err(|error| *error)?;
        let state = plain.state();
        let functions = state.scalar_functions().iter();
        let functions = functions.filter(|(name, _)| !own.contains_key(*name)).map(|(_, udf)| udf.clone());
        Ok(Introspection {
            functions: functions.collect(),
            tables: Arc::new(PgCatalogStaticTables::try_new()?),
            by_user: Mutex::default(),
        })
    }

    /// Adds the catalogue of what `context` has in it, and the functions.
    pub async fn install(&self, context: &SessionContext, user: &str, settings: &Settings) -> Result<()> {
        let catalogue = self.of(user)?;
        catalogue.listing.renew(context).await?;
        let own = context.catalog(SQL_CATALOG).expect("a session has its catalog");
        own.register_schema(PG_CATALOG, Arc::clone(&catalogue.schema))?;
        own.register_schema(INFORMATION_SCHEMA, Arc::new(Information(catalogue.listing.clone())))?;
        for function in &self.functions {
            context.register_udf(function.as_ref().clone());
        }
        for function in functions(user, settings) {
            context.register_udf(function);
        }
        context.register_udtf("pg_get_keywords", self.tables.pg_get_keywords.clone());
        let state = context.state_ref();
        let known = state.read().clone();
        let planner = Arc::new(PgOidTypePlanner);
        *state.write() = SessionStateBuilder::new_from_existing(known).with_type_planner(planner).build();
        CoerceIntArgsToBigInt::widen(context);
        in_utc(context);
        // DataFusion's own would go before ours, and has Arrow's names of types.
        context.state_ref().write().config_mut().options_mut().catalog.information_schema = false;
        Ok(())
    }

    fn of(&self, user: &str) -> Result<UserCatalogue> {
        let mut by_user = self.by_user.lock().expect("no holder of the catalogues panics");
        if let Some(catalogue) = by_user.get(user) {
            return Ok(catalogue.clone());
        }
        let listing = Listing::default();
        let schema = PgCatalogSchemaProvider::try_new(
            listing.clone(),
            Arc::clone(&self.tables),
            EmptyContextProvider,
        )?;
        let catalogue = UserCatalogue { listing, schema: Arc::new(schema) };
        by_user.insert(user.to_owned(), catalogue.clone());
        Ok(catalogue)
    }
}

/// `timestamptz` is a time in UTC, and so is `now()`.
pub fn in_utc(context: &SessionContext) {
    let state = context.state_ref();
    state.write().config_mut().options_mut().execution.time_zone = Some("UTC".to_owned());
}

/// Functions whose answer is the connection's.
fn functions(user: &str, settings: &Settings) -> Vec<ScalarUDF> {
    let version = format!("PostgreSQL {SERVER_VERSION} (Plimsoll {})", env!("CARGO_PKG_VERSION"));
    let mut functions = vec![
        answer("version", Some(version)),
        answer("current_database", Some(SQL_CATALOG.to_owned())),
        // Nobody holds such locks, and a `void` is an empty text.
        answer("pg_advisory_unlock_all", Some(String::new())),
        answer("session_user", Some(user.to_owned())),
        answer("pg_get_userbyid", Some(user.to_owned())),
        current_setting(settings),
        always("pg_collation_is_visible"),
        always("pg_function_is_visible"),
        always("pg_operator_is_visible"),
        always("pg_type_is_visible"),
        to_regtype(),
    ];
    functions.extend(NOTHING_TO_TELL.iter().map(|name| answer(name, None)));
    functions
}

/// A function that gives one text, whatever it is asked.
fn answer(name: &str, text: Option<String>) -> ScalarUDF {
    let give = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Utf8(text.clone())));
    let arguments = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
    let signature = Signature::new(arguments, Volatility::Stable);
    SimpleScalarUDF::new_with_signature(name, signature, DataType::Utf8, Arc::new(give)).into()
}

/// A function that says yes.
fn always(name: &str) -> ScalarUDF {
    let give = |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))));
    let signature = Signature::any(1, Volatility::Stable);
    SimpleScalarUDF::new_with_signature(name, signature, DataType::Boolean, Arc::new(give)).into()
}

/// The number of a type by its name; NULL where there is none of that name, as of types that extensions add.
fn to_regtype() -> ScalarUDF {
    let give = |arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(name)] => {
            let name = name.try_as_str().flatten().unwrap_or_default().trim().to_lowercase();
            let known = TYPES.iter().find(|known| known.name() == name);
            let number = known.map(|known| known.oid() as i32);
            Ok(ColumnarValue::Scalar(ScalarValue::Int32(number)))
        }
        _ => Err(DataFusionError::Plan("to_regtype takes the name of one type".to_owned())),
    };
    create_udf("to_regtype", vec![DataType::Utf8], DataType::Int32, Volatility::Stable, Arc::new(give))
}

fn current_setting(settings: &Settings) -> ScalarUDF {
    let settings = settings.clone();
    let give = move |arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(ScalarValue::Utf8(Some(name)))] => {
            let value = settings.get(name).map_err(|refusal| DataFusionError::Plan(refusal.message))?;
            Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(value.to_owned()))))
        }
        _ => Err(DataFusionError::Plan("current_setting takes the name of one setting".to_owned())),
    };
    create_udf("current_setting", vec![DataType::Utf8], DataType::Utf8, Volatility::Stable, Arc::new(give))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_of_the_catalogue_was_looked_at() {
        let own = Introspection::new().unwrap().functions;
        let ours = functions("ada", &Settings::default());
        let all = own.iter().map(|function| function.as_ref()).chain(&ours);
        let mut known: BTreeSet<&str> = all
            .flat_map(|function| {
                std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str))
            })
            .collect();
        known.insert("pg_get_keywords");
        let listed: BTreeSet<&str> = CATALOGUE_FUNCTIONS.iter().copied().collect();
        assert_eq!(known, listed, "a function that is new here must not make large results");
    }
}
