//! One connection: it proves who it is, then it asks.
//!
//! Invariants: whatever goes wrong before the proof ends the connection; what one connection keeps (statements,
//! portals, settings) is bounded and gone with it; who goes away or cancels stops what runs for them.

mod handler;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::sql::sqlparser::ast::Statement;
use futures::Sink;
use pgwire::api::auth::sasl::SASLAuthStartupHandler;
use pgwire::api::auth::sasl::scram::ScramAuth;
use pgwire::api::auth::{ServerParameterProvider, StartupHandler};
use pgwire::api::portal::Format;
use pgwire::api::results::{Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, METADATA_USER, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use surface::tls::Tls;
use tokio::sync::OwnedSemaphorePermit;

use super::reader::{Description, Reader};
use super::refusal::Refusal;
use super::rows;
use super::settings::Settings;
use super::shared::Shared;
use super::statement::Ask;
use super::users::User;
use super::values::Values;

pub use handler::Handler;

/// What a wrong password costs those who guess.
const WRONG_PASSWORD_DELAY: Duration = Duration::from_millis(500);
/// Settings that clients are told at the start, by the names that they know them by.
const REPORTED: [(&str, &str); 14] = [
    ("application_name", "application_name"),
    ("client_encoding", "client_encoding"),
    ("DateStyle", "datestyle"),
    ("default_transaction_read_only", "default_transaction_read_only"),
    ("in_hot_standby", "in_hot_standby"),
    ("integer_datetimes", "integer_datetimes"),
    ("IntervalStyle", "intervalstyle"),
    ("is_superuser", "is_superuser"),
    ("search_path", "search_path"),
    ("server_encoding", "server_encoding"),
    ("server_version", "server_version"),
    ("session_authorization", "session_authorization"),
    ("standard_conforming_strings", "standard_conforming_strings"),
    ("TimeZone", "timezone"),
];
/// Start-up parameters that are no settings.
const NO_SETTINGS: [&str; 4] = ["user", "database", "replication", "options"];

pub struct Connection {
    shared: Arc<Shared>,
    sasl: SASLAuthStartupHandler<Greeting>,
    user: OnceLock<Arc<User>>,
    /// Taken with the last message of the login, and given back at once if that proves nothing.
    place: Mutex<Option<OwnedSemaphorePermit>>,
    session: Mutex<Session>,
}

/// What a connection keeps from one statement to the next.
#[derive(Default)]
struct Session {
    settings: Settings,
    statements: BTreeSet<String>,
    portals: BTreeSet<String>,
}

/// A statement that was prepared.
#[derive(Clone, Debug)]
pub struct PreparedStatement {
    ask: Ask,
    description: Description,
}

impl Connection {
    /// `tls` is what the connection is under, where it is.
    pub fn new(shared: &Arc<Shared>, tls: Option<&Tls>) -> Connection {
        let mut scram = ScramAuth::new(Arc::clone(&shared.users) as _);
        if let Some(tls) = tls
            && let Err(error) = scram.configure_certificate(&tls.certificate_pem)
        {
            tracing::debug!(%error, "passwords are not bound to this certificate");
        }
        let sasl = SASLAuthStartupHandler::new(Arc::new(Greeting))
            .with_scram(scram)
            .with_pid_secret_key_generator(Arc::clone(&shared.keys) as _)
            .with_connection_manager(Arc::clone(&shared.connections));
        Connection {
            shared: Arc::clone(shared),
            sasl,
            user: OnceLock::new(),
            place: Mutex::default(),
            session: Mutex::default(),
        }
    }

    pub fn has_logged_in(&self) -> bool {
        self.user.get().is_some()
    }

    fn take_place(&self) -> Result<(), Refusal> {
        let place = Arc::clone(&self.shared.places).try_acquire_owned().map_err(|_| {
            let max = self.shared.options.connections_max;
            Refusal::new("53300", format!("there are {max} connections already (postgres.connections_max)"))
        })?;
        self.set_place(Some(place));
        Ok(())
    }

    fn set_place(&self, place: Option<OwnedSemaphorePermit>) {
        *self.place.lock().expect("no holder of a place panics") = place;
    }

    /// Whoever has proven that they are one of the users.
    fn user(&self) -> PgWireResult<Arc<User>> {
        self.user.get().cloned().ok_or_else(|| Refusal::new("28000", "no user has logged in").fatal())
    }

    fn with_session<T>(&self, change: impl FnOnce(&mut Session) -> T) -> T {
        change(&mut self.session.lock().expect("no holder of a session panics"))
    }

    fn settings(&self) -> Settings {
        self.with_session(|session| session.settings.clone())
    }

    /// What may be said before anybody has logged in.
    fn admit<C: ClientInfo>(&self, client: &C, message: &PgWireFrontendMessage) -> Result<(), Refusal> {
        match message {
            PgWireFrontendMessage::Startup(startup) => {
                if self.shared.tls.is_some() && !client.is_secure() {
                    return Err(Refusal::new(
                        "28000",
                        "connections without TLS are refused here (sslmode=require)",
                    ));
                }
                self.shared.app.parts()?;
                if startup.parameters.get("replication").is_some_and(|value| value != "false") {
                    return Err(Refusal::unsupported("there is no replication here"));
                }
                let options = startup.parameters.get("options").map(String::as_str).unwrap_or_default();
                let settings = startup
                    .parameters
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .filter(|(name, _)| !NO_SETTINGS.contains(name) && !name.starts_with("_pq_."))
                    // Drivers name their own zone here; what they are told is that times are in UTC.
                    .filter(|(name, _)| !name.eq_ignore_ascii_case("timezone"));
                let options = words_of(options)?;
                for (name, value) in settings.chain(options) {
                    self.with_session(|session| session.settings.set(name, value))?;
                }
                Ok(())
            }
            PgWireFrontendMessage::PasswordMessageFamily(_) => Ok(()),
            _ => Err(Refusal::new("28000", "log in first")),
        }
    }

    async fn answer(
        &self,
        ask: Ask,
        values: Values,
        format: &Format,
        failed: bool,
    ) -> PgWireResult<Response> {
        let user = self.user()?;
        if failed && !matches!(ask, Ask::Commit | Ask::Rollback) {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Refusal::new("25P02", message).error());
        }
        let said = |tag: &str| Ok(Response::Execution(Tag::new(tag)));
        match ask {
            Ask::Query(statement) => self.query(user, *statement, values, format).await,
            Ask::Show(name) => {
                let value = self.with_session(|session| match name.as_str() {
                    "session_authorization" => Ok(user.name.clone()),
                    _ => session.settings.get(&name).map(str::to_owned),
                });
                rows::settings(&[&name], vec![vec![value.map_err(Refusal::error)?]], format)
            }
            Ask::ShowAll => {
                let settings = self.settings();
                let rows = settings.all().map(|(name, value)| vec![name.to_owned(), value.to_owned()]);
                rows::settings(&["name", "setting"], rows.collect(), format)
            }
            Ask::Set(name, value) => {
                self.with_session(|session| match &value {
                    Some(value) => session.settings.set(&name, value),
                    None => session.settings.reset(&name),
                })
                .map_err(Refusal::error)?;
                said("SET")
            }
            Ask::ResetAll => {
                self.with_session(|session| session.settings.reset_all());
                said("RESET")
            }
            Ask::Begin => Ok(Response::TransactionStart(Tag::new("BEGIN"))),
            Ask::Commit if failed => Ok(Response::TransactionEnd(Tag::new("ROLLBACK"))),
            Ask::Commit => Ok(Response::TransactionEnd(Tag::new("COMMIT"))),
            Ask::Rollback => Ok(Response::TransactionEnd(Tag::new("ROLLBACK"))),
            Ask::Nothing(tag) => said(tag),
            // Statements are the portal store's; `forget` has taken them out of it.
            Ask::Deallocate(_) => said("DEALLOCATE"),
            Ask::DiscardAll => {
                self.with_session(|session| session.settings.reset_all());
                said("DISCARD ALL")
            }
        }
    }

    async fn query(
        &self,
        user: Arc<User>,
        statement: Statement,
        values: Values,
        format: &Format,
    ) -> PgWireResult<Response> {
        let reader: Arc<Reader> = Arc::clone(&self.shared.reader);
        let rows = reader.rows(user, self.settings(), statement, values).await.map_err(Refusal::error)?;
        rows::statement(rows, format)
    }

    /// Takes statements out of the store that a text gives up.
    fn forget(&self, store: &impl PortalStore, ask: &Ask) {
        let names: Vec<String> = self.with_session(|session| match ask {
            Ask::Deallocate(Some(name)) => session.statements.take(name).into_iter().collect(),
            Ask::Deallocate(None) | Ask::DiscardAll => {
                std::mem::take(&mut session.statements).into_iter().collect()
            }
            _ => Vec::new(),
        });
        names.iter().for_each(|name| store.rm_statement(name));
    }

    /// Takes a place for one more name, unless there are too many.
    fn keep(
        &self,
        name: &str,
        which: impl FnOnce(&mut Session) -> &mut BTreeSet<String>,
    ) -> PgWireResult<()> {
        let max = self.shared.options.statements_max;
        self.with_session(|session| {
            let names = which(session);
            if names.len() >= max && !names.contains(name) {
                let message = format!("a connection keeps {max} of these at most (postgres.statements_max)");
                return Err(Refusal::new("53400", message).error());
            }
            names.insert(name.to_owned());
            Ok(())
        })
    }
}

