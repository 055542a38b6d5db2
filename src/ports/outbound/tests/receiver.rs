//! A receiver that does with each connection what its test says, and keeps what it received.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// These bytes to each request, on a connection that stays open.
    Bytes(&'static str),
    /// These bytes, then the end of the connection.
    ThenClose(&'static str),
    /// The first to the first request of a connection, the second to its next, and then the end of the connection.
    OnceThenClose(&'static str, &'static str),
    /// These bytes to the first request of a connection, and nothing to its next.
    OnceThenNever(&'static str),
    /// The first, then the second without end.
    Endless(&'static str, &'static str),
    /// Nothing, and the connection stays open.
    Never,
}

#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Receiver {
    pub(super) async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { address, requests: Arc::default(), connections: Arc::default() };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *served.connections.lock() += 1;
                tokio::spawn(served.clone().serve(socket, answer));
            }
        });
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock()
    }

    async fn serve(self, mut socket: TcpStream, answer: Answer) -> Option<()> {
        for turn in 0_usize.. {
            let request = read_request(&mut socket).await?;
            self.requests.lock().push(request);
            match answer {
                Answer::Bytes(bytes) => socket.write_all(bytes.as_bytes()).await.ok()?,
                Answer::ThenClose(bytes) => return socket.write_all(bytes.as_bytes()).await.ok(),
                Answer::OnceThenClose(first, _) if turn == 0 => socket.write_all(first.as_bytes()).await.ok()?,
                Answer::OnceThenClose(_, last) => return socket.write_all(last.as_bytes()).await.ok(),
                Answer::Endless(first, again) => {
                    socket.write_all(first.as_bytes()).await.ok()?;
                    while socket.write_all(again.as_bytes()).await.is_ok() {}
                }
                Answer::OnceThenNever(bytes) if turn == 0 => socket.write_all(bytes.as_bytes()).await.ok()?,
                Answer::OnceThenNever(_) | Answer::Never => {}
            }
        }
        None
    }
}

/// The head and the body; `None` when the connection ended.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut request = String::new();
    while !is_complete(&request) {
        let mut buffer = [0; 4_096];
        let length = socket.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        request.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    Some(request)
}

fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
