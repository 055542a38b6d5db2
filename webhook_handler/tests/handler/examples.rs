//! The examples, as they are printed in the documentation, with real webhooks.

#[expect(dead_code, reason = "its main is not called here")]
#[path = "../../examples/axum_server.rs"]
mod axum_server;
#[expect(dead_code, reason = "its main is not called here")]
#[path = "../../examples/hyper_server.rs"]
mod hyper_server;

use cloud_bridge_webhook_handler::WebhookHandler;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::server::LONG;
use crate::webhooks::*;

async fn status(url: &str, webhook: &Webhook) -> u16 {
    webhook.request(&reqwest::Client::new(), url).send().await.expect("it responds").status().as_u16()
}

#[tokio::test]
async fn the_axum_example_knows_what_a_webhook_said_and_ends_when_it_is_asked_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it listens");
    let (stop, stopped) = oneshot::channel::<()>();
    let builder = WebhookHandler::builder().shopify_secret(SHOPIFY_SECRET);
    let client = reqwest::Client::new();
    let visit = async {
        let url = format!("http://{address}/api/webhooks");
        assert_eq!(status(&url, &shopify_stock(12, 0)).await, 200);
        assert_eq!(status(&url, &shopify_order(1, "paid")).await, 200);
        assert_eq!(client.get(&url).send().await.expect("it responds").status().as_u16(), 405);
        // The callback is called after the response.
        loop {
            let stock = client.get(format!("http://{address}/stock/808950810")).send().await.expect("it responds");
            match stock.text().await.expect("it is text").as_str() {
                "unknown" => {}
                stock => break assert_eq!(stock, "12"),
            }
        }
        drop(client);
        stop.send(()).expect("it serves");
    };
    let serve = axum_server::serve(listener, builder, async { stopped.await.unwrap_or_default() });
    let ((), served) =
        timeout(LONG, async { tokio::join!(visit, serve) }).await.expect("the callback is called, and the server ends");
    served.expect("everything is handled");
}

#[tokio::test]
async fn the_hyper_example_is_the_handler_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let url = format!("http://{}/api/webhooks", listener.local_addr().expect("it listens"));
    let handler = crate::server::all_senders().on_product_change(|_| async {}).build().expect("it is a handler");
    tokio::select! {
        served = hyper_server::serve(&listener, &handler) => panic!("it must serve: {served:?}"),
        () = async {
            assert_eq!(status(&url, &shopify_product("Storm Lead", 0)).await, 200);
            assert_eq!(status(&url, &shopify_product("Storm Lead", 1).with_body("{}")).await, 403);
            assert_eq!(status(&url.replace("/api", ""), &shopify_product("Storm Lead", 2)).await, 404);
        } => {}
    }
}