/// `-c name=value` pairs of the start-up parameter `options`.
fn words_of(options: &str) -> Result<Vec<(&str, &str)>, Refusal> {
    let wrong = || Refusal::parameter("options are taken as -c name=value");
    let mut words = options.split_whitespace();
    let mut pairs = Vec::new();
    while let Some(word) = words.next() {
        let pair = match word.strip_prefix("--") {
            Some(pair) => pair,
            None => match word.strip_prefix("-c").ok_or_else(wrong)? {
                "" => words.next().ok_or_else(wrong)?,
                pair => pair,
            },
        };
        pairs.push(pair.split_once('=').ok_or_else(wrong)?);
    }
    Ok(pairs)
}

/// What a client is told at the start.
#[derive(Debug)]
struct Greeting;

impl ServerParameterProvider for Greeting {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let defaults = Settings::default();
        let user = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
        let value = |name: &str| match name {
            "session_authorization" => user.clone(),
            "application_name" => client.metadata().get(name).cloned().unwrap_or_default(),
            name => defaults.get(name).expect("what is reported is a setting").to_owned(),
        };
        Some(REPORTED.iter().map(|(known_as, name)| ((*known_as).to_owned(), value(name))).collect())
    }
}

/// Whatever it is, it ends the connection: the protocol's own errors are not all fatal, and after one that is not a
/// connection would count as logged in.
fn fatal(error: PgWireError, user: &str) -> PgWireError {
    if let PgWireError::InvalidPassword(_) = error {
        return Refusal::new("28P01", format!("password authentication failed for user {user:?}")).fatal();
    }
    let mut info = ErrorInfo::from(error);
    info.severity = "FATAL".to_owned();
    info.severity_nonlocalized = Some("FATAL".to_owned());
    PgWireError::UserError(Box::new(info))
}

