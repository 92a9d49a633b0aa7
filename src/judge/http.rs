//! The one HTTP client: TLS by rustls with ring, no redirects (a key must not follow one to another host), a pool
//! that keeps a connection per call in flight, and replies read up to a limit.
//!
//! It speaks HTTP/1.1, as the providers' own libraries do, also to servers that offer HTTP/2. There the client would
//! keep one connection per host, on which front ends take about a hundred calls at a time; the others would wait their
//! turn inside the client while their time runs out. Measured: 80 questions of half a second to a server that takes
//! four at a time, with four seconds for each, took 132 calls instead of 80.

use std::time::{Duration, Instant};

use super::config::JudgeError;
use super::provider::{Lost, Retry};
use crate::domain::Cause;
use crate::guard::{Guard, Resolver};

/// Idle connections kept per provider.
const POOL: usize = 1_024;

/// The client that all judges share. `proxy: false` ignores `HTTP_PROXY` and its like.
///
/// # Errors
/// If TLS cannot be set up on this machine.
pub fn client(proxy: bool) -> Result<reqwest::Client, JudgeError> {
    builder(proxy).build().map_err(|e| JudgeError::Client { reason: chain(&e) })
}

/// The same for judges that are called by a name: it leads to no address that `guard` does not let pass, but for
/// `localhost`. Where a proxy does the connecting, the proxy decides.
///
/// # Errors
/// If TLS cannot be set up on this machine.
pub fn guarded_client(proxy: bool, guard: Guard) -> Result<reqwest::Client, JudgeError> {
    let resolver = Resolver { guard, own_only: false, this_machine: true };
    builder(proxy).dns_resolver(resolver).build().map_err(|e| JudgeError::Client { reason: chain(&e) })
}

pub(super) fn builder(proxy: bool) -> reqwest::ClientBuilder {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(POOL)
        .pool_idle_timeout(Duration::from_secs(60))
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("empanel/", env!("CARGO_PKG_VERSION")));
    if proxy { builder } else { builder.no_proxy() }
}

/// How long a request may take and how much may come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From sending to the last byte.
    pub total: Duration,
    /// Between two pieces of the body.
    pub read: Duration,
    /// Bytes of the body after decompression.
    pub body: usize,
}

pub(super) struct Received {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
    pub latency_ms: u64,
}

/// Sends and reads the whole body, under limits.
pub(super) async fn exchange(request: reqwest::RequestBuilder, limits: Limits) -> Result<Received, Lost> {
    let started = Instant::now();
    let elapsed = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let lost = |cause, detail: String, retry| Lost { cause, detail, latency_ms: elapsed(), retry };
    let (client, request) = request.build_split();
    let work = async {
        let request = once(request.map_err(Broken::Transport)?);
        let mut response = client.execute(request).await.map_err(Broken::Transport)?;
        let mut body = Vec::new();
        loop {
            match tokio::time::timeout(limits.read, response.chunk()).await {
                Err(_) => return Err(Broken::Stalled),
                Ok(Err(e)) => return Err(Broken::Transport(e)),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(piece))) if body.len() + piece.len() > limits.body => return Err(Broken::TooLarge),
                Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            }
        }
        Ok((response.status().as_u16(), response.headers().clone(), body))
    };
    match tokio::time::timeout(limits.total, work).await {
        Ok(Ok((status, headers, body))) => {
            // What is no UTF-8 is kept as far as it is readable: answers are ASCII, and a quotation that is spoilt by it
            // is not found. A byte-order mark is no part of the JSON (RFC 8259, 8.1).
            let mut body =
                String::from_utf8(body).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
            if body.starts_with('\u{feff}') {
                body.remove(0);
            }
            Ok(Received { status, headers, body, latency_ms: elapsed() })
        }
        Ok(Err(Broken::TooLarge)) => {
            let detail = format!("the reply is larger than the limit of {} bytes", limits.body);
            Err(lost(Cause::ProviderError, detail, Retry::Never))
        }
        Ok(Err(Broken::Stalled)) => {
            let detail = format!("the reply stood still for {:?}", limits.read);
            Err(lost(Cause::Timeout, detail, Retry::Later(None)))
        }
        Ok(Err(Broken::Transport(e))) => {
            let cause = if e.is_timeout() { Cause::Timeout } else { Cause::ProviderError };
            Err(lost(cause, chain(&e.without_url()), Retry::Later(None)))
        }
        Err(_) => {
            let detail = format!("no complete reply within {:?}", limits.total);
            Err(lost(Cause::Timeout, detail, Retry::Later(None)))
        }
    }
}

/// The same request with a body that can be sent only once. The client keeps a copy of any other until the answer is
/// there, in case it has to follow a redirect, which it never does here: hundreds of deliverables for nothing.
fn once(mut request: reqwest::Request) -> reqwest::Request {
    if let Some(body) = request.body_mut().take() {
        *request.body_mut() = Some(reqwest::Body::wrap(body));
    }
    request
}

enum Broken {
    Transport(reqwest::Error),
    Stalled,
    TooLarge,
}

/// An error with its causes: reqwest's own text is "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::judge::fake::{Action, FakeOpenAi, Gate};

    /// A body that says when nobody holds it any more.
    struct Watched(Vec<u8>, Arc<AtomicBool>);

    impl AsRef<[u8]> for Watched {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            self.1.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn what_was_sent_takes_no_memory_while_the_answer_is_awaited() {
        let gate = Gate::closed();
        let server = FakeOpenAi::sequence(vec![Action::Held(gate.clone(), Box::new(Action::answer("MET")))]).await;
        let gone = Arc::new(AtomicBool::new(false));
        let body = bytes::Bytes::from_owner(Watched(vec![b' '; 100_000], gone.clone()));
        let request = client(false).unwrap().post(server.base_url()).body(body);
        let limits = Limits { total: Duration::from_mins(1), read: Duration::from_mins(1), body: 1 << 20 };
        let received = tokio::spawn(exchange(request, limits));
        let deadline = Instant::now() + Duration::from_secs(30);
        while !gone.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "it is still kept");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!received.is_finished());
        gate.open();
        assert_eq!(received.await.unwrap().map(|received| received.status).ok(), Some(200));
        let sent = &server.calls()[0];
        assert_eq!(sent.body.len(), 100_000);
        assert!(sent.headers.contains(&("content-length".to_owned(), "100000".to_owned())), "{:?}", sent.headers);
    }
}
