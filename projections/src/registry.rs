//! Which generation of each view is read, how far it is, and which is being built beside it.

use sqlx::FromRow;

use crate::View;
use event_log::recorded::Cursor;
use storage::{Database, Sql, Transaction};

/// The generation of a view that people read.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Live {
    pub generation: i64,
    pub schema_version: i64,
    /// The last event that is in it.
    #[sqlx(flatten)]
    pub cursor: Cursor,
}

/// The next generation of a view, built beside the live one.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Build {
    pub generation: i64,
    pub schema_version: i64,
    /// The last event that is in it.
    #[sqlx(flatten)]
    pub cursor: Cursor,
    /// Microseconds since 1970.
    pub started_at: i64,
}

#[derive(FromRow)]
struct NamedBuild {
    view: String,
    #[sqlx(flatten)]
    build: Build,
}

/// All builds under way, of the views that this version knows.
pub async fn builds(database: &Database) -> sqlx::Result<Vec<(View, Build)>> {
    let sql = "SELECT view, generation, schema_version, position, hash, started_at FROM view_builds ORDER BY view";
    let builds: Vec<NamedBuild> = database.fetch_all(sql.into()).await?;
    Ok(builds.into_iter().filter_map(|found| Some((View::parse(&found.view)?, found.build))).collect())
}

#[derive(FromRow)]
struct NamedLive {
    view: String,
    #[sqlx(flatten)]
    live: Live,
}

/// Begins a transaction that holds the live generations of these views still, always in the same order.
pub(crate) async fn begin_locked(
    database: &Database,
    views: &[View],
) -> sqlx::Result<(Transaction, Vec<(View, Live)>)> {
    let lock = match database {
        Database::Sqlite(_) => "",
        Database::Postgres(_) => " FOR UPDATE",
    };
    let select = format!(
        "SELECT view, generation, schema_version, position, hash FROM live_views WHERE view IN ({}) ORDER BY view{lock}",
        literals(views)
    );
    let (transaction, lives) = database.begin_with::<NamedLive>(&select).await?;
    let lives = lives.into_iter().filter_map(|found| Some((View::parse(&found.view)?, found.live))).collect();
    Ok((transaction, lives))
}

/// Commits, with the last event that is in the live generations of these views now.
pub(crate) async fn commit(transaction: Transaction, views: &[View], cursor: &Cursor) -> sqlx::Result<()> {
    if views.is_empty() {
        return transaction.commit().await;
    }
    let (position, hash) = (cursor.position, hex::encode(&cursor.hash));
    let hash = if transaction.is_postgres() { format!("'\\x{hash}'") } else { format!("x'{hash}'") };
    let update =
        format!("UPDATE live_views SET position = {position}, hash = {hash} WHERE view IN ({})", literals(views));
    transaction.commit_with(&update).await
}

/// Names of views, which are words of this program, as SQL.
fn literals(views: &[View]) -> String {
    views.iter().map(|view| format!("'{}'", view.name)).collect::<Vec<_>>().join(", ")
}

impl View {
    /// None before the tables of the views were made.
    pub async fn live(self, database: &Database) -> sqlx::Result<Option<Live>> {
        database.fetch_optional(self.select_live()).await
    }

    /// The last event in the live generation.
    pub async fn checkpoint(self, database: &Database) -> sqlx::Result<Cursor> {
        Ok(self.live(database).await?.map_or(Cursor::START, |live| live.cursor))
    }

    pub async fn build(self, database: &Database) -> sqlx::Result<Option<Build>> {
        database.fetch_optional(self.select_build()).await
    }

    fn select_live(self) -> Sql {
        Sql::new("SELECT generation, schema_version, position, hash FROM live_views WHERE view = ").bind(self.name)
    }

    fn select_build(self) -> Sql {
        Sql::new("SELECT generation, schema_version, position, hash, started_at FROM view_builds WHERE view = ")
            .bind(self.name)
    }

