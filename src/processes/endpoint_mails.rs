//! E-mail to an account's contact address about an endpoint that cannot be reached. It may come twice where this service ends
//! in the middle of it, and is never left out.

use chrono::TimeDelta;
use domain::endpoint::{DisableCause, Endpoint, EndpointEvent, RetryPolicy};
use event_log::recorded::{AnyEvent, Recorded};

use super::Dependencies;
use super::failure::Failure;
use super::mailing::mail_account;
use super::process_manager::{ProcessManager, handles};
use crate::app::log_and_views::LogAndViews;
use crate::ports::mail::Mailer;

/// After so long it is looked at whether what is written is still so.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Writes to accounts about their endpoints.
pub(super) struct EndpointMails {
    data: LogAndViews,
    mailer: Mailer,
}

impl ProcessManager for EndpointMails {
    const NAME: &'static str = "endpoint_mails";

    handles! { |mails, event| {
        ("endpoint", "endpoint_failing")
        AnyEvent::Endpoint(EndpointEvent::EndpointFailing { percent, failures, limit, reason, .. }) => {
            let then = match mails.policy(event).await? {
                RetryPolicy::Standard => "it is degraded: one event is tried every five minutes, and the others wait",
                RetryPolicy::CloudElements | RetryPolicy::CloudElementsFive => "it is disabled: its events wait until you resume it",
                // It was changed since.
                RetryPolicy::Queue => "nothing follows: what cannot be sent is kept for you to replay",
            };
            let what = format!(
                "An event could not be sent to it {failures} times in a row, {percent} % of the way to {limit}. At {limit} {then}."
            );
            mails.write(event, "Your endpoint does not respond as it should", &what, reason.as_deref()).await
        },
        ("endpoint", "endpoint_degraded")
        AnyEvent::Endpoint(EndpointEvent::EndpointDegraded { failures, reason, .. }) => {
            let what = format!(
                "An event could not be sent to it {failures} times in a row. It is degraded: one event is tried every five \
                 minutes, the others wait, and go on as soon as one succeeds, or you resume it."
            );
            mails.write(event, "Your endpoint is degraded", &what, reason.as_deref()).await
        },
        ("endpoint", "endpoint_disabled")
        AnyEvent::Endpoint(EndpointEvent::EndpointDisabled { cause, reason }) => {
            let why = match cause {
                DisableCause::Gone => "It responded with 410, which says that it wants nothing any more.",
                DisableCause::FailurePolicy => "An event could not be sent to it, and its retries are used up.",
            };
            let what = format!("{why} It is disabled: its events wait until you resume it.");
            mails.write(event, "Your endpoint is disabled", &what, reason.as_deref()).await
        },
        ("endpoint", "endpoint_recovered") AnyEvent::Endpoint(EndpointEvent::EndpointRecovered {}) => {
            mails.write(event, "Your endpoint works again", "An event reached it, and what waited is sent.", None).await
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { data: needs.data.clone(), mailer: needs.mailer.clone()? })
    }
}

impl EndpointMails {
    async fn policy(&self, event: &Recorded) -> Result<RetryPolicy, Failure> {
        let endpoint = self.data.log.current::<Endpoint>(&event.aggregate_id).await?;
        let subscription = endpoint.aggregate.subscription();
        Ok(subscription.map_or(RetryPolicy::Standard, |subscription| subscription.settings.retry_policy()))
    }

    /// Whether it is about a failing that is over, and came too late to be written of: the mail server was away.
    async fn is_over(&self, event: &Recorded) -> Result<bool, Failure> {
        let is_of_failing = matches!(
            event.event,
            AnyEvent::Endpoint(EndpointEvent::EndpointFailing { .. } | EndpointEvent::EndpointDegraded { .. })
        );
        if !is_of_failing || self.data.now() - event.recorded_at < LATE {
            return Ok(false);
        }
        let endpoint = self.data.log.current::<Endpoint>(&event.aggregate_id).await?;
        Ok(endpoint.aggregate.subscription().is_none_or(|subscription| !subscription.is_failing()))
    }

    async fn write(&self, event: &Recorded, subject: &str, what: &str, reason: Option<&str>) -> Result<(), Failure> {
        let Some(account_id) = event.account_id else { return Ok(()) };
        if self.is_over(event).await? {
            tracing::info!(endpoint = event.aggregate_id, "not written any more that it failed: it has worked since");
            return Ok(());
        }
        let endpoint = self.data.log.current::<Endpoint>(&event.aggregate_id).await?;
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(()) };
        let reason = reason.map(|reason| format!("Why: {reason}\n")).unwrap_or_default();
        let text = format!(
            "{what}\n\nEndpoint: {id}\nURL: {url}\n{reason}When: {at}\n\nSee it with `cloud-bridge endpoints show {id}` or in \
             the API.\n",
            id = event.aggregate_id,
            url = subscription.settings.url_without_query(),
            at = event.recorded_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        );
        mail_account(&self.data, &self.mailer, account_id, subject, &text).await
    }
}
