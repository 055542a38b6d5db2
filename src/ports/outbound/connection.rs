//! A connection to an endpoint, or to the proxy before it, which bounds what may come before an answer has ended.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{self, Connected};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than an answer can have whose head and body are read: 408 KiB and 64 KiB. What the HTTP client does not bound itself is
/// how many interim answers (100 to 199) come before it.
const MAX_ANSWER_BYTES: usize = 512 * 1_024;

pub(super) type Transport = Box<dyn Stream>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An answer comes in fewer pieces than that: each has the HTTP client read its beginning again.
const MAX_PIECES: usize = 4_096;

/// What is at the other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether anything came since something was written last.
    answers: Arc<AtomicBool>,
}

impl Peer {
    /// Whether anything of an answer came.
    pub(super) fn has_answered(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }
}

/// The answer to one request had more bytes than any that is read, or came in more pieces.
#[derive(Debug, thiserror::Error)]
enum Endless {
    #[error("more than 512 KiB came, and the answer had not ended")]
    Bytes,
    #[error("it came in more than 4,096 pieces, and the answer had not ended")]
    Pieces,
}

pub(super) struct Connection {
    transport: Transport,
    peer: Peer,
    /// Whether it leads to a proxy, which is sent the whole URL.
    is_proxied: bool,
    /// Since something was written last.
    read_bytes: usize,
    pieces: usize,
}

impl Connection {
    pub(super) fn new(transport: Transport, address: SocketAddr, is_proxied: bool) -> Self {
        let peer = Peer { address, answers: Arc::default() };
        Self { transport, peer, is_proxied, read_bytes: 0, pieces: 0 }
    }

    fn begins_to_write(&mut self) {
        (self.read_bytes, self.pieces) = (0, 0);
        self.peer.answers.store(false, Ordering::Relaxed);
    }

    fn has_read(&mut self, bytes: usize) -> Result<(), Endless> {
        if bytes > 0 {
            self.peer.answers.store(true, Ordering::Relaxed);
        }
        self.read_bytes = self.read_bytes.saturating_add(bytes);
        self.pieces = self.pieces.saturating_add(1);
        if self.read_bytes > MAX_ANSWER_BYTES {
            return Err(Endless::Bytes);
        }
        if self.pieces > MAX_PIECES { Err(Endless::Pieces) } else { Ok(()) }
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied).extra(self.peer.clone())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(context, buffer))?;
        let bytes = buffer.filled().len().saturating_sub(before);
        Poll::Ready(self.has_read(bytes).map_err(io::Error::other))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begins_to_write();
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begins_to_write();
        Pin::new(&mut self.transport).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn an_answer_in_very_many_pieces_is_cut_and_each_request_counts_for_itself() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut connection = Connection::new(Box::new(ours), "127.0.0.1:1".parse().unwrap(), false);
        let mut byte = [0];
        for _ in 0..2 {
            connection.write_all(b"x").await.unwrap();
            theirs.read_exact(&mut byte).await.unwrap();
            for _ in 0..MAX_PIECES {
                theirs.write_all(b"\n").await.unwrap();
                connection.read_exact(&mut byte).await.unwrap();
            }
        }
        theirs.write_all(b"\n").await.unwrap();
        let cut = connection.read_exact(&mut byte).await.unwrap_err();
        assert!(cut.to_string().contains("more than 4,096 pieces"), "{cut}");
    }
}
