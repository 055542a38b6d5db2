//! What can be asked of an account.

use super::{CortexCredentials, FailurePolicy, Role};
use crate::{ApiKeyId, Private};

#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    Open {
        name: String,
        attempts_per_minute: u32,
        /// Recorded together with the opening, so that no account is ever without a key.
        first_key: Option<NewApiKey>,
    },
    CreateApiKey(NewApiKey),
    DeactivateApiKey {
        key_id: ApiKeyId,
    },
    /// How many requests the key may send in a minute, from all nodes together.
    LimitApiKey {
        key_id: ApiKeyId,
        requests_per_minute: u32,
    },
    SaveCredentials {
        credentials: CortexCredentials,
    },
    DeleteCredentials,
    /// How few left of a product count as out of stock: 0 to 1,000,000, or `None` for no alert.
    SetStockAlert {
        threshold: Option<u32>,
    },
    /// For how many days personal data is kept once a delivery is over: 1 to 3650, or `None` for good.
    SetRetention {
        days: Option<u32>,
    },
    /// Signs what is sent to endpoints that are created without a secret of their own, from now on.
    SetDefaultEndpointSecret {
        secret: Private<String>,
    },
    /// The address to which the account is written about its endpoints.
    SetContact {
        email: Private<String>,
    },
    RemoveContact,
    /// What becomes of notifications of instances that fail, from now on.
    SetFailurePolicy {
        policy: FailurePolicy,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the key, hexadecimal. The key itself is shown once and kept nowhere.
    pub hash: String,
    pub preview: String,
    pub requests_per_minute: u32,
}
