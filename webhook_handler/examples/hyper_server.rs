//! The handler without a framework: hyper alone, and nothing else at this address.
//!
//! ```sh
//! WEBHOOK_SECRET=whsec_… cargo run -p cloud-bridge-webhook-handler --example hyper_server
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use cloud_bridge_webhook_handler::{Change, ProductChange, WebhookHandler};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 1_000;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // It says what to do.
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let handler = WebhookHandler::from_env()?.on_product_change(reindex).build()?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tokio::select! {
        served = serve(&listener, &handler) => served?,
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    handler.drain(Duration::from_secs(30)).await?;
    Ok(())
}

/// An error makes the handler call it again a little later.
async fn reindex(product: ProductChange) -> Result<(), std::io::Error> {
    match product.change {
        Change::Created(product) | Change::Updated(product) => tracing::info!(product.product_id, "indexed"),
        Change::Deleted(product) => tracing::info!(product.product_id, "taken out of the index"),
        Change::Catalog { changed_at } => tracing::info!(?changed_at, "the catalogue is read at Square"),
        other => tracing::info!(?other, "a later version of the crate knows more changes"),
    }
    Ok(())
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: &TcpListener, handler: &WebhookHandler) -> Result<(), std::io::Error> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let service = TowerToHyperService::new(handler.clone());
        connections.spawn(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}
