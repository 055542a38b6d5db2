//! What happened to an account. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;
use crate::credits::PaidAction;
use crate::{ApiKeyId, Credits, DeliveryId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvent {
    Opened {
        name: String,
        attempts_per_minute: u32,
    },
    ApiKeyCreated(ApiKeyCreated),
    ApiKeyDeactivated {
        key_id: ApiKeyId,
    },
    ApiKeyLimited {
        key_id: ApiKeyId,
        requests_per_minute: u32,
    },
    CredentialsSaved {
        email: Private<String>,
        password: Private<String>,
    },
    CredentialsDeleted,
    AttemptAdmitted {
        delivery_id: DeliveryId,
        attempt: u32,
        at: DateTime<Utc>,
    },
    CreditsGranted {
        grant_id: Uuid,
        credits: Credits,
    },
    CreditsReserved(CreditMove),
    /// What an earlier attempt left set aside is now set aside for a later one.
    ReservationTakenOver(CreditMove),
    CreditsCharged(CreditMove),
    CreditsReleased(CreditMove),
    /// For how many days personal data is kept once a delivery is over; `None` for good.
    RetentionSet {
        days: Option<u32>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyCreated {
    pub key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub hash: String,
    pub preview: String,
    #[serde(default = "super::keys::default_requests_per_minute")]
    pub requests_per_minute: u32,
}

/// The price of one action of one delivery, set aside, spent or given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditMove {
    pub delivery_id: DeliveryId,
    pub action: PaidAction,
    pub credits: Credits,
    /// The attempt it is set aside for; 0 where that was not recorded yet.
    #[serde(default)]
    pub attempt: u32,
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "account_opened",
            Self::ApiKeyCreated(_) => "api_key_created",
            Self::ApiKeyDeactivated { .. } => "api_key_deactivated",
            Self::ApiKeyLimited { .. } => "api_key_limited",
            Self::CredentialsSaved { .. } => "cortex_credentials_saved",
            Self::CredentialsDeleted => "cortex_credentials_deleted",
            Self::AttemptAdmitted { .. } => "attempt_admitted",
            Self::CreditsGranted { .. } => "credits_granted",
            Self::CreditsReserved(_) => "credits_reserved",
            Self::ReservationTakenOver(_) => "reservation_taken_over",
            Self::CreditsCharged(_) => "credits_charged",
            Self::CreditsReleased(_) => "credits_released",
            Self::RetentionSet { .. } => "retention_set",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
