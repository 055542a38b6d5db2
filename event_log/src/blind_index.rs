//! Finding a person without keeping the person: what a customer is known by, as keyed hashes that no one without the key
//! can make or check.

use std::sync::Arc;

use domain::delivery::{DeliveryEvent, FetchedOrder};
use domain::notice::{NamedCustomers, NoticeEvent};
use domain::publication::PublicationEvent;
use domain::{IntegrationId, Private};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use storage::Database;

use crate::shared_keys;
use crate::vault::{SecretKey, Vault};

/// What a token is made of. It stands before the hash, so that a customer's ids are found beside an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Email,
    /// The store's own id of a customer.
    CustomerId,
    Username,
    Phone,
    /// An order's id or number.
    Order,
}

impl TokenKind {
    /// What a token of this kind begins with. Part of what is stored: never change one.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Email => "e:",
            Self::CustomerId => "c:",
            Self::Username => "u:",
            Self::Phone => "p:",
            Self::Order => "o:",
        }
    }
}

/// The name of its key among the sealed keys of the log, which is its associated data too.
pub(crate) const KEY_NAME: &str = "blind index";
/// Bytes of a hash that are kept: enough that no two customers of a log meet.
const TOKEN_BYTES: usize = 16;
/// As many as an id has.
const DIGEST_BYTES: usize = 16;

/// Makes tokens. All nodes of a log share its key, which is sealed by the master key.
#[derive(Clone)]
pub struct BlindIndex(Arc<SecretKey>);

impl BlindIndex {
    /// The log's index; nothing where its log has none yet and may not get one.
    pub(super) async fn open(database: &Database, vault: &Vault, may_create: bool) -> anyhow::Result<Option<Self>> {
        let key = shared_keys::open(database, vault, KEY_NAME, may_create).await?;
        Ok(key.map(|key| Self(Arc::new(key))))
    }

    /// Everything that a person may mean by a customer: an e-mail address, a store's customer id, a username, a telephone
    /// number.
    pub fn tokens_for(&self, customer: &str) -> Vec<String> {
        use TokenKind::{CustomerId, Email, Phone, Username};
        [Email, CustomerId, Username, Phone].into_iter().filter_map(|kind| self.token(kind, customer)).collect()
    }

    /// Everything that a store may name a customer by.
    pub fn tokens_named(&self, email: Option<&str>, customer_id: Option<&str>, phone: Option<&str>) -> Vec<String> {
        let named = [(TokenKind::Email, email), (TokenKind::CustomerId, customer_id), (TokenKind::Phone, phone)];
        named.into_iter().filter_map(|(kind, value)| self.token(kind, value?)).collect()
    }

    /// What a webhook that is no order itself is found by from an order it is about: the order's id or number.
    pub fn tokens_of_order(&self, order: &str) -> Vec<String> {
        self.token(TokenKind::Order, order).into_iter().collect()
    }

