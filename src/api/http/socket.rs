//! Sockets that watch: subscriptions over `graphql-transport-ws`. A client that says nothing, or reads slowly, holds up no other.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_graphql::{Data, Error};
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use chrono::TimeDelta;
use domain::ApiKeyId;
use futures_util::{Sink, SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;

use super::headers_of;
use super::permits::{Permit, Permits};
use super::strangers::Strangers;
use crate::api::graphql::{Api, viewer_of};
use crate::app::Viewer;

/// The longest message, and the longest frame, that a client may send, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 256 * 1_024;
/// How long a client may take to say who it is.
const INIT_TIMEOUT: TimeDelta = TimeDelta::seconds(10);
/// How often a client is asked whether it is there, and how long it may be silent.
const PING_EVERY: TimeDelta = TimeDelta::seconds(30);
const MAX_SILENCE: TimeDelta = TimeDelta::seconds(90);
/// How long a client that is let go may take to read what is on its way, and why it is let go.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one message may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages, and bytes of them, that wait for a client to read. One alone may be longer.
const MAX_WAITING: usize = 64;
const MAX_WAITING_BYTES: usize = 4 * 1_024 * 1_024;

/// Sockets whose client has not said yet who it is.
const MAX_UNKNOWN: usize = 256;
const MAX_UNKNOWN_OF_ADDRESS: usize = 32;
/// Sockets of one API key, and all of them.
const MAX_OF_KEY: usize = 64;
const MAX_SOCKETS: usize = 1_024;

/// Close codes of the protocol and of ours, each with its reason.
const INIT_TOO_LATE: (u16, &str) = (4408, "say who you are within 10 seconds");
const SILENT: (u16, &str) = (4408, "no message came for 90 seconds");
const TOO_SLOW: (u16, &str) = (4429, "messages are not read as fast as they come: subscribe to less");
const TOO_MANY: &str = "too many sockets are open with this key: close some, or try again later";

/// Who holds how many permits.
pub(super) struct Sockets {
    /// Of clients that have not said yet who they are, by address.
    pub(super) unknown: Arc<Permits<Option<IpAddr>>>,
    /// By API key.
    known: Arc<Permits<ApiKeyId>>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            unknown: Permits::new(MAX_UNKNOWN_OF_ADDRESS, MAX_UNKNOWN),
            known: Permits::new(MAX_OF_KEY, MAX_SOCKETS),
        }
    }
}

/// A client that has not said yet who it is.
pub(super) struct Unknown {
    pub(super) strangers: Arc<Strangers>,
    pub(super) client: Option<IpAddr>,
    /// Given back once it has said so.
    pub(super) _permit: Permit<Option<IpAddr>>,
}

/// What a socket and its tasks share.
struct Shared {
    api: Api,
    sockets: Arc<Sockets>,
    /// Microseconds since 1970 at which the last message came.
    last_message_at: AtomicI64,
    is_known: AtomicBool,
    waiting_bytes: AtomicUsize,
    is_too_slow: AtomicBool,
}

/// Serves a socket to its end.
pub(super) async fn serve(
    socket: WebSocket,
    api: Api,
    protocol: GraphQLProtocol,
    (sockets, unknown): (Arc<Sockets>, Unknown),
    from_headers: Option<Viewer>,
) {
    let now = api.now();
    let shared = Arc::new(Shared {
        api: api.clone(),
        sockets,
        last_message_at: AtomicI64::new(now.timestamp_micros()),
        is_known: AtomicBool::new(false),
        waiting_bytes: AtomicUsize::new(0),
        is_too_slow: AtomicBool::new(false),
    });
    let (written, incoming) = socket.split();
    let (outbox, waiting) = mpsc::channel(MAX_WAITING);
    let noting = shared.clone();
    let incoming = incoming.inspect(move |_| noting.note_message());
    let init = shared.clone();
    let talk =
        GraphQLWebSocket::new_with_pair(Outbox { sender: outbox, shared: shared.clone() }, incoming, api, protocol)
            .on_connection_init(move |payload| async move {
                let (viewer, key_permit) = init.known(from_headers, &payload, &unknown).await?;
                drop(unknown);
                init.is_known.store(true, Ordering::Relaxed);
                let mut data = Data::default();
                data.insert(viewer);
                // Given back with the connection.
                data.insert(key_permit);
                Ok(data)
            })
            .serve();
    let watched = async {
        tokio::select! {
            () = talk => shared.is_too_slow.load(Ordering::Relaxed).then_some(TOO_SLOW),
            reason = shared.given_up() => Some(reason),
        }
    };
    write(written, waiting, watched, &shared).await;
}

impl Shared {
    fn note_message(&self) {
        self.last_message_at.store(self.api.now().timestamp_micros(), Ordering::Relaxed);
    }

