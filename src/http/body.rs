//! Bodies of requests: read up to a bound, and thrown away up to another where the request is refused.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

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
}

/// A body that is on its way.
pub(crate) struct RequestBody<'h> {
    body: Body,
    headers: &'h HeaderMap,
    begun: bool,
    given_up: bool,
}

impl<'h> RequestBody<'h> {
    pub(crate) fn new(body: Body, headers: &'h HeaderMap) -> Self {
        Self { body, headers, begun: false, given_up: false }
    }

    /// The whole body, if it has at most `max_bytes` and arrives within `patience`.
    pub(crate) async fn read(&mut self, max_bytes: usize, patience: Duration) -> Result<Bytes, BodyRefusal> {
        let announced = self.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > max_bytes as u64) {
            return Err(BodyRefusal::TooLarge);
        }
        self.begun = true;
        let whole = Limited::new(&mut self.body, max_bytes).collect();
        match tokio::time::timeout(patience, whole).await {
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyRefusal::TooLarge),
            Ok(Err(_)) => Err(BodyRefusal::Interrupted),
            Err(_) => {
                self.given_up = true;
                Err(BodyRefusal::TooSlow)
            }
        }
    }

    /// Throws away what is still to come, within bounds. Many clients send all of their body before they look for an answer,
    /// and lose it where the connection is closed while they send.
    pub(crate) async fn discard(&mut self) {
        // One that asks for leave first has sent nothing yet, and reading would be the leave.
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn in_pieces(pieces: usize, size: usize) -> Body {
        Body::from_stream(stream::iter((0..pieces).map(move |_| Ok::<_, Infallible>(vec![b'x'; size]))))
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_bound_and_not_beyond() {
        let headers = HeaderMap::new();
        let read = RequestBody::new(in_pieces(4, 25), &headers).read(100, PATIENCE).await;
        assert_eq!(read.map(|bytes| bytes.len()), Ok(100));
        let mut large = RequestBody::new(in_pieces(5, 25), &headers);
        assert_eq!(large.read(100, PATIENCE).await, Err(BodyRefusal::TooLarge));
        large.discard().await;
        assert!(large.body.frame().await.is_none(), "the rest was thrown away");

        let mut announced = HeaderMap::new();
        announced.insert(header::CONTENT_LENGTH, 101.into());
        assert_eq!(RequestBody::new(Body::empty(), &announced).read(100, PATIENCE).await, Err(BodyRefusal::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let headers = HeaderMap::new();
        let never = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
        let mut body = RequestBody::new(never, &headers);
        assert_eq!(body.read(100, PATIENCE).await, Err(BodyRefusal::TooSlow));
        body.discard().await;
    }

    #[tokio::test]
    async fn who_asks_for_leave_is_not_given_it_by_throwing_away() {
        let mut headers = HeaderMap::new();
        headers.insert(header::EXPECT, "100-continue".parse().unwrap());
        let mut body = RequestBody::new(in_pieces(1, 1), &headers);
        body.discard().await;
        assert!(body.body.frame().await.is_some(), "it was not read");
    }

    #[tokio::test]
    async fn no_more_than_a_bound_is_thrown_away() {
        let headers = HeaderMap::new();
        let mut body = RequestBody::new(in_pieces(20, 1_024 * 1_024), &headers);
        body.discard().await;
        assert!(body.body.frame().await.is_some(), "the rest is left to the closing of the connection");
    }
}
