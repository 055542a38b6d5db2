//! What is no handler.

use std::time::Duration;

use cloud_bridge_webhook_handler::{BuildError, Builder, InvalidSecret, Sender, WebhookHandler};

use crate::server::all_senders;
use crate::webhooks::*;

fn with_callback(builder: Builder) -> Builder {
    builder.on_order_complete(|_| async {})
}

fn error_of(builder: Builder) -> BuildError {
    builder.build().expect_err("it is no handler")
}

#[tokio::test]
async fn a_secret_that_verifies_nothing_is_refused() {
    let builder = || with_callback(WebhookHandler::builder());
    for (builder, error) in [
        (builder(), BuildError::NoSender),
        (builder().shopify_secret(""), BuildError::EmptySecret(Sender::Shopify)),
        (builder().shopify_secret("shpss_1").shopify_secret(" \n"), BuildError::EmptySecret(Sender::Shopify)),
        (builder().square("", ADDRESS), BuildError::EmptySecret(Sender::Square)),
        (builder().square(SQUARE_KEY, ""), BuildError::InvalidAddress),
        (builder().square(SQUARE_KEY, "/api/webhooks"), BuildError::InvalidAddress),
        (builder().gateway_secret(""), BuildError::EmptySecret(Sender::Gateway)),
        (builder().gateway_secret("shpss_1"), BuildError::InvalidGatewaySecret(InvalidSecret::NoPrefix)),
        (
            (0..17).fold(builder(), |builder, n| builder.shopify_secret(format!("shpss_{n}"))),
            BuildError::TooManySecrets(Sender::Shopify),
        ),
    ] {
        assert_eq!(error_of(builder), error);
    }
}

#[tokio::test]
async fn a_handler_that_could_do_nothing_is_refused() {
    for (builder, error) in [
        (all_senders(), BuildError::NoCallback),
        (with_callback(all_senders()).path("api/webhooks"), BuildError::InvalidPath),
        (with_callback(all_senders()).path("/api?x=1"), BuildError::InvalidPath),
        (with_callback(all_senders()).shopify_currency("euros"), BuildError::InvalidCurrency),
        (with_callback(all_senders()).queue_limit(0), BuildError::OutOfRange("queue_limit")),
        (with_callback(all_senders()).queue_limit(usize::MAX), BuildError::OutOfRange("queue_limit")),
        (with_callback(all_senders()).max_body_bytes(0), BuildError::OutOfRange("max_body_bytes")),
        (with_callback(all_senders()).response_timeout(Duration::ZERO), BuildError::OutOfRange("response_timeout")),
        (with_callback(all_senders()).callback_timeout(Duration::ZERO), BuildError::OutOfRange("callback_timeout")),
        (
            with_callback(all_senders()).max_concurrent_requests(usize::MAX),
            BuildError::OutOfRange("max_concurrent_requests"),
        ),
        (
            with_callback(all_senders()).retry_after(std::iter::repeat(Duration::ZERO)),
            BuildError::OutOfRange("retry_after"),
        ),
    ] {
        assert_eq!(error_of(builder), error);
    }
}

#[test]
fn a_handler_is_built_where_its_callbacks_can_run() {
    assert_eq!(error_of(with_callback(all_senders())), BuildError::NoRuntime);
}

#[tokio::test]
async fn neither_a_handler_nor_its_builder_shows_a_secret() {
    let builder = with_callback(all_senders());
    let shown_by_builder = format!("{builder:?}");
    let shown = shown_by_builder + &format!("{:?}", builder.build().expect("it is a handler"));
    for secret in [SHOPIFY_SECRET, SQUARE_KEY, GATEWAY_SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
