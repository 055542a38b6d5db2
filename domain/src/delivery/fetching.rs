//! Orders that are fetched: a thin webhook names an order and says nothing of it, so the order is read at the store before
//! anything is decided about it.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::{self, Jitter};
use super::{
    DecidedOn, DeliveryEvent, Order, Phase, RequeueCause, StopCause, StoreCall, Summary, Webhook, WebhookOutcome,
    revision,
};
use crate::ResolutionCode;

/// What thin webhooks have announced and nothing has read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The store's own id of the order.
    pub order_id: String,
    /// How many announcements had been made when the order was last read.
    pub read: u32,
    /// Failures to fetch it in a row.
    pub failures: u32,
    /// When it is to be fetched, whatever else the delivery waits for. None where it is not tried by itself any more.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was announced last.
    #[serde(default)]
    pub announced_at: DateTime<Utc>,
    /// How the latest try to fetch it failed, until it is requested again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LatestFailure>,
}

/// How an order could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestFailure {
    pub code: ResolutionCode,
    /// None where no access is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<StoreCall>,
}

/// Why an order could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// The store is down, slow or responds with what is no order.
    Unavailable {
        call: StoreCall,
        /// How long the store asks to be left alone.
        retry_after: Option<TimeDelta>,
    },
    /// No access to the store is saved, or the store does not take it any more.
    AccessMissing { call: Option<StoreCall> },
}

impl FetchFailure {
    pub fn code(&self) -> ResolutionCode {
        match self {
            Self::Unavailable { .. } => ResolutionCode::StoreUnavailable,
            Self::AccessMissing { .. } => ResolutionCode::StoreAccessMissing,
        }
    }
}

/// An order as its store had it when it was fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FetchedOrder {
    /// What the store says of the order, as a webhook that is not thin would have said it. The raw response lies beside the
    /// event, sealed.
    pub order: Box<Webhook>,
    pub outcome: WebhookOutcome,
    /// What differs from what was known, where it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<super::Change>,
    /// How many webhooks had ever announced it when it was fetched. What was announced since is still to be read.
    pub announcements: u32,
    pub call: StoreCall,
}

impl Order {
    /// A thin webhook. Nothing personal of an erased order is fetched again.
    pub(super) fn announce(&self, mut webhook: Box<Webhook>) -> Vec<DeliveryEvent> {
        let outcome = if self.summary.erased { WebhookOutcome::Duplicate } else { WebhookOutcome::Announced };
        // The same bytes may announce another change: BigCommerce dates them to the second, and says no more.
        if let Some(repeated) = self.received.repeat(&webhook, outcome) {
            let is_enough = self.received.is_enough(&webhook);
            return if is_enough { vec![] } else { vec![DeliveryEvent::WebhookRepeated(Box::new(repeated))] };
        }
        if self.summary.erased {
            webhook.forget_person();
        }
        vec![DeliveryEvent::WebhookReceived { webhook, outcome, changes: vec![] }]
    }

    /// The order was fetched, when so many webhooks had announced it. Where another node has read it meanwhile and no earlier,
    /// nothing happens.
    pub(super) fn record_fetched(
        &self,
        mut order: Box<Webhook>,
        announcements: u32,
        call: StoreCall,
    ) -> Vec<DeliveryEvent> {
        if self.summary.unread.as_ref().is_none_or(|unread| announcements <= unread.read) {
            return vec![];
        }
        // Which key the webhook named beside its signature, the store's API does not say.
        order.api_key = self.api_key;
        let mut changes = self.changes_by(&order);
        let outcome = if self.described || self.is_cancelled_by_person() {
            self.outcome_of(&order, &changes)
        } else {
            revision::outcome_of_first(order.intent)
        };
        if outcome == WebhookOutcome::Stale {
            changes.clear();
        }
        if outcome != WebhookOutcome::Accepted && self.summary.erased {
            order.forget_person();
        }
        let requeues = outcome == WebhookOutcome::Revised && self.is_requeued_by(&order, &changes);
        let fetched = FetchedOrder { order, outcome, changes, announcements, call };
        let requeued = requeues.then_some(DeliveryEvent::Requeued { cause: RequeueCause::Revised });
        [DeliveryEvent::OrderFetched(fetched)].into_iter().chain(requeued).collect()
    }

