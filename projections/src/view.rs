//! The views, and how they are moved along the feed: all that stand together, with their checkpoint, in one transaction.

use std::hash::{Hash, Hasher};
use std::pin::Pin;

use crate::registry::{self, Live};
use crate::schema::{Columns, Schema};
use crate::table::Tables;
use event_log::recorded::{Cursor, Recorded};
use storage::Database;

const FIRST_GENERATION: i64 = 1;

/// A view: what it is called, what its tables look like, and how events are folded into them.
#[derive(Clone, Copy)]
pub struct View {
    pub name: &'static str,
    pub(crate) schema: Schema,
    pub(crate) fold: for<'a> fn(&'a mut Tables<'_>, &'a [Recorded]) -> Applying<'a>,
}

type Applying<'a> = Pin<Box<dyn Future<Output = sqlx::Result<()>> + Send + 'a>>;

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
    // The generations are read each time: another node may have switched to the next one.
    let (mut transaction, lives) = registry::begin_locked(database, views).await?;
    let mut advanced = vec![];
    for (view, live) in lives {
        if live.schema_version != view.schema_version() {
            advanced.push((view, Advanced::OtherVersion(live)));
        } else if live.cursor != *read_from {
            advanced.push((view, Advanced::Elsewhere(live.cursor)));
        } else {
            (view.fold)(&mut Tables::of(&mut transaction, live.generation), events).await?;
            advanced.push((view, Advanced::To(last.cursor())));
        }
    }
    let is_moved = |(view, to): &(View, Advanced)| matches!(to, Advanced::To(_)).then_some(*view);
    let moved: Vec<View> = advanced.iter().filter_map(is_moved).collect();
    registry::commit(transaction, &moved, &last.cursor()).await?;
    Ok(advanced)
}

impl View {
    /// The version of the tables and the fold of this program. A view of an older one is rebuilt.
    pub fn schema_version(self) -> i64 {
        self.schema.version
    }

    /// The tables of the view, as they are called in queries.
    pub fn tables(self) -> &'static [&'static str] {
        self.schema.tables
    }

    /// Where there is nothing to be read yet, there is nothing to build beside.
    pub(crate) async fn make_first_generation(self, database: &Database) -> sqlx::Result<()> {
        if self.live(database).await?.is_some() {
            return Ok(());
        }
        let mut transaction = database.begin().await?;
        // A node that records the same waits here for the one that was first.
        if self.record_first(&mut transaction, FIRST_GENERATION).await? {
            self.schema.create_tables(&mut transaction, FIRST_GENERATION).await?;
            self.schema.show(&mut transaction, FIRST_GENERATION, Columns::Other).await?;
        }
        transaction.commit().await
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for View {}

impl Hash for View {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
