//! What is wrong between a store and the service, in sentences; and what of it was mended just now.

use chrono::SecondsFormat;
use domain::IntegrationId;
use domain::integration::{AccessLost, Link, Provider};
use domain::store::{Checked, Comparing, Filling, UnreadableOrder};
use event_log::Origin;
use projections::integrations;

use super::requests::Outcome;
use super::{Stores, missing_scopes};
use crate::app::error::Error;
use crate::app::viewer::Viewer;
use crate::ports::stores::api_of;

/// One thing that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: FindingLevel,
    /// With what to do about it, where something is to be done.
    pub sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingLevel {
    Fine,
    /// It was wrong, and is not any more.
    Mended,
    Wrong,
}

impl Finding {
    fn fine(sentence: impl Into<String>) -> Self {
        Self { level: FindingLevel::Fine, sentence: sentence.into() }
    }

    fn mended(sentence: impl Into<String>) -> Self {
        Self { level: FindingLevel::Mended, sentence: sentence.into() }
    }

    fn wrong(sentence: impl Into<String>) -> Self {
        Self { level: FindingLevel::Wrong, sentence: sentence.into() }
    }
}

impl Stores {
    /// Examines everything that can be, and mends what it may.
    pub async fn doctor(&self, viewer: &Viewer, id: &str) -> Result<(IntegrationId, Vec<Finding>), Error> {
        let (id, owner) = self.integrations.managed(viewer, id).await?;
        let origin = Origin::from(viewer.actor(Some(&owner.to_string())));
        let link = self.integrations.link(id).await?;
        let outcome = self.check_now(id, &link, origin).await?;
        let data = &self.integrations.data;
        data.wait_for_views(Some(data.log.head())).await;
        // As it is after that.
        let link = self.integrations.link(id).await?;
        let mut findings = vec![];
        if !link.active {
            findings.push(Finding::wrong(format!(
                "The integration is switched off, and its webhooks are refused: `cloud-bridge integrations activate {id}` \
                 switches it on."
            )));
        }
        findings.push(of_connection(id, &link));
        findings.extend(of_scopes(&link));
        findings.extend(of_webhooks(&outcome, are_asked_for(link.provider)));
        if let Outcome::Done(store) = &outcome {
            findings.extend(store.comparing().into_iter().flat_map(of_comparison));
            findings.extend(store.filling().and_then(of_catalogue));
        }
        findings.push(self.of_secret(id, &link));
        let row = integrations::find_many(&data.views, &[id.to_string()]).await?.pop();
        let last = row.and_then(|row| row.last_webhook_at).and_then(chrono::DateTime::from_timestamp_micros);
        findings.push(match last {
            Some(at) => {
                Finding::fine(format!("The last webhook came at {}.", at.to_rfc3339_opts(SecondsFormat::Secs, true)))
            }
            None => Finding::fine("No webhook has come yet."),
        });
        Ok((id, findings))
    }

    fn of_secret(&self, id: IntegrationId, link: &Link) -> Finding {
        if self.verification.knows_secret(link) {
            Finding::fine("There is a secret by which its webhooks are known.")
        } else {
            Finding::wrong(format!(
                "No secret is known by which its webhooks would be known as the store's, so they are refused: \
                 `cloud-bridge integrations set-secret {id}` saves it."
            ))
        }
    }
}

