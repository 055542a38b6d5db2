//! What a merchant can do about a delivery, with what is recorded of the very case.

use chrono::{DateTime, Utc};
use domain::ResolutionCode;
use domain::delivery::{DeliveryStatus, Reason};
use projections::delivery_log::DeliveryRow;

use crate::app::viewer::Viewer;

/// What to do about a delivery, in a sentence or two a merchant understands. None where there is nothing to do.
pub fn resolution(viewer: &Viewer, row: &DeliveryRow) -> Option<String> {
    let username = row.username().map(|name| viewer.shown_username(&row.account_id, name));
    let case = Case {
        reason: &row.summary().reason,
        username: username.as_deref(),
        has_items: !row.summary().lines.current.is_empty(),
        is_given_up: row.status() == DeliveryStatus::FailedPermanent,
    };
    row.resolution_code().map(|code| case.resolution(code))
}

/// That a change of the order could not be read at its store, why, and what to do about it. None where nothing is unread, or
/// where the delivery's status says it.
pub fn unread_change(row: &DeliveryRow) -> Option<UnreadChange> {
    let (unread, failure) = row.summary().unread_change().filter(|_| !row.is_duplicate())?;
    let is_given_up = unread.due_at.is_none();
    let what = match &failure.call {
        Some(call) => format!("the store {call}"),
        None => "no access token is saved".to_owned(),
    };
    let ends = if is_given_up { " It is not tried by itself any more." } else { "" };
    let resolution = format!(
        "The store reported that the order changed, and the change could not be read: {what}.{ends} {}",
        failure.code.advice_for_unread(is_given_up)
    );
    Some(UnreadChange {
        code: failure.code,
        resolution,
        announced_at: unread.announced_at,
        next_read_at: unread.due_at,
    })
}

/// A change of an order that its store announced and that could not be read there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadChange {
    pub code: ResolutionCode,
    /// Why it could not be read and what to do, in a sentence or some a merchant understands.
    pub resolution: String,
    pub announced_at: DateTime<Utc>,
    /// When it is tried again by itself, if it is.
    pub next_read_at: Option<DateTime<Utc>>,
}

/// What is known of a delivery beyond its code.
struct Case<'c> {
    reason: &'c Reason,
    /// The name that was tried, as far as the reader may know it.
    username: Option<&'c str>,
    /// Whether the store named anything that was bought.
    has_items: bool,
    /// Whether nothing is tried by itself any more.
    is_given_up: bool,
}

impl Case<'_> {
    /// The advice of a code, with the name that was tried, the asset that is missing, the call that failed.
    fn resolution(&self, code: ResolutionCode) -> String {
        let call = self.reason.call.as_ref();
        let advice = if self.is_given_up { code.advice_once_given_up(call) } else { code.advice_after(call) };
        match code {
            ResolutionCode::InvalidUsername => match self.username {
                Some(name) => format!("{advice} The name tried was “{name}”."),
                None => advice.to_owned(),
            },
            ResolutionCode::AssetNotFound if !self.reason.missing.is_empty() => {
                format!("{advice} Missing: {}.", missing(self.reason))
            }
            ResolutionCode::NoItemMapping if !self.has_items => {
                "The store has named nothing that was bought. The delivery goes on by itself once it does.".to_owned()
            }
            ResolutionCode::Unknown | ResolutionCode::TemporaryFailure => match &self.reason.call {
                Some(call) => format!("{advice} What happened: {call}."),
                None => advice.to_owned(),
            },
            ResolutionCode::StoreUnavailable | ResolutionCode::StoreAccessMissing => match &self.reason.store_call {
                Some(call) => format!("{advice} What happened: the store {call}."),
                None => advice.to_owned(),
            },
            ResolutionCode::MissingUsername
            | ResolutionCode::MissingCredentials
            | ResolutionCode::InactiveApiKey
            | ResolutionCode::CreditsExhausted
            | ResolutionCode::NoItemMapping
            | ResolutionCode::AssetNotFound
            | ResolutionCode::IntegrationInactive
            | ResolutionCode::OrderStatusFiltered
            | ResolutionCode::NdspWaiting
            | ResolutionCode::Duplicate => advice.to_owned(),
        }
    }
}

fn missing(reason: &Reason) -> String {
    reason.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use domain::delivery::{CortexCall, CortexOperation};
    use domain::{Asset, ResourceType};

    use super::*;

    fn resolution(code: ResolutionCode, reason: &Reason, username: Option<&str>) -> String {
        Case { reason, username, has_items: true, is_given_up: false }.resolution(code)
    }

    fn call(operation: CortexOperation, status: u16, reason: &str) -> Reason {
        let call = CortexCall { operation, status: Some(status), duration_ms: 120, reason: Some(reason.to_owned()) };
        Reason { call: Some(call), ..Reason::default() }
    }

    #[test]
    fn the_advice_names_what_the_case_is_about() {
        let nothing = Reason::default();
        let invalid = resolution(ResolutionCode::InvalidUsername, &nothing, Some("max_the_axe"));
        assert!(invalid.ends_with("The name tried was “max_the_axe”."), "{invalid}");
        let asset = Asset { resource_type: ResourceType::Capture, resource_id: "plexi-9".to_owned() };
        let gone = Reason { missing: vec![asset], ..Reason::default() };
        let gone = resolution(ResolutionCode::AssetNotFound, &gone, None);
        assert!(gone.ends_with("Missing: capture plexi-9."), "{gone}");
        let unknown = resolution(ResolutionCode::Unknown, &call(CortexOperation::Share, 418, "answered 418"), None);
        assert!(unknown.contains("HTTP 418 after 120 ms (answered 418)"), "{unknown}");
    }

    #[test]
    fn a_refused_login_is_another_case_than_none() {
        let none = resolution(ResolutionCode::MissingCredentials, &Reason::default(), None);
        let refused = call(CortexOperation::Login, 401, "wrong e-mail address or password");
        let refused = resolution(ResolutionCode::MissingCredentials, &refused, None);
        assert!(refused.contains("does not accept") && !none.contains("does not accept"));
    }
}
