//! Whatever a receiver does, the attempt ends in time and says why.

use std::time::SystemTime;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};

use super::receiver::{Answer, Receiver};
use super::*;

async fn attempt(answer: Answer, timeout: Duration) -> (Attempt, Receiver) {
    let receiver = Receiver::answering(answer).await;
    let attempt = post(&client(loopback(), timeout), &receiver.url()).await;
    assert_eq!(attempt.address, Some(receiver.address), "{attempt:?}");
    (attempt, receiver)
}

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_receiver_that_accepts_makes_an_attempt_succeed() {
    let (attempt, receiver) =
        attempt(Answer::Bytes("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"), LONG).await;
    let expected = Attempt {
        status: Some(202),
        duration: attempt.duration,
        address: Some(receiver.address),
        retry_after: None,
        failure: None,
        answer: b"ok".to_vec(),
    };
    assert_eq!(attempt, expected);
    assert!(attempt.succeeded() && attempt.duration < LONG);
    let [request] = &receiver.requests()[..] else { panic!("one request") };
    assert!(request.starts_with("POST /hooks HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.contains(&format!("user-agent: {}\r\n", super::super::USER_AGENT)), "{request}");
    assert!(request.contains("accept: */*\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"id\":1}"), "{request}");
}

#[tokio::test]
async fn headers_are_sent_but_those_of_the_connection() {
    let receiver = Receiver::answering(Answer::Bytes("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let headers = [
        ("content-type", "application/cloudevents+json"),
        ("webhook-id", "msg_1"),
        ("host", "elsewhere.example"),
        ("content-length", "999"),
        ("transfer-encoding", "chunked"),
        ("user-agent", "our gateway"),
        ("accept", "application/problem+json"),
        ("proxy-authorization", "Basic c2VjcmV0"),
    ];
    let headers: HeaderMap =
        headers.into_iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
    let url = receiver.url();
    let sent = client(loopback(), LONG).send(Request { url: &url, headers, body: Bytes::from_static(b"{}") }).await;
    assert_eq!(sent.failure, None);
    let request = receiver.requests().remove(0);
    assert!(request.contains("content-type: application/cloudevents+json\r\n"), "{request}");
    assert!(request.contains("webhook-id: msg_1\r\n") && request.contains("content-length: 2\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", receiver.address)), "{request}");
    assert!(request.contains("user-agent: our gateway\r\n"), "in place of our own: {request}");
    assert!(request.contains("accept: application/problem+json\r\n"), "{request}");
    for absent in ["elsewhere", "999", "chunked", "c2VjcmV0", super::super::USER_AGENT, "*/*"] {
        assert!(!request.contains(absent), "{request}");
    }
}

#[tokio::test]
async fn a_status_other_than_success_is_a_failed_attempt() {
    let (failed, _) = attempt(Answer::Bytes("HTTP/1.1 500 Oh\r\ncontent-length: 6\r\n\r\nbroken"), LONG).await;
    assert_eq!((failed.status, failure(&failed), &failed.answer[..]), (Some(500), "answered 500", &b"broken"[..]));
    let (failed, _) = attempt(Answer::Bytes("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), LONG).await;
    assert_eq!((failed.status, failure(&failed)), (Some(404), "answered 404"));
    let (failed, _) = attempt(Answer::Bytes("HTTP/1.1 304 Not Modified\r\n\r\n"), LONG).await;
    assert_eq!(failure(&failed), "answered 304", "it leads nowhere");
    let (failed, _) = attempt(Answer::ThenClose("HTTP/1.1 101 Switching Protocols\r\n\r\n"), LONG).await;
    assert!(!failed.succeeded());
}

#[tokio::test]
async fn a_receiver_may_say_when_to_call_again() {
    let answer = "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(attempt(Answer::Bytes(answer), LONG).await.0.retry_after, Some(Duration::from_mins(2)));
    let answer = "HTTP/1.1 429 Slow\r\nretry-after: 99999999\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(attempt(Answer::Bytes(answer), LONG).await.0.retry_after, Some(Duration::from_hours(24)));
}

#[tokio::test]
async fn a_date_to_call_again_is_compared_with_the_clock() {
    let clock = Clock::default();
    // By that clock it is a day later.
    clock.advance(chrono::TimeDelta::days(1));
    let at = SystemTime::from(clock.now()) + Duration::from_mins(10);
    let answer =
        format!("HTTP/1.1 503 Busy\r\nretry-after: {}\r\ncontent-length: 0\r\n\r\n", httpdate::fmt_http_date(at));
    let receiver = Receiver::answering(Answer::Bytes(Box::leak(answer.into_boxed_str()))).await;
    let rules = Arc::new(loopback());
    let client = client_with(Resolver::new(Arc::clone(&rules)), rules, LONG, clock);
    let waits = post(&client, &receiver.url()).await.retry_after.unwrap();
    assert!((Duration::from_mins(9)..=Duration::from_mins(10)).contains(&waits), "{waits:?}");
}

#[tokio::test]
async fn garbage_instead_of_http_is_a_failed_attempt() {
    for garbage in ["220 mail.example ESMTP\r\n", "\0\u{1}\u{2}\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "<html>\r\n\r\n"] {
        let (failed, _) = attempt(Answer::ThenClose(garbage), LONG).await;
        assert_eq!(failed.status, None);
        assert!(failure(&failed).starts_with("the response cannot be read: "), "{failed:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_not_waited_for() {
    let (failed, receiver) = attempt(Answer::Never, SHORT).await;
    assert_eq!((failed.status, failure(&failed)), (None, "timed out waiting for the response"));
    assert!(failed.duration >= SHORT && receiver.requests().len() == 1);
}

#[tokio::test]
async fn a_receiver_that_never_ends_its_answer_is_not_waited_for() {
    let (failed, _) = attempt(Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), SHORT).await;
    assert_eq!(
        (failed.status, failure(&failed), &failed.answer[..]),
        (Some(200), "timed out reading the response", &b"half"[..])
    );
    let (failed, _) = attempt(Answer::Bytes("HTTP/1.1 500 Oh\r\ncontent-length: 9\r\n\r\nhalf"), SHORT).await;
    assert_eq!(failure(&failed), "answered 500", "its status says more");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let chunk = "400\r\n0123456789abcdef0123456789abcdef\r\n";
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let (failed, _) = attempt(Answer::Endless(head, chunk), LONG).await;
    assert_eq!((failed.status, failure(&failed)), (Some(200), "answered with more than 64 KiB"));
    assert_eq!(failed.answer.len(), 1_024);
    assert!(failed.duration < LONG);
}

#[tokio::test]
async fn an_answer_of_64_kib_is_read_and_its_first_kilobyte_is_kept() {
    let answer = |bytes: usize| {
        let text = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}{}",
            "a".repeat(1_024),
            "b".repeat(bytes - 1_024)
        );
        Answer::Bytes(Box::leak(text.into_boxed_str()))
    };
    let (read, _) = attempt(answer(65_536), LONG).await;
    assert_eq!((read.failure, read.answer), (None, b"a".repeat(1_024)));
    let (failed, _) = attempt(answer(65_537), LONG).await;
    assert_eq!(failure(&failed), "answered with more than 64 KiB");
}

#[tokio::test]
async fn endless_headers_are_cut() {
    for (head, again) in
        [("", "x-header: 1\r\n"), ("x-header: ", "0123456789abcdef"), ("", "HTTP/1.1 100 Continue\r\n")]
    {
        let head = Box::leak(format!("HTTP/1.1 200 OK\r\n{head}").into_boxed_str());
        let (failed, _) = attempt(Answer::Endless(head, again), LONG).await;
        assert_eq!(failed.status, None, "{failed:?}");
        assert!(failure(&failed).starts_with("the response cannot be read: "), "{failed:?}");
        assert!(failed.duration < LONG, "{failed:?}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_are_cut() {
    for interim in ["HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let (failed, _) = attempt(Answer::Endless("", interim), LONG).await;
        let expected = "connection lost: more than 512 KiB came, and the answer had not ended";
        assert_eq!((failed.status, failure(&failed)), (None, expected));
    }
}

#[tokio::test]
async fn a_receiver_that_closes_early_is_a_failed_attempt() {
    for (bytes, status) in
        [("", None), ("HTTP/1.1 200", None), ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Some(200))]
    {
        let (failed, _) = attempt(Answer::ThenClose(bytes), LONG).await;
        assert_eq!(failed.status, status, "{failed:?}");
        assert!(failure(&failed).starts_with("connection lost"), "{failed:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_a_failed_attempt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/secret-path", address.port());
        let failed = post(&client(loopback(), LONG), &url).await;
        assert_eq!((failed.status, failed.address), (None, Some(address)), "{failed:?}");
        assert!(failure(&failed).starts_with("could not connect: "), "{failed:?}");
        assert!(!failure(&failed).contains("secret-path"), "{failed:?}");
    }
}
