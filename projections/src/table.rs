//! Reading and writing many rows of a view with few statements, on either engine.
//!
//! On Postgres a batch is one statement for each table, with an array for each column; on SQLite statements of 64, 8 or 1
//! rows, so that few texts are prepared. Rows that a batch leaves as they were are not written.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder, Sqlite, SqliteConnection};
use tokio::time::timeout;

use crate::schema::physical;
use event_log::Position;
use storage::{Row, STEP_WITHIN, Sql, Transaction};

/// Rows in one statement of SQLite. Few texts for each table, so that SQLite prepares each once and keeps it.
const ROWS_AT_ONCE: [usize; 3] = [64, 8, 1];

/// The tables of one generation of a view, within the transaction that moves it along.
pub(crate) struct Tables<'t> {
    transaction: &'t mut Transaction,
    generation: i64,
}

/// A value of a row. Everything in a view is text or a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'r> {
    Text(Option<&'r str>),
    Int(Option<i64>),
}

/// What becomes of a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    /// Adds the new numbers to the old.
    Add,
    Keep,
}

/// A row of a table of a view.
pub(crate) trait TableRow {
    /// As it is called in queries.
    const TABLE: &'static str;
    /// First the key, then what is written once, then what changes.
    const COLUMNS: &'static [&'static str];
    const KEY_COLUMNS: usize;
    /// The first that may change. Only these are written over an existing row, so that the indexes of the others rest.
    const FIRST_CHANGING: usize;

    /// In the order of the columns.
    fn cells(&self) -> Vec<Cell<'_>>;
}

impl<R: TableRow> TableRow for &R {
    const TABLE: &'static str = R::TABLE;
    const COLUMNS: &'static [&'static str] = R::COLUMNS;
    const KEY_COLUMNS: usize = R::KEY_COLUMNS;
    const FIRST_CHANGING: usize = R::FIRST_CHANGING;

    fn cells(&self) -> Vec<Cell<'_>> {
        R::cells(self)
    }
}

impl<'t> Tables<'t> {
    pub(crate) fn of(transaction: &'t mut Transaction, generation: i64) -> Self {
        Self { transaction, generation }
    }

    /// The name in the database of a table of this generation.
    pub(crate) fn name(&self, table: &str) -> String {
        physical(table, self.generation)
    }

    pub(crate) async fn execute(&mut self, sql: Sql) -> sqlx::Result<u64> {
        self.transaction.execute(sql).await
    }

    /// The rows that a statement selects by one of these values. It ends with the column that has to have one.
    pub(crate) async fn fetch_among<R: Row>(&mut self, select: &str, values: &[&str]) -> sqlx::Result<Vec<R>> {
        if values.is_empty() {
            return Ok(vec![]);
        }
        match &mut *self.transaction {
            Transaction::Sqlite(writer) => {
                let values = serde_json::to_string(values).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
                let sql = format!("{select} IN (SELECT value FROM json_each($1))");
                sqlx::query_as(&sql).bind(values).fetch_all(writer.begin_call()).await
            }
            Transaction::Postgres(connection) => {
                let sql = format!("{select} = ANY($1)");
                let fetch = sqlx::query_as(&sql).bind(values).fetch_all(connection.begin_call());
                let answer = timeout(STEP_WITHIN, fetch).await;
                connection.end_call(answer)
            }
        }
    }
}

/// Writes rows. No key may come twice.
pub(crate) async fn write<R: TableRow>(tables: &mut Tables<'_>, rows: &[R], existing: Existing) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let table = tables.name(R::TABLE);
    match tables.transaction {
        Transaction::Sqlite(writer) => write_sqlite(writer.begin_call(), &table, rows, existing).await,
        Transaction::Postgres(connection) => {
            let answer = timeout(STEP_WITHIN, write_postgres(connection.begin_call(), &table, rows, existing)).await;
            connection.end_call(answer)
        }
    }
}

/// Writes what is not in the table as it is already.
pub(crate) async fn write_changed<R: TableRow + PartialEq>(
    tables: &mut Tables<'_>,
    rows: &[R],
    known: &HashMap<String, R>,
    key: impl Fn(&R) -> &str,
) -> sqlx::Result<()> {
    let changed: Vec<&R> = rows.iter().filter(|row| known.get(key(row)) != Some(*row)).collect();
    write(tables, &changed, Existing::Replace).await
}

/// The rows that have one of these values in the first column of the key.
pub(crate) async fn read<R: TableRow + Row>(tables: &mut Tables<'_>, ids: &[&str]) -> sqlx::Result<Vec<R>> {
    let columns = R::COLUMNS.join(", ");
    let select = format!("SELECT {columns} FROM {} WHERE {}", tables.name(R::TABLE), R::COLUMNS[0]);
    tables.fetch_among(&select, ids).await
}

