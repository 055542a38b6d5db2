//! An account is written to about an endpoint that cannot be reached, at the address that it gave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use cloud_bridge::service::{MailOptions, ServiceOptions};
use domain::endpoint::{EndpointCommand, PROBE_INTERVAL};
use domain::schedule::FAILURE_DELAYS;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Receiver, buy, command, endpoint, publisher, until};
use crate::app::{Merchant, TestApp};
use crate::delivering::wait_until;
use crate::engines::{Engine, given_each_engine};
use crate::processes::parked;

/// A mail server on loopback that speaks as much of RFC 5321 as this needs, and hands on each message with its recipient.
pub(crate) struct MailServer {
    url: String,
    messages: mpsc::UnboundedReceiver<String>,
    shared: Arc<Shared>,
}

struct Shared {
    messages: mpsc::UnboundedSender<String>,
    /// Recipients that it refuses for now, and those that it has refused.
    refusals: AtomicUsize,
    refused: AtomicUsize,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (sender, messages) = mpsc::unbounded_channel();
        let (refusals, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { messages: sender, refusals, refused });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, serving.clone()));
            }
        });
        Self { url, messages, shared }
    }

    pub(crate) async fn next(&mut self) -> String {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.messages.recv()).await;
        next.expect("a mail comes in time").expect("the server runs")
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    let (mut message, mut in_message) = (String::new(), false);
    writing.write_all(b"220 test ESMTP\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        if in_message {
            if line == "." {
                in_message = false;
                shared.messages.send(std::mem::take(&mut message)).ok()?;
                writing.write_all(b"250 queued\r\n").await.ok()?;
            } else {
                message.push_str(&line);
                message.push('\n');
            }
            continue;
        }
        if line.starts_with("RCPT") && is_one_less(&shared.refusals) {
            shared.refused.fetch_add(1, Ordering::SeqCst);
            writing.write_all(b"451 4.7.1 try again later\r\n").await.ok()?;
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

fn is_one_less(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

pub(crate) async fn with_mail(engine: Engine, mails: &MailServer) -> TestApp {
    let app = TestApp::start(engine).await;
    let mail = MailOptions { smtp_url: mails.url.clone().into(), from: "Webhooks <hooks@bridge.example>".to_owned() };
    app.stop_node().await.start_with(|options| ServiceOptions { mail: Some(mail), ..options }).await
}

/// One that gave an address.
pub(crate) async fn reachable(app: &TestApp) -> Merchant<'_> {
    let merchant = app.merchant().await;
    let set = "mutation ($email: String!) { done: setContactAddress(input: { email: $email }) { warning userErrors { code } } }";
    let done = merchant.ask(set, json!({ "email": "olga@shop.example" })).await;
    assert_eq!(done["done"], json!({ "warning": null, "userErrors": [] }));
    merchant
}

async fn a_mail_server_that_refuses_for_now_is_tried_again_a_minute_later(engine: Engine) {
    let mut mails = MailServer::start().await;
    mails.shared.refusals.store(2, Ordering::SeqCst);
    let app = with_mail(engine, &mails).await;
    let merchant = reachable(&app).await;
    let mut receiver = Receiver::start(&app.clock).await;
    endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
    receiver.responds([410]);
    buy(&publisher(&merchant).await, 1).await;
    receiver.next().await;
    for (refused, minutes) in [(1, 1), (2, 10)] {
        let has_tried = async || {
            let parked = parked(&app).await;
            let tries = parked.first()?["tries"].as_u64()?;
            (tries == 4 + refused).then_some(parked)
        };
        let parked = wait_until(&app, has_tried).await;
        assert_eq!(parked[0]["reason"], "the mail server: answered 451");
        assert_eq!(mails.shared.refused.load(Ordering::SeqCst) as u64, refused, "one try each time");
        app.advance(TimeDelta::minutes(minutes));
    }
    assert!(mails.next().await.contains("Subject: Your endpoint is disabled"));
    app.finish().await;
}

async fn of_a_failing_that_was_over_before_a_mail_server_came_back_nothing_is_written(engine: Engine) {
    let mut mails = MailServer::start().await;
    mails.shared.refusals.store(usize::MAX, Ordering::SeqCst);
    let app = with_mail(engine, &mails).await;
    let merchant = reachable(&app).await;
    let mut receiver = Receiver::start(&app.clock).await;
    let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
    receiver.responds_always(500);
    buy(&publisher(&merchant).await, 1).await;
    for (attempts, delay) in (1..=4).zip(FAILURE_DELAYS) {
        receiver.next().await;
        until(&app, id, &[("retrying", attempts)]).await;
        if attempts == 4 {
            receiver.is_mended();
        }
        app.advance(delay + delay / 10);
    }
    until(&app, id, &[("delivered", 5)]).await;
    wait_until(&app, async || (parked(&app).await.len() == 2).then_some(())).await;
    mails.shared.refusals.store(0, Ordering::SeqCst);
    app.advance(TimeDelta::minutes(11));
    assert!(mails.next().await.contains("Subject: Your endpoint works again"));
    wait_until(&app, async || parked(&app).await.is_empty().then_some(())).await;
    assert!(mails.messages.try_recv().is_err(), "nothing else is written");
    app.finish().await;
}

async fn the_contact_is_written_to_from_the_first_warning_to_the_recovery(engine: Engine) {
    let mut mails = MailServer::start().await;
    let app = with_mail(engine, &mails).await;
    let merchant = reachable(&app).await;
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
    a_mail_server_that_refuses_for_now_is_tried_again_a_minute_later
    of_a_failing_that_was_over_before_a_mail_server_came_back_nothing_is_written
    the_contact_is_written_to_from_the_first_warning_to_the_recovery
}
