//! Rebuilding a view beside the live one: begun, moved along from any node, switched to once it has caught up, or
//! cancelled. Until the switch readers see the old generation, from it on the new one, and never a part of either.
//!
//! The switch is one transaction: it locks both generations, applies what is missing, replaces the SQL view and moves the
//! checkpoint. It waits for readers briefly and rests between tries, since readers who come meanwhile wait behind it. The old
//! tables are dropped after it, since `DROP TABLE` may wait for Postgres's own housekeeping.

use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::View;
use crate::registry::{Build, Live};
use crate::schema::Columns;
use crate::table::Tables;
use event_log::recorded::{Cursor, Recorded};
use storage::{Database, Transaction};

/// How long dropping tables may wait for a lock: Postgres's own housekeeping steps aside after a second.
const DROP_TIMEOUT: Duration = Duration::from_secs(3);

/// What was asked for cannot be done by this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the view has tables of version {found}, and this version of the program knows them up to {known}")]
pub struct MadeByNewerVersion {
    pub found: i64,
    pub known: i64,
}

/// A build that is about to take the place of the live generation. Both are locked; dropped, nothing has happened.
pub struct Switch {
    view: View,
    transaction: Transaction,
    live: Live,
    build: Build,
}

impl View {
    /// Begins to build the next generation, or joins the build that is under way.
    pub async fn begin_build(
        self,
        database: &Database,
        now_us: i64,
    ) -> sqlx::Result<Result<Build, MadeByNewerVersion>> {
        let known = self.schema_version();
        let mut transaction = database.begin().await?;
        let live = self.locked_live(&mut transaction).await?;
        if live.schema_version > known {
            return Ok(Err(MadeByNewerVersion { found: live.schema_version, known }));
        }
        let mut generation = live.generation + 1;
        if let Some(build) = self.locked_build(&mut transaction).await? {
            if build.schema_version > known {
                return Ok(Err(MadeByNewerVersion { found: build.schema_version, known }));
            }
            if build.schema_version == known {
                return Ok(Ok(build));
            }
            self.forget_build(&mut transaction).await?;
            generation = build.generation + 1;
        }
        let build = Build { generation, schema_version: known, cursor: Cursor::START, started_at: now_us };
        // A build that was cancelled may have left tables of this name that could not be dropped then.
        self.schema.drop_tables(&mut transaction, generation).await?;
        self.schema.create_tables(&mut transaction, generation).await?;
        self.record_build(&mut transaction, &build).await?;
        transaction.commit().await?;
        Ok(Ok(build))
    }

    /// Applies events that follow the build's position without a gap. None if another node is at it or moved it, or if it
    /// is over.
    pub async fn advance_build(
        self,
        database: &Database,
        build: &Build,
        events: &[Recorded],
    ) -> sqlx::Result<Option<Build>> {
        let Some(last) = events.last() else { return Ok(Some(build.clone())) };
        let mut transaction = database.begin().await?;
        let Some(build) = self.seized_build(&mut transaction, build).await? else { return Ok(None) };
        (self.fold)(&mut Tables::of(&mut transaction, build.generation), events).await?;
        let cursor = last.cursor();
        self.save_build(&mut transaction, &cursor).await?;
        transaction.commit().await?;
        Ok(Some(Build { cursor, ..build }))
    }

    /// Holds both generations still. None if another node is at the build or moved it, or if it is over.
    pub async fn begin_switch(self, database: &Database, build: &Build) -> sqlx::Result<Option<Switch>> {
        let mut transaction = database.begin().await?;
        let live = self.locked_live(&mut transaction).await?;
        let build = self.seized_build(&mut transaction, build).await?;
        Ok(build.map(|build| Switch { view: self, transaction, live, build }))
    }

    /// Ends a build and drops its tables; the live generation stays. None if there is no build.
    pub async fn cancel_build(self, database: &Database) -> sqlx::Result<Option<Build>> {
        let mut transaction = database.begin().await?;
        let Some(build) = self.locked_build(&mut transaction).await? else { return Ok(None) };
        self.forget_build(&mut transaction).await?;
        transaction.commit().await?;
        self.drop_unused(database).await?;
        Ok(Some(build))
    }

    /// Drops the tables of generations that are neither read nor built.
    ///
    /// Apart from the switch, and not within it, because here a lock may have to be waited for: a switch holds up readers.
    pub async fn drop_unused(self, database: &Database) -> sqlx::Result<()> {
        let existing = self.schema.generations(database).await?;
        let mut transaction = database.begin().await?;
        // Held, so that no build begins meanwhile.
        let live = self.locked_live(&mut transaction).await?;
        let build = self.recorded_build(&mut transaction).await?;
        let used = |generation: i64| {
            generation == live.generation || build.as_ref().is_some_and(|build| build.generation == generation)
        };
        transaction.wait_for_locks(DROP_TIMEOUT).await?;
        for generation in existing.into_iter().filter(|generation| !used(*generation)) {
            self.schema.drop_tables(&mut transaction, generation).await?;
        }
        transaction.commit().await
    }
}

impl Switch {
    /// The last event in the new generation.
    pub fn cursor(&self) -> &Cursor {
        &self.build.cursor
    }

    /// Whether the live generation holds events that the new one has not.
    pub fn is_behind(&self) -> bool {
        self.build.cursor.position < self.live.cursor.position
    }

    /// Applies events that follow the position without a gap.
    pub async fn apply(&mut self, events: &[Recorded]) -> sqlx::Result<()> {
        let Some(last) = events.last() else { return Ok(()) };
        (self.view.fold)(&mut Tables::of(&mut self.transaction, self.build.generation), events).await?;
        self.build.cursor = last.cursor();
        Ok(())
    }

    /// Replaces the old generation by the new one. Gives up after `timeout` if readers are in the way: as long
    /// as it waits for them, those that come after wait too.
    pub async fn finish(mut self, timeout: Duration) -> sqlx::Result<Live> {
        let Build { generation, schema_version, cursor, .. } = self.build;
        let columns = if schema_version == self.live.schema_version { Columns::Same } else { Columns::Other };
        self.view.forget_build(&mut self.transaction).await?;
        let live = Live { generation, schema_version, cursor };
        self.view.save_live(&mut self.transaction, &live).await?;
        self.transaction.wait_for_locks(timeout).await?;
        self.view.schema.show(&mut self.transaction, generation, columns).await?;
        self.transaction.commit().await?;
        Ok(live)
    }
}

/// Whether a statement gave up waiting for a lock.
pub fn waited_in_vain(error: &sqlx::Error) -> bool {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}
