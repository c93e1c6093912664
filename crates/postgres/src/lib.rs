//! The PostgreSQL protocol, read-only: tables, views and metrics for clients that speak SQL.
//!
//! The messages are pgwire's and the catalogue is datafusion-pg-catalog's; who may connect, what may be asked and how
//! much of everything is decided here. Invariants: nothing is listened to unless every user has a password and TLS, if
//! named, can be used; connections, their messages, their statements and their time are bounded. Those who have not
//! proven who they are have a few places of their own, and the oldest of them makes room: so strangers keep no user out.
//! Deliberately absent: COPY, cursors, PREPARE as SQL, notifications, and anything that writes.

mod absent;
mod arrays;
mod calls;
mod connection;
mod dialect;
mod frames;
mod information;
mod introspection;
mod listing;
mod messages;
mod negotiate;
mod options;
mod reader;
mod refusal;
mod rows;
mod settings;
mod shared;
mod statement;
mod strangers;
mod users;
mod values;

use std::io::{self, ErrorKind};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use pgwire::api::cancel::DefaultCancelHandler;
use pgwire::api::{ClientInfo, DefaultClient, NoopHandler, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use pgwire::tokio::server::{PgWireMessageServerCodec, process_error, process_message};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::Framed;

use connection::{Connection, Handler, PreparedStatement};
use frames::Frames;
use negotiate::{PROTOCOL, negotiate};
use reader::Reader;
use refusal::Refusal;
use shared::Shared;
use strangers::{Stranger, Strangers};
use surface::App;
use surface::tls::{Certificate, Tls};
use users::Users;

pub use options::{Account, Options};

/// Connections that have not logged in yet, and those that cancel, at once; beyond it the oldest of them is dropped.
const STRANGERS_MAX: usize = 64;
/// How long a connection that was refused may go on sending.
const LINGER: Duration = Duration::from_secs(1);
/// Pause after the system had no socket for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the port is not open.
#[derive(Debug)]
pub enum Error {
    /// The options cannot be met.
    Options(String),
    /// The address cannot be had.
    Listen(String),
}

/// The port, listened to.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// A password or a certificate that cannot be used, an address that cannot be had.
    pub async fn bind(app: &Arc<App>, options: Options) -> Result<Server, Error> {
        let address = options.address;
        if options.accounts.is_empty() {
            let message =
                "postgres.listen is set, and postgres.users is empty, so no one could connect; add a user";
            return Err(Error::Options(message.to_owned()));
        }
        let users = Arc::new(Users::new(&options.accounts).map_err(Error::Options)?);
        let tls =
            options.tls.as_ref().map(|(certificate, key)| Certificate::read(certificate, key, PROTOCOL));
        let tls =
            tls.transpose().map_err(|error| Error::Options(format!("postgres.tls_certificate: {error}")))?;
        let reader = Reader::new(Arc::clone(app)).map_err(Error::Listen)?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Error::Listen(format!("could not listen on {address} (postgres.listen): {error}"))
        })?;
        let places = Arc::new(Semaphore::new(options.connections_max));
        let shared = Shared {
            app: Arc::clone(app),
            options,
            users,
            tls,
            reader: Arc::new(reader),
            places,
            strangers: Strangers::new(STRANGERS_MAX),
            connections: Arc::default(),
            keys: Arc::default(),
        };
        Ok(Server { listener, shared: Arc::new(shared) })
    }

    pub fn address(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes connections until `stop` changes; those that are open are told then, and end.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.changed() => return,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "no socket for a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
            let stranger = shared.strangers.enter();
            tokio::spawn(async move {
                if let Err(error) = converse(&shared, socket, stranger, stop).await {
                    tracing::debug!(%error, "a postgres connection broke");
                }
            });
        }
    }
}

type Socket = Framed<Frames, PgWireMessageServerCodec<PreparedStatement>>;

/// One connection from its first byte to its last.
async fn converse(
    shared: &Arc<Shared>,
    socket: TcpStream,
    stranger: Stranger,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let options = &shared.options;
    let deadline = Instant::now() + options.startup_timeout;
    let address = socket.peer_addr()?;
    if let Some(proxies) = &options.proxies
        && !proxies.admit(address, socket.local_addr().ok())
    {
        tracing::debug!(%address, "closed: it is not in postgres.trusted_proxies");
        return Ok(());
    }
    let tls = shared.tls.as_ref().map(Certificate::current);
    let acceptor = tls.as_ref().map(|tls| &tls.acceptor);
    let negotiated = tokio::select! {
        negotiated = timeout_at(deadline, negotiate(socket, acceptor)) => negotiated??,
        () = stranger.has_to_go() => return Ok(()),
    };
    let frames = Frames::new(negotiated.wire, &negotiated.before, options.message_bytes_max);
    let codec = PgWireMessageServerCodec::new(DefaultClient::new(address, negotiated.secure));
    let mut socket: Socket = Framed::new(frames, codec);
    socket.set_state(PgWireConnectionState::AwaitingStartup);
    // Messages are looked at before the codec reads them; should it panic all the same, that ends one connection.
    let talked =
        AssertUnwindSafe(talk(shared, tls, &mut socket, stranger, stop, deadline)).catch_unwind().await;
    let refusal = match talked {
        Ok(ended) => match ended? {
            End::Gone => return Ok(()),
            End::Told => None,
            End::Refused(refusal) => Some(refusal),
        },
        Err(_) => Some(Refusal::new("08P01", "a message could not be read")),
    };
    if let Some(refusal) = refusal {
        tell_fatal(&mut socket, ErrorInfo::from(refusal.fatal())).await?;
    }
    linger(&mut socket).await;
    Ok(())
}

