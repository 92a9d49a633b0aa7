//! A client that takes as little of the machine as possible: requests are bytes made beforehand, connections are
//! kept, and of an answer only the status and the body are looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").into_bytes()
}

pub fn post_json(path: &str, body: &Value) -> Vec<u8> {
    post(path, "application/json", body.to_string().as_bytes())
}

pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    pub async fn ask(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.unwrap();
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await;
        };
        let text = std::str::from_utf8(&self.buffer[..head]).unwrap();
        let status = text[9..12].parse().unwrap();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            if name.eq_ignore_ascii_case("content-length") { value.parse::<usize>().ok() } else { None }
        });
        let end = head + length.unwrap_or_else(|| panic!("an answer without a length: {text}"));
        while self.buffer.len() < end {
            self.more().await;
        }
        let body = self.buffer[head..end].to_vec();
        self.buffer.drain(..end);
        Answer { status, body }
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
        assert!(read > 0, "the service closed the connection");
    }
}

/// Asks over and over from `clients` connections; how many answers came in how many seconds.
pub async fn hammer(address: &str, requests: Vec<Vec<u8>>, clients: usize, span: Duration) -> (usize, f64) {
    let requests = Arc::new(requests);
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(Connection::open(address).await);
    }
    let started = Instant::now();
    let tasks: Vec<_> = (0..)
        .zip(connections)
        .map(|(first, mut connection)| {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut answers: usize = 0;
                while started.elapsed() < span {
                    let request = &requests[(first + answers) % requests.len()];
                    let answer = connection.ask(request).await;
                    assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    let mut answers = 0;
    for task in tasks {
        answers += task.await.unwrap();
    }
    (answers, started.elapsed().as_secs_f64())
}
