//! An account is written to about an endpoint that cannot be reached, at the address that it gave.

use std::sync::Arc;

use chrono::TimeDelta;
use cloud_bridge::service::{MailOptions, ServiceOptions};
use domain::endpoint::{EndpointCommand, PROBE_INTERVAL};
use domain::schedule::FAILURE_DELAYS;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Receiver, buy, command, endpoint, publisher, until};
use crate::app::TestApp;
use crate::engines::{Engine, given_each_engine};

/// A mail server on loopback that speaks as much of RFC 5321 as this needs, and hands on each message with its recipient.
struct MailServer {
    url: String,
    messages: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (sender, messages) = mpsc::unbounded_channel();
        let sender = Arc::new(sender);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, sender.clone()));
            }
        });
        Self { url, messages }
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.messages.recv()).await;
        next.expect("a mail comes in time").expect("the server runs")
    }
}

async fn serve(socket: TcpStream, messages: Arc<mpsc::UnboundedSender<String>>) -> Option<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    let (mut message, mut in_message) = (String::new(), false);
    writing.write_all(b"220 test ESMTP\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        if in_message {
            if line == "." {
                in_message = false;
                messages.send(std::mem::take(&mut message)).ok()?;
                writing.write_all(b"250 queued\r\n").await.ok()?;
            } else {
                message.push_str(&line);
                message.push('\n');
            }
            continue;
        }
        if line.starts_with("RCPT") {
            message = format!("{line}\n");
        }
        in_message = line == "DATA";
        let response: &[u8] = if in_message { b"354 go on\r\n" } else { b"250 OK\r\n" };
        writing.write_all(response).await.ok()?;
    }
    Some(())
}

async fn the_contact_is_written_to_from_the_first_warning_to_the_recovery(engine: Engine) {
    let mut mails = MailServer::start().await;
    let app = TestApp::start(engine).await;
    let mail = MailOptions { smtp_url: mails.url.clone().into(), from: "Webhooks <hooks@bridge.example>".to_owned() };
    let app = app.stop_node().await.start_with(|options| ServiceOptions { mail: Some(mail), ..options }).await;
    let merchant = app.merchant().await;
    let set = "mutation ($email: String!) { done: setContactAddress(input: { email: $email }) { warning userErrors { code } } }";
    let done = merchant.ask(set, json!({ "email": "olga@shop.example" })).await;
    assert_eq!(done["done"], json!({ "warning": null, "userErrors": [] }));
    let shop = publisher(&merchant).await;
    let mut receiver = Receiver::start(&app.clock).await;
    let id =
        endpoint(&merchant, &receiver, &["order.created"], |settings| settings.url.push_str("?token=s3cret")).await;
    receiver.responds_always(500);
    buy(&shop, 1).await;
    for (attempts, delay) in (1..=7).zip(FAILURE_DELAYS) {
        receiver.next().await;
        until(&app, id, &[("retrying", attempts)]).await;
        if (4..=6).contains(&attempts) {
            let warning = mails.next().await;
            let percent = ["50 %", "70 %", "90 %"][usize::try_from(attempts - 4).unwrap()];
            assert!(warning.contains(percent) && warning.contains("RCPT TO:<olga@shop.example>"), "{warning}");
        }
        if attempts < 7 {
            app.advance(delay + delay / 10);
        }
    }
    let degraded = mails.next().await;
    for text in ["Subject: Your endpoint is degraded", &id.to_string(), "answered 500", "/hooks"] {
        assert!(degraded.contains(text), "{degraded}");
    }
    assert!(!degraded.contains("s3cret"), "{degraded}");
    receiver.is_mended();
    app.advance(PROBE_INTERVAL + TimeDelta::hours(7));
    receiver.next().await;
    assert!(mails.next().await.contains("Subject: Your endpoint works again"));
    receiver.responds([410]);
    buy(&shop, 2).await;
    assert!(mails.next().await.contains("Subject: Your endpoint is disabled"));
    let remove = "mutation { done: removeContactAddress { userErrors { code } } }";
    merchant.ask(remove, json!({})).await;
    command(&app, id, EndpointCommand::Resume).await;
    until(&app, id, &[("delivered", 8), ("delivered", 2)]).await;
    app.settle().await;
    assert!(mails.messages.try_recv().is_err(), "nothing more is written");
    app.finish().await;
}

given_each_engine! {
    the_contact_is_written_to_from_the_first_warning_to_the_recovery
}
