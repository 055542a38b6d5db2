//! Which endpoints are to be seen to now, and which later.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use domain::EndpointId;

#[derive(Default)]
pub(super) struct Agenda {
    /// Endpoints for which something may be sent now, each once.
    active: VecDeque<EndpointId>,
    is_active: HashSet<EndpointId>,
    /// When an endpoint becomes active by itself, each once.
    wake: BTreeSet<(DateTime<Utc>, EndpointId)>,
    wakes_at: HashMap<EndpointId, DateTime<Utc>>,
}

impl Agenda {
    pub(super) fn activate(&mut self, endpoint_id: EndpointId) {
        if self.is_active.insert(endpoint_id) {
            self.active.push_back(endpoint_id);
        }
    }

    /// Activates these before the others, in this order.
    pub(super) fn activate_first(&mut self, endpoints: Vec<EndpointId>) {
        for endpoint_id in endpoints.into_iter().rev() {
            if self.is_active.insert(endpoint_id) {
                self.active.push_front(endpoint_id);
            }
        }
    }

    /// Those that are active, which they are no more then.
    pub(super) fn take_active(&mut self) -> VecDeque<EndpointId> {
        self.is_active.clear();
        std::mem::take(&mut self.active)
    }

    pub(super) fn wake_at(&mut self, at: DateTime<Utc>, endpoint_id: EndpointId) {
        if let Some(before) = self.wakes_at.insert(endpoint_id, at) {
            self.wake.remove(&(before, endpoint_id));
        }
        self.wake.insert((at, endpoint_id));
    }

    /// When the first becomes active by itself.
    pub(super) fn wakes_next_at(&self) -> Option<DateTime<Utc>> {
        self.wake.first().map(|(at, _)| *at)
    }

    /// Activates those whose moment has come.
    pub(super) fn wake_up(&mut self, now: DateTime<Utc>) {
        while let Some((at, endpoint_id)) = self.wake.first().copied()
            && at <= now
        {
            self.wake.remove(&(at, endpoint_id));
            self.wakes_at.remove(&endpoint_id);
            self.activate(endpoint_id);
        }
    }
}
