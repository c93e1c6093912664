//! The server: logs -> ingest -> engine -> HTTP, started in that order and stopped in that order.
//!
//! Invariants: HTTP answers from the first moment and says whether it is ready; on SIGTERM or
//! SIGINT the sources stop, the engine folds and flushes, and only then HTTP drains and ends, each within its time;
//! a second signal ends at once, which loses nothing, since the log has everything.
//! When a part fails while running and a restart can mend it, the whole process ends with exit code 1 (fail closed). A
//! broker that is away is no such failure: it is waited for, also at the start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::Reloader;
use ingest::{Appender, FeedLog, KafkaProducer, LogFailure};
use surface::{App, Parts, Phase};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use web::{FeedView, Logs, Site};

use crate::config::Config;
use crate::deliver::schedule::{self, OpenDeliveries};
use crate::failure::Failure;
use crate::pipeline::{self, CatchUp, Feed, Store};
use crate::reload;
use crate::runtime::{self, runtime};
use crate::stop::{self, Stopping};

/// How often starting and running parts are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How often to look whether a source has ended.
const FEED_INTERVAL: Duration = Duration::from_millis(200);
/// What the kernel keeps of an answer that a client does not read. It gives twice as much.
const SEND_BUFFER_BYTES: u32 = 256 << 10;
/// Connections that the kernel keeps for us to accept.
const BACKLOG: u32 = 1024;

/// Serves `dir` until told to stop. `ready` hears the address once everything has caught up.
pub fn run(
    config: Config,
    dir: PathBuf,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), Failure> {
    let compute = runtime("engine")?;
    // Whatever an answer takes, the threads that read and write stay free, so that `/healthz` always answers.
    let answers = runtime::answers("answers")?;
    let clients = runtime::answers("postgres")?;
    let front = runtime("http")?;
    let threads = Threads {
        compute: compute.handle().clone(),
        answers: answers.handle().clone(),
        clients: clients.handle().clone(),
    };
    let result = front.block_on(serve(config, dir, threads, ready));
    // Queries that ignore being stopped must not hold up the end.
    for threads in [compute, answers, clients, front] {
        threads.shutdown_background();
    }
    result
}

/// Where the parts run; the caller's own threads read and write HTTP.
struct Threads {
    /// What folds, evaluates and queries.
    compute: Handle,
    /// What reads bodies and makes answers and reports.
    answers: Handle,
    /// What talks to PostgreSQL clients.
    clients: Handle,
}

