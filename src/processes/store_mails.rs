//! E-mail to an account's contact address about a store that cannot be called any more. It may come twice where this service ends
//! in the middle of it, and is never left out.

use chrono::{SecondsFormat, TimeDelta};
use domain::integration::{AccessLost, IntegrationEvent};
use event_log::recorded::{AnyEvent, Recorded};

use super::Dependencies;
use super::failure::Failure;
use super::mailing::mail_account;
use super::process_manager::{ProcessManager, handles};
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::ports::mail::Mailer;

/// After so long it is checked whether what is written is still so.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Writes to accounts about their stores.
pub(super) struct StoreMails {
    data: LogAndViews,
    links: Links,
    mailer: Mailer,
}

impl ProcessManager for StoreMails {
    const NAME: &'static str = "store_mails";

    handles! { |mails, event| {
        ("integration", "store_access_lost") AnyEvent::Integration(IntegrationEvent::StoreAccessLost { reason }) => {
            mails.write(event, *reason).await
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        let (data, links) = (needs.data.clone(), Links::new(&needs.data.log));
        Some(Self { data, links, mailer: needs.mailer.clone()? })
    }
}

impl StoreMails {
    async fn write(&self, event: &Recorded, reason: AccessLost) -> Result<(), Failure> {
        let (Some(account_id), Some(id)) = (event.account_id, event.integration_id) else { return Ok(()) };
        let Some(link) = self.links.find(id).await? else { return Ok(()) };
        let is_lost = link.store_access.as_ref().is_some_and(|access| access.lost.is_some());
        if !is_lost && self.data.now() - event.recorded_at >= LATE {
            tracing::info!(integration = %id, "not written any more that its store was lost: it was connected again since");
            return Ok(());
        }
        let why = match reason {
            AccessLost::Uninstalled => "the app was removed from it",
            AccessLost::Revoked => "the authorisation was taken back",
            AccessLost::Refused => "it does not take the access token any more",
            AccessLost::Expired => "its access token ended, and could not be renewed",
        };
        let store = link.known_store.as_deref().unwrap_or(&link.name);
        let text = format!(
            "Your store {store} cannot be called any more: {why}. Orders that it does not report are not found from now on, and \
             what its webhooks only name is not read.\n\nIntegration: {name} ({id})\nWhen: {at}\n\nConnect it again with \
             `cloud-bridge stores connect {provider} --integration {id}`; `cloud-bridge stores doctor {id}` says more.\n",
            name = link.name,
            provider = link.provider.as_str(),
            at = event.recorded_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        );
        mail_account(&self.data, &self.mailer, account_id, "Your store is not connected any more", &text).await
    }
}
