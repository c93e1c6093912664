//! Where SQL runs: each statement of a user on a thread of its own, and our own questions on threads that no user has.
//!
//! Invariants: a statement has a place and a meter from before it is parsed until its result is dropped, and there are
//! [`PLACES`] of them; whoever waits for it waits no longer than its time; one that is slow to notice that its time is over
//! keeps no other from running. A panic ends the statement that caused it, with an error.
//! Parsing and planning recurse, so all these threads have large stacks.

use std::any::Any;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout_at};

use super::meter::{self, Budget, Meter};
use super::pool::StatementPool;
use super::{SqlLimits, SqlRows, SqlStatement, collect_rows, only_statement, plan_statement, relations};
use crate::error::Error;

/// Stack of the threads that parse and plan.
const STACK_BYTES: usize = 32 << 20;
/// Statements of users that run, or whose results are not written out yet.
pub const PLACES: usize = 16;
/// Threads for our own questions.
const OWN_WORKERS: usize = 2;
/// How often whoever waits looks whether the statement was held at its hard limit.
const HELD_LOOK: Duration = Duration::from_millis(50);

/// Runs users' statements and our own questions, each where the other cannot hinder it.
pub struct SqlRunner {
    own: Option<Runtime>,
    own_environment: Arc<RuntimeEnv>,
    environment: Arc<RuntimeEnv>,
    places: Arc<Semaphore>,
    budget: Arc<Budget>,
    limits: SqlLimits,
}

impl SqlRunner {
    pub fn new(limits: SqlLimits) -> Result<SqlRunner, Error> {
        count_in_tasks();
        let own = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(OWN_WORKERS)
            .thread_name("own-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()?;
        let top = NonZeroUsize::new(5).expect("5 is not zero");
        let pool = TrackConsumersPool::new(StatementPool::new(limits.memory_bytes), top);
        let spill = DiskManagerBuilder::default().with_max_temp_directory_size(limits.spill_bytes_max);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(spill)
            .build_arc()?;
        Ok(SqlRunner {
            own: Some(own),
            own_environment: Arc::default(),
            environment,
            places: Arc::new(Semaphore::new(PLACES)),
            budget: Budget::new(limits.memory_bytes),
            limits,
        })
    }

    /// For sessions of users.
    pub fn environment(&self) -> &Arc<RuntimeEnv> {
        &self.environment
    }

    /// For sessions of our own questions.
    pub fn own_environment(&self) -> &Arc<RuntimeEnv> {
        &self.own_environment
    }

    #[cfg(test)]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    #[cfg(test)]
    pub fn places_free(&self) -> usize {
        self.places.available_permits()
    }

    pub fn limits(&self) -> &SqlLimits {
        &self.limits
    }

    /// The one statement of a user's text, a query or EXPLAIN of one.
    pub async fn read(&self, sql: &str) -> Result<SqlStatement, Error> {
        let (limits, sql) = (self.limits.clone(), sql.to_owned());
        self.task(None, async move { read(&sql, &limits) }).await
    }

    /// Runs a user's statement in the session `context`, and makes `answer` of its rows. What it takes is counted, and
    /// its place is kept, for as long as the rows live.
    pub async fn run<T: Send + 'static>(
        &self,
        statement: SqlStatement,
        context: SessionContext,
        answer: impl FnOnce(SqlRows) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let rows_max = self.limits.rows_max;
        let work = async move {
            let plan = plan_statement(&context, statement.statement).await?;
            answer(collect_rows(&context, plan, rows_max).await?)
        };
        self.task(None, work).await
    }

