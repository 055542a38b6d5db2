//! The two databases that every suite runs on, fresh for each test.

use std::path::PathBuf;

use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty log and empty views, gone when this is dropped (Postgres: when [`Databases::remove`] is called).
pub(crate) struct Databases {
    pub(crate) log_url: String,
    pub(crate) views_url: String,
    folder: TempDir,
    postgres: Vec<String>,
}

impl Databases {
    pub(crate) async fn create(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match engine {
            Engine::Sqlite => Self {
                log_url: format!("sqlite:{}", folder.path().join("log.db").display()),
                views_url: format!("sqlite:{}", folder.path().join("views.db").display()),
                folder,
                postgres: vec![],
            },
            Engine::Postgres => {
                let name = format!("cb_{}", event_log::ids::fresh().simple());
                let postgres = vec![format!("{name}_log"), format!("{name}_views")];
                let mut server = server().await;
                for database in &postgres {
                    server
                        .execute(format!("CREATE DATABASE {database}").as_str())
                        .await
                        .expect("a database can be made");
                }
                let url = |database: &str| with_database(&server_url(), database);
                Self { log_url: url(&postgres[0]), views_url: url(&postgres[1]), folder, postgres }
            }
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) async fn remove(self) {
        if self.postgres.is_empty() {
            return;
        }
        let mut server = server().await;
        for database in &self.postgres {
            let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
            server.execute(drop.as_str()).await.expect("a test's database can be dropped");
        }
    }
}

pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("the address of a database ends with its name");
    format!("{server}/{database}")
}

async fn server() -> PgConnection {
    let url = server_url();
    PgConnection::connect(&url).await.unwrap_or_else(|error| panic!("no Postgres answers at {url}: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the tests read their environment")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn server_url() -> String {
    setting("CLOUD_BRIDGE_TEST_POSTGRES").expect(
        "the tests need a Postgres server: run ./scripts/test, which starts one, or set CLOUD_BRIDGE_TEST_POSTGRES to \
         the address of one on which databases may be made, like postgres://postgres@127.0.0.1:5432/postgres",
    )
}

/// Runs an async test on each engine, as two tests.
macro_rules! on_each_engine {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: &$kind:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every story needs everything its neighbours need")]
            use super::*;

            async fn story($app: &$kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::app::run(crate::engines::Engine::Sqlite, async |app| story(app).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::app::run(crate::engines::Engine::Postgres, async |app| story(app).await).await;
            }
        }
    )*};
}
pub(crate) use on_each_engine;

/// Runs stories that make and stop their services themselves on each engine, as two tests.
macro_rules! given_each_engine {
    ($($story:ident)*) => {$(
        mod $story {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$story(crate::engines::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$story(crate::engines::Engine::Postgres).await;
            }
        }
    )*};
}
pub(crate) use given_each_engine;
