//! One request to a receiver: where it may go, how long it may take, what is kept of the answer.
//!
//! Nothing but the named address is called: redirects are not followed, proxies are not used (they would do the
//! connecting past the guard), and every address is looked at by `guard` when the connection is made, so that a name
//! that leads elsewhere by then is caught.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Url};

use super::sign::signature;
use crate::domain::{AttemptOutcome, Delivery, Timestamp, Webhook};
use crate::guard::Resolver;
use crate::services::hooks::Hooks;

/// Of an answer's body: read at most, and kept at most.
const READ_BYTES: usize = 4_096;
const KEPT_CHARS: usize = 200;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub outcome: AttemptOutcome,
    /// What `Retry-After` says.
    pub retry_after: Option<Duration>,
    pub latency_ms: u64,
}

impl Sent {
    /// The receiver wants nothing any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Answered { status: 410, .. })
    }
}

/// Why an address cannot be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(pub String);

/// The longest URL.
const MAX_URL_CHARS: usize = 2_000;

/// Reads a webhook's URL: what can be known without resolving a name is refused here.
///
/// # Errors
/// If it is no URL, has another scheme than https (or http where that is allowed), brings a name and password along, or
/// leads to an address that may not be called.
pub fn address(hooks: &Hooks, text: &str) -> Result<Url, InvalidAddress> {
    let invalid = |why: String| Err(InvalidAddress(why));
    if text.chars().count() > MAX_URL_CHARS {
        return invalid(format!("is longer than {MAX_URL_CHARS} characters"));
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return invalid(format!("is no URL ({error}); write https://example.com/path")),
    };
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return invalid("names no host; write https://example.com/path".to_owned());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("has a name or password in it; every delivery is signed instead".to_owned());
    }
    if url.fragment().is_some() {
        return invalid("has a part behind `#`, which is never sent; leave it out".to_owned());
    }
    let literal = match hooks.guard.check_host(host) {
        Ok(literal) => literal,
        Err(forbidden) => {
            return invalid(format!(
                "leads to {forbidden}; [webhooks] allow or allow_private of the configuration decides about that"
            ));
        }
    };
    match url.scheme() {
        "https" => {}
        "http" => {
            // What a name leads to is looked at when it is called.
            let may = hooks.allow_http
                || literal.map_or(hooks.guard.allows_anything_special(), |address| hooks.guard.is_own(address));
            if !may {
                return invalid(
                    "is not encrypted; use https://, or set [webhooks] allow_http in the configuration".to_owned(),
                );
            }
        }
        other => return invalid(format!("has the scheme `{other}`; use https://")),
    }
    Ok(url)
}

/// Sends deliveries.
pub struct Sender {
    client: Client,
    /// For `http://` where that is for one's own network only.
    own_only: Client,
}

impl Sender {
    /// # Errors
    /// If TLS cannot be set up on this machine.
    pub fn new(hooks: &Hooks) -> Result<Self, String> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |own_only: bool| {
            Client::builder()
                .http1_only()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .dns_resolver(Resolver { guard: hooks.guard.clone(), own_only, this_machine: false })
                .timeout(hooks.timeout)
                .connect_timeout(hooks.timeout.min(Duration::from_secs(10)))
                .pool_max_idle_per_host(hooks.at_once_each)
                .pool_idle_timeout(Duration::from_secs(30))
                .user_agent(concat!("empanel-webhooks/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| chain(&error))
        };
        Ok(Self { client: client(false)?, own_only: client(!hooks.allow_http)? })
    }

    /// One attempt, signed with the secrets that sign at `now`.
    pub async fn send(&self, hooks: &Hooks, webhook: &Webhook, delivery: &Delivery, now: Timestamp) -> Sent {
        let started = Instant::now();
        let answered = self.request(hooks, webhook, delivery, now).await;
        let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match answered {
            Ok((outcome, retry_after)) => Sent { outcome, retry_after, latency_ms },
            Err(reason) => Sent { outcome: AttemptOutcome::Failed { reason }, retry_after: None, latency_ms },
        }
    }

    async fn request(
        &self,
        hooks: &Hooks,
        webhook: &Webhook,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(AttemptOutcome, Option<Duration>), String> {
        // The configuration may have changed since it was made.
        let url = address(hooks, &webhook.url).map_err(|error| format!("not sent: the address {error}"))?;
        let client = if url.scheme() == "http" { &self.own_only } else { &self.client };
        let (id, seconds) = (delivery.id.to_string(), now.as_second());
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature(webhook.signing(now), &id, seconds, &delivery.body))
            .body(delivery.body.clone());
        let mut response = request.send().await.map_err(told)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        let mut begins = Vec::new();
        // An answer that breaks off is an answer: its status counts.
        while begins.len() < READ_BYTES
            && let Ok(Some(piece)) = response.chunk().await
        {
            begins.extend_from_slice(&piece);
        }
        let begins = String::from_utf8_lossy(&begins);
        let begins = begins.chars().map(|c| if c.is_control() { ' ' } else { c }).take(KEPT_CHARS).collect();
        Ok((AttemptOutcome::Answered { status, begins }, retry_after))
    }
}

/// What went wrong, without the URL, which may carry a token.
fn told(error: reqwest::Error) -> String {
    let timeout = error.is_timeout();
    let text = chain(&error.without_url());
    if timeout { format!("no answer in time: {text}") } else { text }
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

/// Seconds or an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    fn hooks(guard: Guard, allow_http: bool) -> Hooks {
        Hooks { guard, allow_http, ..Hooks::default() }
    }

    #[test]
    fn an_address_that_cannot_be_called_is_refused_with_the_reason() {
        let closed = hooks(Guard::default(), false);
        for (url, says) in [
            ("", "URL"),
            ("example.com/x", "URL"),
            ("ftp://example.com/", "ftp"),
            ("file:///etc/passwd", "host"),
            ("https://user:secret@example.com/", "password"),
            ("https://example.com/#part", "#"),
            ("http://example.com/", "encrypted"),
            ("https://127.0.0.1/", "loopback"),
            ("https://2130706433/", "loopback"),
            ("https://0x7f.0.0.1/", "loopback"),
            ("https://017700000001/", "loopback"),
            ("https://[::1]/", "loopback"),
            ("https://[::ffff:10.0.0.1]/", "private"),
            ("https://169.254.169.254/latest/meta-data", "metadata"),
            ("https://100.64.0.1/", "carrier"),
            ("https://0.0.0.0/", "unspecified"),
        ] {
            let error = address(&closed, url).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("secret"), "{url}: {error}");
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL_CHARS));
        assert!(address(&closed, &long).is_err());
        assert!(address(&closed, "https://example.com/x?y=z").is_ok());
        assert!(address(&closed, "https://93.184.216.34/").is_ok());
    }

    #[test]
    fn unencrypted_is_for_ones_own_network_or_where_it_is_said() {
        let own = hooks(Guard { allow_private: true, allow: vec![] }, false);
        assert!(address(&own, "http://10.0.0.1/").is_ok() && address(&own, "http://receiver.local/").is_ok());
        assert!(address(&own, "http://93.184.216.34/").is_err());
        assert!(address(&hooks(Guard::default(), true), "http://example.com/").is_ok());
        assert!(address(&hooks(Guard::default(), true), "http://10.0.0.1/").is_err());
    }

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("Thu, 01 Jan 2026 00:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!((of("Wed, 31 Dec 2025 00:00:00 GMT"), of("soon"), of("-5")), (None, None, None));
    }
}
