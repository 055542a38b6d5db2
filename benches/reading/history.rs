//! A delivery log of any size, written straight into the tables of its view's first generation: what is measured is
//! reading it.

use std::time::Duration;

use anyhow::Context as _;
use event_log::Position;
use projections::views;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use storage::{Database, Durability};

use crate::setting::databases::Databases;

/// The account that half of all deliveries belong to.
pub(crate) const LARGE_ACCOUNT: &str = "00000000-0000-4000-8000-000000000999";
/// Deliveries begin a second apart.
const APART_US: i64 = 1_000_000;
const BEGIN_US: i64 = 1_763_000_000_000_000;
/// Every delivery has some events between its first and that of the next.
const EVENTS_EACH: i64 = 5;
const FIRST_ORDER: i64 = 100_000_000_000;

/// When the delivery with this number came in, in microseconds since 1970.
pub(crate) fn received_at(number: i64) -> i64 {
    BEGIN_US + number * APART_US
}

pub(crate) fn listed_at(number: i64) -> Position {
    Position(number * EVENTS_EACH)
}

pub(crate) fn order_id(number: i64) -> String {
    (FIRST_ORDER + number).to_string()
}

/// A connection past the service, which must not have the database open: a file of SQLite has one writer.
enum Filler {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(sqlx::FromRow)]
struct Index {
    name: String,
    definition: String,
}

/// Makes the views' database and fills the delivery log up to a number of rows. Indexes are those of the migrations; they
/// are dropped first and made again after, which gives the same in less time.
pub(crate) async fn fill(databases: &Databases, from: i64, to: i64) -> anyhow::Result<()> {
    let url = databases.views_url();
    let views = Database::open(&url, Durability::Rebuildable).await?;
    views::migrate(&views).await?;
    views.close().await;
    let mut filler = Filler::connect(databases, &url).await?;
    let indexes = filler.indexes().await?;
    for index in &indexes {
        filler.run(&format!("DROP INDEX {}", index.name)).await?;
    }
    for rows in filler.rows(from, to) {
        filler.run(&rows).await.context("the delivery log cannot be filled")?;
    }
    for index in &indexes {
        filler.run(&index.definition).await.with_context(|| index.name.clone())?;
    }
    filler.finish().await
}