    /// Who speaks, and a permit of the key.
    async fn known(
        &self,
        from_headers: Option<Viewer>,
        payload: &Value,
        unknown: &Unknown,
    ) -> Result<(Viewer, Permit<ApiKeyId>), Error> {
        let refused = || {
            if let Some(client) = unknown.client {
                // How long it must wait is in the response to its next try.
                unknown.strangers.admit(client, self.api.now()).ok();
            }
            Error::new("send a valid API key when the connection begins")
        };
        let viewer = match from_headers {
            Some(viewer) => viewer,
            None => {
                viewer_of(self.api.keys(), &headers_of(payload)).await.map_err(|_| refused())?.ok_or_else(refused)?
            }
        };
        let permit = self.sockets.known.take(viewer.key_id).ok_or_else(|| Error::new(TOO_MANY))?;
        Ok((viewer, permit))
    }

    /// Returns once the client has not said who it is in time, or has sent nothing for long.
    async fn given_up(&self) -> (u16, &'static str) {
        let clock = self.api.clock();
        clock.sleep_until(clock.now() + INIT_TIMEOUT).await;
        if !self.is_known.load(Ordering::Relaxed) {
            return INIT_TOO_LATE;
        }
        loop {
            let silent_since = self.last_message_at.load(Ordering::Relaxed);
            let now = clock.now();
            let left = MAX_SILENCE - TimeDelta::microseconds(now.timestamp_micros().saturating_sub(silent_since));
            if left <= TimeDelta::zero() {
                return SILENT;
            }
            clock.sleep_until(now + left).await;
        }
    }
}

/// What waits to be written to a client. It never makes who writes wait: where the client does not read, the socket ends.
struct Outbox {
    sender: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

/// The client does not read, or is gone.
#[derive(Debug)]
struct Ended;

impl Sink<Message> for Outbox {
    type Error = Ended;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Ended> {
        let bytes = length(&message);
        let waiting = self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_too_much = waiting > 0 && waiting.saturating_add(bytes) > MAX_WAITING_BYTES;
        if is_too_much || self.sender.try_send(message).is_err() {
            self.shared.is_too_slow.store(true, Ordering::Relaxed);
            return Err(Ended);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        Poll::Ready(Ok(()))
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// Writes what waits until the talk ends, and checks now and then whether the client is there. Then says why it ended.
async fn write(
    mut socket: impl Sink<Message> + Unpin,
    mut waiting: mpsc::Receiver<Message>,
    talk: impl Future<Output = Option<(u16, &'static str)>>,
    shared: &Shared,
) {
    let mut talk = std::pin::pin!(talk);
    let clock = shared.api.clock();
    let mut ping_at = clock.now() + PING_EVERY;
    let reason = loop {
        let message = tokio::select! {
            biased;
            reason = talk.as_mut() => break reason,
            message = waiting.recv() => message,
            () = clock.sleep_until(ping_at) => {
                ping_at = clock.now() + PING_EVERY;
                Some(Message::Ping(bytes::Bytes::new()))
            }
        };
        let Some(message) = message else { break None };
        let bytes = length(&message);
        // The talk goes on meanwhile: nothing that it holds waits for the client.
        let written = tokio::time::timeout(WRITE_TIMEOUT, socket.send(message));
        let mut written = std::pin::pin!(written);
        let (ended, done) = tokio::select! {
            biased;
            done = written.as_mut() => (None, Some(done)),
            reason = talk.as_mut() => {
                // Half a message is followed by none, also not by the one that says why: who reads again in time gets it.
                tokio::time::timeout(LAST_WRITE_TIMEOUT, written.as_mut()).await.ok();
                (Some(reason), None)
            }
        };
        shared.waiting_bytes.fetch_sub(bytes.min(shared.waiting_bytes.load(Ordering::Relaxed)), Ordering::Relaxed);
        match (ended, done) {
            (Some(reason), _) => break reason,
            (None, Some(Ok(Ok(())))) => {}
            (None, Some(Err(_))) => break Some(TOO_SLOW),
            (None, Some(Ok(Err(_))) | None) => break None,
        }
    };
    if let Some((code, reason)) = reason {
        tracing::info!(code, reason, "a socket was closed");
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // A client that does not read will not read this either.
        tokio::time::timeout(LAST_WRITE_TIMEOUT, socket.send(close)).await.ok();
        return;
    }
    // What was said last, an error for instance, is still written.
    let rest = async {
        while let Ok(message) = waiting.try_recv() {
            if socket.send(message).await.is_err() {
                break;
            }
        }
        socket.close().await.ok();
    };
    tokio::time::timeout(WRITE_TIMEOUT, rest).await.ok();
}
