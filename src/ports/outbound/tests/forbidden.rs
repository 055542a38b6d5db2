//! Where no request arrives, however an endpoint is spelled, resolved or answered.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{NotPublic, UrlRefusal};
use super::receiver::{Answer, Receiver};
use super::*;

const OK: Answer = Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");

#[tokio::test]
async fn this_machine_is_not_called_by_any_spelling() {
    let receiver = Receiver::answering(OK).await;
    let client = client(plain_http(), LONG);
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "①②⑦.0.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "localhost",
        "LOCALHOST.",
        "shop.localhost",
        "ip6-localhost",
    ] {
        let url = format!("http://{host}:{}/", receiver.address.port());
        let refusal = client.check(&url).await.unwrap_err();
        let attempt = post(&client, &url).await;
        assert_eq!(attempt.failure, Some(refusal.to_string()), "{host}");
        assert_eq!((attempt.status, attempt.address), (None, None), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn plain_http_is_not_called_unless_allowed() {
    let receiver = Receiver::answering(OK).await;
    let client = client(OutboundRules { allow_http: false, ..loopback() }, LONG);
    assert_eq!(client.check(&receiver.url()).await, Err(UrlRefusal::NotHttps));
    assert_eq!(post(&client, &receiver.url()).await.failure, Some(UrlRefusal::NotHttps.to_string()));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::answering(OK).await;
    let client = client(loopback(), LONG);
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
        let receiver = Receiver::answering(Answer::Bytes(Box::leak(answer.into_boxed_str()))).await;
        let failed = post(&client, &receiver.url()).await;
        assert_eq!((failed.status, failed.address), (Some(status), Some(receiver.address)));
        assert!(failure(&failed).starts_with(&format!("answered {status}: a redirect is not followed")), "{failed:?}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// A resolver whose name leads to each address in turn, the last for ever, and how often it was asked.
fn rebinding(rules: &Arc<OutboundRules>, answers: &'static [&'static str]) -> (Resolver, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let lookup = move |name: String| -> futures_util::future::BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        assert_eq!(name, "rebinding.example");
        let turn = counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        Box::pin(async move { Ok(vec![answers[turn].parse().unwrap()]) })
    };
    (Resolver::with_lookup(Arc::clone(rules), Arc::new(lookup)), lookups)
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_after_it_was_checked_is_not_called() {
    let receiver = Receiver::answering(OK).await;
    let rules = Arc::new(plain_http());
    let (resolver, lookups) = rebinding(&rules, &["93.184.215.14", "127.0.0.1"]);
    let client = client_with(resolver, rules, LONG, Clock::default());
    let url = format!("http://rebinding.example:{}/", receiver.address.port());
    assert_eq!(client.check(&url).await.unwrap().as_str(), url, "public at first");
    let failed = post(&client, &url).await;
    let refusal = UrlRefusal::NotPublic(NotPublic::Loopback);
    assert_eq!(failed.failure, Some(format!("could not connect: {refusal}")));
    assert_eq!(client.check(&url).await, Err(refusal));
    assert_eq!((lookups.load(Ordering::SeqCst), receiver.connections()), (3, 0));
}

/// The name is looked up once for an attempt, and the address that was judged is the one connected to.
#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    let receiver = Receiver::answering(OK).await;
    let rules = Arc::new(loopback());
    let (resolver, lookups) = rebinding(&rules, &["127.0.0.1", "10.0.0.1"]);
    let client = client_with(resolver, rules, LONG, Clock::default());
    let url = format!("http://rebinding.example:{}/", receiver.address.port());
    for _ in 0..2 {
        let attempt = post(&client, &url).await;
        assert_eq!((attempt.status, attempt.address), (Some(200), Some(receiver.address)), "{attempt:?}");
    }
    assert_eq!(lookups.load(Ordering::SeqCst), 1, "the second attempt used the connection of the first");
    assert_eq!(client.check(&url).await, Err(UrlRefusal::NotPublic(NotPublic::Private)));
}

#[tokio::test]
async fn a_name_that_the_system_resolves_into_an_allowed_range_is_called() {
    let receiver = Receiver::answering(OK).await;
    let client = client(loopback(), LONG);
    let url = format!("http://localhost:{}/", receiver.address.port());
    assert!(client.check(&url).await.is_ok());
    assert_eq!(post(&client, &url).await.address, Some(receiver.address));
}