    /// Runs `work` as a user's statement, within the time limit or `timeout` if that is shorter. It is stopped when its
    /// time is over, and when nobody waits for it any more: at its next await, batch, or call of a function.
    pub async fn task<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let timeout = timeout.map_or(self.limits.timeout, |shorter| shorter.min(self.limits.timeout));
        let deadline = Instant::now() + timeout;
        let late = || Error::Timeout { seconds: timeout.as_secs_f64() };
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| late())?.expect("places are never closed");
        let meter = Meter::new(Arc::clone(&self.budget), Some(place));
        let statement = Running { meter: Arc::clone(&meter), stop: Arc::default() };
        let mut done = start(work, Arc::clone(&meter), Arc::clone(&statement.stop))?;
        let mut look = interval(HELD_LOOK);
        let waited = timeout_at(deadline, async {
            loop {
                tokio::select! {
                    done = &mut done => return done.ok(),
                    _ = look.tick() => if meter.is_held() { return None },
                }
            }
        });
        match waited.await {
            Ok(Some(result)) => result,
            Ok(None) if meter.is_held() => Err(self.held()),
            Ok(None) => Err(panicked(&"it ended without a word")),
            Err(_) => Err(late()),
        }
    }

    fn held(&self) -> Error {
        tracing::error!(
            held_bytes = self.budget.used(),
            peak_bytes = self.budget.peak(),
            "a statement ran past twice limits.sql_memory_bytes in one step and was held there; its memory is free again after a restart"
        );
        Error::ResourcesExhausted { message: "it was stopped at twice limits.sql_memory_bytes".to_owned() }
    }

    /// Runs a question of our own, which no user's statement delays.
    pub async fn own_task<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let runtime = self.own.as_ref().expect("the runtime lives until drop");
        let mut task = Stopped(runtime.spawn(work));
        match tokio::time::timeout(self.limits.timeout, &mut task.0).await {
            Ok(Ok(result)) => result,
            Ok(Err(stopped)) => Err(Error::Internal { message: format!("a question stopped: {stopped}") }),
            Err(_) => Err(Error::Timeout { seconds: self.limits.timeout.as_secs_f64() }),
        }
    }
}

fn read(sql: &str, limits: &SqlLimits) -> Result<SqlStatement, Error> {
    let statement = only_statement(sql, limits)?;
    let relations = relations(&statement);
    Ok(SqlStatement { statement, relations })
}

/// A statement that is told to stop when nobody waits for it any more.
struct Running {
    meter: Arc<Meter>,
    stop: Arc<Notify>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.meter.stop();
        self.stop.notify_one();
    }
}

/// Starts `work` on a thread of its own; what it comes to.
fn start<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
    meter: Arc<Meter>,
    stop: Arc<Notify>,
) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
    let (sender, done) = oneshot::channel();
    let run = move || {
        let _scope = meter.enter();
        drop(meter);
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let result = runtime.block_on(async {
                tokio::select! {
                    biased;
                    result = work => Some(result),
                    () = stop.notified() => None,
                }
            });
            // A spill that is being written is not waited for.
            runtime.shutdown_background();
            Ok(result)
        }));
        let result = match ran {
            Ok(Ok(Some(result))) => result,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(panicked(panic.as_ref())),
        };
        // Whoever waited may have gone.
        let _ = sender.send(result);
    };
    thread::Builder::new().name("sql".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
    Ok(done)
}

/// A statement that the query engine was not made for: its author is told, and so is whoever reads the log.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    tracing::error!(panic = text, "the query engine panicked in a statement");
    Error::BadSql {
        message: "the query engine cannot run this statement; write it in another way".to_owned(),
    }
}

/// A task that does not outlive whoever waits for it.
struct Stopped<T>(JoinHandle<T>);

impl<T> Drop for Stopped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for SqlRunner {
    fn drop(&mut self) {
        if let Some(runtime) = self.own.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes what the query engine does on other threads for a statement count as the statement's.
fn count_in_tasks() {
    static ONCE: Once = Once::new();
    static TRACER: InScope = InScope;
    ONCE.call_once(|| {
        let set = set_join_set_tracer(&TRACER);
        assert!(set.is_ok(), "nobody else watches the query engine's tasks");
    });
}

struct InScope;

type Erased = Box<dyn Any + Send>;

impl JoinSetTracer for InScope {
    /// Tasks run on the thread of their statement.
    fn trace_future(&self, future: BoxFuture<'static, Erased>) -> BoxFuture<'static, Erased> {
        future
    }

    fn trace_block(&self, work: Box<dyn FnOnce() -> Erased + Send>) -> Box<dyn FnOnce() -> Erased + Send> {
        let Some(meter) = meter::current() else { return work };
        Box::new(move || {
            let _scope = meter.enter();
            drop(meter);
            work()
        })
    }
}
