//! The rows of a table that a batch of events touches.

use std::collections::{BTreeSet, HashMap};

use crate::table::{self, Tables};

/// As they are with the batch, and as they were before it.
pub(super) struct Rows<R> {
    known: HashMap<String, R>,
    pub(super) now: HashMap<String, R>,
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self { known: HashMap::new(), now: HashMap::new() }
    }
}

impl<R: table::TableRow + storage::Row + Clone + PartialEq> Rows<R> {
    pub(super) async fn read(
        tables: &mut Tables<'_>,
        ids: &BTreeSet<String>,
        id: fn(&R) -> &String,
    ) -> sqlx::Result<Self> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let found: Vec<R> = table::read(tables, &ids).await?;
        let known: HashMap<String, R> = found.into_iter().map(|row| (id(&row).clone(), row)).collect();
        Ok(Self { now: known.clone(), known })
    }

    /// Adds rows that were read too.
    pub(super) fn extend(&mut self, others: Self) {
        self.known.extend(others.known);
        self.now.extend(others.now);
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>, id: fn(&R) -> &String) -> sqlx::Result<()> {
        let mut rows: Vec<R> = self.now.into_values().collect();
        rows.sort_unstable_by(|a, b| id(a).cmp(id(b)));
        table::write_changed(tables, &rows, &self.known, |row| id(row)).await
    }
}
