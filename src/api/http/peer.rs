//! Who is at the other end of a connection: its address, or, behind a proxy that is trusted, the address that the proxy names.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::{Extensions, HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use futures_util::future::{Either, Ready, ready};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal;

/// What the addresses of webhooks begin with.
const WEBHOOKS: &str = "/api/webhooks/";
/// The header in which proxies say for whom they ask: the last address is what the nearest proxy saw.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Addresses in it that are read.
const MAX_HOPS: usize = 20;

/// The other end of the connection that a request came in by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The router, for one connection: it adds the peer to each request, and lets those that are not webhooks in as
/// long as they leave permits to these.
pub(super) struct OfPeer {
    router: TowerToHyperService<Router>,
    peer: Peer,
    of_api: Arc<Semaphore>,
    /// Taken by the first request that is no webhook, and kept as long as the connection lasts.
    permit: OnceLock<OwnedSemaphorePermit>,
}

impl OfPeer {
    pub(super) fn new(router: Router, address: IpAddr, of_api: Arc<Semaphore>) -> Self {
        let peer = Peer(address.to_canonical());
        Self { router: TowerToHyperService::new(router), peer, of_api, permit: OnceLock::new() }
    }

    fn admits(&self, path: &str) -> bool {
        if path.starts_with(WEBHOOKS) || self.permit.get().is_some() {
            return true;
        }
        let Ok(permit) = self.of_api.clone().try_acquire_owned() else { return false };
        self.permit.set(permit).is_ok()
    }
}

/// To who is let in no more, so that stores are.
fn busy() -> Response {
    let message = "so many are connected that the rest of the connections is for webhooks; try again in a moment";
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

impl Service<Request<Incoming>> for OfPeer {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future,
        Ready<Result<Response, Infallible>>,
    >;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if !self.admits(request.uri().path()) {
            return Either::Right(ready(Ok(busy())));
        }
        request.extensions_mut().insert(self.peer);
        Either::Left(self.router.call(request))
    }
}

/// For whom a request is made. A header counts only as far as those wrote it who are trusted.
pub(super) fn client_of(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let Peer(mut address) = *extensions.get::<Peer>()?;
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxies| proxies.contains(&address));
    let named: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    for before in named.into_iter().rev().take(MAX_HOPS) {
        if !is_trusted(address) {
            break;
        }
        let Ok(before) = before.parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
        extensions.insert(Peer(peer.parse().unwrap()));
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|proxies| proxies.parse().unwrap()).collect();
        client_of(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        let proxies = ["10.0.0.0/8", "::1/128"];
        for (peer, forwarded, expected) in [
            ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
            ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["6.6.6.6, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
            ("10.1.2.3", &["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["nonsense"], "10.1.2.3"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("::1", &["2001:db8::5"], "2001:db8::5"),
            ("::1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(client(peer, forwarded, &proxies), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(client("10.1.2.3", &["198.51.100.1"], &[]), "10.1.2.3", "no proxy is trusted unless it is named");
    }
}