    /// The order could not be fetched, if that is still to be done. What the delivery itself waits for changes only where it waits for nothing else.
    pub(super) fn fail_fetch(
        &self,
        failure: FetchFailure,
        now: DateTime<Utc>,
        jitter: Jitter,
        decided_on: DecidedOn,
    ) -> Vec<DeliveryEvent> {
        let Some(unread) = self.summary.unread.as_ref().filter(|_| self.to_fetch(now).is_some()) else { return vec![] };
        let code = failure.code();
        let waits_for_order = self.is_its_turn(now) || self.waits_for_store();
        let next = schedule::next_fetch(unread.failures, now, jitter);
        let (call, retry_at) = match failure {
            FetchFailure::Unavailable { call, retry_after } => {
                (Some(call), next.map(|next| schedule::no_sooner_than_asked(next, retry_after, now)))
            }
            // Saving one wakes what waits for it. What rests goes on trying by itself.
            FetchFailure::AccessMissing { call } => (call, next.filter(|_| !waits_for_order)),
        };
        let is_access = code == ResolutionCode::StoreAccessMissing;
        let ends = match (waits_for_order, retry_at) {
            (true, _) if is_access => {
                let decided_on = Some(decided_on);
                Some(DeliveryEvent::ActionRequired { code, call: None, assets: vec![], decided_on })
            }
            (true, Some(due_at)) => Some(DeliveryEvent::RetryScheduled { code, due_at, call: None }),
            (true, None) => Some(DeliveryEvent::FailedPermanently { code, call: None }),
            (false, Some(_)) => None,
            (false, None) => Some(DeliveryEvent::OrderFetchGivenUp { code }),
        };
        let decided_on = (is_access && !waits_for_order).then_some(decided_on);
        let failed = DeliveryEvent::OrderFetchFailed { call, retry_at, code: Some(code), decided_on };
        [failed].into_iter().chain(ends).collect()
    }

    /// What was missing is there: the delivery goes on that waited for it, and so does the fetching of an order whose delivery
    /// waits for something else, or for nothing.
    pub(super) fn release(&self, cause: ResolutionCode) -> Vec<DeliveryEvent> {
        if self.summary.phase == (Phase::ActionRequired { code: cause }) {
            return vec![DeliveryEvent::Requeued { cause: RequeueCause::Fixed { code: cause } }];
        }
        let is_why = self.fetch_failure().is_some_and(|failure| failure.code == cause);
        if is_why { vec![DeliveryEvent::OrderFetchRequested { fixed: Some(cause) }] } else { vec![] }
    }

    /// A person wants the order fetched whose delivery needs nothing else.
    pub(super) fn request_fetch(&self) -> Option<DeliveryEvent> {
        self.fetch_failure().map(|_| DeliveryEvent::OrderFetchRequested { fixed: None })
    }

    fn fetch_failure(&self) -> Option<&LatestFailure> {
        self.summary.unread.as_ref()?.failure.as_ref()
    }

    fn waits_for_store(&self) -> bool {
        self.summary.resolution_code() == Some(ResolutionCode::StoreUnavailable) && self.summary.phase.until().is_some()
    }

    /// Whether a worker may take the delivery up: the order is the next thing that it needs.
    fn is_its_turn(&self, now: DateTime<Utc>) -> bool {
        match &self.summary.phase {
            Phase::Queued => true,
            Phase::RetryScheduled { due_at, .. } => *due_at <= now,
            // What is to end is ended first.
            Phase::Running(lease) => lease.until <= now && matches!(lease.stop, None | Some(StopCause::Revised)),
            Phase::Filtered
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => false,
        }
    }

    /// Whether the order is to be fetched at `now`, and how many webhooks have announced it.
    pub fn to_fetch(&self, now: DateTime<Utc>) -> Option<u32> {
        self.summary.unread.as_ref()?;
        let is_due = self.summary.fetch_due_at().is_some_and(|due_at| due_at <= now);
        (is_due || self.is_its_turn(now)).then_some(self.summary.announcements)
    }
}

