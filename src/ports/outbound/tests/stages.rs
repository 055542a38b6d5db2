//! Where an attempt stood when it failed before a response, and to which address.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::receiver::{Answer, Receiver};
use super::*;

const SHORT: Duration = Duration::from_millis(500);

/// What nothing is accepted at: connections wait for room in the queue of one that is full.
async fn full() -> (SocketAddr, Vec<tokio::net::TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = vec![];
    while let Ok(connected) = tokio::time::timeout(SHORT, tokio::net::TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 100, "the queue is never full");
    }
    (address, waiting, listener)
}

#[tokio::test]
async fn a_server_that_does_not_accept_is_named_with_its_address() {
    let (address, _waiting, _listener) = full().await;
    for url in [format!("http://{address}/"), format!("https://{address}/")] {
        let failed = post(&client(loopback(), SHORT), &url).await;
        assert_eq!((failure(&failed), failed.address), ("timed out connecting", Some(address)), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_named_with_its_address() {
    // The system accepts for it.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let failed = post(&client(loopback(), SHORT), &format!("https://{address}/")).await;
    assert_eq!((failure(&failed), failed.address), ("timed out in TLS", Some(address)));

    let plain = Plain::start().await;
    let failed = post(&client(loopback(), LONG), &format!("https://{}/", plain.0)).await;
    assert_eq!(failure(&failed), "TLS failed: what listens on the port does not speak TLS");
    assert_eq!(failed.address, Some(plain.0));
}

/// Responds in plain text to whatever comes.
struct Plain(SocketAddr);

impl Plain {
    async fn start() -> Self {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                socket.read_u8().await.ok();
                socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            }
        });
        Self(address)
    }
}

#[tokio::test]
async fn a_name_that_is_not_resolved_in_time_has_no_address() {
    let rules = Arc::new(loopback());
    let never = |_| -> futures_util::future::BoxFuture<'static, _> { Box::pin(std::future::pending()) };
    let resolver = Resolver::with_lookup(Arc::clone(&rules), Arc::new(never));
    let client = client_with(resolver, rules, SHORT, Clock::default());
    let failed = post(&client, "http://shop.example/").await;
    assert_eq!((failure(&failed), failed.address), ("timed out resolving the host's name", None));
}

/// Which of several addresses was tried last is not known, so none is named.
#[tokio::test]
async fn of_several_addresses_none_is_named() {
    let (address, _waiting, _listener) = full().await;
    let rules = Arc::new(loopback());
    let several = |_| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async { Ok(["127.0.0.1", "127.0.0.2"].map(|address| address.parse().unwrap()).to_vec()) })
    };
    let resolver = Resolver::with_lookup(Arc::clone(&rules), Arc::new(several));
    let client = client_with(resolver, rules, LONG, Clock::default());
    let failed = post(&client, &format!("http://shop.example:{}/", address.port())).await;
    assert_eq!((failed.status, failed.address), (None, None), "{failed:?}");
}

#[tokio::test]
async fn a_connection_of_an_earlier_attempt_waits_for_the_response() {
    let receiver = Receiver::answering(Answer::OnceThenNever("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let client = client(loopback(), SHORT);
    assert_eq!(post(&client, &receiver.url()).await.failure, None);
    let failed = post(&client, &receiver.url()).await;
    assert_eq!((failure(&failed), receiver.connections()), ("timed out waiting for the response", 1));
}

/// The HTTP client says nothing of a connection that is closed before it is used.
#[tokio::test]
async fn what_accepts_and_closes_at_once_was_connected_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let client = client(loopback(), LONG);
    for _ in 0..200 {
        let failed = post(&client, &format!("http://{address}/")).await;
        assert!(failure(&failed).starts_with("connection lost"), "{failed:?}");
        assert_eq!(failed.address, Some(address));
    }
}
