//! Receivers with TLS: whose certificate is taken, and what is said of others.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Takes one connection with a certificate of its own making, and responds to one request. With it comes the authority that has
/// the certificate trusted.
async fn serve_tls(params: CertificateParams) -> (u16, RootCertStore) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut authorities = RootCertStore::empty();
    authorities.add(certificate.der().clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
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

async fn attempt(host: &str, params: CertificateParams, is_trusted: bool) -> Attempt {
    let (port, authorities) = serve_tls(params).await;
    let authorities = if is_trusted { authorities } else { RootCertStore::empty() };
    let rules = Arc::new(loopback());
    let lookup = |_| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    };
    let resolver = Resolver::with_lookup(Arc::clone(&rules), Arc::new(lookup));
    let client = OutboundClient::with_parts(resolver, authorities, rules, LONG, Clock::default()).unwrap();
    post(&client, &format!("https://{host}:{port}/")).await
}

#[tokio::test]
async fn a_certificate_is_verified_and_a_receiver_is_said_what_is_wrong_with_its_own() {
    let of_shop = || CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
    let (mut over, mut early, mut authority) = (of_shop(), of_shop(), of_shop());
    over.not_after = date_time_ymd(2001, 1, 1);
    early.not_before = date_time_ymd(4000, 1, 1);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (host, params, is_trusted, expected) in [
        ("shop.example", of_shop(), true, None),
        ("other.example", of_shop(), true, Some("the certificate is for another host name")),
        ("shop.example", of_shop(), false, Some("the certificate is signed by no public authority")),
        ("shop.example", over, true, Some("the certificate has expired")),
        ("shop.example", early, true, Some("the certificate is not valid yet")),
        ("shop.example", authority, true, Some("it may be self-signed")),
    ] {
        let attempt = attempt(host, params, is_trusted).await;
        match expected {
            None => assert_eq!((attempt.status, attempt.failure.as_ref()), (Some(200), None), "{attempt:?}"),
            Some(expected) => {
                assert_eq!(attempt.status, None, "{attempt:?}");
                let failure = failure(&attempt);
                assert!(failure.starts_with("TLS failed: ") && failure.contains(expected), "{failure}");
            }
        }
    }
}