async fn write_sqlite<R: TableRow>(
    connection: &mut SqliteConnection,
    table: &str,
    rows: &[R],
    existing: Existing,
) -> sqlx::Result<()> {
    let mut rest = rows;
    while let Some(size) = ROWS_AT_ONCE.into_iter().find(|size| *size <= rest.len()) {
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let mut insert = QueryBuilder::<Sqlite>::new(insert_into::<R>(table));
        insert.push_values(chunk, |mut values, row| {
            for cell in row.cells() {
                match cell {
                    Cell::Text(text) => values.push_bind(text),
                    Cell::Int(number) => values.push_bind(number),
                };
            }
        });
        insert.push(on_conflict::<R>(table, existing)).build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// One array for each column.
async fn write_postgres<R: TableRow>(
    connection: &mut PgConnection,
    table: &str,
    rows: &[R],
    existing: Existing,
) -> sqlx::Result<()> {
    let cells: Vec<Vec<Cell<'_>>> = rows.iter().map(R::cells).collect();
    let types: Vec<_> = (1..)
        .zip(&cells[0])
        .map(|(number, cell)| match cell {
            Cell::Text(_) => format!("${number}::text[]"),
            Cell::Int(_) => format!("${number}::bigint[]"),
        })
        .collect();
    let sql = format!(
        "{}SELECT * FROM unnest({}){}",
        insert_into::<R>(table),
        types.join(", "),
        on_conflict::<R>(table, existing)
    );
    let mut query = sqlx::query(&sql);
    for (column, first) in cells[0].iter().enumerate() {
        query = match first {
            Cell::Text(_) => query.bind(cells.iter().map(|row| row[column].text()).collect::<Vec<_>>()),
            Cell::Int(_) => query.bind(cells.iter().map(|row| row[column].int()).collect::<Vec<_>>()),
        };
    }
    query.execute(connection).await.map(drop)
}

fn insert_into<R: TableRow>(table: &str) -> String {
    format!("INSERT INTO {table} ({}) ", R::COLUMNS.join(", "))
}

fn on_conflict<R: TableRow>(table: &str, existing: Existing) -> String {
    let key = &R::COLUMNS[..R::KEY_COLUMNS];
    let set: Vec<_> = R::COLUMNS[R::FIRST_CHANGING..]
        .iter()
        .map(|name| match existing {
            Existing::Add => format!("{name} = {table}.{name} + excluded.{name}"),
            Existing::Replace | Existing::Keep => format!("{name} = excluded.{name}"),
        })
        .collect();
    let action = match existing {
        Existing::Keep => "NOTHING".to_owned(),
        Existing::Replace | Existing::Add => format!("UPDATE SET {}", set.join(", ")),
    };
    format!(" ON CONFLICT ({}) DO {action}", key.join(", "))
}

impl<'r> Cell<'r> {
    fn text(self) -> Option<&'r str> {
        match self {
            Self::Text(text) => text,
            Self::Int(_) => None,
        }
    }

    fn int(self) -> Option<i64> {
        match self {
            Self::Int(number) => number,
            Self::Text(_) => None,
        }
    }
}

macro_rules! cell {
    ($($from:ty => $cell:expr;)*) => {$(
        impl<'r> From<&'r $from> for Cell<'r> {
            fn from(value: &'r $from) -> Self {
                $cell(value)
            }
        }
    )*};
}

cell! {
    String => |value: &'r String| Self::Text(Some(value));
    Option<String> => |value: &'r Option<String>| Self::Text(value.as_deref());
    i64 => |value: &i64| Self::Int(Some(*value));
    Option<i64> => |value: &Option<i64>| Self::Int(*value);
    Position => |value: &Position| Self::Int(Some(value.0));
}

/// A struct whose fields are named like the columns of its table.
macro_rules! table_row {
    ($row:ty, $table:literal, key $($key:ident),+; once $($once:ident),*; changing $($changing:ident),* $(,)?) => {
        impl crate::table::TableRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] =
                &[$(stringify!($key),)+ $(stringify!($once),)* $(stringify!($changing),)*];
            const KEY_COLUMNS: usize = [$(stringify!($key)),+].len();
            const FIRST_CHANGING: usize = [$(stringify!($key),)+ $(stringify!($once),)*].len();

            fn cells(&self) -> Vec<crate::table::Cell<'_>> {
                vec![$((&self.$key).into(),)+ $((&self.$once).into(),)* $((&self.$changing).into(),)*]
            }
        }
    };
}
pub(crate) use table_row;
