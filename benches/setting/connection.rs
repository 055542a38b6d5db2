//! The least of an HTTP client that can tell one answer from the next: a complete one would cost more than the server.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// What has arrived of an answer.
    arrived: Vec<u8>,
}

struct Answer {
    status: u16,
    bytes: usize,
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, stream: connected(address).await?, arrived: Vec::with_capacity(4_096) })
    }

    /// Sends a request and answers the status that came back. After an error, the connection is a new one.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        let answer = match self.answered(request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.reopen().await?;
                return Err(error);
            }
        };
        self.arrived.drain(..answer.bytes);
        if answer.closes {
            self.reopen().await?;
        }
        Ok(answer.status)
    }

    async fn reopen(&mut self) -> io::Result<()> {
        self.arrived.clear();
        self.stream = connected(self.address).await?;
        Ok(())
    }

    async fn answered(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = parsed(&self.arrived)? {
                return Ok(answer);
            }
            if self.arrived.len() > MAX_ANSWER_BYTES {
                return Err(io::Error::new(ErrorKind::InvalidData, "the answer is too long"));
            }
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn connected(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The answer that `arrived` begins with, once all of it is there.
fn parsed(arrived: &[u8]) -> io::Result<Option<Answer>> {
    let Some(head_bytes) = arrived.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let invalid = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("the answer {what}"));
    let head = std::str::from_utf8(&arrived[..head_bytes]).map_err(|_| invalid("has headers that are no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| invalid("does not begin like one"))?;
    let (mut body_bytes, mut closes) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body_bytes = value.trim().parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let body_bytes = body_bytes.ok_or_else(|| invalid("has no content-length"))?;
    let bytes = head_bytes + 4 + body_bytes;
    Ok((arrived.len() >= bytes).then_some(Answer { status, bytes, closes }))
}
