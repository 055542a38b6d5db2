//! How an integration is connected with its store.

use async_graphql::{Enum, ID, SimpleObject};
use domain::integration::{Provider, Purpose};
use projections::integrations::{Connection, IntegrationRow};

use crate::api::graphql::moment::{Moment, moment};
use crate::app::stores::missing_scopes;

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StoreConnectionStatus {
    NotConnected,
    /// Connecting was begun: the store is to be authorised.
    Waiting,
    /// There is a token by which the store is called.
    Connected,
    /// The store takes the token no more: connect it again.
    Lost,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::integration::AccessLost")]
pub(super) enum AccessLost {
    /// The app was removed from the store.
    Uninstalled,
    /// The authorisation was taken back.
    Revoked,
    /// The store answered a call that it does not know the token.
    Refused,
    /// The token ended, and could not be renewed.
    Expired,
}

/// How an integration is connected with its store.
#[derive(SimpleObject)]
pub(super) struct StoreConnection {
    status: StoreConnectionStatus,
    /// What names the store to its platform, where that is known.
    store: Option<String>,
    /// What the store allowed, where it was connected by OAuth.
    scopes: Vec<String>,
    /// What the integration's purpose needs and the store has not allowed.
    missing_scopes: Vec<String>,
    /// What the store is asked to report, in its platform's words. Null for all that the integration's purpose needs.
    topics: Option<Vec<String>>,
    /// When it was connected by OAuth.
    connected_at: Option<Moment>,
    /// When the token ends, where it does.
    token_ends_at: Option<Moment>,
    lost_reason: Option<AccessLost>,
    lost_at: Option<Moment>,
    /// Until when the store is waited for.
    waiting_until: Option<Moment>,
    /// How the latest attempt to connect it failed, until it is begun again.
    failure: Option<StoreConnectionFailure>,
    /// The merchant's own app at the platform, where the store is not connected by the operator's.
    app: Option<StoreApp>,
    /// The attempt that is waited for, or else the one that connected the store.
    attempt_id: Option<ID>,
}

/// How an attempt to connect a store failed.
#[derive(SimpleObject)]
pub(super) struct StoreConnectionFailure {
    reason: String,
    at: Moment,
}

/// A merchant's own app at a platform.
#[derive(SimpleObject)]
pub(super) struct StoreApp {
    client_id: String,
    secret_preview: String,
}

impl StoreConnection {
    /// As it is at `now`, in microseconds since 1970.
    pub(super) fn new(row: &IntegrationRow, now: i64) -> Self {
        let Connection { attempt, failure, granted, lost, app, known_store, topics, topics_since: _ } =
            row.connection();
        let attempt = attempt.filter(|attempt| now < attempt.expires_at);
        let status = match (&attempt, &lost, &row.token_preview) {
            (Some(_), _, _) => StoreConnectionStatus::Waiting,
            (None, Some(_), _) => StoreConnectionStatus::Lost,
            (None, None, Some(_)) => StoreConnectionStatus::Connected,
            (None, None, None) => StoreConnectionStatus::NotConnected,
        };
        let attempted = attempt.as_ref().and_then(|attempt| attempt.store.clone());
        let attempt_id =
            attempt.as_ref().map(|attempt| attempt.id).or(granted.as_ref().map(|granted| granted.attempt_id));
        Self {
            status,
            store: row.store.clone().or(known_store).or(attempted),
            connected_at: granted.as_ref().map(|granted| moment(granted.at)),
            token_ends_at: granted.as_ref().and_then(|granted| granted.ends_at).map(moment),
            scopes: granted.as_ref().map(|granted| granted.scopes.clone()).unwrap_or_default(),
            missing_scopes: granted.map(|granted| missing(row, topics.as_deref(), &granted.scopes)).unwrap_or_default(),
            topics,
            lost_reason: lost.as_ref().map(|lost| lost.reason.into()),
            lost_at: lost.as_ref().map(|lost| moment(lost.at)),
            waiting_until: attempt.map(|attempt| moment(attempt.expires_at)),
            failure: failure.map(|failure| StoreConnectionFailure { reason: failure.reason, at: moment(failure.at) }),
            app: app.map(|app| StoreApp { client_id: app.client_id, secret_preview: app.secret_preview }),
            attempt_id: attempt_id.map(|id| ID(id.to_string())),
        }
    }
}

fn missing(row: &IntegrationRow, topics: Option<&[String]>, granted: &[String]) -> Vec<String> {
    let (Some(provider), Some(purpose)) = (Provider::parse(&row.provider), Purpose::parse(&row.purpose)) else {
        return vec![];
    };
    missing_scopes(provider, (purpose, topics), granted)
}
