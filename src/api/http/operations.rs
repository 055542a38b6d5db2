//! What an operator's tools ask: is it alive, is it ready, how is it doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use projections::View;
use projections::delivery_log::due_deliveries;
use serde_json::json;

use crate::app::disks;
use crate::service::Service;

/// How long the writer of the log may take for a batch before webhooks are better sent elsewhere.
const WRITER_TIMEOUT: Duration = Duration::from_secs(1);

/// The process runs.
pub(super) async fn health(State(service): State<Arc<Service>>) -> Response {
    let timestamp = service.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    Json(json!({ "status": "healthy", "timestamp": timestamp })).into_response()
}

/// Webhooks can be stored now, and what follows them gets on. That views lag is shown and does not make the service unready: stores must not
/// be turned away because a chart is late.
pub(super) async fn ready(State(service): State<Arc<Service>>) -> Response {
    let now_us = service.clock.now().timestamp_micros();
    let (log, views) = tokio::join!(
        service.log_probe.is_writable(service.log.beside(), now_us),
        service.views_probe.is_writable(&service.views, now_us)
    );
    // A probe goes another way than what stores are waiting for.
    let log = log && service.log.writing_for() < WRITER_TIMEOUT;
    let stopping = *service.stopping().borrow();
    let still = standing_still(&service);
    let ready = log && views && still.is_empty() && !stopping;
    let rebuilt: Vec<&str> = service.projector.of_other_log().into_iter().map(|view| view.name).collect();
    // What is parked is kept and tried again, and keeps no webhook from being stored.
    let parked: BTreeMap<&str, i64> = service.processes.parked().filter(|(_, parked)| *parked > 0).collect();
    let word = |writable: bool| if writable { "writable" } else { "not writable" };
    let room = |database| {
        disks::room_of(database).map(|room| json!({ "freeBytes": room.free_bytes, "nearlyFull": room.is_low }))
    };
    let body = Json(json!({
        "ready": ready,
        "log": word(log),
        "views": word(views),
        "disks": { "log": room(service.log.beside()), "views": room(&service.views) },
        "standingStill": still,
        "parkedEvents": parked,
        "rebuiltForThisLog": rebuilt,
        "stopping": stopping,
        "projectorLag": service.projector.lag(),
        "appendsWaiting": service.log.waiting(),
    }));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body).into_response();
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// What does not get on with what it has to do: views, process managers, or the queue of deliveries.
fn standing_still(service: &Service) -> Vec<&'static str> {
    let views = service.projector.standing_still().into_iter().map(|view| view.name);
    let queue = service.working.stands_still().then_some("queue");
    views.chain(service.processes.standing_still()).chain(queue).collect()
}

/// For Prometheus.
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    // Asked for now, so that a view that stands still is seen to fall behind.
    let head = service.log.head();
    for view in View::ALL {
        service.metrics.projector_lag(view.name, (head - service.projector.position(view)).max(0));
    }
    for (name, position) in service.processes.positions() {
        service.metrics.process_lag(name, (head - position).max(0));
    }
    for (name, parked) in service.processes.parked() {
        service.metrics.parked_events(name, parked);
    }
    for (name, database) in [("log", service.log.beside()), ("views", &service.views)] {
        if let Some(room) = disks::room_of(database) {
            service.metrics.disk_free(name, room.free_bytes);
        }
    }
    match due_deliveries::depth(&service.views, service.clock.now().timestamp_micros()).await {
        Ok(depth) => service.metrics.queue_depth(depth),
        Err(error) => tracing::warn!(%error, "the depth of the queue cannot be read"),
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], service.metrics.encode()).into_response()
}
