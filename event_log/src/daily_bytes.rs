//! What is stored of each account's webhooks in a day: one row an account beside the events, counted by all nodes.

use domain::AccountId;
use sqlx::FromRow;
use storage::{Argument, Sql};

use crate::EventLog;

#[derive(FromRow)]
struct Stored {
    bytes: i64,
}

impl EventLog {
    /// Adds to what all nodes have counted of an account in a day (since 1970, UTC), and returns how much that is.
    pub async fn add_daily_bytes(&self, account: AccountId, day: i64, bytes: u64) -> sqlx::Result<u64> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        // The clocks of two nodes may be in two days that follow each other. A day further ahead was counted by a clock that
        // was wrong.
        let sql = Sql::new("INSERT INTO daily_bytes AS d (account_id, day, bytes) VALUES (")
            .bind_list([Argument::from(account.to_string()), day.into(), bytes.into()])
            .push(
                ") ON CONFLICT (account_id) DO UPDATE SET \
                 day = CASE WHEN d.day > excluded.day + 1 OR d.day < excluded.day THEN excluded.day ELSE d.day END, \
                 bytes = CASE WHEN d.day BETWEEN excluded.day AND excluded.day + 1 THEN d.bytes + excluded.bytes \
                              ELSE excluded.bytes END \
                 RETURNING bytes",
            );
        let mut transaction = self.database.begin().await?;
        let stored = transaction.fetch_all::<Stored>(sql).await?.pop().ok_or(sqlx::Error::RowNotFound)?;
        transaction.commit().await?;
        Ok(stored.bytes.unsigned_abs())
    }
}
