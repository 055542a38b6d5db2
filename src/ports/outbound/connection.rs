//! A connection to an endpoint, or to the proxy before it, which bounds what may come before an answer has ended.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{self, Connected};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than an answer can have whose head and body are read: 408 KiB and 64 KiB. What the HTTP client does not bound itself is
/// how many interim answers (100 to 199) come before it.
const MAX_ANSWER_BYTES: usize = 512 * 1_024;

pub(super) type Transport = Box<dyn Stream>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a connection is connected to.
#[derive(Clone, Copy)]
pub(super) struct RemoteAddress(pub(super) SocketAddr);

/// The answer to one request had more bytes than any that is read.
#[derive(Debug, thiserror::Error)]
#[error("more than 512 KiB came, and the answer had not ended")]
struct Endless;

pub(super) struct Connection {
    transport: Transport,
    address: SocketAddr,
    /// Whether it leads to a proxy, which is sent the whole URL.
    is_proxied: bool,
    /// Since something was written last.
    read_bytes: usize,
}

impl Connection {
    pub(super) fn new(transport: Transport, address: SocketAddr, is_proxied: bool) -> Self {
        Self { transport, address, is_proxied, read_bytes: 0 }
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied).extra(RemoteAddress(self.address))
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
        self.read_bytes = self.read_bytes.saturating_add(buffer.filled().len().saturating_sub(before));
        Poll::Ready(if self.read_bytes > MAX_ANSWER_BYTES { Err(io::Error::other(Endless)) } else { Ok(()) })
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.read_bytes = 0;
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.read_bytes = 0;
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
