//! The connections: bounded in number, and read and written on threads that do nothing else.
//!
//! Invariants: a request is answered on other threads, so whatever it computes, reading and writing go on; `/healthz` and
//! `/readyz` compute nothing and are answered here. Where there are as many connections as may be, the one that has
//! longest been without a whole request is closed for the newest. A header has a time limit and a size limit.
//! Deliberately absent: routes, HTTP/2, upgrades, and who may connect (`door`).

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use surface::{AbortOnDrop, Problem};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::door::{Door, Stream};
use crate::paced::Paced;

/// Time for the header of a request, from the connection's begin or the end of the request before.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: usize = 64 << 10;
/// Rest after a connection that could not be accepted, as where files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whether a path says how the process is, which nothing may keep it from.
pub fn is_vital(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Serves `router` on the threads of `answers` until `stop`, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    router: Router,
    answers: Handle,
    connections_max: usize,
    stop: oneshot::Receiver<()>,
) {
    let open = Arc::new(Open::new(connections_max));
    let (stopping, stopped) = watch::channel(());
    let (talking, mut talked) = mpsc::channel::<()>(1);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if !door.admits(peer, stream.local_addr().ok()) => {
                tracing::debug!(%peer, "closed: it is not in http.trusted_proxies");
            }
            Ok((stream, _)) => {
                // Where all are being answered, the newest is closed: its sender sees that, and tries again.
                let Some(connection) = open.admit() else { continue };
                let (door, router, answers) = (door.clone(), router.clone(), answers.clone());
                let (mut stopped, talking) = (stopped.clone(), talking.clone());
                tokio::spawn(async move {
                    if let Some(stream) = enter(&door, stream, &connection, &mut stopped).await {
                        talk(stream, &connection, router, answers, stopped).await;
                    }
                    connection.open.lock().lines.remove(&connection.id);
                    drop(talking);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                open.lock().close_oldest();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, stopping, talking));
    let _ = talked.recv().await; // ends with the last connection
}

/// The stream that requests come on, if who connects is as far as that in time.
async fn enter(
    door: &Door,
    stream: TcpStream,
    connection: &Connection,
    stopped: &mut watch::Receiver<()>,
) -> Option<Stream> {
    let _ = stream.set_nodelay(true);
    tokio::select! {
        biased; // a stream that is there is let in, whatever else is so by now
        opened = timeout(HEADER_TIMEOUT, door.open(stream)) => match opened {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection broke before its first request");
                None
            }
            Err(_) => None,
        },
        () = connection.closed.notified() => None,
        _ = stopped.changed() => None,
    }
}

async fn talk(
    stream: Stream,
    connection: &Arc<Connection>,
    router: Router,
    answers: Handle,
    mut stopped: watch::Receiver<()>,
) {
    let service = service_fn(|request| {
        let (router, answers, connection) = (router.clone(), answers.clone(), Arc::clone(connection));
        async move { Ok::<_, Infallible>(answer(request, router, answers, connection).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEADER_BYTES_MAX);
    let mut talk = pin!(http.serve_connection(TokioIo::new(Paced::new(stream)), service));
    tokio::select! {
        _ = talk.as_mut() => return,
        () = connection.closed.notified() => return,
        _ = stopped.changed() => talk.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = talk => {}
        () = connection.closed.notified() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    router: Router,
    answers: Handle,
    connection: Arc<Connection>,
) -> Response {
    let mut request = request.map(Body::new);
    let vital = is_vital(request.uri().path());
    request.extensions_mut().insert(connection);
    let answer = router.oneshot(request);
    if vital {
        return answer.await.unwrap_or_else(|never| match never {});
    }
    let mut task = AbortOnDrop(answers.spawn(answer));
    match (&mut task.0).await {
        Ok(answered) => answered.unwrap_or_else(|never| match never {}),
        Err(error) => Problem::internal(&format!("a request stopped: {error}")).into_response(),
    }
}

/// The connections that are open.
struct Open {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    lines: HashMap<u64, Line>,
}

struct Line {
    /// Since when it has been without a whole request, on a clock that ticks with each change; `None` while it has one.
    waits_since: Option<u64>,
    closed: Arc<Notify>,
}

/// One connection, as its requests know it.
pub struct Connection {
    id: u64,
    closed: Arc<Notify>,
    open: Arc<Open>,
}

/// Keeps a connection from being closed for a newer one.
pub struct Answering(Arc<Connection>);

impl Open {
    fn new(max: usize) -> Open {
        Open { max, table: Mutex::default() }
    }

    fn admit(self: &Arc<Open>) -> Option<Arc<Connection>> {
        let mut table = self.lock();
        if table.lines.len() >= self.max && !table.close_oldest() {
            return None;
        }
        let (id, closed) = (table.tick(), Arc::new(Notify::new()));
        table.lines.insert(id, Line { waits_since: Some(id), closed: Arc::clone(&closed) });
        Some(Arc::new(Connection { id, closed, open: Arc::clone(self) }))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no holder of the connections panics")
    }
}

impl Table {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Closes the connection that has waited longest for a whole request, if one waits.
    fn close_oldest(&mut self) -> bool {
        let waiting = self.lines.iter().filter_map(|(id, line)| Some((line.waits_since?, *id)));
        let Some(line) = waiting.min().and_then(|(_, id)| self.lines.remove(&id)) else {
            return false;
        };
        line.closed.notify_one();
        true
    }
}

impl Connection {
    /// A whole request is there: until the guard is gone the connection stays.
    pub fn answering(self: Arc<Connection>) -> Answering {
        if let Some(line) = self.open.lock().lines.get_mut(&self.id) {
            line.waits_since = None;
        }
        Answering(self)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut table = self.0.open.lock();
        let now = table.tick();
        if let Some(line) = table.lines.get_mut(&self.0.id) {
            line.waits_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unfinished_connection_makes_way() {
        let open = Arc::new(Open::new(2));
        let (first, second) = (open.admit().expect("room"), open.admit().expect("room"));
        let ids = || {
            let mut ids: Vec<u64> = open.lock().lines.keys().copied().collect();
            ids.sort_unstable();
            ids
        };
        let answering = Arc::clone(&first).answering();
        let third = open.admit().expect("the second makes way");
        assert_eq!(ids(), [first.id, third.id]);
        let also = Arc::clone(&third).answering();
        assert!(open.admit().is_none(), "both are being answered");
        drop(also);
        drop(answering);
        let fourth = open.admit().expect("the third has waited longest");
        assert_eq!(ids(), [first.id, fourth.id]);
        drop(second.answering()); // one that is gone is no trouble
        assert_eq!(ids(), [first.id, fourth.id]);
    }
}
