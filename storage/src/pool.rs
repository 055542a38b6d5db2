//! Connections that are kept from one use to the next, of either engine. sqlx's own pool asks each whether it is well whenever it
//! is given back: a second exchange for every statement, that on Postgres may wait for ever.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult};
use sqlx::Connection;
use sqlx::error::DatabaseError;
use tokio::time::{sleep, timeout};

/// How long a connection may take to say that it is well.
const PING_WITHIN: Duration = Duration::from_secs(1);
/// A connection that rested for so long is asked whether it is well before it is used: most that break, break then.
const RESTED: Duration = Duration::from_secs(1);
/// How long closing one may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(15);
/// Pauses between attempts to connect to a server that is starting: each twice as long as the one before.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

pub(crate) struct Pool<C: Connection>(managed::Pool<Connections<C>>);

/// A connection that goes back to where it is kept when it is dropped.
pub(crate) type Pooled<C> = Object<Connections<C>>;

/// Makes connections, and decides which are used again.
pub(crate) struct Connections<C: Connection> {
    options: C::Options,
    /// After so long another takes its place.
    max_age: Option<Duration>,
}

impl<C: Connection> managed::Manager for Connections<C> {
    type Type = C;
    type Error = sqlx::Error;

    /// A server that is not there yet is tried again, until [`Pool::acquire`] gives up.
    async fn create(&self) -> sqlx::Result<C> {
        let [mut pause, longest] = PAUSES;
        loop {
            match C::connect_with(&self.options).await {
                Err(error) if is_starting(&error) => sleep(pause).await,
                connected => return connected,
            }
            pause = (2 * pause).min(longest);
        }
    }

    async fn recycle(&self, connection: &mut C, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if self.max_age.is_some_and(|max_age| metrics.age() > max_age) {
            return Err(RecycleError::message("it is old"));
        }
        let is_well =
            metrics.last_used() < RESTED || matches!(timeout(PING_WITHIN, connection.ping()).await, Ok(Ok(())));
        is_well.then_some(()).ok_or(RecycleError::message("it does not answer"))
    }
}

/// Nothing listens there at the moment, or what does is not ready.
fn is_starting(error: &sqlx::Error) -> bool {
    let is_not_there = |error: &io::Error| {
        matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
    };
    // `cannot_connect_now`, `too_many_connections`
    let is_not_ready = |code: Cow<'_, str>| matches!(code.as_ref(), "57P03" | "53300");
    if let sqlx::Error::Io(error) = error {
        is_not_there(error)
    } else {
        error.as_database_error().and_then(DatabaseError::code).is_some_and(is_not_ready)
    }
}

impl<C: Connection> Pool<C> {
    /// With so many connections at most. None is made yet.
    pub(crate) fn new(options: C::Options, connections: usize, max_age: Option<Duration>) -> sqlx::Result<Self> {
        // Those that are used all the time have their statements prepared.
        let config = PoolConfig { queue_mode: QueueMode::Lifo, ..PoolConfig::new(connections) };
        let pool = managed::Pool::builder(Connections { options, max_age }).config(config).build();
        Ok(Self(pool.map_err(|error| sqlx::Error::Configuration(Box::new(error)))?))
    }

    /// # Errors
    /// `PoolTimedOut` where none is free or made within that time.
    pub(crate) async fn acquire(&self, within: Duration) -> sqlx::Result<Pooled<C>> {
        let pooled = timeout(within, self.0.get()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        pooled.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => sqlx::Error::PoolClosed,
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                sqlx::Error::PoolTimedOut
            }
        })
    }

    pub(crate) fn options(&self) -> &C::Options {
        &self.0.manager().options
    }

    /// Closes what is not in use; the others are closed when they are given back.
    pub(crate) async fn close(&self) {
        self.0.close();
        for connection in self.0.retain(|_, _| false).removed {
            // What does not answer is not waited for.
            timeout(CLOSED_WITHIN, connection.close()).await.ok();
        }
    }
}

impl<C: Connection> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Options hold passwords.
impl<C: Connection> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.status()).finish()
    }
}
