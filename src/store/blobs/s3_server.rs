//! An S3 server in this process: `s3s` speaks the protocol and checks signatures, objects are files in a folder. It fails
//! as it is told to.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

pub const BUCKET: &str = "files";
pub const ACCESS_KEY: &str = "AKIDTEST";
pub const SECRET_KEY: &str = "the-secret-key-of-tests";

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// This status, and an error code with it.
    Status(u16, &'static str),
    /// An answer only after this time.
    Slow(Duration),
    /// The connection breaks after so many bytes of the answer; the request is done.
    Cut(usize),
}

pub struct S3Server {
    root: tempfile::TempDir,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    running: Option<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl S3Server {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = Self { root, address, shared: Arc::default(), running: None };
        server.run(listener);
        server
    }

    fn run(&mut self, listener: TcpListener) {
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(self.root.path()).unwrap());
        builder.set_auth(s3s::auth::SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let (service, shared) = (builder.build(), self.shared.clone());
        self.running = Some(tokio::spawn(async move {
            // Ends with its connections when it is dropped.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, service.clone(), shared.clone()));
            }
        }));
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening and cuts all connections; objects stay.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Listens again where it did.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.run(listener);
    }

    /// The next `count` requests fail so.
    pub fn fail(&self, count: usize, fault: Fault) {
        lock(&self.shared.faults).extend(std::iter::repeat_n(fault, count));
    }

    /// No more faults.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// What was asked since the last look: `PUT /files/…`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.requests))
    }

    /// Where the object with this key is kept.
    pub fn object(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }
}

async fn serve(stream: TcpStream, service: S3Service, shared: Arc<Shared>) {
    let left = Arc::new(AtomicI64::new(i64::MAX));
    let stream = Breaking { stream, left: left.clone() };
    let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (service, shared, left) = (service.clone(), shared.clone(), left.clone());
        async move {
            lock(&shared.requests).push(format!("{} {}", request.method(), request.uri()));
            let fault = lock(&shared.faults).pop_front();
            match fault {
                Some(Fault::Status(status, code)) => {
                    let body =
                        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>told</Message></Error>");
                    let mut answer = HttpResponse::new(Body::from(body));
                    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
                    return Ok(answer);
                }
                Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
                Some(Fault::Cut(bytes)) => left.store(bytes as i64, Ordering::Relaxed),
                None => {}
            }
            service.call(request.map(Body::from)).await
        }
    });
    // Clients hang up as they like.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// A connection that breaks after so many written bytes.
struct Breaking {
    stream: TcpStream,
    left: Arc<AtomicI64>,
}

impl AsyncRead for Breaking {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = usize::try_from(self.left.load(Ordering::Relaxed)).unwrap_or(0);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let some = &bytes[..bytes.len().min(left)];
        let written = Pin::new(&mut self.stream).poll_write(cx, some);
        if let Poll::Ready(Ok(written)) = &written {
            self.left.fetch_sub(*written as i64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
