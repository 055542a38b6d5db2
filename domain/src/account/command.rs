//! What can be asked of an account.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{CortexCredentials, Role};
use crate::credits::PaidAction;
use crate::{ApiKeyId, Credits, DeliveryId};

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
    /// For how many days personal data is kept once a delivery is over: 1 to 3650, or `None` for good.
    SetRetention {
        days: Option<u32>,
    },
    /// Asks whether a delivery attempt may start now; the account's pace says so for all nodes together.
    AdmitAttempt {
        delivery_id: DeliveryId,
        attempt: u32,
        now: DateTime<Utc>,
    },
    /// The grant's id makes a repeated request harmless.
    GrantCredits {
        grant_id: Uuid,
        credits: Credits,
    },
    /// Sets the price of an action aside before it is tried, so that two deliveries cannot spend the same credits.
    ///
    /// What an earlier attempt of the delivery left set aside is taken over by the later one.
    ReserveCredits {
        delivery_id: DeliveryId,
        action: PaidAction,
        attempt: u32,
    },
    /// The action succeeded: what was set aside is spent.
    ChargeReservation {
        delivery_id: DeliveryId,
        action: PaidAction,
    },
    /// The action did not happen in this attempt: what was set aside for it is free again. Does nothing once a later
    /// attempt has taken the reservation over.
    ReleaseReservation {
        delivery_id: DeliveryId,
        action: PaidAction,
        attempt: u32,
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
