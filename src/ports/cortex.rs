//! The port to Cortex Cloud: what the delivery worker may ask of it, in the protocol of `docs/cortex-protocol.md`.

mod address;
mod answer;
mod error;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::delivery::{CortexCall, CortexOperation};
use parking_lot::Mutex;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use uuid::Uuid;

use super::address::AddressError;
use address::BaseUrl;
use answer::Answered;
pub use error::CortexError;
pub use session::Session;

/// The header that a request is named by.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const USER_AGENT: &str = concat!("cloud-bridge/", env!("CARGO_PKG_VERSION"));

/// A connection pool to one Cortex Cloud. It never repeats a call by itself: when to try again is the worker's decision.
#[derive(Clone, Debug)]
pub struct CortexClient {
    http: Client,
    base: BaseUrl,
    last_call: Arc<Mutex<Option<CortexCall>>>,
}

/// A person on Cortex Cloud, by the name that Cortex Cloud itself spells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CortexUser {
    pub username: String,
}

/// How a merchant and a customer stand to each other. Only when both follow may an item be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    pub following: bool,
    pub followed_back: bool,
}

impl Relation {
    pub fn is_mutual(self) -> bool {
        self.following && self.followed_back
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ItemKind {
    Preset,
    Capture,
}

impl ItemKind {
    /// The word that stands for this kind in a path.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemRef<'a> {
    pub kind: ItemKind,
    pub id: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CortexItem {
    pub kind: ItemKind,
    pub id: String,
    pub name: String,
}

impl CortexClient {
    /// `timeout` bounds each call as a whole, from connecting to the last byte of the answer.
    pub fn new(base_url: &str, timeout: Duration) -> Result<Self, AddressError> {
        let http = Client::builder()
            .user_agent(USER_AGENT)
            .timeout(timeout)
            // A redirect would carry a password or a token to an address that was not configured.
            .redirect(Policy::none())
            // Proxy settings would be read from the environment, and configuration is read in one place.
            .no_proxy()
            .build()
            .expect("the settings are constants and the roots of trust are compiled in");
        Ok(Self { http, base: BaseUrl::parse(base_url)?, last_call: Arc::default() })
    }

    pub async fn login(&self, email: &str, password: &str) -> Result<Session, CortexError> {
        #[derive(Serialize)]
        struct Credentials<'a> {
            email: &'a str,
            password: &'a str,
        }
        let request = self.base.endpoint(&["sessions"]);
        let request = request.map(|url| self.http.post(url).json(&Credentials { email, password }));
        Session::issued(self.call(CortexOperation::Login, request, answer::json).await?)
    }

    /// `None` when no user has this name, or could have it.
    pub async fn find_user(&self, session: &Session, username: &str) -> Result<Option<CortexUser>, CortexError> {
        #[derive(Deserialize)]
        struct User {
            username: String,
        }
        let found = self.query::<User>(CortexOperation::FindUser, session, &["users", username]).await;
        Ok(found_or_not(found)?.map(|User { username }| CortexUser { username }))
    }

    pub async fn relation(&self, session: &Session, user: &CortexUser) -> Result<Relation, CortexError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Standing {
            following: bool,
            followed_back: bool,
        }
        let path = ["users", &user.username, "relation"];
        let standing: Standing = self.query(CortexOperation::Relation, session, &path).await?;
        Ok(Relation { following: standing.following, followed_back: standing.followed_back })
    }

    /// Following a user who is followed already succeeds and changes nothing. `key` names this request: the same again is
    /// the same request, however late either takes effect.
    pub async fn follow(&self, session: &Session, user: &CortexUser, key: Uuid) -> Result<(), CortexError> {
        let path = ["users", &user.username, "follow"];
        let request = self.request(Method::PUT, session, &path).map(|request| named(request, key));
        self.call(CortexOperation::Follow, request, answer::done).await
    }

    /// Unfollowing a user who is not followed succeeds and changes nothing.
    pub async fn unfollow(&self, session: &Session, user: &CortexUser) -> Result<(), CortexError> {
        let path = ["users", &user.username, "follow"];
        self.call(CortexOperation::Unfollow, self.request(Method::DELETE, session, &path), answer::done).await
    }

    /// `None` when there is no such item among those the account may share.
    pub async fn find_item(&self, session: &Session, item: ItemRef<'_>) -> Result<Option<CortexItem>, CortexError> {
        #[derive(Deserialize)]
        struct Item {
            id: String,
            name: String,
        }
        let path = ["items", item.kind.as_str(), item.id];
        let found = self.query::<Item>(CortexOperation::FindItem, session, &path).await;
        Ok(found_or_not(found)?.map(|Item { id, name }| CortexItem { kind: item.kind, id, name }))
    }

    pub async fn is_shared(
        &self,
        session: &Session,
        item: ItemRef<'_>,
        user: &CortexUser,
    ) -> Result<bool, CortexError> {
        #[derive(Deserialize)]
        struct Share {
            shared: bool,
        }
        let share: Share = self.query(CortexOperation::IsShared, session, &share_path(item, user)).await?;
        Ok(share.shared)
    }

    /// Sharing again what is shared already succeeds and changes nothing. `key` as with [`Self::follow`].
    pub async fn share(
        &self,
        session: &Session,
        item: ItemRef<'_>,
        user: &CortexUser,
        key: Uuid,
    ) -> Result<(), CortexError> {
        let request = self.request(Method::PUT, session, &share_path(item, user)).map(|request| named(request, key));
        self.call(CortexOperation::Share, request, answer::done).await
    }

    async fn query<T: DeserializeOwned>(
        &self,
        operation: CortexOperation,
        session: &Session,
        path: &[&str],
    ) -> Result<T, CortexError> {
        self.call(operation, self.request(Method::GET, session, path), answer::json).await
    }

    /// Sends a request and remembers how it ended.
    async fn call<T>(
        &self,
        operation: CortexOperation,
        request: Result<RequestBuilder, CortexError>,
        send: impl AsyncFnOnce(RequestBuilder) -> Answered<T>,
    ) -> Result<T, CortexError> {
        let start = Instant::now();
        let Answered { status, result } = match request {
            Ok(request) => send(request).await,
            Err(error) => Answered::failed(error),
        };
        let result = result.map_err(|error| believed(operation, error));
        let call = CortexCall {
            operation,
            status: status.map(|status| status.as_u16()),
            duration_ms: u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX),
            reason: result.as_ref().err().map(CortexError::reason),
        };
        *self.last_call.lock() = Some(call);
        result
    }

