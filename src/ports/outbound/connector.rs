//! Connects to endpoints: names are resolved and judged, then TCP, through the operator's proxy where there is one, and TLS.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{self, BoxFuture};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tower::{Service, service_fn};

use super::connection::{Connection, Transport};
use super::resolver::Names;
use super::{CONNECT_TIMEOUT, ProxyError, stage};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Names>,
    tls: TlsConnector,
    proxy: Option<Proxy>,
}

/// An HTTP proxy: plain requests are sent to it, and of others it makes a tunnel.
#[derive(Clone)]
pub(super) struct Proxy {
    uri: Uri,
    /// By its URL's user and password.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    pub(super) fn new(url: &Url) -> Result<Self, ProxyError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyError::NotHttp);
        }
        let mut bare = url.clone();
        bare.set_username("").and_then(|()| bare.set_password(None)).map_err(|()| ProxyError::Unusable)?;
        let uri = bare.as_str().parse().map_err(|_| ProxyError::Unusable)?;
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(basic(user, password.unwrap_or_default())?),
        };
        Ok(Self { uri, authorization })
    }
}

/// A URL has both percent-encoded.
fn basic(user: &str, password: &str) -> Result<HeaderValue, ProxyError> {
    let decoded = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let credentials = [&decoded(user)[..], &decoded(password)[..]].join(&b":"[..]);
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials))).map_err(|_| ProxyError::Unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

impl Connector {
    /// Servers show a certificate of one of these authorities.
    pub(super) fn new(names: Names, proxy: Option<Proxy>, authorities: RootCertStore) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared by the addresses of a name.
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { tcp, tls: TlsConnector::from(Arc::new(tls_config(authorities))), proxy }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Connection>, BoxError> {
        let connection = self.open_to(uri).await?;
        stage::note_open();
        Ok(TokioIo::new(connection))
    }

    async fn open_to(mut self, uri: Uri) -> Result<Connection, BoxError> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let Some(proxy) = self.proxy.take() else {
            let (transport, address) = self.open(&uri).await?;
            return Ok(Connection::new(transport, address, false));
        };
        let (transport, address) = self.open(&proxy.uri).await?;
        if !is_https {
            return Ok(Connection::new(transport, address, true));
        }
        let mut opened = Some(TokioIo::new(transport));
        let opened = service_fn(move |_| future::ready(opened.take().ok_or("the proxy is connected to once")));
        let mut tunnel = Tunnel::new(proxy.uri, opened);
        if let Some(authorization) = proxy.authorization {
            tunnel = tunnel.with_auth(authorization);
        }
        let transport = self.encrypt(&uri, tunnel.call(uri.clone()).await.map_err(of_proxy)?.into_inner()).await?;
        Ok(Connection::new(transport, address, false))
    }

    /// Connects to the host of a URI itself.
    async fn open(&mut self, uri: &Uri) -> Result<(Transport, SocketAddr), BoxError> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        stage::note_connecting(host(uri).parse().ok(), uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }));
        future::poll_fn(|context| self.tcp.poll_ready(context)).await?;
        let tcp = self.tcp.call(uri.clone()).await?.into_inner();
        let address = tcp.peer_addr()?;
        stage::note_connected(address);
        let transport: Transport = Box::new(tcp);
        Ok((if is_https { self.encrypt(uri, transport).await? } else { transport }, address))
    }

    async fn encrypt(&self, uri: &Uri, transport: Transport) -> Result<Transport, BoxError> {
        stage::note_tls();
        Ok(Box::new(self.tls.connect(ServerName::try_from(host(uri).to_owned())?, transport).await?))
    }
}

/// An IPv6 address stands in brackets in a URI.
fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// Why the proxy makes no tunnel. Merchants read it, who cannot mend it.
fn of_proxy(error: impl Display) -> BoxError {
    format!("the operator's proxy makes no connection: {error}").into()
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.clone().connect(uri));
        Box::pin(async move { connecting.await? })
    }
}

fn tls_config(authorities: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the suites of TLS 1.2 and 1.3")
        .with_root_certificates(authorities)
        .with_no_client_auth()
}
