//! Whom a call is for, and how one fails.

use std::time::Duration;

use domain::integration::{Provider, StoreAccess};
use providers::StoreApi;

/// Whom a call is for.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub(super) provider: Provider,
    pub(super) api: &'static dyn StoreApi,
    pub(super) part: Part,
    pub(super) store: Option<&'a str>,
    /// None for what comes before there is one.
    pub(super) token: Option<&'a str>,
}

/// Which part of a platform it is: not all have them at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Api,
    Login,
}

impl<'a> Target<'a> {
    /// The API of a store. None for a platform that has none.
    pub fn api(provider: Provider, access: &'a StoreAccess) -> Option<Self> {
        let api = super::api_of(provider)?;
        let (store, token) = (access.store.as_deref(), access.usable_token());
        Some(Self { provider, api, part: Part::Api, store, token })
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub fn store(&self) -> Option<&'a str> {
        self.store
    }

    /// What lets a store be authorised.
    pub fn login(provider: Provider, store: Option<&'a str>) -> Option<Self> {
        Some(Self { provider, api: super::api_of(provider)?, part: Part::Login, store, token: None })
    }
}

/// Why a call did not do what it was for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The store is down, slow, wants to be left alone, or responds with what is no answer.
    #[error("{reason}")]
    Unavailable {
        /// Of the response, if there was one.
        status: Option<u16>,
        reason: String,
        /// How long the store is to be left alone.
        retry_after: Option<Duration>,
    },
    #[error("the store does not take the access token")]
    Unauthorized { status: u16 },
    #[error("the access token does not let this be done")]
    Forbidden { status: u16 },
    #[error("the store has no such thing")]
    NotFound { status: u16 },
}

impl CallFailure {
    /// Without a response.
    pub(super) fn lost(reason: impl Into<String>) -> Self {
        Self::Unavailable { status: None, reason: reason.into(), retry_after: None }
    }

    /// How long the store asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::NotFound { .. } => None,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unavailable { status, .. } => *status,
            Self::Unauthorized { status } | Self::Forbidden { status } | Self::NotFound { status } => Some(*status),
        }
    }
}
