//! Personal data is kept no longer than an account says: what is over for so many days is erased by itself.
//!
//! The clock and the views say what may be too old, and the delivery itself decides: that a node reads again what another
//! has erased does no harm. When it is polled is for `processes/retention.rs` to say.
//!
//! `delivery_log.kept_since` says since when a delivery that is over has held something personal; the index over it makes the
//! hourly search short.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Account;
use domain::delivery::ErasureCause;
use projections::accounts;
use projections::delivery_log;
use projections::delivery_log::personal;
use projections::notices::{Filter, KeptNotice};
use tokio::sync::watch;

use crate::app::data_requests::TIME_TO_ANSWER;
use crate::app::erasure::{self, Erasure, ErasureError, notices};
use crate::app::log_and_views::VIEWS_TIMEOUT;
use event_log::{Actor, CommandError, Position};

/// How long nothing is erased for its age after the clock was set forward: by then one that was wrong is right again.
const STEADY_FOR: TimeDelta = TimeDelta::hours(1);
const ACCOUNTS_AT_ONCE: i64 = 100;
/// Deliveries that are erased before it yields to webhooks again.
const DELIVERIES_AT_ONCE: i64 = 200;

/// How far this node has erased what was kept for long enough. Of several nodes, one does.
pub struct Sweeper {
    erasure: Erasure,
    polled: watch::Sender<i64>,
    distrusts: watch::Sender<bool>,
}

impl Sweeper {
    pub(crate) fn new(erasure: Erasure) -> Self {
        Self { erasure, polled: watch::Sender::new(0), distrusts: watch::Sender::new(false) }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.erasure.data.now()
    }

    /// When the latest sweep began that came to its end, in microseconds since 1970. What was kept for too long then is
    /// erased, in the files of the databases too.
    pub fn polled(&self) -> watch::Receiver<i64> {
        self.polled.subscribe()
    }

    /// Whether it waits because the clock was set forward.
    pub fn distrusts(&self) -> watch::Receiver<bool> {
        self.distrusts.subscribe()
    }

    /// Erases what is too old as of a moment, unless the clock that says so was set forward.
    pub(super) async fn sweep(&self, began: DateTime<Utc>) -> Result<Sweep, ErasureError> {
        if !self.erasure.data.clock().is_steady_for(STEADY_FOR) {
            if !self.distrusts.send_replace(true) {
                tracing::warn!("the clock was set forward: for an hour nothing is erased for its age");
            }
            return Ok(Sweep::ClockDistrusted);
        }
        self.distrusts.send_replace(false);
        erase_too_old(&self.erasure, began).await?;
        self.polled.send_replace(began.timestamp_micros());
        Ok(Sweep::Done)
    }
}

/// What a sweep came to.
pub(crate) enum Sweep {
    /// What was kept for too long is erased.
    Done,
    /// Nothing was erased, because the clock was set forward.
    ClockDistrusted,
}

/// Erases what is too old as of a moment, account by account.
async fn erase_too_old(erasure: &Erasure, now: DateTime<Utc>) -> Result<(), ErasureError> {
    // A view that is behind may call old what the store has just sent again.
    let newest = erasure.data.log.newest().await?;
    if !erasure.data.projector.wait_for(&[accounts::VIEW, delivery_log::VIEW], newest, VIEWS_TIMEOUT).await {
        return Err(ErasureError::ViewsBehind);
    }
    let mut after = Position::START;
    let mut erased = 0;
    loop {
        let accounts = accounts::with_retention(&erasure.data.views, after, ACCOUNTS_AT_ONCE).await?;
        let Some(last) = accounts.last() else { break };
        after = last.listed_at;
        for account in &accounts {
            erased += erase_old(erasure, &account.id, now).await?;
        }
    }
    if erased > 0 {
        erasure.traces.wait_until_cleared().await;
        tracing::info!(erased, "what was kept for long enough was erased");
    }
    Ok(())
}

/// Erases what is too old of one account, a page at a time, and returns how many deliveries and other webhooks that were.
async fn erase_old(erasure: &Erasure, account_id: &str, now: DateTime<Utc>) -> Result<usize, ErasureError> {
    // The view says whose to read; how long is for the account itself to say.
    let account = erasure.data.log.load::<Account>(account_id).await?.aggregate;
    let Some(days) = account.merchant().and_then(|merchant| merchant.retention_days) else { return Ok(0) };
    let until = (now - TimeDelta::days(days.into())).timestamp_micros();
    let of_account =
        Filter { account_id: Some(account_id.to_owned()), received_until: Some(until), ..Filter::default() };
    // Without the request the merchant could not answer it any more.
    let answerable_since = (now - TIME_TO_ANSWER).timestamp_micros();
    let keep = |row: &KeptNotice| notices::is_data_request(row) && row.received_at > answerable_since;
    let mut erased = notices::erase_all(erasure, &of_account, &Actor::System.into(), keep).await?;
    let mut after = (0, Position::START);
    loop {
        erasure.data.log.yield_to_webhooks().await;
        let rows = personal::kept_since(&erasure.data.views, account_id, until, after, DELIVERIES_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(erased) };
        after = (last.kept_since.unwrap_or(until), last.listed_at);
        match erasure::erase(erasure, &rows, ErasureCause::Retention, |_| Actor::System.into()).await {
            Ok(number) => erased += number,
            // One that cannot be read must not keep all the others; it is tried again with the next sweep.
            Err(ErasureError::Delivery(error @ CommandError::Broken { .. })) => {
                tracing::error!(%error, account = account_id, "a delivery cannot be erased");
            }
            Err(error) => return Err(error),
        }
    }
}