#[async_trait]
impl StartupHandler for Connection {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.admit(client, &message).map_err(Refusal::fatal)?;
        // The proof is checked and its success announced in one step, so the place has to be there before it.
        if matches!(message, PgWireFrontendMessage::PasswordMessageFamily(_)) {
            self.take_place().map_err(Refusal::fatal)?;
        }
        let started = self.sasl.on_startup(client, message).await;
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            self.set_place(None);
        }
        let name = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
        if let Err(error) = started {
            if matches!(error, PgWireError::InvalidPassword(_)) {
                tokio::time::sleep(WRONG_PASSWORD_DELAY).await;
            }
            return Err(fatal(error, &name));
        }
        if matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            let user = self.shared.users.get(&name);
            let user = user.ok_or_else(|| Refusal::new("28000", "no user has logged in").fatal())?;
            self.user.get_or_init(|| user);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_psql_sends_them() {
        for (options, expect) in [
            ("", "[]"),
            ("-c statement_timeout=5s", r#"[("statement_timeout", "5s")]"#),
            ("-cstatement_timeout=5s --jit=off", r#"[("statement_timeout", "5s"), ("jit", "off")]"#),
        ] {
            assert_eq!(format!("{:?}", words_of(options).unwrap()), expect);
        }
        for options in ["-c", "-x", "statement_timeout=1", "-c statement_timeout"] {
            assert_eq!(words_of(options).unwrap_err().code, "22023", "{options}");
        }
    }
}
