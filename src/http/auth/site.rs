//! What a browser says about where a request comes from. Programs say nothing of it and are not affected.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};

use super::super::problem::{Code, Problem};

/// Refuses a request that changes something and was made by another site's page (CSRF).
///
/// # Errors
/// 403.
pub(in crate::http) fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    let refused = |from: &str| {
        Problem::new(
            Code::OtherSite,
            format!(
                "the request comes from a page of another site ({from}); use this service's own pages, or a program"
            ),
        )
    };
    // `same-site` is not enough: every port of localhost is the same site.
    if let Some(site) = header("sec-fetch-site")
        && !matches!(site.as_str(), "same-origin" | "none")
    {
        return Err(refused(&site));
    }
    if let Some(origin) = header(ORIGIN.as_str()) {
        let ours = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let theirs = origin.split_once("://");
        let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
        let bare = |host: &str| host.strip_suffix(default_port).unwrap_or(host).to_ascii_lowercase();
        if !theirs.is_some_and(|(_, host)| !host.is_empty() && bare(host) == bare(ours)) {
            return Err(refused(&origin));
        }
    }
    Ok(())
}

/// Refuses whoever reaches a service without keys by another machine's name or address (DNS rebinding).
/// `Forwarded` and its kin are not believed: a page can send them.
///
/// # Errors
/// 403.
pub(super) fn only_this_machine(request: &HttpRequest) -> Result<(), Problem> {
    if let Some(peer) = request.peer_addr()
        && !peer.ip().to_canonical().is_loopback()
    {
        let detail = "this service has no API keys and serves this machine only; make a key with `empanel keys create`";
        return Err(Problem::new(Code::OtherSite, detail));
    }
    let header = request.headers().get(HOST).map(|value| value.to_str().unwrap_or("?").to_owned());
    let authority = request.uri().authority().map(ToString::to_string);
    for host in [header, authority].into_iter().flatten() {
        if !is_loopback(&host) {
            let host: String = host.chars().take(80).collect();
            let detail = format!(
                "this service has no API keys and answers to `localhost` and 127.0.0.1 only, not to {host:?}; make a key with `empanel keys create` to serve other names"
            );
            return Err(Problem::new(Code::OtherSite, detail));
        }
    }
    Ok(())
}

/// Whether a `Host` names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for ours in [
            "localhost",
            "localhost:8787",
            "LOCALHOST:1",
            "127.0.0.1:80",
            "127.1.2.3",
            "[::1]:8787",
            "[::1]",
            "a.localhost:1",
        ] {
            assert!(is_loopback(ours), "{ours}");
        }
        for theirs in [
            "evil.example",
            "evil.example:8787",
            "localhost.evil.example",
            "10.0.0.1:8787",
            "[2001:db8::1]:1",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_loopback(theirs), "{theirs}");
        }
    }

    #[test]
    fn a_page_of_another_site_or_port_cannot_change_anything() {
        let post = |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::post().insert_header(("host", "localhost:8787"));
            for header in headers {
                request = request.insert_header(*header);
            }
            refuse_other_sites(&request.to_http_request()).is_ok()
        };
        assert!(post(&[]));
        assert!(post(&[("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")]));
        assert!(!post(&[("origin", "http://localhost:9999")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[("origin", "https://evil.example")]));
        let read = TestRequest::get().insert_header(("origin", "https://evil.example")).to_http_request();
        assert!(refuse_other_sites(&read).is_ok());
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_refused_whatever_a_proxy_header_says() {
        let request = TestRequest::get()
            .insert_header(("host", "evil.example:8787"))
            .insert_header(("x-forwarded-host", "localhost"));
        assert!(only_this_machine(&request.to_http_request()).is_err());
        let far = TestRequest::get().insert_header(("host", "localhost")).peer_addr("192.0.2.1:5".parse().unwrap());
        assert!(only_this_machine(&far.to_http_request()).is_err());
    }
}
