//! An operator's proxy through which all endpoints are called.

use super::super::{ProxyError, UrlRefusal};
use super::receiver::{Answer, Receiver};
use super::*;

const OK: Answer = Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn behind_a_proxy_the_proxy_is_called_and_resolves_the_name() {
    let proxy = Receiver::answering(OK).await;
    let rules = OutboundRules { proxy: Some(format!("http://{}", proxy.address).parse().unwrap()), ..plain_http() };
    let client = client(rules, LONG);
    let url = "http://shop.example/hooks";
    assert!(client.check(url).await.is_ok(), "nothing is resolved");
    let attempt = post(&client, url).await;
    assert_eq!((attempt.status, attempt.address), (Some(200), Some(proxy.address)));
    assert!(proxy.requests()[0].starts_with("POST http://shop.example/hooks HTTP/1.1\r\n"));
    for forbidden in ["http://127.0.0.1/", "http://169.254.169.254/", "http://localhost/", "http://database/"] {
        assert!(!post(&client, forbidden).await.succeeded() && client.check(forbidden).await.is_err(), "{forbidden}");
    }
    assert_eq!(proxy.requests().len(), 1);
}

/// It could not see where they lead.
#[tokio::test]
async fn behind_a_proxy_local_names_are_refused_whatever_is_allowed() {
    let proxy = Some("http://proxy.example:3128".parse().unwrap());
    let client = client(OutboundRules { proxy, ..loopback() }, LONG);
    assert_eq!(client.check("http://localhost/").await, Err(UrlRefusal::LocalName));
}

#[test]
fn only_an_http_proxy_is_used_and_its_password_is_not_shown() {
    let rules = |proxy: &str| OutboundRules { proxy: Some(proxy.parse().unwrap()), ..OutboundRules::default() };
    for proxy in ["socks5://127.0.0.1:1080", "ftp://127.0.0.1/"] {
        assert_eq!(OutboundClient::new(rules(proxy), Clock::default()).err(), Some(ProxyError::NotHttp));
    }
    assert!(OutboundClient::new(rules("https://user:secret@proxy.example"), Clock::default()).is_ok());
    assert!(!format!("{:?}", rules("http://user:secret@proxy.example")).contains("secret"));
}

fn behind(proxy: &Receiver, credentials: &str, timeout: Duration) -> OutboundClient {
    let proxy = format!("http://{credentials}{}", proxy.address).parse().unwrap();
    client(OutboundRules { proxy: Some(proxy), ..plain_http() }, timeout)
}

#[tokio::test]
async fn a_proxy_gets_the_credentials_of_its_url() {
    let proxy = Receiver::answering(OK).await;
    assert_eq!(post(&behind(&proxy, "max:p%40ss@", LONG), "http://shop.example/").await.failure, None);
    // base64 of max:p@ss
    assert!(proxy.requests()[0].contains("proxy-authorization: Basic bWF4OnBAc3M=\r\n"), "{:?}", proxy.requests());
    assert_eq!(post(&behind(&proxy, "", LONG), "http://shop.example/").await.failure, None);
    assert!(!proxy.requests()[1].contains("proxy-authorization"));
}

#[tokio::test]
async fn an_endpoint_with_tls_is_called_through_a_tunnel_of_the_proxy() {
    let proxy = Receiver::answering(Answer::OnceThenNever("HTTP/1.1 200 OK\r\n\r\n")).await;
    let failed = post(&behind(&proxy, "max:p%40ss@", SHORT), "https://shop.example/secret").await;
    assert_eq!((failure(&failed), failed.address), ("timed out in TLS", Some(proxy.address)));
    let [request] = &proxy.requests()[..] else { panic!("one request can be read") };
    assert!(request.starts_with("CONNECT shop.example:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("proxy-authorization: basic bwf4onbac3m="), "{request}");
    assert!(!request.contains("secret"), "{request}");
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_says_so_itself() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let proxy = Receiver::answering(Answer::Bytes(answer)).await;
    let failed = post(&behind(&proxy, "", LONG), "http://shop.example/").await;
    assert_eq!((failed.status, failure(&failed)), (Some(407), "the operator's proxy wants other credentials"));
}

#[tokio::test]
async fn a_proxy_that_refuses_a_tunnel_is_a_failed_attempt() {
    for answer in ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n", "garbage"] {
        let proxy = Receiver::answering(Answer::ThenClose(answer)).await;
        let failed = post(&behind(&proxy, "", LONG), "https://shop.example/").await;
        assert!(
            failure(&failed).starts_with("could not connect: the operator's proxy makes no connection"),
            "{failed:?}"
        );
        assert_eq!(failed.address, Some(proxy.address));
    }
}