impl Filler {
    async fn connect(databases: &Databases, url: &str) -> anyhow::Result<Self> {
        let (mut filler, settings) = match databases {
            Databases::Sqlite { .. } => (
                Self::Sqlite(SqliteConnection::connect(url).await?),
                "PRAGMA synchronous = off; PRAGMA cache_size = -4000000; PRAGMA wal_autocheckpoint = 100000",
            ),
            Databases::Postgres(_) => (
                Self::Postgres(PgConnection::connect(url).await?),
                // Without a write-ahead log, which reading never looks at.
                "SET maintenance_work_mem = '1GB'; ALTER TABLE delivery_log_g1 SET UNLOGGED; \
                     ALTER TABLE delivery_states_g1 SET UNLOGGED; ALTER TABLE delivery_terms_g1 SET UNLOGGED",
            ),
        };
        // Connections that the crate has just closed may linger for a moment.
        for _ in 0..50 {
            if filler.run(settings).await.is_ok() {
                return Ok(filler);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        filler.run(settings).await.context("the views' database is in use")?;
        Ok(filler)
    }

    async fn run(&mut self, sql: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
        }
    }

    async fn indexes(&mut self) -> sqlx::Result<Vec<Index>> {
        match self {
            Self::Sqlite(connection) => {
                let sql = "SELECT name, sql AS definition FROM sqlite_master \
                     WHERE type = 'index' AND tbl_name LIKE 'delivery\\__%\\_g1' ESCAPE '\\' AND sql IS NOT NULL";
                sqlx::query_as(sql).fetch_all(connection).await
            }
            Self::Postgres(connection) => {
                let sql = "SELECT CAST(indexname AS text) AS name, indexdef AS definition FROM pg_indexes \
                     WHERE tablename LIKE 'delivery\\__%\\_g1' AND indexname NOT LIKE '%\\_pkey'";
                sqlx::query_as(sql).fetch_all(connection).await
            }
        }
    }

    /// Rows with these numbers, table by table. Which account, which status: two draws from the number, each evenly spread.
    fn rows(&self, from: i64, to: i64) -> [String; 3] {
        let (id, numbers) = match self {
            Self::Sqlite(_) => (
                "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-5' || substr(hex(randomblob(2)), 2) || '-8' \
                 || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
                format!(
                    "WITH RECURSIVE numbers(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {to})"
                ),
            ),
            Self::Postgres(_) => (
                "CAST(gen_random_uuid() AS text)",
                format!("WITH numbers(n) AS (SELECT generate_series(CAST({from} AS bigint), {to} - 1))"),
            ),
        };
        let drawn = format!(
            "{numbers}, drawn AS ( \
                 SELECT n, (n * 1597334677 % 4294967296) / 4294968 AS fate, \
                     CASE WHEN (n * 40503 % 65536) < 32768 THEN 999 ELSE n % 999 END AS account, \
                     {BEGIN_US} + n * {APART_US} AS received FROM numbers \
             ), known AS ( \
                 SELECT n, fate, received, n * {EVENTS_EACH} AS listed_at, \
                     '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + account AS text), 2) AS account_id, \
                     '00000000-0000-4000-9000-' || substr(CAST(1000000000000 + account AS text), 2) AS integration_id, \
                     CASE WHEN fate < 900 THEN 'completed' WHEN fate < 930 THEN 'action_required' \
                         WHEN fate < 950 THEN 'failed_permanent' WHEN fate < 980 THEN 'duplicate' \
                         WHEN fate < 990 THEN 'cancelled' WHEN fate < 995 THEN 'retry_scheduled' \
                         ELSE 'queued' END AS status, \
                     CASE WHEN fate < 900 THEN NULL WHEN fate < 930 THEN 'missing_username' \
                         WHEN fate < 950 THEN 'order_status_filtered' WHEN fate < 980 THEN 'duplicate' \
                         WHEN fate < 990 THEN NULL WHEN fate < 995 THEN 'ndsp_waiting' END AS code \
                 FROM drawn \
             )"
        );
        let listed = format!(
            "INSERT INTO delivery_log_g1 (listed_at, id, duplicate_of, account_id, integration_id, order_id, order_number, \
                 received_at) \
             {drawn} SELECT listed_at, {id}, \
                 CASE WHEN status = 'duplicate' THEN '00000000-0000-5000' || substr(account_id, 19) END, account_id, \
                 integration_id, CAST({FIRST_ORDER} + n AS text), '#' || CAST(n AS text), received FROM known"
        );
        let states = format!(
            "INSERT INTO delivery_states_g1 (listed_at, account_id, integration_id, status, resolution_code, unmapped, \
                 due_at, set_at, caused_by, kept_since, username_key, completed_at, updated_at, position, shared_at, summary) \
             {drawn} SELECT listed_at, account_id, integration_id, status, code, 0, \
                 CASE WHEN status = 'retry_scheduled' THEN received + 60000000 WHEN status = 'queued' THEN received END, \
                 CASE WHEN status IN ('retry_scheduled', 'queued') THEN received END, listed_at, \
                 CASE WHEN status IN ('completed', 'failed_permanent', 'cancelled') THEN received + 4000000 END, \
                 'player_' || CAST(n AS text), CASE WHEN status = 'completed' THEN received + 4000000 END, \
                 received + 4000000, listed_at + 4, \
                 CASE WHEN status = 'completed' THEN '[' || CAST(received AS text) || ']' ELSE '[]' END, \
                 '{{\"phase\":' || CASE status WHEN 'completed' THEN '\"Completed\"' \
                     WHEN 'action_required' THEN '{{\"ActionRequired\":{{\"code\":\"missing_username\"}}}}' \
                     WHEN 'cancelled' THEN '{{\"Cancelled\":\"Person\"}}' WHEN 'queued' THEN '\"Queued\"' \
                     WHEN 'retry_scheduled' THEN \
                         '{{\"RetryScheduled\":{{\"code\":\"ndsp_waiting\",\"due_at\":\"2026-03-14T12:00:00Z\"}}}}' \
                     ELSE '\"Filtered\"' END || \
                 ',\"intent\":\"deliver\",\"username\":{{\"$private\":\"Player_' || CAST(n AS text) || '\"}},\
                 \"lines\":{{\"current\":[{{\"item\":{{\"sku\":\"STORM-LEAD-V2\",\"product_id\":\"7891234567890\",\
                 \"variant_id\":\"43210987654321\",\"title\":\"Storm Drive Lead Preset\",\"quantity\":1}}}}]}}' || \
                 CASE WHEN status = 'completed' THEN ',\"shared\":[{{\"asset\":{{\"resource_type\":\"preset\",\
                 \"resource_id\":\"6f1c2f0e-8a35-4a52-9d0e-5b7a2f3c4d5e\"}},\"credits\":10,\
                 \"username\":{{\"$private\":\"Player_' || CAST(n AS text) || '\"}}}}],\"charged\":10' \
                 ELSE ',\"charged\":0' END || ',\"attempts\":1,\"erased\":false}}' FROM known"
        );
        let terms = format!(
            "INSERT INTO delivery_terms_g1 (account_id, term, listed_at) {drawn} \
             SELECT account_id, '#' || CAST({FIRST_ORDER} + n AS text), listed_at FROM known \
             UNION ALL SELECT account_id, '#' || CAST(n AS text), listed_at FROM known \
             UNION ALL SELECT account_id, '@player_' || CAST(n AS text), listed_at FROM known ORDER BY 1, 2"
        );
        [listed, states, terms]
    }

    async fn finish(mut self) -> anyhow::Result<()> {
        if let Self::Postgres(_) = self {
            // What its own housekeeping does by itself a little later.
            self.run("VACUUM ANALYZE delivery_log_g1, delivery_states_g1, delivery_terms_g1").await?;
        }
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}
