//! Who may ask at all: the `Host` a client names, and the `Origin` a browser tells.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use jsonrpsee::core::BoxError;
use jsonrpsee::server::ws::is_upgrade_request;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use super::Transport;
use crate::config::{Hosts, Origins};

/// How long a browser may remember what it may do, in seconds.
const PREFLIGHT_AGE: &str = "600";

/// Puts a [`Gate`] before the service.
#[derive(Clone, Debug)]
pub(super) struct GateLayer {
    hosts: Arc<Hosts>,
    origins: Arc<Origins>,
}

impl GateLayer {
    pub(super) fn new(hosts: Hosts, origins: Origins) -> Self {
        Self { hosts: Arc::new(hosts), origins: Arc::new(origins) }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { rules: self.clone(), inner }
    }
}

/// Refuses by host and origin, answers preflights, and marks how a request came.
#[derive(Clone, Debug)]
pub(super) struct Gate<S> {
    rules: GateLayer,
    inner: S,
}

impl<S, B> Service<HttpRequest<B>> for Gate<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Self::Future {
        let host = header(&request, "host").or_else(|| request.uri().host().map(str::to_owned));
        if !self.rules.hosts.allow(host.as_deref()) {
            return refused(
                "invalid host specified: add the name to the allowed hosts of this node's RPC\n",
            );
        }
        let origin = header(&request, "origin");
        let allowed = origin.as_deref().and_then(|origin| self.rules.origins.allow(origin));
        let upgrade = is_upgrade_request(&request);
        if upgrade && origin.is_some() && allowed.is_none() {
            return refused(
                "this web page may not connect: add its origin to the allowed origins of this \
                 node's RPC\n",
            );
        }
        if *request.method() == "OPTIONS" {
            let preflight = preflight(allowed);
            return Box::pin(async { preflight });
        }
        let transport = if upgrade { Transport::WebSocket } else { Transport::Http };
        request.extensions_mut().insert(transport);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(allowed) = allowed {
                let headers = response.headers_mut();
                headers.insert("access-control-allow-origin", allowed.parse()?);
                headers.insert("vary", "origin".parse()?);
            }
            Ok(response)
        })
    }
}

fn header<B>(request: &HttpRequest<B>, name: &str) -> Option<String> {
    request.headers().get(name)?.to_str().ok().map(str::to_owned)
}

type Refused = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

fn refused(why: &'static str) -> Refused {
    Box::pin(async move {
        let response = HttpResponse::<()>::builder().status(403);
        let response = response.header("content-type", "text/plain").header("connection", "close");
        Ok(response.body(HttpBody::from(why))?)
    })
}

/// Tells a browser whether its page may ask.
fn preflight(allowed: Option<String>) -> Result<HttpResponse, BoxError> {
    let mut response = HttpResponse::<()>::builder().status(204);
    if let Some(allowed) = allowed {
        response = response
            .header("access-control-allow-origin", allowed)
            .header("access-control-allow-methods", "POST, OPTIONS")
            .header("access-control-allow-headers", "*")
            .header("access-control-max-age", PREFLIGHT_AGE)
            .header("vary", "origin");
    }
    Ok(response.body(HttpBody::empty())?)
}

impl Hosts {
    /// Whether a `Host` header is served. One that is missing comes from no browser.
    fn allow(&self, host: Option<&str>) -> bool {
        let (Self::Only(names), Some(host)) = (self, host) else { return true };
        let name = without_port(host);
        let digits = name.trim_start_matches('[').trim_end_matches(']');
        digits.parse::<IpAddr>().is_ok()
            || names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// `localhost:8545` and `[::1]:8545` without `:8545`.
fn without_port(host: &str) -> &str {
    if host.parse::<Ipv6Addr>().is_ok() || host.ends_with(']') {
        return host;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

impl Origins {
    /// What `access-control-allow-origin` says to a page, or `None` if it may not ask.
    fn allow(&self, origin: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Any => Some("*".to_owned()),
            Self::Only(pages) => pages
                .iter()
                .any(|page| page.eq_ignore_ascii_case(origin))
                .then(|| origin.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_served_only_if_listed_and_addresses_always() {
        let hosts = Hosts::Only(vec!["localhost".into(), "node.example".into()]);
        for served in ["localhost", "LOCALHOST:8545", "127.0.0.1:1", "[::1]:8545", "[::1]", "::1"] {
            assert!(hosts.allow(Some(served)), "{served}");
        }
        assert!(hosts.allow(Some("node.example:443")));
        assert!(hosts.allow(None));
        for refused in ["evil.example", "localhost.evil.example:8545", "", ":8545"] {
            assert!(!hosts.allow(Some(refused)), "{refused}");
        }
        assert!(Hosts::Any.allow(Some("evil.example")));
    }

    #[test]
    fn pages_are_served_only_if_listed() {
        let page = "https://dapp.example";
        assert_eq!(Origins::None.allow(page), None);
        assert_eq!(Origins::Any.allow(page).as_deref(), Some("*"));
        let listed = Origins::Only(vec![page.into()]);
        assert_eq!(listed.allow(page).as_deref(), Some(page));
        assert_eq!(listed.allow("https://evil.example"), None);
    }
}
