//! The protocol's messages after the login: statements, portals, and the answers to them.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{FieldInfo, Response};
use pgwire::api::stmt::{QueryParser, StoredStatement};
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Parse, ParseComplete, Sync as SyncMessage,
    TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};

use super::{Connection, PreparedStatement};
use crate::reader::Description;
use crate::refusal::Refusal;
use crate::rows::{fields, texts_columns};
use crate::statement::Ask;
use crate::values::{Values, wire_type};

/// A connection, shared with the protocol's handlers.
#[derive(Clone)]
pub struct Handler(pub Arc<Connection>);

#[async_trait]
impl SimpleQueryHandler for Handler {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.0.user()?;
        let mut failed = client.transaction_status() == TransactionStatus::Error;
        // All statements of a text are read before the first one runs.
        let asks = Arc::clone(&self.0.shared.reader).read(query.to_owned()).await.map_err(Refusal::error)?;
        let mut responses = Vec::with_capacity(asks.len());
        for ask in asks {
            self.0.forget(client.portal_store(), &ask);
            let ends = matches!(ask, Ask::Commit | Ask::Rollback);
            responses.push(self.0.answer(ask, Values::default(), &Format::UnifiedText, failed).await?);
            failed &= !ends;
        }
        if responses.is_empty() {
            responses.push(Response::EmptyQuery);
        }
        Ok(responses)
    }
}

#[async_trait]
impl QueryParser for Handler {
    type Statement = PreparedStatement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<PreparedStatement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let user = self.0.user()?;
        let reader = &self.0.shared.reader;
        let mut asks = Arc::clone(reader).read(sql.to_owned()).await.map_err(Refusal::error)?;
        let Some(ask) = asks.pop() else { return Ok(None) };
        if !asks.is_empty() {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Refusal::new("42601", message).error());
        }
        let plain = |names: &[&str]| Description { parameters: Vec::new(), columns: texts_columns(names) };
        let description = match &ask {
            Ask::Query(statement) => {
                let description = Arc::clone(reader).describe(user, self.0.settings(), (**statement).clone());
                description.await.map_err(Refusal::error)?
            }
            Ask::Show(name) => plain(&[name]),
            Ask::ShowAll => plain(&["name", "setting"]),
            _ => plain(&[]),
        };
        Ok(Some(PreparedStatement { ask, description }))
    }

    fn get_parameter_types(&self, prepared: &PreparedStatement) -> PgWireResult<Vec<Type>> {
        Ok(prepared.description.parameters.iter().map(|kind| wire_type(kind.as_ref())).collect())
    }

    fn get_result_schema(
        &self,
        prepared: &PreparedStatement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let fields = fields(&prepared.description.columns, format.unwrap_or(&Format::UnifiedText))?;
        Ok(fields.as_ref().clone())
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handler {
    type Statement = PreparedStatement;
    type QueryParser = Handler;

    fn query_parser(&self) -> Arc<Handler> {
        Arc::new(self.clone())
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PreparedStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        self.0.keep(&name, |session| &mut session.statements)?;
        match StoredStatement::parse(client, &message, self.query_parser()).await {
            Ok(Some(statement)) => client.portal_store().put_statement(Arc::new(statement)),
            Ok(None) => client.portal_store().put_empty_statement(&name),
            Err(error) => {
                if client.portal_store().get_statement(&name).is_none() {
                    self.0.with_session(|session| session.statements.remove(&name));
                }
                return Err(error);
            }
        }
        client.send(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PreparedStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statement = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        let (formats, count) = (message.parameter_format_codes.len(), message.parameters.len());
        if formats > 1 && formats != count {
            return Err(Refusal::new("08P01", format!("{formats} formats for {count} values")).error());
        }
        let store = client.portal_store();
        let found = store.get_statement(statement);
        let found = found.ok_or_else(|| PgWireError::StatementNotFound(statement.to_owned()))?;
        self.0.keep(portal, |session| &mut session.portals)?;
        match found {
            Entry::Value(statement) => store.put_portal(Arc::new(Portal::try_new(&message, statement)?)),
            Entry::Empty => store.put_empty_portal(portal),
        }
        client.send(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PreparedStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                client.portal_store().rm_statement(name);
                self.0.with_session(|session| session.statements.remove(name));
            }
            TARGET_TYPE_BYTE_PORTAL => {
                client.portal_store().rm_portal(name);
                self.0.with_session(|session| session.portals.remove(name));
            }
            _ => {}
        }
        client.send(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?;
        Ok(())
    }

    async fn on_sync<C>(&self, client: &mut C, _message: SyncMessage) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PreparedStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        if status == TransactionStatus::Idle {
            // Portals end with their transaction, and what they hold with them.
            client.portal_store().clear_portals();
            self.0.with_session(|session| session.portals.clear());
        }
        client.send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await?;
        Ok(())
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<PreparedStatement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PreparedStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let PreparedStatement { ask, description } = &portal.statement.statement;
        let values = Values::decode(portal, &description.parameters)?;
        self.0.forget(client.portal_store(), ask);
        let failed = client.transaction_status() == TransactionStatus::Error;
        self.0.answer(ask.clone(), values, &portal.result_column_format, failed).await
    }
}
