//! Reading and writing many rows of a view with one statement and one argument, on either engine.

use std::fmt::Write as _;

use serde::Serialize;

use crate::database::{Row, Sql, Transaction};

/// A column's type. Everything in a view is one of these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
}

/// A table of a view: its columns, the first of which are its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: usize,
    pub(crate) columns: &'static [(&'static str, Kind)],
}

/// What becomes of a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    /// Adds the new numbers to the old.
    Add,
    Keep,
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Writes rows, given as JSON objects with a field for each column. One statement, however many.
    pub(crate) async fn write<T: Serialize>(
        &self,
        transaction: &mut Transaction,
        rows: &[T],
        existing: Existing,
    ) -> sqlx::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let json = serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let mut sql = Sql::new(format!("INSERT INTO {} ({}) SELECT ", self.name, self.names()));
        if transaction.is_postgres() {
            let mut types = String::new();
            for (index, (name, kind)) in self.columns.iter().enumerate() {
                let kind = if *kind == Kind::Text { "text" } else { "bigint" };
                write!(types, "{}{name} {kind}", if index == 0 { "" } else { ", " }).expect("a string can be written");
            }
            sql = sql.push(&self.names()).push(" FROM json_to_recordset(").bind(json);
            sql = sql.push(&format!("::json) AS rows({types})"));
        } else {
            let fields: Vec<_> =
                self.columns.iter().map(|(name, _)| format!("json_extract(value, '$.{name}')")).collect();
            // `WHERE true`: without it SQLite takes the conflict clause for a join condition.
            sql = sql.push(&fields.join(", ")).push(" FROM json_each(").bind(json).push(") WHERE true");
        }
        let (key, others) = self.columns.split_at(self.key);
        let key = key.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let others: Vec<_> = others
            .iter()
            .map(|(name, _)| match existing {
                Existing::Add => format!("{name} = {}.{name} + excluded.{name}", self.name),
                Existing::Replace | Existing::Keep => format!("{name} = excluded.{name}"),
            })
            .collect();
        sql = sql.push(&format!(" ON CONFLICT ({key}) DO "));
        sql = match existing {
            Existing::Keep => sql.push("NOTHING"),
            Existing::Replace | Existing::Add => sql.push("UPDATE SET ").push(&others.join(", ")),
        };
        transaction.execute(sql).await.map(drop)
    }

    /// The rows that have one of these values in the first column of the key.
    pub(crate) async fn read<T: Row>(&self, transaction: &mut Transaction, ids: &[&str]) -> sqlx::Result<Vec<T>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let json = serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let sql = Sql::new(format!("SELECT {} FROM {} WHERE {} IN ", self.names(), self.name, self.columns[0].0));
        let sql = if transaction.is_postgres() {
            sql.push("(SELECT json_array_elements_text(").bind(json).push("::json))")
        } else {
            sql.push("(SELECT value FROM json_each(").bind(json).push("))")
        };
        transaction.fetch_all(sql).await
    }

    pub(crate) async fn clear(&self, transaction: &mut Transaction) -> sqlx::Result<()> {
        transaction.execute(Sql::new(format!("DELETE FROM {}", self.name))).await.map(drop)
    }
}

macro_rules! table {
    ($name:literal, key $key:literal, $($column:ident: $kind:ident),* $(,)?) => {
        crate::table::Table {
            name: $name,
            key: $key,
            columns: &[$((stringify!($column), crate::table::Kind::$kind)),*],
        }
    };
}
pub(crate) use table;