fn of_connection(id: IntegrationId, link: &Link) -> Finding {
    let can_connect = api_of(link.provider).is_some_and(|api| api.oauth().is_some());
    let how = if link.topics.is_some() {
        "it is of an instance, which is authorised again with another code (docs/elements-api.md)".to_owned()
    } else if can_connect {
        format!("`cloud-bridge stores connect {} --integration {id}` does it", link.provider.as_str())
    } else {
        format!("`cloud-bridge integrations set-access {id}` saves a token")
    };
    match link.store_access.as_ref() {
        None if api_of(link.provider).is_none() => {
            Finding::fine("A store of this kind posts its webhooks by itself, and is not called.")
        }
        None => Finding::wrong(format!("The store is not connected: {how}.")),
        Some(access) => match access.lost {
            None => Finding::fine(match &access.store {
                Some(store) => format!("It is connected with {store}."),
                None => "It is connected.".to_owned(),
            }),
            Some(lost) => {
                let why = match lost {
                    AccessLost::Uninstalled => "the app was removed there",
                    AccessLost::Revoked => "the authorisation was taken back",
                    AccessLost::Refused => "the store does not take its token any more",
                    AccessLost::Expired => "its token ended, and could not be renewed",
                };
                Finding::wrong(format!("The store is not connected any more: {why}. Connect it again: {how}."))
            }
        },
    }
}

/// Whether a platform is asked for webhooks. Square's are made by hand, once for all sellers.
fn are_asked_for(provider: Provider) -> bool {
    api_of(provider).is_some_and(|api| api.subscriptions().is_some())
}

fn of_scopes(link: &Link) -> Option<Finding> {
    let granted = link.store_access.as_ref()?.authorization.as_ref()?;
    let missing = missing_scopes(link.provider, (link.purpose, link.topics.as_deref()), &granted.scopes).join(", ");
    (!missing.is_empty()).then(|| {
        Finding::wrong(format!(
            "The store did not allow {missing}: what needs that does not work. Connect it again, and allow it."
        ))
    })
}

fn of_webhooks(outcome: &Outcome, are_asked_for: bool) -> Vec<Finding> {
    let store = match outcome {
        Outcome::Nothing => return vec![],
        Outcome::StillDue => {
            return vec![Finding::wrong("What the store sends is still being checked: look again in a while.")];
        }
        Outcome::Done(store) => store,
    };
    if let Some(reason) = store.failure() {
        return vec![Finding::wrong(format!(
            "What the store sends could not be checked: {reason}. It is tried again by itself."
        ))];
    }
    let Some(Checked { present, missing, disabled, refused, .. }) = store.checked() else { return vec![] };
    if !are_asked_for {
        return vec![];
    }
    let is_refused = |topic: &&String| refused.iter().any(|refused| refused.topics.contains(topic));
    let made: Vec<&str> = missing.iter().filter(|topic| !is_refused(topic)).map(String::as_str).collect();
    let mut findings = vec![Finding::fine(format!("{present} of the webhooks that are needed were there."))];
    if !made.is_empty() {
        findings.push(Finding::mended(format!("Missing were {}: they were made.", made.join(", "))));
    }
    if !disabled.is_empty() {
        let disabled = disabled.join(", ");
        findings.push(Finding::mended(format!(
            "The store had stopped sending {disabled}, as it does after failures: it goes on."
        )));
    }
    findings.extend(refused.iter().map(|refused| {
        Finding::wrong(format!("The store does not send {}: {}.", refused.topics.join(", "), refused.reason))
    }));
    findings
}

/// Whether everything that the store changed has come.
fn of_comparison(comparing: &Comparing) -> Vec<Finding> {
    let mut findings = vec![];
    if let Some(failure) = &comparing.failure {
        findings.push(Finding::wrong(format!(
            "What the store changed could not be compared with what it sent: {failure}. It is tried again by itself."
        )));
    }
    let unreadable = comparing.unreadable.iter();
    findings.extend(unreadable.map(|order| {
        let UnreadableOrder { order_id, reason, .. } = order;
        Finding::wrong(format!(
            "Order {order_id} never came, and could not be read at the store: {reason}. It is tried again by itself."
        ))
    }));
    if findings.is_empty() && comparing.latest.is_some() {
        let through = comparing.through.to_rfc3339_opts(SecondsFormat::Secs, true);
        findings.push(Finding::fine(format!("What the store changed until {through} is here.")));
    }
    findings
}

fn of_catalogue(filling: &Filling) -> Option<Finding> {
    let failure = filling.failure.as_ref()?;
    Some(Finding::wrong(format!("What the store sells could not be read: {failure}. It is tried again by itself.")))
}
