//! How a store is asked for its webhooks: what an integration needs, what there is, and what mends the difference.
//! Does no I/O.

use domain::integration::Purpose;

use crate::Malformed;
use crate::store_api::ApiRequest;

/// The webhooks of a store, as its API lists and changes them.
pub trait SubscriptionApi: Sync {
    /// What an integration of this purpose has to be sent, in the platform's words.
    fn topics(&self, purpose: Purpose) -> Vec<&'static str>;

    /// What has to be allowed to be sent this topic, in the platform's words. None where nothing has, or the topic is not known.
    fn scope(&self, _topic: &str) -> Option<&'static str> {
        None
    }

    /// Whether one subscription may be for several topics.
    fn takes_several_topics(&self) -> bool {
        false
    }

    /// Asks for a page of all that there are.
    fn list(&self, store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed>;

    /// The response, of the page that began at `cursor`.
    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<SubscriptionPage, Malformed>;

    /// Asks for webhooks of these topics, of which there is one unless several are taken.
    fn create(&self, store: Option<&str>, wanted: &NewSubscription<'_>) -> Result<ApiRequest, Malformed>;

    fn created(&self, body: &[u8]) -> Result<Created, SubscriptionRefusal>;

    /// Asks that one goes on that the store has stopped. None where a platform deletes it instead.
    fn enable(&self, _store: Option<&str>, _id: &str) -> Option<Result<ApiRequest, Malformed>> {
        None
    }

    fn delete(&self, store: Option<&str>, id: &str) -> Result<ApiRequest, Malformed>;
}

/// A subscription to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewSubscription<'a> {
    pub topics: &'a [&'a str],
    /// Where the webhooks are to be posted.
    pub address: &'a str,
    /// What they are to be signed with, where the platform lets us say.
    pub secret: Option<&'a str>,
}

/// A subscription that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub id: String,
    pub topics: Vec<String>,
    /// Where its webhooks are posted. Empty for what is not posted anywhere.
    pub address: String,
    pub is_enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionPage {
    pub subscriptions: Vec<Subscription>,
    /// Where the next page begins. None after the last.
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub id: String,
    /// What its webhooks are signed with, where the platform chose it.
    pub secret: Option<String>,
}

/// Why a subscription was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionRefusal {
    /// In the platform's words.
    #[error("the store says: {0}")]
    Refused(String),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}
