//! How often one may ask: a token bucket per account, else per network, in this process.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use access::Actor;
use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::Problem;
use super::server::State;
use crate::config::Network;

/// Requests per minute; a burst may take a whole minute's worth at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// For an account, whatever it asks.
    pub account: NonZeroU32,
    /// For a network without an account: an IPv4 address, or an IPv6 /64.
    pub network: NonZeroU32,
    /// For a network on the paths that guess passwords or send mails.
    pub sign_in: NonZeroU32,
}

impl Default for RateLimits {
    fn default() -> Self {
        let per_minute = |n| NonZeroU32::new(n).expect("a literal above zero");
        Self { account: per_minute(1_200), network: per_minute(600), sign_in: per_minute(60) }
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The buckets.
pub(crate) struct Buckets {
    accounts: Limiter<kernel::AccountId>,
    networks: Limiter<IpAddr>,
    sign_ins: Limiter<IpAddr>,
    webhooks: Limiter<IpAddr>,
}

/// Gateways write from few addresses and often: so many times what others may.
const WEBHOOKS: NonZeroU32 = NonZeroU32::new(10).expect("a literal above zero");

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: NonZeroU32) -> Limiter<K> {
    let quota = Quota::per_minute(per_minute);
    RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>()
}

impl Buckets {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            accounts: limiter(limits.account),
            networks: limiter(limits.network),
            sign_ins: limiter(limits.sign_in),
            webhooks: limiter(limits.network.saturating_mul(WEBHOOKS)),
        }
    }

    /// Forgets buckets that are full again, so that memory follows the callers of a minute.
    pub(crate) fn sweep(&self) {
        self.accounts.retain_recent();
        self.networks.retain_recent();
        self.sign_ins.retain_recent();
        self.webhooks.retain_recent();
    }
}

/// The address that the request came from, behind the proxies that are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// The network it stands for: an IPv6 host has a whole /64 to itself.
    pub(crate) const fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }

    fn of(request: &ServiceRequest, trusted: &[Network]) -> Self {
        let unknown = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let peer = request.peer_addr().map_or(unknown, |address| address.ip().to_canonical());
        let is_ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        if !is_ours(peer) {
            return Self(peer);
        }
        // Every proxy appends whom it saw: the last one that is not a proxy of ours is the client.
        let forwarded = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|address| address.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .collect::<Vec<_>>();
        Self(forwarded.into_iter().rev().find(|a| !is_ours(*a)).unwrap_or(peer))
    }
}

impl actix_web::FromRequest for ClientAddress {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(
        request: &actix_web::HttpRequest,
        _: &mut actix_web::dev::Payload,
    ) -> Self::Future {
        let unknown = Self(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let address = request.extensions().get::<Self>().copied();
        std::future::ready(Ok(address.unwrap_or(unknown)))
    }
}

/// Whether the path guesses secrets or sends mails.
fn is_sign_in(request: &ServiceRequest) -> bool {
    request.path().starts_with("/api/v1/auth/") && request.method() == actix_web::http::Method::POST
}

/// Notes where every request comes from.
pub(crate) async fn locate(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if let Some(state) = request.app_data::<Data<State>>() {
        let address = ClientAddress::of(&request, &state.settings.trusted_proxies);
        request.extensions_mut().insert(address);
    }
    next.call(request).await
}

/// Counts every request of the API and refuses what is too much. Runs once the caller is known.
pub(crate) async fn throttle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return boxed(next.call(request).await);
    };
    let Some(limits) = state.settings.limits.filter(|_| request.path().starts_with("/api/")) else {
        return boxed(next.call(request).await);
    };
    let account = request.extensions().get::<Actor>().and_then(Actor::account);
    let network = request
        .extensions()
        .get::<ClientAddress>()
        .map_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), |address| address.network());
    let buckets = &state.buckets;
    let (name, quota, verdict) = if is_sign_in(&request) {
        ("sign_in", limits.sign_in, buckets.sign_ins.check_key(&network))
    } else if request.path().starts_with("/api/v1/webhooks/") {
        let quota = limits.network.saturating_mul(WEBHOOKS);
        ("webhooks", quota, buckets.webhooks.check_key(&network))
    } else {
        match account {
            Some(account) => ("account", limits.account, buckets.accounts.check_key(&account)),
            None => ("network", limits.network, buckets.networks.check_key(&network)),
        }
    };
    let (remaining, problem) = match verdict {
        Ok(snapshot) => (snapshot.remaining_burst_capacity(), None),
        Err(refusal) => {
            let wait = refusal.wait_time_from(DefaultClock::default().now());
            (0, Some(too_many(quota, wait)))
        }
    };
    if let Some(problem) = problem {
        let mut response = request.error_response(actix_web::Error::from(problem));
        announce(response.headers_mut(), name, quota, 0);
        return Ok(response);
    }
    let mut response = boxed(next.call(request).await)?;
    announce(response.headers_mut(), name, quota, remaining);
    Ok(response)
}

fn boxed(
    response: Result<ServiceResponse<impl MessageBody + 'static>, actix_web::Error>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    response.map(ServiceResponse::map_into_boxed_body)
}

fn too_many(quota: NonZeroU32, wait: Duration) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        format!("more than {quota} requests a minute; wait as long as Retry-After says"),
    )
    .with_retry_after(wait)
}

/// The limit and what is left of it (IETF draft `ratelimit-headers`).
fn announce(
    headers: &mut actix_web::http::header::HeaderMap,
    name: &str,
    quota: NonZeroU32,
    remaining: u32,
) {
    let mut set = |header: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(header), value);
        }
    };
    set("ratelimit-policy", format!("\"{name}\";q={quota};w=60"));
    set("ratelimit", format!("\"{name}\";r={remaining};t=60"));
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn address(peer: &str, forwarded: Option<&str>, trusted: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1").parse().unwrap());
        if let Some(forwarded) = forwarded {
            request = request.insert_header(("X-Forwarded-For", forwarded));
        }
        let trusted: Vec<Network> = trusted.iter().map(|a| a.parse().unwrap()).collect();
        ClientAddress::of(&request.to_srv_request(), &trusted).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_who_asked() {
        assert_eq!(address("203.0.113.9", Some("198.51.100.1"), &[]), "203.0.113.9");
        assert_eq!(
            address("10.0.0.1", Some("6.6.6.6, 198.51.100.1, 10.9.9.9"), &["10.0.0.0/8"]),
            "198.51.100.1"
        );
        assert_eq!(address("10.0.0.1", Some("nonsense"), &["10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_host_is_its_whole_network() {
        let one = ClientAddress("2001:db8:1:2:3::1".parse().unwrap()).network();
        let other = ClientAddress("2001:db8:1:2:ffff::9".parse().unwrap()).network();
        assert_eq!(one, other);
    }
}
