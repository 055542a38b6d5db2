//! The views by name, and how they are moved along the feed: all that stand together, with their checkpoint, in one
//! transaction.

use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::database::Database;
use crate::feed::{Cursor, Recorded};
use crate::registry::{self, Live};
use crate::schema::{Columns, Schema, physical};
use crate::table::Tables;
use crate::{
    accounts, customers, data_requests, delivery_log, delivery_stats, due_deliveries, integrations, operator_actions,
    webhook_receipts,
};

const FIRST_GENERATION: i64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumCount, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum View {
    Accounts,
    Integrations,
    DueDeliveries,
    DeliveryLog,
    WebhookReceipts,
    DeliveryStats,
    OperatorActions,
    Customers,
    DataRequests,
}

/// Where a view stands after it was to be moved along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// At the last of the events.
    To(Cursor),
    /// Another node has moved it meanwhile: read on from there.
    Elsewhere(Cursor),
    /// Its tables are not those of this program: nothing may be folded into them.
    OtherVersion(Live),
}

/// Makes what is not there yet: the registry of the views, and the tables of those that have none.
pub async fn migrate(database: &Database) -> Result<(), sqlx::migrate::MigrateError> {
    match database {
        Database::Sqlite(file) => {
            let mut registry = sqlx::migrate!("../migrations/views/sqlite");
            registry.set_ignore_missing(true).run(&file.writer).await?;
        }
        Database::Postgres(pool) => {
            let mut registry = sqlx::migrate!("../migrations/views/postgres");
            registry.set_ignore_missing(true).run(pool.unbounded()).await?;
        }
    }
    for view in View::ALL {
        view.make_first_generation(database).await?;
    }
    Ok(())
}

/// Tries once to leave nothing in the files of the views of the people who were erased from them.
pub async fn forget_erased(database: &Database) -> sqlx::Result<bool> {
    let mut tables = vec![];
    for schema in [View::DeliveryLog.schema(), View::Customers.schema()] {
        // Of every generation: one that is being built was told of them too.
        for generation in schema.generations(database).await? {
            tables.extend(schema.tables.iter().map(|table| physical(table, generation)));
        }
    }
    database.forget_deleted(&tables).await
}

/// Applies events that follow `read_from` without a gap to these views, together with the new checkpoint: all of it or
/// nothing.
///
/// Only to those that stand at `read_from`: several nodes may do this at once, and each event counts once.
pub async fn advance(
    database: &Database,
    views: &[View],
    read_from: &Cursor,
    events: &[Recorded],
) -> sqlx::Result<Vec<(View, Advanced)>> {
    let Some(last) = events.last() else { return Ok(vec![]) };
    let mut transaction = database.begin().await?;
    // The generations are read each time: another node may have switched to the next one.
    let mut advanced = vec![];
    for (view, live) in registry::locked(&mut transaction, views).await? {
        if live.schema_version != view.schema_version() {
            advanced.push((view, Advanced::OtherVersion(live)));
        } else if live.cursor != *read_from {
            advanced.push((view, Advanced::Elsewhere(live.cursor)));
        } else {
            view.apply(&mut Tables::of(&mut transaction, live.generation), events).await?;
            advanced.push((view, Advanced::To(last.cursor())));
        }
    }
    let moved = advanced.iter().filter(|(_, to)| matches!(to, Advanced::To(_))).map(|(view, _)| *view);
    registry::save(&mut transaction, moved, &last.cursor()).await?;
    transaction.commit().await?;
    Ok(advanced)
}

impl View {
    pub const ALL: [Self; Self::COUNT] = *Self::VARIANTS.first_chunk().expect("each of them is in VARIANTS");

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    pub(crate) fn schema(self) -> &'static Schema {
        match self {
            Self::Accounts => &accounts::SCHEMA,
            Self::Integrations => &integrations::SCHEMA,
            Self::DueDeliveries => &due_deliveries::SCHEMA,
            Self::DeliveryLog => &delivery_log::SCHEMA,
            Self::WebhookReceipts => &webhook_receipts::SCHEMA,
            Self::DeliveryStats => &delivery_stats::SCHEMA,
            Self::OperatorActions => &operator_actions::SCHEMA,
            Self::Customers => &customers::SCHEMA,
            Self::DataRequests => &data_requests::SCHEMA,
        }
    }

    /// The version of the tables and the fold of this program. A view of an older one is rebuilt.
    pub fn schema_version(self) -> i64 {
        self.schema().version
    }

    pub(crate) async fn apply(self, tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
        match self {
            Self::Accounts => accounts::apply(tables, events).await,
            Self::Integrations => integrations::apply(tables, events).await,
            Self::DueDeliveries => due_deliveries::apply(tables, events).await,
            Self::DeliveryLog => delivery_log::apply(tables, events).await,
            Self::WebhookReceipts => webhook_receipts::apply(tables, events).await,
            Self::DeliveryStats => delivery_stats::apply(tables, events).await,
            Self::OperatorActions => operator_actions::apply(tables, events).await,
            Self::Customers => customers::apply(tables, events).await,
            Self::DataRequests => data_requests::apply(tables, events).await,
        }
    }

    /// Where there is nothing to be read yet, there is nothing to build beside.
    async fn make_first_generation(self, database: &Database) -> sqlx::Result<()> {
        if self.live(database).await?.is_some() {
            return Ok(());
        }
        let mut transaction = database.begin().await?;
        // A node that records the same waits here for the one that was first.
        if self.record_first(&mut transaction, FIRST_GENERATION).await? {
            self.schema().create_tables(&mut transaction, FIRST_GENERATION).await?;
            self.schema().show(&mut transaction, FIRST_GENERATION, Columns::Other).await?;
        }
        transaction.commit().await
    }
}
