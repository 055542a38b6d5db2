//! Connections that are kept from one attempt to the next, and those with TLS.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::receiver::{Answer, Receiver};
use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_connection_is_used_again() {
    let receiver = Receiver::answering(Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")).await;
    let client = client(loopback(), LONG);
    for _ in 0..3 {
        let attempt = post(&client, &receiver.url()).await;
        assert_eq!((attempt.failure, attempt.address), (None, Some(receiver.address)));
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_fails_when_it_is_used_again_is_still_named() {
    let answer = Answer::OnceThenClose("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "garbage\r\n\r\n");
    let receiver = Receiver::answering(answer).await;
    let client = client(loopback(), LONG);
    assert_eq!(post(&client, &receiver.url()).await.failure, None);
    let failed = post(&client, &receiver.url()).await;
    assert!(failure(&failed).starts_with("the response cannot be read"), "{failed:?}");
    assert_eq!((failed.address, receiver.connections()), (Some(receiver.address), 1));
}

/// It need not say that it does. A request that comes too late is lost with the connection.
#[tokio::test]
async fn a_receiver_that_closes_its_connections_after_a_while_gets_every_attempt() {
    let receiver = Receiver::answering(Answer::OnceThenClose(OK, "")).await;
    let client = client(loopback(), LONG);
    for attempts in 1..=3 {
        assert_eq!(post(&client, &receiver.url()).await.failure, None);
        assert_eq!(receiver.connections(), attempts, "one that is kept for the next, and one for the repetition");
    }
    let receiver = Receiver::answering(Answer::ThenClose(OK)).await;
    for _ in 0..50 {
        assert_eq!(post(&client, &receiver.url()).await.failure, None);
    }
    assert_eq!(receiver.requests().len(), 50, "none arrived twice");
}

/// It has it, and is not sent it twice in one attempt.
#[tokio::test]
async fn a_receiver_that_began_to_answer_before_it_closed_gets_the_request_once() {
    for begun in ["HTTP/1.1 2", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let receiver = Receiver::answering(Answer::OnceThenClose(OK, begun)).await;
        let client = client(loopback(), LONG);
        assert_eq!(post(&client, &receiver.url()).await.failure, None);
        assert!(failure(&post(&client, &receiver.url()).await).starts_with("connection lost"), "{begun}");
        assert_eq!(receiver.requests().len(), 2, "{begun}");
    }
}

#[tokio::test]
async fn a_request_on_a_new_connection_is_not_repeated() {
    let receiver = Receiver::answering(Answer::ThenClose("")).await;
    let failed = post(&client(loopback(), LONG), &receiver.url()).await;
    assert!(failure(&failed).starts_with("connection lost"), "{failed:?}");
    assert_eq!((receiver.requests().len(), receiver.connections()), (1, 1));
}

/// Takes one connection with a certificate for `shop.example`, and responds to one request.
async fn serve_tls() -> (u16, RootCertStore) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    let mut authorities = RootCertStore::empty();
    authorities.add(cert.der().clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let Ok(mut socket) = TlsAcceptor::from(Arc::new(config)).accept(socket).await else { return };
        socket.read_u8().await.unwrap();
        socket.write_all(OK.as_bytes()).await.unwrap();
    });
    (port, authorities)
}

#[tokio::test]
async fn a_certificate_is_verified_for_the_host_of_the_url() {
    for (host, is_its_own) in [("shop.example", true), ("other.example", false)] {
        let (port, authorities) = serve_tls().await;
        let rules = Arc::new(loopback());
        let lookup = |_| -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
        };
        let resolver = Resolver::with_lookup(Arc::clone(&rules), Arc::new(lookup));
        let client = OutboundClient::with_parts(resolver, authorities, rules, LONG, Clock::default()).unwrap();
        let attempt = post(&client, &format!("https://{host}:{port}/")).await;
        assert_eq!(attempt.status, is_its_own.then_some(200), "{attempt:?}");
        assert_eq!(failure(&attempt).starts_with("TLS failed: invalid peer certificate"), !is_its_own, "{attempt:?}");
    }
}
