//! The tables of a view: made for each generation, and read through SQL views of their plain names.
//!
//! `delivery_log` is a SQL view of the table `delivery_log_g1`, which both engines read as if it were the table itself. So
//! a view can be rebuilt in tables of its own, and readers pass to them in the moment in which the SQL view is replaced.
//!
//! Views are not migrated, since what a new column holds comes from the log. Raise `version` with every change of the tables
//! or of what the fold writes: a node that finds an earlier version rebuilds the view beside it, one that finds a later version
//! leaves it alone.

use sqlx::FromRow;

use storage::{Database, Sql, Transaction};

/// What the tables of a view look like.
#[derive(Clone, Copy)]
pub(crate) struct Schema {
    /// One more with every change of the tables or of what is folded into them: a view of another version is rebuilt.
    pub(crate) version: i64,
    /// As they are called in queries.
    pub(crate) tables: &'static [&'static str],
    /// Whether what they hold of a person is erased with the person, in the files of the database too.
    pub(crate) holds_personal_data: bool,
    /// Statements in which `{generation}` ends the name of each table and index, `{bytewise}` stands where text is
    /// compared byte by byte, `{position}` for the type of a key by which rows lie in the order of the log, and
    /// `{clustered}` ends a table that is nothing but its key and what follows from it.
    pub(crate) statements: &'static str,
}

/// Whether the columns of the tables may have changed since the SQL views were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    Same,
    Other,
}

#[derive(FromRow)]
struct TableName {
    name: String,
}

/// The name of a table in the database.
pub(crate) fn physical(table: &str, generation: i64) -> String {
    format!("{table}_g{generation}")
}

impl Schema {
    pub(crate) async fn create_tables(&self, transaction: &mut Transaction, generation: i64) -> sqlx::Result<()> {
        // SQLite compares byte by byte by default.
        let [bytewise, position, clustered] = if transaction.is_postgres() {
            ["COLLATE \"C\"", "bigint", ""]
        } else {
            // Such a key is the number of the row, and needs no index of its own.
            ["", "INTEGER", " WITHOUT ROWID"]
        };
        let mut statements = self.statements.to_owned();
        for (mark, text) in [
            ("{generation}", format!("g{generation}").as_str()),
            ("{bytewise}", bytewise),
            ("{position}", position),
            ("{clustered}", clustered),
        ] {
            statements = statements.replace(mark, text);
        }
        transaction.run_script(&statements).await
    }

    /// Lets readers read this generation from the commit on.
    pub(crate) async fn show(
        &self,
        transaction: &mut Transaction,
        generation: i64,
        columns: Columns,
    ) -> sqlx::Result<()> {
        for table in self.tables {
            let physical = physical(table, generation);
            if transaction.is_postgres() && columns == Columns::Same {
                // Keeps what an operator granted on it or made of it.
                let replace = format!("CREATE OR REPLACE VIEW {table} AS SELECT * FROM {physical}");
                transaction.execute(Sql::new(replace)).await?;
            } else {
                transaction.execute(Sql::new(format!("DROP VIEW IF EXISTS {table}"))).await?;
                transaction.execute(Sql::new(format!("CREATE VIEW {table} AS SELECT * FROM {physical}"))).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn drop_tables(&self, transaction: &mut Transaction, generation: i64) -> sqlx::Result<()> {
        for table in self.tables {
            let drop = format!("DROP TABLE IF EXISTS {}", physical(table, generation));
            transaction.execute(Sql::new(drop)).await?;
        }
        Ok(())
    }

    /// The generations that have tables.
    pub(crate) async fn generations(&self, database: &Database) -> sqlx::Result<Vec<i64>> {
        let sql = match database {
            Database::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Database::Postgres(_) => {
                "SELECT CAST(tablename AS text) AS name FROM pg_tables WHERE schemaname = current_schema()"
            }
        };
        let names: Vec<TableName> = database.fetch_all(sql.into()).await?;
        let mut generations: Vec<i64> = names.iter().filter_map(|found| self.generation_of(&found.name)).collect();
        generations.sort_unstable();
        generations.dedup();
        Ok(generations)
    }

    fn generation_of(&self, name: &str) -> Option<i64> {
        self.tables.iter().find_map(|table| name.strip_prefix(table)?.strip_prefix("_g")?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_another_view_is_not_taken_for_one_of_this() {
        let schema = Schema { version: 1, tables: &["delivery_stats"], holds_personal_data: false, statements: "" };
        assert_eq!(schema.generation_of(&physical("delivery_stats", 12)), Some(12));
        for other in ["delivery_stats", "delivery_stats_deliveries_g1", "delivery_stats_goods", "live_views"] {
            assert_eq!(schema.generation_of(other), None, "{other}");
        }
    }
}