    /// Holds the live generation still until the transaction ends. To lock both, lock this one first.
    pub(crate) async fn locked_live(self, transaction: &mut Transaction) -> sqlx::Result<Live> {
        let sql = with_lock(transaction, self.select_live(), " FOR UPDATE");
        transaction.fetch_all(sql).await?.pop().ok_or(sqlx::Error::RowNotFound)
    }

    pub(crate) async fn recorded_build(self, transaction: &mut Transaction) -> sqlx::Result<Option<Build>> {
        Ok(transaction.fetch_all(self.select_build()).await?.pop())
    }

    /// Waits for the node that moves the build along at this moment.
    pub(crate) async fn locked_build(self, transaction: &mut Transaction) -> sqlx::Result<Option<Build>> {
        let sql = with_lock(transaction, self.select_build(), " FOR UPDATE");
        Ok(transaction.fetch_all(sql).await?.pop())
    }

    /// The build as it was seen, unless it is over, or another node is at it or moved it.
    pub(crate) async fn seized_build(self, transaction: &mut Transaction, seen: &Build) -> sqlx::Result<Option<Build>> {
        let sql = with_lock(transaction, self.select_build(), " FOR UPDATE SKIP LOCKED");
        Ok(transaction.fetch_all(sql).await?.pop().filter(|build| build == seen))
    }

    /// Says that a generation is there to be read from the first event on; false if one is there already.
    pub(crate) async fn record_first(self, transaction: &mut Transaction, generation: i64) -> sqlx::Result<bool> {
        let sql = Sql::new("INSERT INTO live_views (view, generation, schema_version, position, hash) VALUES (")
            .bind(self.name)
            .push(", ")
            .bind_list([generation, self.schema_version(), Cursor::START.position.0])
            .push(", ")
            .bind(Cursor::START.hash)
            .push(") ON CONFLICT (view) DO NOTHING");
        Ok(transaction.execute(sql).await? == 1)
    }

    pub(crate) async fn save_live(self, transaction: &mut Transaction, live: &Live) -> sqlx::Result<()> {
        let sql = Sql::new("UPDATE live_views SET generation = ")
            .bind(live.generation)
            .push(", schema_version = ")
            .bind(live.schema_version)
            .push(", position = ")
            .bind(live.cursor.position)
            .push(", hash = ")
            .bind(live.cursor.hash.clone())
            .push(" WHERE view = ")
            .bind(self.name);
        transaction.execute(sql).await.map(drop)
    }

    pub(crate) async fn record_build(self, transaction: &mut Transaction, build: &Build) -> sqlx::Result<()> {
        let sql =
            Sql::new("INSERT INTO view_builds (view, generation, schema_version, position, hash, started_at) VALUES (")
                .bind(self.name)
                .push(", ")
                .bind_list([build.generation, build.schema_version, build.cursor.position.0])
                .push(", ")
                .bind(build.cursor.hash.clone())
                .push(", ")
                .bind(build.started_at)
                .push(")");
        transaction.execute(sql).await.map(drop)
    }

    pub(crate) async fn save_build(self, transaction: &mut Transaction, cursor: &Cursor) -> sqlx::Result<()> {
        let sql = Sql::new("UPDATE view_builds SET position = ")
            .bind(cursor.position)
            .push(", hash = ")
            .bind(cursor.hash.clone())
            .push(" WHERE view = ")
            .bind(self.name);
        transaction.execute(sql).await.map(drop)
    }

    pub(crate) async fn forget_build(self, transaction: &mut Transaction) -> sqlx::Result<()> {
        let sql = Sql::new("DELETE FROM view_builds WHERE view = ").bind(self.name);
        transaction.execute(sql).await.map(drop)
    }
}

/// SQLite has one writer, whose transaction locks everything.
fn with_lock(transaction: &Transaction, select: Sql, lock: &str) -> Sql {
    if transaction.is_postgres() { select.push(lock) } else { select }
}