    /// A client of the same address that remembers the calls of one attempt alone.
    #[must_use]
    pub fn for_attempt(&self) -> Self {
        Self { last_call: Arc::default(), ..self.clone() }
    }

    /// How the latest call ended.
    pub fn last_call(&self) -> Option<CortexCall> {
        self.last_call.lock().clone()
    }

    fn request(&self, method: Method, session: &Session, path: &[&str]) -> Result<RequestBuilder, CortexError> {
        Ok(session.authorize(self.http.request(method, self.base.endpoint(path)?)))
    }
}

/// A refusal counts only for what it is documented for.
fn believed(operation: CortexOperation, error: CortexError) -> CortexError {
    let is_out_of_place = match &error {
        CortexError::NotMutual => operation != CortexOperation::Share,
        CortexError::NotFound => operation == CortexOperation::Login,
        CortexError::BadCredentials => operation != CortexOperation::Login,
        CortexError::SessionExpired
        | CortexError::RateLimited { .. }
        | CortexError::Temporary(_)
        | CortexError::Unexpected(_) => false,
    };
    if is_out_of_place {
        CortexError::Temporary("answered with a refusal that belongs to another call".to_owned())
    } else {
        error
    }
}

/// A request that is known again.
fn named(request: RequestBuilder, key: Uuid) -> RequestBuilder {
    request.header(IDEMPOTENCY_KEY, key.to_string())
}

fn share_path<'a>(item: ItemRef<'a>, user: &'a CortexUser) -> [&'a str; 5] {
    ["items", item.kind.as_str(), item.id, "shares", &user.username]
}

fn found_or_not<T>(answer: Result<T, CortexError>) -> Result<Option<T>, CortexError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CortexError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::any;
    use tokio::net::TcpListener;

    use super::*;

    /// A server that is no Cortex Cloud.
    async fn serve(router: Router) -> CortexClient {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        CortexClient::new(&base_url, Duration::from_secs(10)).unwrap()
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = any(async || r#"{"token":"t","expiresAt":"2030-01-01T00:00:00Z"}"#);
        let router = Router::new()
            .route("/api/v1/sessions", any(async || Redirect::temporary("/elsewhere")))
            .route("/elsewhere", elsewhere);
        let refused = serve(router).await.login("a@example.com", "secret").await.unwrap_err();
        assert_eq!(refused, CortexError::Temporary("answered 307, which is not of the protocol".into()));
    }

    #[tokio::test]
    async fn the_client_says_who_it_is() {
        let whoami = async |headers: axum::http::HeaderMap| {
            let agent = headers["user-agent"].to_str().unwrap();
            format!(r#"{{"token":"t","expiresAt":"2030-01-01T00:00:0{}Z"}}"#, u8::from(agent == USER_AGENT))
        };
        let client = serve(Router::new().route("/api/v1/sessions", any(whoami))).await;
        let session = client.login("a@example.com", "secret").await.unwrap();
        assert_eq!(session.expires_at.to_rfc3339(), "2030-01-01T00:00:01+00:00");
    }

    #[tokio::test]
    async fn a_cloud_that_is_not_there_is_a_temporary_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let client = CortexClient::new(&base_url, Duration::from_secs(10)).unwrap();
        let CortexError::Temporary(reason) = client.login("a@example.com", "secret").await.unwrap_err() else {
            panic!("expected a temporary failure");
        };
        assert!(reason.starts_with("could not connect"), "{reason}");
    }
}
