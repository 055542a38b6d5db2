//! Connections to Postgres. None is trusted to answer: one that is silent for too long is closed, and the next takes its
//! place. A network can lose a connection without a word, and a proxy can keep one open with no server behind it.
//!
//! sqlx has no timeout for a statement and no access to its sockets. So every use has a deadline here, and what has not answered
//! is closed on return.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use deadpool::managed::Object;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions, PgSeverity};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::pool::{Pool, Pooled};
use crate::{Durability, Row};

/// How long a statement may take that is not part of a transaction.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long a statement of a transaction may take: what many rows need on a slow disk. The server itself ends it sooner.
pub const STEP_WITHIN: Duration = Duration::from_secs(35);
/// How long the server works on a statement.
const STATEMENT_TIMEOUT: &str = "30s";
/// How long a connection may be waited for.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: usize = 16;
/// How long a server may take to say why it cannot be connected to.
const SAID_WITHIN: Duration = Duration::from_secs(1);
/// How long one is used: what it remembers at the server grows with each kind of statement.
const MAX_AGE: Duration = Duration::from_mins(30);

/// For the server's end of each connection: what a client that is gone without a word holds, it gives up by itself.
const SERVER_SIDE: [(&str, &str); 6] = [
    ("statement_timeout", STATEMENT_TIMEOUT),
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];

/// Every read has an index. A plan that was made when a table was empty would read all of it, and is kept until Postgres has
/// counted the table again: for the first minute of a new service, and after each rebuild of a view.
const BY_INDEX: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    // What is read is in memory or on a disk without a head. With Postgres' own 4, a follower that reads the next 200 events
    // collects and sorts all that there are.
    ("random_page_cost", "1.1"),
];

/// Connections to one database.
#[derive(Clone, Debug)]
pub struct PostgresPool(Pool<PgConnection>);

impl PostgresPool {
    pub(crate) async fn open(url: &str, durability: Durability) -> sqlx::Result<Self> {
        let synchronous_commit = if durability == Durability::Full { "on" } else { "off" };
        let options = PgConnectOptions::from_str(url)?
            .application_name("cloud-bridge")
            .options(SERVER_SIDE)
            .options(BY_INDEX)
            .options([("synchronous_commit", synchronous_commit)]);
        Self::connect(options, MAX_CONNECTIONS).await
    }

    pub(crate) async fn open_read_only(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("cloud-bridge (reading)")
            .options([("default_transaction_read_only", "on")]);
        Self::connect(options, 2).await
    }

    /// With one connection, so that what is wrong with the options is known now.
    async fn connect(options: PgConnectOptions, connections: usize) -> sqlx::Result<Self> {
        let pool = Self(Pool::new(options, connections, Some(MAX_AGE))?);
        match pool.acquire().await {
            Ok(_) => Ok(pool),
            // It was tried for as long as a server may take to start. What it says says more than that.
            Err(sqlx::Error::PoolTimedOut) => {
                let said = timeout(SAID_WITHIN, pool.unbounded()).await.ok().and_then(Result::err);
                Err(said.unwrap_or(sqlx::Error::PoolTimedOut))
            }
            Err(error) => Err(error),
        }
    }

    /// A connection of its own for who listens: should it fall silent, none of the others is held up.
    pub fn apart(&self) -> PgPool {
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_WITHIN);
        // sqlx would wait for ever for it to say that it is well.
        one.test_before_acquire(false).connect_lazy_with(self.0.options().clone())
    }

    /// A connection of its own for migrations, which may take as long as they need.
    pub(crate) async fn unbounded(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect_with(self.0.options()).await
    }

    pub async fn acquire(&self) -> sqlx::Result<PostgresConnection> {
        let pooled = self.0.acquire(ACQUIRE_WITHIN).await?;
        Ok(PostgresConnection { pooled: Some(pooled), is_unanswered: false, is_in_transaction: false })
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<PostgresConnection> {
        let mut connection = self.acquire().await?;
        connection.run("BEGIN", ANSWER_WITHIN).await?;
        connection.is_in_transaction = true;
        Ok(connection)
    }

    pub(crate) async fn begin_with<T: Row>(&self, select: &str) -> sqlx::Result<(PostgresConnection, Vec<T>)> {
        let mut connection = self.acquire().await?;
        connection.is_in_transaction = true;
        let both = format!("BEGIN; {select}");
        let answer = timeout(STEP_WITHIN, connection.begin_call().fetch_all(both.as_str())).await;
        let rows = connection.end_call(answer)?.iter().map(T::from_row).collect::<sqlx::Result<_>>()?;
        Ok((connection, rows))
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

/// A connection in use. It is used again only if every call on it came to its end.
pub struct PostgresConnection {
    /// Gone only once it is dropped.
    pooled: Option<Pooled<PgConnection>>,
    is_unanswered: bool,
    is_in_transaction: bool,
}

impl PostgresConnection {
    /// The connection, for one call. Until [`Self::end_call`] gets its result, the connection counts as silent.
    pub fn begin_call(&mut self) -> &mut PgConnection {
        self.is_unanswered = true;
        self.pooled.as_mut().expect("a connection is there until it is dropped")
    }

    /// Notes the result of a call, or that it ran into its timeout.
    pub fn end_call<T>(&mut self, answer: Result<sqlx::Result<T>, Elapsed>) -> sqlx::Result<T> {
        let answer = answer.unwrap_or_else(|_| {
            let silent = std::io::Error::new(ErrorKind::TimedOut, "Postgres did not answer in time");
            Err(sqlx::Error::Io(silent))
        });
        self.is_unanswered = answer.as_ref().err().is_some_and(is_of_the_connection);
        answer
    }

    pub(crate) async fn run(&mut self, statement: &str, within: Duration) -> sqlx::Result<()> {
        let answer = timeout(within, self.begin_call().execute(statement)).await;
        self.end_call(answer).map(drop)
    }

    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.end_with("COMMIT").await
    }

    pub(crate) async fn commit_with(self, statement: &str) -> sqlx::Result<()> {
        self.end_with(&format!("{statement}; COMMIT")).await
    }

    async fn end_with(mut self, statements: &str) -> sqlx::Result<()> {
        self.run(statements, STEP_WITHIN).await?;
        self.is_in_transaction = false;
        Ok(())
    }
}

/// Whether an error ended the connection, and not only the statement.
fn is_of_the_connection(error: &sqlx::Error) -> bool {
    let is_fatal = |error: &PgDatabaseError| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    match error.as_database_error() {
        Some(error) => error.try_downcast_ref::<PgDatabaseError>().is_none_or(is_fatal),
        None => matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
        ),
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        if self.is_unanswered {
            // Closed, and not used again.
            drop(Object::take(pooled));
        } else if self.is_in_transaction {
            tokio::spawn(async move {
                if !matches!(timeout(ANSWER_WITHIN, pooled.execute("ROLLBACK")).await, Ok(Ok(_))) {
                    drop(Object::take(pooled));
                }
            });
        }
    }
}
