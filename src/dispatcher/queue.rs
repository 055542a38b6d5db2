//! The queue as far as it is in memory: a lane for each endpoint to which something is to be sent, filled from the view.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::dispatch::{Dispatch, DispatchCommand, SkipCause};
use domain::endpoint::{Endpoint, PROBE_INTERVAL, Subscription};
use domain::{DispatchId, EndpointId};
use event_log::{Actor, CommandError, Position};
use projections::commerce::events::ListPosition;
use projections::commerce::queue::{self, News, QueuedDispatch};
use projections::commerce::{self};

use super::attempt::Sent;
use super::lane::{Done, Ended, Lane};
use crate::app::log_and_views::LogAndViews;

/// Dispatches that are read at a time.
const PAGE: usize = 500;
/// Dispatches about one object that are read at a time, after one of them.
const PAGE_BEHIND: usize = 50;
/// Endpoints with more in the queue than fits in memory that are left out where changes are read.
const MAX_LEFT_OUT: usize = 100;
/// Dispatches whose moment has come that are read at a time where there is no room.
const FEW: usize = 16;
/// When one is tried again whose attempt ended in a panic.
const PANIC_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);

pub(super) struct Queue {
    data: LogAndViews,
    lanes: HashMap<EndpointId, Lane>,
    /// How far the changes were read. None where this node does not send.
    news: Option<News>,
    /// What the view had come to when all of them were.
    seen: Position,
    has_more: bool,
    /// Where the log was when this node began to send: what was sent before is known once the view is there.
    began_at: Option<Position>,
    done: Done,
}

impl Queue {
    pub(super) fn new(data: LogAndViews) -> Self {
        let done = Done::default();
        let lanes = HashMap::new();
        Self { data, lanes, news: None, seen: Position::START, has_more: false, began_at: None, done }
    }

    pub(super) fn is_open(&self) -> bool {
        self.news.is_some()
    }

    /// Begins to read. False where the view is not as far as the log was when this was called first.
    pub(super) async fn open(&mut self) -> anyhow::Result<bool> {
        if self.data.projector.of_other_log().contains(&commerce::VIEW) {
            return Ok(false);
        }
        let began_at = match self.began_at {
            Some(began_at) => began_at,
            None => *self.began_at.insert(self.data.log.newest().await?),
        };
        let shown = self.data.projector.position(commerce::VIEW);
        if shown < began_at {
            return Ok(false);
        }
        (self.news, self.seen) = (Some(News::since(shown)), shown);
        for endpoint_id in queue::endpoints(&self.data.views).await? {
            self.lanes.insert(endpoint_id, Lane::new(false));
        }
        Ok(true)
    }

    pub(super) fn shut(&mut self) {
        *self = Self::new(self.data.clone());
    }

    pub(super) fn endpoints(&self) -> Vec<EndpointId> {
        self.lanes.keys().copied().collect()
    }

    pub(super) fn lane(&mut self, endpoint_id: EndpointId) -> Option<&mut Lane> {
        self.lanes.get_mut(&endpoint_id)
    }

    /// Where the event is that is sent next to an endpoint, if there is one.
    pub(super) fn next_at(&self, endpoint_id: EndpointId) -> Option<ListPosition> {
        self.lanes.get(&endpoint_id)?.next_at()
    }

    /// Whether more has changed than was read at once.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Reads what changed in the view, some at a time, and returns the endpoints that it is about.
    pub(super) async fn read_news(&mut self, now: DateTime<Utc>) -> anyhow::Result<Vec<EndpointId>> {
        let shown = self.data.projector.position(commerce::VIEW);
        let Some(mut news) = self.news.clone().filter(|_| shown != self.seen) else { return Ok(vec![]) };
        let mut changed: Vec<EndpointId> = vec![];
        // What such a lane has no room for is read again in any case.
        let unread = self.lanes.iter().filter(|(_, lane)| !lane.is_read());
        let unread: Vec<String> = unread.take(MAX_LEFT_OUT).map(|(id, _)| id.to_string()).collect();
        let rows = queue::news(&self.data.views, &news, &unread, as_limit(PAGE)).await?;
        self.has_more = rows.len() == PAGE;
        for row in rows {
            news = News::after(&row);
            let Ok(endpoint_id) = row.endpoint_id.parse() else { continue };
            let is_ordered = self.is_ordered(endpoint_id).await?;
            // Where there is no lane, nothing else is to be sent.
            let lane = self.lanes.entry(endpoint_id).or_insert_with(|| Lane::new(true));
            lane.offer(row, is_ordered, (&self.done, now));
            if changed.last() != Some(&endpoint_id) {
                changed.push(endpoint_id);
            }
        }
        if self.has_more {
            self.news = Some(news);
            return Ok(changed);
        }
        // Rows that were left out come before it too.
        self.news = Some(news.max(News::since(shown)));
        self.seen = shown;
        self.done.forget_shown(shown);
        Ok(changed)
    }