async fn serve(
    config: Config,
    dir: PathBuf,
    threads: Threads,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), Failure> {
    let Threads { compute, answers, clients } = threads;
    let mut signals = Signals::new()?;
    let access = config.access().map_err(Failure::misuse)?;
    let app = App::new(access, config.wall().map_err(Failure::misuse)?, config.bounds());
    let site = Site::new(Arc::clone(&app), config.web_options()).map_err(Failure::misuse)?;
    let config = Arc::new(config);
    let door = web::Door::new(&config.web_options()).map_err(Failure::misuse)?;
    let listener = listen(&config)?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::failed(format!("could not read the address to listen on: {error}")))?;
    let (drain, drained) = oneshot::channel::<()>();
    let server = tokio::spawn(web::serve(listener, door, site.clone(), answers.clone(), drained));
    let (closing, closed) = watch::channel(false);
    let options =
        config.postgres.options().map_err(|bad| Failure::misuse(format!("{} {}", bad.key, bad.message)))?;
    let sql_clients = match options {
        Some(options) => {
            let port = postgres::Server::bind(&app, options).await.map_err(|error| match error {
                postgres::Error::Options(message) => Failure::misuse(message),
                postgres::Error::Listen(message) => Failure::failed(message),
            })?;
            if let Ok(address) = port.address() {
                tracing::info!(%address, "listening for postgres clients");
            }
            Some(clients.spawn(port.serve(closed)))
        }
        None => None,
    };

    let reloader = Reloader::new(config.catalogue.dirs.clone());
    let opening = compute.spawn({
        let (config, dir) = (Arc::clone(&config), dir.clone());
        async move { pipeline::open(&config, &dir).await }
    });
    let store = tokio::select! {
        opened = opening => opened.map_err(|error| Failure::failed(format!("opening the store stopped: {error}")))??,
        () = signals.next() => return Ok(()),
    };
    tracing::info!(%address, data = %dir.display(), "listening");
    let running = Workers::start(&config, &store, &compute)?;
    if config.catalogue.reload_interval_ms > 0 && !config.catalogue.dirs.is_empty() {
        compute.spawn(reload::watch(
            Arc::clone(&app),
            config.catalogue.clone(),
            store.engine.clone(),
            reloader,
        ));
    }
    let appender = appender(&config, &store)?;
    let under_way = OpenDeliveries::default();
    let watched = appender.clone();
    {
        let _on_their_threads = answers.enter();
        schedule::start(&app, &config, &store.engine, appender.clone(), &under_way);
    }
    let feeds = running.logs();
    let logs: Vec<FeedLog> = feeds.iter().map(|feed| feed.log.clone()).collect();
    site.open(Logs { appender, feeds });
    let parts = Parts { engine: store.engine.clone(), compute, example: store.example.is_some() };
    tokio::spawn(announce(Arc::clone(&app), parts, logs, address, ready));

    let (stopping, ended) = running.until_stopped(&app, &config, &watched, &mut signals).await;
    tracing::info!("stopped, draining http");
    let _ = drain.send(());
    let _ = closing.send(true);
    let time = stop::drain_time(&config);
    // A report that is still being delivered: the next start reads from the log how far it came.
    let deliveries = stopping.step("a delivery", time, under_way.write());
    let requests = stopping.step("a request (http.drain_timeout_ms)", time, server);
    let _ = tokio::join!(deliveries, requests);
    if let Some(port) = sql_clients {
        // It ends at once; its connections are told, and end with the threads.
        let _ = stopping.step("the port for SQL clients", stop::PORT_TIME, port).await;
    }
    ended
}

fn listen(config: &Config) -> Result<TcpListener, Failure> {
    let address =
        config.listen_address().map_err(|bad| Failure::misuse(format!("{} {}", bad.key, bad.message)))?;
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?; // connections inherit it
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error: std::io::Error| {
        Failure::failed(format!(
            "could not listen on {address}: {error}; choose another with --listen 127.0.0.1:PORT"
        ))
    })
}

fn appender(config: &Config, store: &Store) -> Result<Appender, Failure> {
    if config.kafka_enabled() {
        let producer = KafkaProducer::open(&pipeline::kafka_config(config));
        producer.map(Appender::Kafka).map_err(|error| pipeline::log_failure(&error))
    } else {
        Ok(Appender::Local(store.log.clone()))
    }
}

/// The threads and the task between the logs and the board.
struct Workers {
    feeds: Vec<Feed>,
    engine: JoinHandle<Result<(), engine::Error>>,
}

impl Workers {
    fn start(config: &Config, store: &Store, compute: &Handle) -> Result<Workers, Failure> {
        let (sender, receiver) = tokio::sync::mpsc::channel(ingest::CHANNEL_BATCHES);
        let feeds = pipeline::feeds(store, config, sender)?;
        let engine = store.engine.clone();
        let engine = compute.spawn(async move {
            engine.evaluate().await?; // a board from the start, before the first batch
            engine.run(receiver).await
        });
        Ok(Workers { feeds, engine })
    }

    fn logs(&self) -> Vec<FeedView> {
        let view = |feed: &Feed| FeedView { log: feed.log.clone(), progress: Arc::clone(&feed.progress) };
        self.feeds.iter().map(view).collect()
    }

