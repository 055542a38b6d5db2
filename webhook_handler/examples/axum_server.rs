//! A shop window that knows what is in stock: an axum server of your own, with the webhooks of one platform.
//!
//! ```sh
//! WEBHOOK_SECRET=… cargo run -p cloud-bridge-webhook-handler --example axum_server
//! ```
//!
//! Shopify posts to `/api/webhooks`; `/stock/ITEM` says how many there are, once a webhook has.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use cloud_bridge_webhook_handler::{BuildError, Builder, WebhookHandler};
use parking_lot::Mutex;
use tokio::net::TcpListener;

/// How many there are of each item.
type Stock = Arc<Mutex<HashMap<String, i64>>>;

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
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    serve(listener, WebhookHandler::from_env()?, async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be waited for");
        }
    })
    .await
}

/// Serves until `shutdown` is there, and then until everything that was accepted is handled.
pub(crate) async fn serve(
    listener: TcpListener,
    builder: Builder,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error>> {
    let stock = Stock::default();
    let handler = handler(builder, &stock)?;
    let router = Router::new()
        // The path stays what it is, and so does the body: no layer may change it, since it is signed.
        .route_service("/api/webhooks", handler.clone())
        .route("/stock/{item}", get(in_stock))
        .with_state(stock);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    handler.drain(Duration::from_secs(30)).await?;
    Ok(())
}

fn handler(builder: Builder, stock: &Stock) -> Result<WebhookHandler, BuildError> {
    let stock = Arc::clone(stock);
    builder
        .on_inventory_change(move |change| {
            let stock = Arc::clone(&stock);
            async move {
                let Some(item) = change.stock.inventory_item_id.or(change.stock.variant_id) else { return };
                // A bound of its own, as for everything that others send.
                let mut stock = stock.lock();
                if stock.len() < 10_000 || stock.contains_key(&item) {
                    stock.insert(item, change.stock.available.unwrap_or(0));
                }
            }
        })
        .on_order_complete(|order| async move {
            tracing::info!(order.order_id, order.session_id, "the conversation ended in an order");
        })
        .build()
}

async fn in_stock(State(stock): State<Stock>, Path(item): Path<String>) -> String {
    stock.lock().get(&item).map_or_else(|| "unknown".to_owned(), i64::to_string)
}
