//! What is sent of a dispatch: its event, as it reads now, signed for its endpoint.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use commerce::{Attempt, Profile, Raw};
use domain::endpoint::Subscription;
use event_log::{EventLog, LoadError};
use parking_lot::Mutex;
use projections::commerce::events::{CommerceEventRow, ListPosition};
use tokio::sync::OnceCell;

use crate::rendering::{self, Persons, Rendered};

/// What was read of an event is used for its other endpoints for so long: an erasure reaches what is sent later.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// Events that are remembered to be shared, beyond those in use.
const MAX_REMEMBERED: usize = 4_096;

/// Reads events for those who send them: each once for all attempts to send it that begin within a moment.
#[derive(Default)]
pub(super) struct Renderer(Mutex<HashMap<ListPosition, Weak<Shared>>>);

struct Shared {
    began: Instant,
    /// None where the log does not hold it any more.
    rendered: OnceCell<Option<Rendered>>,
}

/// An event that is read, or will be by who needs it first.
#[derive(Clone)]
pub(super) struct Reading(Arc<Shared>);

impl Reading {
    /// The event as it reads now. None where the log does not hold it any more.
    pub(super) async fn rendered(
        &self,
        log: &EventLog,
        row: &CommerceEventRow,
    ) -> Result<Option<&Rendered>, LoadError> {
        let read = self.0.rendered.get_or_try_init(|| rendering::event(log, row, Persons::Shown));
        Ok(read.await?.as_ref())
    }
}

impl Renderer {
    /// The events of these rows, read together. What cannot be read so is read by those who send it, each by itself.
    pub(super) async fn read(&self, log: &EventLog, rows: &[&CommerceEventRow]) -> Vec<Reading> {
        let readings: Vec<Reading> = rows.iter().map(|row| self.reading(row.list_position())).collect();
        let unread = rows.iter().zip(&readings).filter(|(_, reading)| !reading.0.rendered.initialized());
        let unread: BTreeMap<ListPosition, (&CommerceEventRow, &Reading)> =
            unread.map(|(row, reading)| (row.list_position(), (*row, reading))).collect();
        let (rows, unread): (Vec<_>, Vec<_>) = unread.into_values().unzip();
        if let Ok(rendered) = rendering::events(log, &rows, Persons::Shown).await {
            for (reading, rendered) in unread.into_iter().zip(rendered) {
                // Somebody was first where this fails.
                reading.0.rendered.set(rendered).ok();
            }
        }
        readings
    }

    fn reading(&self, at: ListPosition) -> Reading {
        let mut remembered = self.0.lock();
        let known = remembered.get(&at).and_then(Weak::upgrade);
        if let Some(shared) = known.filter(|shared| shared.began.elapsed() < SHARED_FOR) {
            return Reading(shared);
        }
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, shared| shared.strong_count() > 0);
        }
        let shared = Arc::new(Shared { began: Instant::now(), rendered: OnceCell::new() });
        remembered.insert(at, Arc::downgrade(&shared));
        Reading(shared)
    }
}

/// Headers and body of one attempt to send an event. None where the endpoint is set up so that nothing can be sent.
pub(crate) async fn request(
    log: &EventLog,
    subscription: &Subscription,
    Rendered { event, source }: &Rendered,
    now: DateTime<Utc>,
) -> Result<Option<(HeaderMap, Bytes)>, LoadError> {
    let Some(endpoint) = rendering::endpoint(subscription, now) else { return Ok(None) };
    let raw = match endpoint.profile {
        Profile::CloudElements { .. } => log.body(source.aggregate_type, &source.id, source.sequence).await?,
        Profile::Standard | Profile::Clione { .. } => None,
    };
    let raw = raw.map(|body| Raw::new(&body));
    let request = endpoint.message(event, raw.as_ref()).request(Attempt { id: event.id, at: now });
    Ok(Some((header_map(request.headers), request.body.into())))
}

fn header_map(headers: Vec<(String, String)>) -> HeaderMap {
    let parsed = headers
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)));
    parsed.collect()
}