/// How a connection ended.
enum End {
    /// The client has gone, or said nothing.
    Gone,
    /// It was told why already.
    Told,
    Refused(Refusal),
}

/// Messages and answers, until one side ends it. The place is free again when this returns.
async fn talk(
    shared: &Arc<Shared>,
    tls: Option<Arc<Tls>>,
    socket: &mut Socket,
    stranger: Stranger,
    mut stop: watch::Receiver<bool>,
    deadline: Instant,
) -> io::Result<End> {
    let options = &shared.options;
    let connection = Arc::new(Connection::new(shared, tls.as_deref()));
    let handler = Arc::new(Handler(Arc::clone(&connection)));
    let (copies, cancel) =
        (Arc::new(NoopHandler), Arc::new(DefaultCancelHandler::new(Arc::clone(&shared.connections))));
    let refused = |code, message: String| Ok(End::Refused(Refusal::new(code, message)));
    let mut stranger = Some(stranger);
    loop {
        if connection.has_logged_in() {
            stranger = None;
        }
        let until = match socket.state() {
            PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress => {
                deadline
            }
            _ => Instant::now() + options.idle_timeout,
        };
        let next = tokio::select! {
            next = timeout_at(until, socket.next()) => next,
            _ = stop.changed() => return refused("57P01", "the server is shutting down".to_owned()),
            () = has_to_go(stranger.as_ref()) => return Ok(End::Gone),
        };
        let message = match next {
            Ok(Some(Ok(PgWireFrontendMessage::Terminate(_))) | None) => return Ok(End::Gone),
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Ok(End::Refused(unreadable(error))),
            Err(_) if until == deadline => return Ok(End::Gone),
            Err(_) => return refused("57P05", "idle for too long (postgres.idle_timeout_ms)".to_owned()),
        };
        let last = matches!(message, PgWireFrontendMessage::CancelRequest(_));
        let extended = message.is_extended_query();
        let (startup, simple, prepared) =
            (Arc::clone(&connection), Arc::clone(&handler), Arc::clone(&handler));
        let work =
            process_message(message, socket, startup, simple, prepared, copies.clone(), cancel.clone());
        let done = match until == deadline {
            true => timeout_at(deadline, work).await?,
            false => work.await,
        };
        if last {
            return Ok(End::Gone);
        }
        if let Err(error) = done {
            let info = ErrorInfo::from(error);
            let fatal = info.is_fatal();
            if fatal {
                tell_fatal(socket, info).await?;
                return Ok(End::Told);
            }
            process_error(socket, PgWireError::UserError(Box::new(info)), extended).await?;
        }
    }
}

/// The last that a client hears: no promise to be ready follows it, which drivers would take for a log-in that went well.
async fn tell_fatal(socket: &mut Socket, info: ErrorInfo) -> io::Result<()> {
    socket.send(PgWireBackendMessage::ErrorResponse(info.into())).await?;
    socket.close().await
}

/// Waits until room is wanted for another stranger; for ever, where this is none.
async fn has_to_go(stranger: Option<&Stranger>) {
    match stranger {
        Some(stranger) => stranger.has_to_go().await,
        None => std::future::pending().await,
    }
}

/// What did not come as a message of the protocol.
fn unreadable(error: PgWireError) -> Refusal {
    match &error {
        PgWireError::IoError(broken) if broken.kind() == ErrorKind::FileTooLarge => {
            Refusal::new("54000", broken.to_string())
        }
        PgWireError::IoError(broken) if broken.kind() == ErrorKind::InvalidInput => {
            Refusal::new("22021", broken.to_string())
        }
        PgWireError::IoError(broken) if broken.kind() == ErrorKind::InvalidData => {
            Refusal::new("08P01", broken.to_string())
        }
        _ => Refusal::new("08P01", error.to_string()),
    }
}

/// Reads on for a moment: closing with something unread would take back what the client was told.
async fn linger(socket: &mut Socket) {
    let (wire, mut rest) = (socket.get_mut().wire(), [0; 4096]);
    let read = async { while wire.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
    let _ = tokio::time::timeout(LINGER, read).await;
}