impl Summary {
    /// Whether, once the delivery is due, its order is read at the store before anything else is done: what
    /// [`Order::to_fetch`] says of a moment.
    pub fn is_read_next(&self) -> bool {
        self.unread.is_some()
            && match &self.phase {
                // What is to end is ended first.
                Phase::Running(lease) => matches!(lease.stop, None | Some(StopCause::Revised)),
                Phase::Queued
                | Phase::RetryScheduled { .. }
                | Phase::Filtered
                | Phase::ActionRequired { .. }
                | Phase::Completed
                | Phase::FailedPermanently { .. }
                | Phase::Cancelled(_) => true,
            }
    }

    /// When the order is to be fetched, where that does not wait for the delivery's own turn: what a worker holds comes to
    /// its end first, and what is queued is read when it is taken up.
    pub fn fetch_due_at(&self) -> Option<DateTime<Utc>> {
        let due_at = self.unread.as_ref()?.due_at;
        due_at.filter(|_| !matches!(self.phase, Phase::Queued | Phase::Running(_)))
    }

    pub(super) fn apply_announced(&mut self, order_id: &str, at: DateTime<Utc>) {
        let read = self.unread.as_ref().map_or(self.announcements, |unread| unread.read);
        self.announcements = self.announcements.saturating_add(1);
        let order_id = order_id.to_owned();
        self.unread = Some(Unread { order_id, read, failures: 0, due_at: Some(at), announced_at: at, failure: None });
        if let Phase::Running(lease) = &mut self.phase {
            lease.stop.get_or_insert(StopCause::Revised);
        }
    }

    pub(super) fn apply_fetched(&mut self, fetched: &FetchedOrder) {
        let FetchedOrder { order, outcome, changes, announcements, call: _ } = fetched;
        let is_more_announced = self.announcements > *announcements;
        let unread = self.unread.take().filter(|_| is_more_announced);
        self.unread = unread.map(|unread| Unread { read: *announcements, failure: None, ..unread });
        self.reason.store_call = None;
        if let Phase::RetryScheduled { code, .. } | Phase::ActionRequired { code } = &self.phase
            && code.is_of_store()
        {
            self.phase = Phase::Queued;
        }
        self.apply_webhook(order, *outcome, changes);
    }

    pub(super) fn apply_fetch_failed(
        &mut self,
        call: Option<&StoreCall>,
        retry_at: Option<DateTime<Utc>>,
        code: Option<ResolutionCode>,
    ) {
        if let Some(unread) = &mut self.unread {
            unread.failures = unread.failures.saturating_add(1);
            unread.due_at = retry_at;
            unread.failure = Some(LatestFailure { code: code.unwrap_or_else(|| code_of(call)), call: call.cloned() });
        }
        self.reason.store_call = call.cloned();
    }

    /// Due since it was announced: what was fixed, or who requests it, begins the schedule from its first delay.
    pub(super) fn apply_fetch_requested(&mut self) {
        if let Some(unread) = &mut self.unread {
            unread.failures = 0;
            unread.due_at = Some(unread.announced_at);
            unread.failure = None;
        }
    }

    /// It is fetched once the delivery is taken up.
    pub(super) fn apply_fetch_awaits_its_turn(&mut self) {
        if let Some(unread) = &mut self.unread {
            unread.failure = None;
        }
    }

    /// What was announced of the order and could not be fetched, where the delivery waits for something else, or for nothing:
    /// where it waits for the order, its status says so.
    pub fn unread_change(&self) -> Option<(&Unread, &LatestFailure)> {
        let unread = self.unread.as_ref()?;
        let is_said = self.resolution_code().is_some_and(ResolutionCode::is_of_store);
        unread.failure.as_ref().filter(|_| !is_said).map(|failure| (unread, failure))
    }
}

/// Why an order could not be fetched, where the event does not say: without access there is no call, or one that is refused.
fn code_of(call: Option<&StoreCall>) -> ResolutionCode {
    let is_refused = call.is_none_or(|call| matches!(call.status, Some(401 | 403)));
    if is_refused { ResolutionCode::StoreAccessMissing } else { ResolutionCode::StoreUnavailable }
}
