//! A Postgres server of a run's own, to be stopped and started; and databases in the one that runs beside everything.

use std::net::TcpListener;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;

#[expect(clippy::disallowed_methods, reason = "the one place where a run reads its environment")]
fn setting(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: run scripts/faults"))
}

/// Fresh databases for log and views.
pub(crate) async fn databases(server: &str) -> anyhow::Result<(String, String)> {
    let mut connection = PgConnection::connect(server).await.context("no Postgres answers")?;
    let name = event_log::ids::fresh().simple().to_string();
    let (before, _) = server.rsplit_once('/').context("the address of a database ends with its name")?;
    let mut urls = vec![];
    for kind in ["log", "views"] {
        connection.execute(format!("CREATE DATABASE cb_{name}_{kind}").as_str()).await?;
        urls.push(format!("{before}/cb_{name}_{kind}"));
    }
    connection.close().await?;
    let views = urls.pop().context("there are two")?;
    Ok((urls.pop().context("there are two")?, views))
}

pub(crate) fn server_url() -> anyhow::Result<String> {
    setting("CLOUD_BRIDGE_TEST_POSTGRES")
}

pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
}

impl Postgres {
    pub(crate) async fn create() -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let postgres = Self { folder: tempfile::tempdir()?, port };
        if let Ok(user) = setting("CLOUD_BRIDGE_TEST_POSTGRES_USER") {
            let owned = Command::new("chown").arg(user).arg(postgres.folder.path()).status().await?;
            ensure!(owned.success(), "the folder cannot be given away");
        }
        postgres.run("initdb", &["-U", "postgres", "-A", "trust", "-E", "UTF8"]).await?;
        postgres.start().await?;
        Ok(postgres)
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let program = format!("{}/{program}", setting("CLOUD_BRIDGE_TEST_POSTGRES_BIN")?);
        let mut command = match setting("CLOUD_BRIDGE_TEST_POSTGRES_USER") {
            Ok(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", &user, "--", &program]);
                command
            }
            Err(_) => Command::new(program),
        };
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments);
        command.current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        ensure!(command.status().await?.success(), "{command:?} did not work");
        Ok(())
    }

    pub(crate) async fn start(&self) -> anyhow::Result<()> {
        let options = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", self.port);
        self.run("pg_ctl", &["-w", "-l", "server.log", "-o", &options, "start"]).await
    }

    /// Like a power cut: no checkpoint, every connection cut.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]).await
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}
