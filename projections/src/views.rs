//! All views, and what is done with all of them.

use storage::Database;

use crate::schema::physical;
use crate::view::View;

impl View {
    /// All views. One more is its file, which lib.rs names, its tables beside the migrations, and a line here.
    pub const ALL: [Self; 8] = [
        crate::accounts::VIEW,
        crate::data_requests::VIEW,
        crate::delivery_log::VIEW,
        crate::delivery_stats::VIEW,
        crate::integrations::VIEW,
        crate::notices::VIEW,
        crate::operator_actions::VIEW,
        crate::webhook_receipts::VIEW,
    ];

    /// The view of this name. None where there is no such view.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name == name)
    }
}

/// Makes what is not there yet: the registry of the views, and the tables of those that have none.
pub async fn migrate(database: &Database) -> Result<(), sqlx::migrate::MigrateError> {
    match database {
        Database::Sqlite(file) => {
            let mut registry = sqlx::migrate!("../migrations/views/sqlite");
            registry.set_ignore_missing(true).run(file.for_migrations()).await?;
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
    for schema in View::ALL.into_iter().map(|view| view.schema).filter(|schema| schema.holds_personal_data) {
        // Of every generation: one that is being built held them too.
        for generation in schema.generations(database).await? {
            tables.extend(schema.tables.iter().map(|table| physical(table, generation)));
        }
    }
    database.forget_deleted(&tables).await
}
