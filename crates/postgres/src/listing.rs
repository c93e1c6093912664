//! The tables that a user sees.
//!
//! Invariant: what a user may not read is not in the session, and so is not listed.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::PG_CATALOG_TABLES;
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use engine::{SQL_CATALOG, SQL_SCHEMA};
use surface::output::columns_without_structures;

pub const PG_CATALOG: &str = "pg_catalog";
pub const INFORMATION_SCHEMA: &str = "information_schema";

pub type Tables = BTreeMap<String, (TableType, SchemaRef)>;

/// The tables that a user sees, by name.
#[derive(Clone, Debug, Default)]
pub struct Listing(Arc<RwLock<Arc<Tables>>>);

impl Listing {
    pub async fn renew(&self, context: &SessionContext) -> Result<()> {
        let catalog = context.catalog(SQL_CATALOG).expect("a session has its catalog");
        let schema = catalog.schema(SQL_SCHEMA).expect("a session has its schema");
        let mut tables = Tables::new();
        for name in schema.table_names() {
            // A call of a metric is a table of one statement only; its name has a space.
            if let Some(table) = schema.table(&name).await?.filter(|_| !name.contains(' ')) {
                let is_log = event::Table::ALL.iter().any(|log| log.name() == name);
                let kind = if is_log { TableType::Base } else { TableType::View };
                let columns = columns_without_structures(&table.schema());
                tables.insert(name, (kind, Arc::new(columns)));
            }
        }
        *self.0.write().expect("no holder of a listing panics") = Arc::new(tables);
        Ok(())
    }

    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.0.read().expect("no holder of a listing panics"))
    }
}

#[async_trait]
impl CatalogInfo for Listing {
    async fn catalog_names(&self) -> Result<Vec<String>, DataFusionError> {
        Ok(vec![SQL_CATALOG.to_owned()])
    }

    async fn schema_names(&self, catalog: &str) -> Result<Option<Vec<String>>, DataFusionError> {
        let names = [SQL_SCHEMA, PG_CATALOG, INFORMATION_SCHEMA].map(str::to_owned).to_vec();
        Ok((catalog == SQL_CATALOG).then_some(names))
    }

    async fn table_names(&self, _: &str, schema: &str) -> Result<Option<Vec<String>>, DataFusionError> {
        Ok(match schema {
            SQL_SCHEMA => Some(self.tables().keys().cloned().collect()),
            PG_CATALOG => Some(PG_CATALOG_TABLES.iter().map(|name| (*name).to_owned()).collect()),
            INFORMATION_SCHEMA => Some(Vec::new()),
            _ => None,
        })
    }

    async fn table_schema(
        &self,
        _: &str,
        schema: &str,
        table: &str,
    ) -> Result<Option<SchemaRef>, DataFusionError> {
        let tables = self.tables();
        Ok(tables.get(table).filter(|_| schema == SQL_SCHEMA).map(|(_, columns)| Arc::clone(columns)))
    }

    async fn table_type(
        &self,
        _: &str,
        schema: &str,
        table: &str,
    ) -> Result<Option<TableType>, DataFusionError> {
        let tables = self.tables();
        Ok(match schema {
            SQL_SCHEMA => tables.get(table).map(|(kind, _)| *kind),
            _ => Some(TableType::Base),
        })
    }
}
