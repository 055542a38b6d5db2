//! Bodies of requests: read up to a bound, and thrown away up to another where the request is refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

/// How much of a refused body is thrown away, and for how long.
const MAX_DISCARDED_BYTES: usize = 8 * 1_024 * 1_024;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(2);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRefusal {
    TooLarge,
    /// The sender went away.
    Interrupted,
    TooSlow,
    /// All bodies together have their bound, and there is no room for this one.
    NoRoom,
}

/// Bytes of request bodies that are in memory at a time, all together. Those of an order are a hundredth of a thousandth of
/// it; what is refused is 503, and stores send it again.
pub(crate) const MAX_BYTES_OF_ALL: usize = 128 * 1_024 * 1_024;

/// The bytes of all bodies that are being read or worked on.
#[derive(Debug, Default)]
pub(crate) struct Bodies(AtomicUsize);

/// A part of them, until it is dropped.
struct Held<'b> {
    bodies: &'b Bodies,
    bytes: usize,
}

impl Held<'_> {
    fn add(&mut self, bytes: usize) -> Result<(), BodyRefusal> {
        let before = self.bodies.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > MAX_BYTES_OF_ALL { Err(BodyRefusal::NoRoom) } else { Ok(()) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body that is on its way.
pub(crate) struct RequestBody<'h> {
    body: Body,
    headers: &'h HeaderMap,
    held: Held<'h>,
    begun: bool,
    given_up: bool,
}

impl<'h> RequestBody<'h> {
    /// What is read of it counts among all bodies as long as this lives.
    pub(crate) fn new(body: Body, headers: &'h HeaderMap, bodies: &'h Bodies) -> Self {
        Self { body, headers, held: Held { bodies, bytes: 0 }, begun: false, given_up: false }
    }

    /// The whole body, if it has at most `max_bytes` and arrives within `within`.
    pub(crate) async fn read(&mut self, max_bytes: usize, within: Duration) -> Result<Bytes, BodyRefusal> {
        let announced = self.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > max_bytes as u64) {
            return Err(BodyRefusal::TooLarge);
        }
        // Before anything of it is read.
        if self.held.bodies.0.load(Ordering::Relaxed) >= MAX_BYTES_OF_ALL {
            return Err(BodyRefusal::NoRoom);
        }
        self.begun = true;
        let whole = collected(&mut self.body, &mut self.held, max_bytes);
        tokio::time::timeout(within, whole).await.unwrap_or_else(|_| {
            self.given_up = true;
            Err(BodyRefusal::TooSlow)
        })
    }

    /// Throws away what is still to come, within bounds. Many clients send all of their body before they look for an answer,
    /// and lose it where the connection is closed while they send.
    pub(crate) async fn discard(&mut self) {
        // One that expects `100 Continue` has sent nothing yet, and reading would send that.
        let waits = self.headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes() == b"100-continue");
        if self.given_up || (waits && !self.begun) {
            return;
        }
        let discarding = async {
            let mut discarded = 0;
            while let Some(Ok(frame)) = self.body.frame().await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > MAX_DISCARDED_BYTES {
                    break;
                }
            }
        };
        // Whether it came to its end or not, the answer is sent now.
        tokio::time::timeout(MAX_DISCARD_TIME, discarding).await.ok();
    }
}

/// The frames of a body, one after the other. One alone is not copied.
async fn collected(body: &mut Body, held: &mut Held<'_>, max_bytes: usize) -> Result<Bytes, BodyRefusal> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyRefusal::Interrupted)?.into_data() else { continue };
        let length = first.len() + all.len() + data.len();
        if length > max_bytes {
            return Err(BodyRefusal::TooLarge);
        }
        held.add(data.len())?;
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        all.extend_from_slice(&std::mem::take(&mut first));
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(50);

    fn in_pieces(pieces: usize, size: usize) -> Body {
        Body::from_stream(stream::iter((0..pieces).map(move |_| Ok::<_, Infallible>(vec![b'x'; size]))))
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_bound_and_not_beyond() {
        let (headers, bodies) = (HeaderMap::new(), Bodies::default());
        let read = RequestBody::new(in_pieces(4, 25), &headers, &bodies).read(100, TIMEOUT).await;
        assert_eq!(read.map(|bytes| bytes.len()), Ok(100));
        let mut large = RequestBody::new(in_pieces(5, 25), &headers, &bodies);
        assert_eq!(large.read(100, TIMEOUT).await, Err(BodyRefusal::TooLarge));
        large.discard().await;
        assert!(large.body.frame().await.is_none(), "the rest was thrown away");

        let mut announced = HeaderMap::new();
        announced.insert(header::CONTENT_LENGTH, 101.into());
        assert_eq!(
            RequestBody::new(Body::empty(), &announced, &bodies).read(100, TIMEOUT).await,
            Err(BodyRefusal::TooLarge)
        );
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let (headers, bodies) = (HeaderMap::new(), Bodies::default());
        let never = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
        let mut body = RequestBody::new(never, &headers, &bodies);
        assert_eq!(body.read(100, TIMEOUT).await, Err(BodyRefusal::TooSlow));
        body.discard().await;
    }

    #[tokio::test]
    async fn who_asks_for_leave_is_not_given_it_by_throwing_away() {
        let (mut headers, bodies) = (HeaderMap::new(), Bodies::default());
        headers.insert(header::EXPECT, "100-continue".parse().unwrap());
        let mut body = RequestBody::new(in_pieces(1, 1), &headers, &bodies);
        body.discard().await;
        assert!(body.body.frame().await.is_some(), "it was not read");
    }

    #[tokio::test]
    async fn no_more_than_a_bound_is_thrown_away() {
        let (headers, bodies) = (HeaderMap::new(), Bodies::default());
        let mut body = RequestBody::new(in_pieces(20, 1_024 * 1_024), &headers, &bodies);
        body.discard().await;
        assert!(body.body.frame().await.is_some(), "the rest is left to the closing of the connection");
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_bound() {
        let (headers, bodies) = (HeaderMap::new(), Bodies::default());
        let large = 16 * 1_024 * 1_024;
        let mut held = vec![];
        for _ in 0..8 {
            let mut body = RequestBody::new(in_pieces(16, large / 16), &headers, &bodies);
            assert_eq!(body.read(large, TIMEOUT * 20).await.map(|bytes| bytes.len()), Ok(large));
            held.push(body);
        }
        let mut one_more = RequestBody::new(in_pieces(1, 1), &headers, &bodies);
        assert_eq!(one_more.read(large, TIMEOUT).await, Err(BodyRefusal::NoRoom));
        assert!(one_more.body.frame().await.is_some(), "nothing of it was read");
        held.pop();
        let mut too_much = RequestBody::new(in_pieces(2, large), &headers, &bodies);
        assert_eq!(too_much.read(large * 2, TIMEOUT * 20).await, Err(BodyRefusal::NoRoom), "on its way");
        drop(too_much);
        assert_eq!(
            RequestBody::new(in_pieces(1, 1), &headers, &bodies).read(1, TIMEOUT).await.map(|bytes| bytes.len()),
            Ok(1)
        );
        drop(held);
        assert_eq!(bodies.0.load(Ordering::Relaxed), 0);
    }
}
