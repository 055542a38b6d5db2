//! What an operator's tools ask: is it alive, is it ready, how is it doing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use domain::endpoint::EndpointStatus;
use projections::View;
use projections::delivery_log::due_deliveries;
use projections::{commerce, endpoints};
use serde_json::json;
use strum::IntoEnumIterator as _;

use crate::app::disks::{Probe, room_on_disk_of};
use crate::app::log_and_views::LogAndViews;
use crate::metrics::Metrics;
use crate::processes::Processes;
use crate::tasks::Tasks;
use event_log::progress::Progress;

/// How long the writer of the log may take for a batch before webhooks are better sent elsewhere.
const WRITER_TIMEOUT: Duration = Duration::from_secs(1);

/// What is looked at to say how the service is doing.
pub(crate) struct Operations {
    pub(crate) data: LogAndViews,
    pub(crate) processes: Arc<Processes>,
    /// Whether the queue goes on.
    pub(crate) working: Progress,
    /// Whether orders are read at their stores.
    pub(crate) reading: Progress,
    pub(crate) reading_published: Progress,
    pub(crate) at_stores: Progress,
    /// Whether events are sent.
    pub(crate) dispatching: Progress,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: Tasks,
    /// Whether log and views could be written.
    pub(crate) log_probe: Probe,
    pub(crate) views_probe: Probe,
}

/// The process runs.
pub(super) async fn health(State(operations): State<Arc<Operations>>) -> Response {
    let timestamp = operations.data.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    Json(json!({ "status": "healthy", "timestamp": timestamp })).into_response()
}

/// Webhooks can be stored now, and what follows them gets on. That views lag is shown and does not make the service unready: stores must not
/// be turned away because a chart is late.
pub(super) async fn ready(State(operations): State<Arc<Operations>>) -> Response {
    let now = operations.data.now();
    let (log, views) = tokio::join!(
        operations.log_probe.is_writable(operations.data.log.probe_write(now)),
        operations.views_probe.is_writable(operations.data.views.probe_write(now.timestamp_micros()))
    );
    // A probe goes another way than what stores are waiting for.
    let log = log && operations.data.log.writing_for() < WRITER_TIMEOUT;
    let stopping = operations.tasks.is_stopping();
    let still = standing_still(&operations);
    let ready = log && views && still.is_empty() && !stopping;
    let rebuilt: Vec<&str> = operations.data.projector.of_other_log().into_iter().map(|view| view.name).collect();
    // What is parked is kept and tried again, and keeps no webhook from being stored.
    let parked: BTreeMap<&str, i64> = operations.processes.parked().filter(|(_, parked)| *parked > 0).collect();
    let word = |writable: bool| if writable { "writable" } else { "not writable" };
    let room = |file: Option<&Path>| {
        file.and_then(room_on_disk_of).map(|room| json!({ "freeBytes": room.free_bytes, "nearlyFull": room.is_low }))
    };
    let body = Json(json!({
        "ready": ready,
        "log": word(log),
        "views": word(views),
        "disks": { "log": room(operations.data.log.file()), "views": room(operations.data.views.file()) },
        "standingStill": still,
        "parkedEvents": parked,
        "rebuiltForThisLog": rebuilt,
        "stopping": stopping,
        "projectorLag": operations.data.projector.lag(),
        "appendsWaiting": operations.data.log.waiting(),
    }));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body).into_response();
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// What does not get on with what it has to do: views, process managers, or the queues of deliveries.
fn standing_still(operations: &Operations) -> Vec<&'static str> {
    let views = operations.data.projector.standing_still().into_iter().map(|view| view.name);
    let queues = [&operations.working, &operations.reading, &operations.reading_published, &operations.at_stores];
    let queue = queues.into_iter().any(Progress::stands_still).then_some("queue");
    let dispatcher = operations.dispatching.stands_still().then_some("dispatcher");
    views.chain(operations.processes.standing_still()).chain(queue).chain(dispatcher).collect()
}

/// For Prometheus.
pub(super) async fn metrics(State(operations): State<Arc<Operations>>) -> Response {
    // Asked for now, so that a view that stands still is seen to fall behind.
    let head = operations.data.log.head();
    for view in View::ALL {
        operations.metrics.projector_lag(view.name, head.events_since(operations.data.projector.position(view)).max(0));
    }
    for (name, position) in operations.processes.positions() {
        operations.metrics.process_lag(name, head.events_since(position).max(0));
    }
    for (name, parked) in operations.processes.parked() {
        operations.metrics.parked_events(name, parked);
    }
    for (name, file) in [("log", operations.data.log.file()), ("views", operations.data.views.file())] {
        if let Some(room) = file.and_then(room_on_disk_of) {
            operations.metrics.disk_free(name, room.free_bytes);
        }
    }
    match endpoints::counts(&operations.data.views).await {
        Ok(counts) => {
            for status in EndpointStatus::iter().filter(|status| *status != EndpointStatus::Deleted) {
                let count = counts.iter().find(|(counted, _)| *counted == status).map_or(0, |(_, count)| *count);
                operations.metrics.endpoints(status.as_str(), count);
            }
        }
        Err(error) => tracing::warn!(%error, "the endpoints cannot be counted"),
    }
    match commerce::queue::depth(&operations.data.views).await {
        Ok(depth) => operations.metrics.dispatch_queue_depth(depth),
        Err(error) => tracing::warn!(%error, "the queue of what is sent to endpoints cannot be counted"),
    }
    match due_deliveries::depth(&operations.data.views, operations.data.now().timestamp_micros()).await {
        Ok(depth) => operations.metrics.queue_depth(depth),
        Err(error) => tracing::warn!(%error, "the depth of the queue cannot be read"),
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], operations.metrics.encode()).into_response()
}
