//! All views, and what is done with all of them.

use sqlx::migrate::MigrateError;
use storage::Database;

use crate::schema::physical;
use crate::view::View;

impl View {
    /// All views. One more is its file, which lib.rs names, its tables beside the migrations, and a line here.
    pub const ALL: [Self; 13] = [
        crate::accounts::VIEW,
        crate::commerce::VIEW,
        crate::data_requests::VIEW,
        crate::delivery_log::VIEW,
        crate::delivery_stats::VIEW,
        crate::endpoints::VIEW,
        crate::instances::VIEW,
        crate::integrations::VIEW,
        crate::notices::VIEW,
        crate::operator_actions::VIEW,
        crate::stores::VIEW,
        crate::unread_orders::VIEW,
        crate::webhook_receipts::VIEW,
    ];

    /// The view of this name. None where there is no such view.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name == name)
    }
}

/// Why the tables of the views were not made.
#[derive(Debug, thiserror::Error)]
pub enum NotMigrated {
    #[error(
        "the database of the views holds tables of something else, or of another version: the log and the views need a \
         database each, and views may be dropped, so name an empty one"
    )]
    OtherTables(#[source] MigrateError),
    #[error("the schema of the views cannot be brought up to date")]
    Failed(#[source] MigrateError),
}

impl From<MigrateError> for NotMigrated {
    fn from(error: MigrateError) -> Self {
        if matches!(error, MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) {
            Self::OtherTables(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// Makes what is not there yet: the registry of the views, and the tables of those that have none.
pub async fn migrate(database: &Database) -> Result<(), NotMigrated> {
    let of_sqlite = sqlx::migrate!("../migrations/views/sqlite");
    database.migrate(&of_sqlite, &sqlx::migrate!("../migrations/views/postgres")).await?;
    for view in View::ALL {
        view.make_first_generation(database).await.map_err(MigrateError::from)?;
    }
    Ok(())
}

/// Tries once to leave nothing in the files of the views of the people who were erased from them.
pub async fn forget_erased(database: &Database) -> sqlx::Result<bool> {
    let mut tables = vec![];
    for schema in View::ALL.into_iter().map(|view| view.schema).filter(|schema| schema.holds_personal_data) {
        // Of every generation: one that is being built held them too.
        for generation in schema.generations(database).await? {
            tables.extend(schema.tables.iter().map(|table| physical(table, generation)));
        }
    }
    database.forget_deleted(&tables).await
}