    /// What the customer of an event is known by.
    pub(super) fn tokens_of(&self, event: &DeliveryEvent) -> Vec<String> {
        let token = |kind: TokenKind, value: &Option<Private<String>>| {
            value.as_ref().and_then(Private::known).and_then(|value| self.token(kind, value))
        };
        match event {
            DeliveryEvent::WebhookReceived { webhook, .. }
            | DeliveryEvent::OrderFetched(FetchedOrder { order: webhook, .. }) => [
                token(TokenKind::Email, &webhook.email),
                token(TokenKind::CustomerId, &webhook.customer_id),
                token(TokenKind::Username, &webhook.username),
            ]
            .into_iter()
            .flatten()
            .collect(),
            DeliveryEvent::UsernameCorrected { username } => {
                token(TokenKind::Username, &Some(username.clone())).into_iter().collect()
            }
            DeliveryEvent::WebhookRepeated(_)
            | DeliveryEvent::OrderFetchFailed { .. }
            | DeliveryEvent::OrderFetchRequested { .. }
            | DeliveryEvent::OrderFetchGivenUp { .. }
            | DeliveryEvent::Started(_)
            | DeliveryEvent::StepStarted { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::WaitMoved { .. }
            | DeliveryEvent::Followed { .. }
            | DeliveryEvent::AssetShared { .. }
            | DeliveryEvent::RetryScheduled { .. }
            | DeliveryEvent::ActionRequired { .. }
            | DeliveryEvent::Completed {}
            | DeliveryEvent::FailedPermanently { .. }
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::Cancelled {}
            | DeliveryEvent::HandedBack {}
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::RetryRequested { .. }
            | DeliveryEvent::Requeued { .. }
            | DeliveryEvent::PersonalDataErased { .. } => vec![],
        }
    }

    /// What the customers are known by whom a webhook about no order names.
    pub(super) fn tokens_in(&self, event: &NoticeEvent) -> Vec<String> {
        match event {
            NoticeEvent::WebhookReceived(notice) => self.tokens_of_named(notice.customers.as_ref()),
            NoticeEvent::OrderRead(read) => self.tokens_of_named(read.customers.as_ref()),
            NoticeEvent::WebhookRepeated(_) | NoticeEvent::PersonalDataErased {} => vec![],
        }
    }

    /// What the customers are known by whom an event names that a program of the account published.
    pub(super) fn tokens_in_publication(&self, event: &PublicationEvent) -> Vec<String> {
        let PublicationEvent::EventPublished(published) = event else { return vec![] };
        self.tokens_of_named(published.customers.as_ref())
    }

    fn tokens_of_named(&self, named: Option<&Private<NamedCustomers>>) -> Vec<String> {
        let Some(named) = named.and_then(Private::known) else { return vec![] };
        let kinds = [
            (TokenKind::Email, &named.emails),
            (TokenKind::CustomerId, &named.ids),
            (TokenKind::Username, &named.usernames),
            (TokenKind::Phone, &named.phones),
            (TokenKind::Order, &named.orders),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, values)| values.iter().filter_map(move |value| self.token(kind, value)))
            .collect()
    }

    /// What a raw body is known by, among those of an integration and of a kind.
    pub fn body_digest(&self, integration_id: IntegrationId, kind: &str, body: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("a key may have any length");
        for part in [b"body ", integration_id.0.as_bytes().as_slice(), kind.as_bytes(), b" ", body] {
            mac.update(part);
        }
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&mac.finalize().into_bytes()[..DIGEST_BYTES]);
        digest
    }

    /// The same for every spelling that people take for the same: case, space around it, an @ before a username, a # before
    /// an order's number, whatever groups the digits of a telephone number.
    fn token(&self, kind: TokenKind, value: &str) -> Option<String> {
        let value = match kind {
            TokenKind::Phone => value.chars().filter(char::is_ascii_digit).collect(),
            TokenKind::Email | TokenKind::CustomerId | TokenKind::Username | TokenKind::Order => {
                value.trim().trim_start_matches(['@', '#']).to_lowercase()
            }
        };
        if value.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("a key may have any length");
        mac.update(kind.prefix().as_bytes());
        mac.update(value.as_bytes());
        Some(format!("{}{}", kind.prefix(), hex::encode(&mac.finalize().into_bytes()[..TOKEN_BYTES])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::random_key;

    #[test]
    fn a_customer_is_found_however_it_is_spelt_and_only_with_the_key() {
        let index = BlindIndex(Arc::new(random_key()));
        let other = BlindIndex(Arc::new(random_key()));
        assert_eq!(index.token(TokenKind::Email, " Fan@Music.com "), index.token(TokenKind::Email, "fan@music.com"));
        assert_eq!(index.token(TokenKind::Username, "@Max"), index.token(TokenKind::Username, "max"));
        assert_eq!(index.token(TokenKind::Order, "#1042"), index.token(TokenKind::Order, "1042"));
        assert_eq!(index.token(TokenKind::Phone, "+1 (555) 625-1199"), index.token(TokenKind::Phone, "15556251199"));
        assert_eq!(index.token(TokenKind::Phone, "fan@music.com"), None);
        assert_ne!(index.token(TokenKind::Email, "fan@music.com"), other.token(TokenKind::Email, "fan@music.com"));
        assert_ne!(index.token(TokenKind::Email, "max"), index.token(TokenKind::Username, "max"));
        assert_eq!(index.token(TokenKind::Email, "  "), None);
    }
}
