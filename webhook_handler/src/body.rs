//! The body of a request, within a bound.

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::refusal::Refusal;

/// Reads the whole body, of at most `limit` bytes.
pub(crate) async fn read<B: Body + Unpin>(body: &mut B, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = Refusal::TooLarge { limit };
    // Of what it declares, before it has been sent.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|_| Refusal::BodyIncomplete)?.into_data() else { continue };
        if data.remaining() > limit - whole.len() {
            return Err(too_large);
        }
        whole.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    Ok(whole.freeze())
}

/// Reads on without keeping anything, at most `limit` bytes: many a client reads no response before it has sent its body,
/// and would report a broken connection for a refusal.
pub(crate) async fn discard<B: Body + Unpin>(body: &mut B, limit: usize) {
    let mut left = limit;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, bytes::Buf::remaining);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