    /// Waits for a signal, or for a part to fail; then stops the parts in order.
    async fn until_stopped(
        mut self,
        app: &App,
        config: &Config,
        appender: &Appender,
        signals: &mut Signals,
    ) -> (Stopping, Result<(), Failure>) {
        let cause = self.run(appender, signals).await;
        let stopping = Stopping::begin(config);
        tracing::info!("stopping: sources first, then flush");
        app.advance(Phase::Stopping);
        for feed in &self.feeds {
            feed.stop.now();
        }
        if !matches!(cause, Cause::Asked) {
            stopping.failed();
        }
        let ended = match cause {
            // What is not in the tables yet is read from the log again, as far as the disk has it.
            Cause::LogBroken(failure) => Err(failure),
            cause => self.finish(cause, config, &stopping, signals).await,
        };
        if ended.is_err() {
            stopping.failed();
        }
        (stopping, ended)
    }

    /// Until a signal, the end of a part, or a log that only a restart can mend.
    async fn run(&mut self, appender: &Appender, signals: &mut Signals) -> Cause {
        let mut look = tokio::time::interval(FEED_INTERVAL);
        loop {
            tokio::select! {
                () = signals.next() => return Cause::Asked,
                ended = &mut self.engine => return Cause::EngineEnded(ended),
                _ = look.tick() => {
                    if let Some(LogFailure::Broken(error)) = appender.failure() {
                        return Cause::LogBroken(pipeline::log_failure(&error));
                    }
                    if self.feeds.iter().any(Feed::has_ended) {
                        return Cause::SourceEnded;
                    }
                }
            }
        }
    }

    /// Waits for the engine, which ends once the sources have, and closes these.
    async fn finish(
        mut self,
        cause: Cause,
        config: &Config,
        stopping: &Stopping,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        let asked = matches!(cause, Cause::Asked);
        let ran = match cause {
            Cause::EngineEnded(ran) => Some(ran),
            Cause::Asked | Cause::SourceEnded | Cause::LogBroken(_) => {
                let time = stop::engine_time(config);
                let engine = stopping.step("the engine (store.stop_timeout_ms)", time, &mut self.engine);
                tokio::select! {
                    ran = engine => ran,
                    () = signals.next() => {
                        return Err(Failure::failed("stopped at once on a second signal; the log has what is not in the tables yet"));
                    }
                }
            }
        };
        // A source closes only when all it read is committed, which nobody knows now.
        let Some(ran) = ran else {
            return if asked {
                Ok(())
            } else {
                Err(Failure::failed("a source ended; its error is in the log"))
            };
        };
        let fed = self.feeds.into_iter().map(Feed::join).fold(Ok(()), Result::and);
        match ran {
            Ok(ran) => ran.map_err(|error| Failure::engine(&error))?,
            Err(error) => return Err(Failure::failed(format!("the engine stopped: {error}"))),
        }
        fed
    }
}

/// Why the server stops.
enum Cause {
    Asked,
    EngineEnded(Ran),
    SourceEnded,
    LogBroken(Failure),
}

/// How the engine's task ended.
type Ran = Result<Result<(), engine::Error>, tokio::task::JoinError>;

/// Opens the store to questions once no answer would be from before what readers saw ahead of the restart, and marks the
/// server ready once the board covers what the logs held at the start.
async fn announce(
    app: Arc<App>,
    parts: Parts,
    logs: Vec<FeedLog>,
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) {
    let engine = parts.engine.clone();
    let mut parts = Some(parts);
    let mut catch_up = CatchUp::new(&logs);
    loop {
        let board = engine.peek();
        let evaluated = board.evaluated_at > app.started_at;
        let covered = |name: &str| board.position.get(name).copied().unwrap_or(0);
        let done = catch_up.is_done(&logs, &covered);
        if (done || engine.covers_seen())
            && let Some(parts) = parts.take()
        {
            app.open(parts);
        }
        if done && evaluated {
            break;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    app.advance(Phase::Ready);
    tracing::info!("ready");
    ready(address);
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("could not wait for signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
