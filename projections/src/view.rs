//! The views by name, and how one is moved along the feed: its rows and its checkpoint in one transaction.

use sqlx::FromRow;

use crate::database::{Database, Sql, Transaction};
use crate::feed::Recorded;
use crate::{accounts, delivery_log, delivery_stats, due_deliveries, integrations, webhook_receipts};

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/views/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/views/postgres");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Accounts,
    Integrations,
    DueDeliveries,
    DeliveryLog,
    WebhookReceipts,
    DeliveryStats,
}

#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// Another node has moved this view meanwhile, or it was reset: read on from there.
    #[error("the view is at position {checkpoint}, and the events begin after {read_from}")]
    Elsewhere { checkpoint: i64, read_from: i64 },
}

#[derive(FromRow)]
struct Checkpoint {
    position: i64,
}

pub async fn migrate(database: &Database) -> Result<(), sqlx::migrate::MigrateError> {
    match database {
        Database::Sqlite(file) => SQLITE_MIGRATIONS.run(&file.writer).await,
        Database::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await,
    }
}

impl View {
    pub const ALL: [Self; 6] = [
        Self::Accounts,
        Self::Integrations,
        Self::DueDeliveries,
        Self::DeliveryLog,
        Self::WebhookReceipts,
        Self::DeliveryStats,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Integrations => "integrations",
            Self::DueDeliveries => "due_deliveries",
            Self::DeliveryLog => "delivery_log",
            Self::WebhookReceipts => "webhook_receipts",
            Self::DeliveryStats => "delivery_stats",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }

    /// The position of the last event that is in the view.
    pub async fn checkpoint(self, database: &Database) -> sqlx::Result<i64> {
        let sql = Sql::new("SELECT position FROM checkpoints WHERE view = ").bind(self.name());
        Ok(database.fetch_optional::<Checkpoint>(sql).await?.map_or(0, |row| row.position))
    }

    /// Applies events that follow `read_from` without a gap, together with the new checkpoint.
    ///
    /// Only where the view stands at `read_from`: several nodes may do this at once, and each event counts once.
    pub async fn advance(self, database: &Database, read_from: i64, events: &[Recorded]) -> Result<(), AdvanceError> {
        let Some(last) = events.last() else { return Ok(()) };
        let mut transaction = database.begin().await?;
        let checkpoint = self.locked_checkpoint(&mut transaction).await?;
        if checkpoint != read_from {
            return Err(AdvanceError::Elsewhere { checkpoint, read_from });
        }
        self.apply(&mut transaction, events).await?;
        self.save_checkpoint(&mut transaction, last.position).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Empties the view, so that it is folded anew from the first event.
    pub async fn reset(self, database: &Database) -> sqlx::Result<()> {
        let mut transaction = database.begin().await?;
        self.locked_checkpoint(&mut transaction).await?;
        match self {
            Self::Accounts => accounts::reset(&mut transaction).await?,
            Self::Integrations => integrations::reset(&mut transaction).await?,
            Self::DueDeliveries => due_deliveries::reset(&mut transaction).await?,
            Self::DeliveryLog => delivery_log::reset(&mut transaction).await?,
            Self::WebhookReceipts => webhook_receipts::reset(&mut transaction).await?,
            Self::DeliveryStats => delivery_stats::reset(&mut transaction).await?,
        }
        self.save_checkpoint(&mut transaction, 0).await?;
        transaction.commit().await
    }

    async fn apply(self, transaction: &mut Transaction, events: &[Recorded]) -> sqlx::Result<()> {
        match self {
            Self::Accounts => accounts::apply(transaction, events).await,
            Self::Integrations => integrations::apply(transaction, events).await,
            Self::DueDeliveries => due_deliveries::apply(transaction, events).await,
            Self::DeliveryLog => delivery_log::apply(transaction, events).await,
            Self::WebhookReceipts => webhook_receipts::apply(transaction, events).await,
            Self::DeliveryStats => delivery_stats::apply(transaction, events).await,
        }
    }

    async fn locked_checkpoint(self, transaction: &mut Transaction) -> sqlx::Result<i64> {
        let begin = Sql::new("INSERT INTO checkpoints (view, position) VALUES (")
            .bind(self.name())
            .push(", 0) ON CONFLICT (view) DO NOTHING");
        transaction.execute(begin).await?;
        let mut sql = Sql::new("SELECT position FROM checkpoints WHERE view = ").bind(self.name());
        if transaction.is_postgres() {
            sql = sql.push(" FOR UPDATE");
        }
        let rows: Vec<Checkpoint> = transaction.fetch_all(sql).await?;
        Ok(rows.first().map_or(0, |row| row.position))
    }

    async fn save_checkpoint(self, transaction: &mut Transaction, position: i64) -> sqlx::Result<()> {
        let sql =
            Sql::new("UPDATE checkpoints SET position = ").bind(position).push(" WHERE view = ").bind(self.name());
        transaction.execute(sql).await.map(drop)
    }
}
