//! Receives the webhooks of **Shopify**, **Square** and a **commerce gateway** in your own server: each is verified, read,
//! and handed to your callback, once. One path, `POST /api/webhooks`; no database.
//!
//! # Quick start
//!
//! A handler has a secret and a callback. It is a [`tower::Service`](https://docs.rs/tower), so it goes wherever your server
//! takes one:
//!
//! ```
//! use axum::Router;
//! use cloud_bridge_webhook_handler::WebhookHandler;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let handler = WebhookHandler::builder()
//!     .shopify_secret("shpss_0123456789")
//!     .on_order_complete(|order| async move {
//!         println!("order {} of conversation {:?}", order.order_id, order.session_id);
//!     })
//!     .build()?;
//! let router: Router = Router::new().route_service("/api/webhooks", handler.clone());
//! # let _ = router;
//! # Ok(())
//! # }
//! ```
//!
//! Serve `router`, enter its public address at Shopify, and send a test. `examples/axum_server.rs` and
//! `examples/hyper_server.rs` are whole programs.
//!
//! Let no layer in front change the body, such as one that decompresses: the signature is over its bytes.
//!
//! # Senders
//!
//! The sender is known by its headers, and believed by its signature:
//!
//! | sender | setting | where to find it | what is signed |
//! |---|---|---|---|
//! | Shopify | [`shopify_secret`](Builder::shopify_secret) | Settings → Notifications → Webhooks; of an app, its client secret | the body |
//! | Square | [`square`](Builder::square) | Developer Console → Webhooks → Subscriptions: the signature key and the notification URL | that URL and the body |
//! | a gateway | [`gateway_secret`](Builder::gateway_secret) | where its endpoint was made: `whsec_…` | an id, the time and the body ([Standard Webhooks](https://www.standardwebhooks.com)) |
//!
//! - Take several by setting several. While a secret is changed, set the old and the new.
//! - Square signs its notification URL: give it to the letter, with its scheme and a slash at the end if there is one. The
//!   address of the request is not read, which a proxy changes.
//! - An empty secret is refused by [`build`](Builder::build), since anyone can sign with it.
//! - A webhook that carries the signatures of two senders is refused.
//!
//! [`WebhookHandler::from_env`] reads the secret from `WEBHOOK_SECRET`:
//!
//! ```
//! # use cloud_bridge_webhook_handler::WebhookHandler;
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let handler = WebhookHandler::from_env()?
//!     .on_inventory_change(|change| async move { println!("{:?} left", change.stock.available) })
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What callbacks get
//!
//! | callback | Shopify | Square | gateway |
//! |---|---|---|---|
//! | [`on_inventory_change`](Builder::on_inventory_change) | `inventory_levels/*` | `inventory.count.updated` | `inventory.updated` |
//! | [`on_order_complete`](Builder::on_order_complete) | an order that is paid, a checkout that is completed | an order that is completed | `order.paid`, `checkout.completed` |
//! | [`on_product_change`](Builder::on_product_change) | `products/*` | `catalog.version.updated` | `product.created`, `.updated`, `.deleted` |
//!
//! Everything else that is signed is responded to with 200 and ignored.
//!
//! - **Inventory**: few senders name a product by every id. Keep the `inventory_item_id` (Shopify) or the `variant_id`
//!   (Square) of your products to find them by it. `available` is none where the store does not count.
//! - **Orders** complete once, on the first of payment and checkout, also where Shopify and a gateway before it both report
//!   them. The `session_id` is what the order carries in a note attribute such as `session_id`; Square's webhooks carry
//!   none. What is paid is read from the body: the topic of Shopify is not signed.
//! - **Products**: Square says [that its catalogue changed](Change::Catalog), and not what. Shopify's bodies name no
//!   currency: set [`shopify_currency`](Builder::shopify_currency), or prices are left out.
//!
//! ```
//! # use cloud_bridge_webhook_handler::{Builder, Change};
//! # fn example(builder: Builder) -> Builder {
//! builder.on_product_change(|product| async move {
//!     match product.change {
//!         Change::Created(product) | Change::Updated(product) => index(&product.product_id).await,
//!         Change::Deleted(product) => forget(&product.product_id).await,
//!         _ => read_the_whole_catalogue().await,
//!     }
//! })
//! # }
//! # async fn index(_: &str) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn forget(_: &str) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn read_the_whole_catalogue() -> Result<(), std::io::Error> { Ok(()) }
//! ```
//!
//! The future of a callback outlives the call that made it, so state of yours is cloned for each event:
//!
//! ```
//! # use std::collections::HashMap;
//! # use std::sync::Arc;
//! # use cloud_bridge_webhook_handler::Builder;
//! # fn example(builder: Builder) -> Builder {
//! let levels = Arc::new(tokio::sync::Mutex::new(HashMap::new()));
//! builder.on_inventory_change(move |change| {
//!     let levels = Arc::clone(&levels);
//!     async move {
//!         levels.lock().await.insert(change.stock.inventory_item_id, change.stock.available);
//!     }
//! })
//! # }
//! ```
//!
//! **Samples** of a gateway (`cloud-bridge endpoints test`, with the header `webhook-test: true`) reach no callback, and are not
//! remembered: nothing has happened. They are verified and read as every event is, so that a 200 says that the real ones will
//! be, too.
//!
//! # What senders get
//!
//! A response within two seconds, however slow a callback is: 200 as soon as the webhook is verified and queued. The body is
//! JSON, `{"status":"accepted"}` or `{"status":"refused","code":"…","reason":"…"}`.
//!
//! | status | when |
//! |---|---|
//! | 200 `accepted` | a callback will be called |
//! | 200 `duplicate` | it says nothing new: the same webhook again, an older state, an order that was complete |
//! | 200 `ignored` | there is no callback for it |
//! | 200 `test` | a sample of a gateway, by which somebody tries the endpoint |
//! | 400 | the body is not as its sender's schema says; two senders' signatures; a body that breaks off; Shopify without its topic |
//! | 403 | no signature, a wrong one, one of a sender without a secret here, or a signed time more than five minutes off |
//! | 404, 405 | another path; another method than `POST` |
//! | 408 | the body takes too long |
//! | 413 | the body is too large |
//! | 503 | no room in the queue, too many requests, the memory failed, or the server shuts down: senders try again |
//!
//! A 403 nearly always means a secret that is not the sender's, or a body that was changed on its way; the reason says what
//! to compare. The `Content-Type` is not read: what is signed is the body.
//!
//! Shopify deletes a subscription of which eight webhooks in a row failed, so watch the log for 400 and 403. An app in its
//! App Store must respond to a wrong signature of a compliance topic (`customers/redact` and others) with 401: send those to
//! a path of your own.
//!
//! # Nothing fires twice
//!
//! Senders repeat themselves, and a webhook without a signed time could be sent again by anyone who captured it. So the
//! handler remembers: each webhook (by the id that is signed with it, and of Shopify, which signs none, by its body), each
//! order that is complete, and how new the state of each product and stock level is, so that an older one does not fire
//! after it.
//!
//! The [`InMemory`] default remembers 100,000 of these, and forgets first what was not seen for the longest time. It is lost
//! with the process: a repetition after a restart fires again.
//!
//! ## Several processes
//!
//! They share one [`Memory`]. In Redis it is one script, run with the keys and a number for each:
//!
//! ```lua
//! local granted = {}
//! for i, key in ipairs(KEYS) do
//!   local known, number = redis.call('GET', key), ARGV[i]
//!   if not known or (number ~= 'once' and tonumber(known) <= tonumber(number)) then
//!     redis.call('SET', key, number == 'once' and 0 or number, 'EX', 259200)
//!     granted[i] = 1
//!   else
//!     granted[i] = 0
//!   end
//! end
//! return granted
//! ```
//!
//! ```
//! use cloud_bridge_webhook_handler::{BoxError, BoxFuture, Claim, Memory, Rule};
//! # struct Script;
//! # impl Script {
//! #     async fn run(&self, _: Vec<String>, _: Vec<String>) -> Result<Vec<u8>, std::io::Error> { Ok(vec![]) }
//! # }
//!
//! struct Redis {
//!     script: Script,
//! }
//!
//! impl Memory for Redis {
//!     fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>> {
//!         Box::pin(async move {
//!             let keys = claims.iter().map(|claim| format!("webhooks:{}", claim.key)).collect();
//!             let numbers = claims.iter().map(|claim| match claim.rule {
//!                 Rule::Once => "once".to_owned(),
//!                 Rule::NotBefore(number) => number.to_string(),
//!             });
//!             let granted = self.script.run(keys, numbers.collect()).await?;
//!             Ok(granted.into_iter().map(|granted| granted == 1).collect())
//!         })
//!     }
//! }
//! ```
//!
//! # When a callback fails
//!
//! Each callback has a queue of its own, and is called with one event after the other, in the order in which they were
//! accepted. So a slow callback delays its own events and no others; what takes long belongs in a task or queue of yours.
//!
//! - **It returns an error**: it is called again after one second and after five ([`retry_after`](Builder::retry_after)).
//!   Return an error where that is safe. A callback that returns nothing has not failed.
//! - **It panics, or takes longer than 30 seconds** ([`callback_timeout`](Builder::callback_timeout)): it is not called
//!   again, since how far it got is not known.
//! - **It failed for good**: the event is given up, with an error in the log by [`tracing`](https://docs.rs/tracing) that
//!   names the callback and the order, product or item. Neither bodies nor secrets are logged.
//!
//! The queue is in memory: what was accepted and not handled when the process dies is lost. Where that must not be, run
//! [Cloud Bridge](https://github.com/cloud-bridge/cloud-bridge) itself, which stores a webhook before it responds, and sends
//! its events here as a gateway.
//!
//! # Shutting down
//!
//! End the server, then let the callbacks finish:
//!
//! ```
//! # use std::time::Duration;
//! # use cloud_bridge_webhook_handler::WebhookHandler;
//! # async fn example(handler: WebhookHandler) {
//! if let Err(unfinished) = handler.drain(Duration::from_secs(30)).await {
//!     tracing::error!("{unfinished}");
//! }
//! # }
//! ```
//!
//! # Limits
//!
//! | what | default | setting |
//! |---|---|---|
//! | body | 2 MiB | [`max_body_bytes`](Builder::max_body_bytes) |
//! | requests that are received at the same time | 256 | [`max_concurrent_requests`](Builder::max_concurrent_requests) |
//! | response | 1.9 s | [`response_timeout`](Builder::response_timeout) |
//! | webhooks that wait, for each callback | 1,024 | [`queue_limit`](Builder::queue_limit) |
//! | one call of a callback | 30 s | [`callback_timeout`](Builder::callback_timeout) |
//! | calls for one event | 3 | [`retry_after`](Builder::retry_after) |
//! | keys that are remembered | 100,000 | [`InMemory::new`] |
//!
//! How many connections there are, and how long their headers may take, is for your server to bound.
//!
//! # Testing yours
//!
//! The only clock that decides anything is the one of [`clock`](Builder::clock): give it a fixed time, and a recorded
//! webhook of a gateway stays valid. Webhooks of Shopify and Square have no time that is signed.
#![warn(missing_docs)]

mod body;
mod builder;
mod callback;
mod env;
mod event;
mod handler;
mod lane;
mod memory;
mod reading;
mod refusal;
mod sender;
mod service;

use std::pin::Pin;

pub use builder::{BuildError, Builder};
pub use callback::Outcome;
pub use commerce::InvalidSecret;
pub use env::EnvError;
pub use event::{
    Change, Currency, DeletedProduct, InventoryChange, Money, OrderComplete, Origin, Product, ProductChange, Provider,
    StockLevel, Variant,
};
pub use handler::{Unfinished, WebhookHandler};
pub use memory::{Claim, InMemory, Key, Memory, Rule};
pub use sender::Sender;

/// An error of yours, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A future on the heap, which a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
