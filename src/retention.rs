//! Personal data is kept no longer than an account says: what is over for so many days is erased by itself.
//!
//! Every node looks at the clock and at the views, and the delivery itself decides: that several nodes do the same at once
//! does no harm.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Account;
use domain::delivery::ErasureCause;
use projections::accounts;
use projections::delivery_log;
use projections::delivery_log::personal;
use projections::notices::{Filter, KeptNotice};
use tokio::sync::{Notify, watch};

use crate::erasure::{self, ErasureError, notices};
use crate::event_log::{Actor, CommandError};
use crate::service::{Service, VIEWS_TIMEOUT};

/// How often it is looked. Nobody sets less than a day.
const LOOK_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long nothing is erased for its age after the clock was set forward: by then one that was wrong is right again.
const STEADY_FOR: TimeDelta = TimeDelta::hours(1);
const UNTRUSTED_LOOK_EVERY: TimeDelta = TimeDelta::minutes(1);
/// When something stood in the way.
const RETRY_AFTER: Duration = Duration::from_secs(10);
const ACCOUNTS_AT_ONCE: i64 = 100;
/// How long a store's question about a customer is kept at least: what the law gives the merchant to answer.
const DAYS_TO_ANSWER: TimeDelta = TimeDelta::days(30);
/// Deliveries that are erased before it yields to webhooks again.
const DELIVERIES_AT_ONCE: i64 = 200;

/// How far a node has erased what was kept for long enough.
pub struct Retention {
    wanted: Notify,
    looked: watch::Sender<i64>,
    distrusts: watch::Sender<bool>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { wanted: Notify::new(), looked: watch::Sender::new(0), distrusts: watch::Sender::new(false) }
    }
}

impl Retention {
    /// Has it looked before its time: an account has set another bound.
    pub(crate) fn look_soon(&self) {
        self.wanted.notify_one();
    }

    /// When the latest look began that came to its end, in microseconds since 1970. What was kept for too long then is
    /// erased, in the files of the databases too.
    pub fn looked(&self) -> watch::Receiver<i64> {
        self.looked.subscribe()
    }

    /// Whether it waits because the clock was set forward.
    pub fn distrusts(&self) -> watch::Receiver<bool> {
        self.distrusts.subscribe()
    }
}

/// Runs until it is dropped.
pub(crate) async fn follow(service: &Service) {
    loop {
        let began = service.clock.now();
        if !service.clock.is_steady_for(STEADY_FOR) {
            if !service.retention.distrusts.send_replace(true) {
                tracing::warn!("the clock was set forward: for an hour nothing is erased for its age");
            }
            service.clock.sleep_until(began + UNTRUSTED_LOOK_EVERY).await;
            continue;
        }
        service.retention.distrusts.send_replace(false);
        match look(service, began).await {
            Ok(()) => {
                service.retention.looked.send_replace(began.timestamp_micros());
                tokio::select! {
                    () = service.clock.sleep_until(began + LOOK_EVERY) => {}
                    () = service.retention.wanted.notified() => {}
                }
            }
            Err(error) => {
                // After a start the views may have a while to catch up, which is nothing to be warned of.
                if matches!(error, ErasureError::ViewsBehind) {
                    tracing::debug!(%error, "it is looked again soon");
                } else {
                    tracing::warn!(%error, "what was kept for long enough cannot be erased yet");
                }
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Erases what is too old as of a moment, account by account.
async fn look(service: &Service, now: DateTime<Utc>) -> Result<(), ErasureError> {
    // A view that is behind may call old what the store has just sent again.
    let newest = service.log.newest().await?;
    if !service.projector.wait_for(&[accounts::VIEW, delivery_log::VIEW], newest, VIEWS_TIMEOUT).await {
        return Err(ErasureError::ViewsBehind);
    }
    let mut after = 0;
    let mut erased = 0;
    loop {
        let accounts = accounts::with_retention(&service.views, after, ACCOUNTS_AT_ONCE).await?;
        let Some(last) = accounts.last() else { break };
        after = last.listed_at;
        for account in &accounts {
            erased += erase_old(service, &account.id, now).await?;
        }
    }
    if erased > 0 {
        service.traces.wait_until_cleared().await;
        tracing::info!(erased, "what was kept for long enough was erased");
    }
    Ok(())
}

/// Erases what is too old of one account, a page at a time, and returns how many deliveries and other webhooks that were.
async fn erase_old(service: &Service, account_id: &str, now: DateTime<Utc>) -> Result<usize, ErasureError> {
    // The view says whom to look at; how long is for the account itself to say.
    let account = service.log.load::<Account>(account_id).await?.aggregate;
    let Some(days) = account.merchant().and_then(|merchant| merchant.retention_days) else { return Ok(0) };
    let until = (now - TimeDelta::days(days.into())).timestamp_micros();
    let of_account =
        Filter { account_id: Some(account_id.to_owned()), received_until: Some(until), ..Filter::default() };
    // Without the request the merchant could not answer it any more.
    let answerable_since = (now - DAYS_TO_ANSWER).timestamp_micros();
    let keep = |row: &KeptNotice| notices::is_data_request(row) && row.received_at > answerable_since;
    let mut erased = notices::erase_all(service, &of_account, &Actor::System.into(), keep).await?;
    let mut after = (0, 0);
    loop {
        service.log.yield_to_webhooks().await;
        let rows = personal::kept_since(&service.views, account_id, until, after, DELIVERIES_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(erased) };
        after = (last.kept_since.unwrap_or(until), last.listed_at);
        match erasure::erase(service, &rows, ErasureCause::Retention, |_| Actor::System.into()).await {
            Ok(number) => erased += number,
            // One that cannot be read must not keep all the others; it is tried again with the next look.
            Err(ErasureError::Delivery(error @ CommandError::Broken(_))) => {
                tracing::error!(%error, account = account_id, "a delivery cannot be erased");
            }
            Err(error) => return Err(error),
        }
    }
}
