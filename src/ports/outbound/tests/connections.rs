//! Connections that are kept from one attempt to the next.

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