    async fn is_ordered(&self, endpoint_id: EndpointId) -> anyhow::Result<bool> {
        let endpoint = self.data.log.current::<Endpoint>(endpoint_id).await?;
        let subscription: Option<&Subscription> = endpoint.aggregate.subscription();
        Ok(subscription.is_some_and(|subscription| subscription.settings.ordered))
    }

    /// Reads what the lane has room for.
    pub(super) async fn fill(
        &mut self,
        endpoint_id: EndpointId,
        (is_ordered, is_degraded): (bool, bool),
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(lane) = self.lanes.get_mut(&endpoint_id) else { return Ok(()) };
        let (views, done) = (&self.data.views, &self.done);
        lane.order(is_ordered);
        lane.begin_again();
        for first in lane.take_to_read_behind() {
            let rows = queue::behind(views, &first, as_limit(PAGE_BEHIND)).await?;
            let is_all = rows.len() < PAGE_BEHIND;
            lane.read_behind(&first, rows, is_all, (done, now));
        }
        let at_most = if lane.has_ready() { lane.room().min(PAGE) } else { lane.room().clamp(FEW, PAGE) };
        let mut due = lane.due(now, at_most);
        if due.is_empty() && is_degraded && lane.pace().not_before(None, true, PROBE_INTERVAL, now).is_none() {
            due.extend(lane.probe());
        }
        if !due.is_empty() {
            let ids: Vec<String> = due.iter().map(|(id, _)| id.clone()).collect();
            lane.read_due(&due, queue::find(views, &ids).await?);
        }
        while lane.is_to_be_filled() {
            let limit = lane.room().min(PAGE);
            let rows = queue::of_endpoint(views, endpoint_id, lane.read_to(), as_limit(limit)).await?;
            let is_all = rows.len() < limit;
            lane.read(rows, is_all, is_ordered, (done, now));
        }
        if lane.is_idle(now) {
            self.lanes.remove(&endpoint_id);
        }
        Ok(())
    }

    /// Takes note of what became of one that was being sent.
    pub(super) fn ended(&mut self, endpoint_id: EndpointId, row: &QueuedDispatch, sent: &Sent, now: DateTime<Utc>) {
        if let Some(position) = sent.recorded_at {
            self.done.insert(row.dispatch_id.clone(), position, sent.ended);
        }
        if let Some(lane) = self.lanes.get_mut(&endpoint_id) {
            lane.ended(row, sent.ended, sent.has_failed, now);
        }
    }

    pub(super) fn panicked(&mut self, endpoint_id: EndpointId, row: &QueuedDispatch, now: DateTime<Utc>) {
        if let Some(lane) = self.lanes.get_mut(&endpoint_id) {
            let ended = Ended::Waits { until: now + PANIC_AGAIN_AFTER, attempts: row.attempts };
            lane.ended(row, ended, true, now);
        }
    }

    /// Nothing is sent to it at present: what waits is left to the view.
    pub(super) fn unload(&mut self, endpoint_id: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint_id) {
            lane.read_again();
            lane.begin_again();
        }
    }

    /// Of an endpoint that was deleted: the view took out of the queue what was in it, and what was being sent in that moment is
    /// taken out here.
    pub(super) async fn close(&mut self, endpoint_id: EndpointId, name: &str) -> anyhow::Result<()> {
        self.lanes.remove(&endpoint_id);
        for row in queue::of_endpoint(&self.data.views, endpoint_id, None, as_limit(PAGE)).await? {
            let id: DispatchId = row.dispatch_id.parse()?;
            let skip = DispatchCommand::Skip { cause: SkipCause::EndpointDeleted };
            let origin = Actor::Worker(name.to_owned()).because_of(row.event.position);
            match self.data.log.execute::<Dispatch>(id, skip, origin).await {
                Ok(_) | Err(CommandError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn as_limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
