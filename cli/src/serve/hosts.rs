//! Which names this server answers to.
//!
//! A page in somebody's browser can let a name of its own point at 127.0.0.1 and then read whatever answers there (DNS
//! rebinding). Its requests carry that name in `Host`. Guarantee: a server that listens on a loopback address, or to
//! which names were given, answers a request only when every name in it (`Host`, and the target's where it has one) is
//! one that it knows; the port does not count. Else: 421 with what was expected. Without either, every name will do.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use query::http::Problem;
use std::net::IpAddr;
use std::sync::Arc;

/// Names of this machine as it calls itself.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// See the module. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hosts {
    /// In lower case, without port; `None`: every name will do.
    known: Option<Arc<[String]>>,
}

impl Hosts {
    /// For a server that listens on `address`; `given` are names that it answers to besides its own.
    pub(super) fn new(address: IpAddr, given: &[String]) -> Self {
        let address = address.to_canonical();
        if !address.is_loopback() && given.is_empty() {
            return Self { known: None };
        }
        let mut known: Vec<String> = OWN_NAMES.map(str::to_owned).to_vec();
        if !address.is_unspecified() {
            known.push(match address {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            });
        }
        known.extend(given.iter().map(|name| without_port(name).to_ascii_lowercase()));
        known.sort();
        known.dedup();
        Self { known: Some(known.into()) }
    }

    /// What is wrong with a request's names.
    fn refuse(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let known = self.known.as_ref()?;
        let expected = || format!("expected one of {}; others are set with --allowed-hosts", known.join(", "));
        let mut named = headers.get_all(header::HOST).iter().map(|value| value.to_str().ok()).collect::<Vec<_>>();
        named.extend(uri.authority().map(|authority| Some(authority.as_str())));
        if named.is_empty() {
            return Some(format!("the request names no host: {}", expected()));
        }
        let knows = |name: &str| known.contains(&without_port(name).to_ascii_lowercase());
        let strange = named.into_iter().find(|name| !name.is_some_and(knows))?;
        Some(format!("this server does not answer to the host {:?}: {}", strange.unwrap_or("(not text)"), expected()))
    }
}

/// The name in `NAME:PORT`, `[ADDRESS]:PORT` or `NAME`.
fn without_port(text: &str) -> &str {
    let text = text.trim();
    let Some((name, port)) = text.rsplit_once(':') else { return text };
    // An address of version 6 without brackets has no port.
    let whole = !name.contains(':') || name.ends_with(']');
    if whole && port.bytes().all(|b| b.is_ascii_digit()) { name } else { text }
}

/// Answers to known names only.
pub(super) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.refuse(request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(detail) => {
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", "the request is for another host", detail)
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;
    use axum::http::{HeaderMap, HeaderValue, Uri, header};

    fn answers(hosts: &Hosts, target: &str, host: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, HeaderValue::from_static(host));
        }
        hosts.refuse(&target.parse::<Uri>().expect("a target"), &headers).is_none()
    }

    #[test]
    fn a_loopback_server_answers_to_its_own_names() {
        let hosts = Hosts::new("127.0.0.2".parse().expect("an address"), &["hansard.internal:4727".to_owned()]);
        for host in
            ["localhost", "LOCALHOST:4727", "127.0.0.1:1", "[::1]", "[::1]:4727", "127.0.0.2", "hansard.internal:80"]
        {
            assert!(answers(&hosts, "/readyz", Some(host)), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:4727", "127.0.0.3", "", "::1", "localhost:x", "[::1]x:1"] {
            assert!(!answers(&hosts, "/readyz", Some(host)), "{host}");
        }
        assert!(!answers(&hosts, "/readyz", None), "HTTP/1.0 without a host");
        assert!(!answers(&hosts, "http://evil.example/readyz", Some("localhost")), "the target counts too");
        assert!(answers(&hosts, "http://localhost:4727/readyz", Some("localhost")));
    }

    #[test]
    fn other_servers_answer_to_every_name_until_names_are_given() {
        let open = Hosts::new("0.0.0.0".parse().expect("an address"), &[]);
        assert!(answers(&open, "/readyz", Some("evil.example")) && answers(&open, "/readyz", None));
        let named = Hosts::new("10.1.2.3".parse().expect("an address"), &["hansard.example".to_owned()]);
        assert!(answers(&named, "/readyz", Some("hansard.example")) && answers(&named, "/readyz", Some("10.1.2.3:80")));
        assert!(!answers(&named, "/readyz", Some("evil.example")));
    }
}
