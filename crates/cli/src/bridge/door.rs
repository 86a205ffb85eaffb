//! Who is let in.
//!
//! Invariant: a request passes only with a `Host` that is this machine by its number or as `localhost`, no foreign `Origin`,
//! and the token. So a web page in this machine's browser gets nowhere, also if its name was made to point here (DNS
//! rebinding), and nor does another user of this machine.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tatum_protocol::{Problem, ProblemKind};

use super::Token;

/// Where a bridge is asked whether it runs, by whoever knows no token.
pub(super) const HEALTH: &str = "/health";
/// The port of a host that names none.
const HTTP_PORT: u16 = 80;

/// Who is let in.
#[derive(Debug)]
pub(super) struct Door {
    token: Arc<Token>,
    port: u16,
    is_remote: bool,
}

impl Door {
    pub(super) const fn new(token: Arc<Token>, port: u16, is_remote: bool) -> Self {
        Self { token, port, is_remote }
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let forbidden = |detail: &str| Err(Problem::new(ProblemKind::Forbidden, detail));
        let named = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
        let Some(host) = named.or_else(|| uri.authority().cloned()) else {
            return forbidden("the request names no host");
        };
        if !self.is_ours(&host) {
            return forbidden(
                "the bridge is asked as 127.0.0.1, [::1] or localhost with its port, and by no other name",
            );
        }
        if headers.get(ORIGIN).is_some_and(|origin| *origin != *format!("http://{host}")) {
            return forbidden("no page of another origin may ask the bridge");
        }
        if uri.path() == HEALTH || self.knows(headers) {
            return Ok(());
        }
        let detail = "send the bridge's token as Authorization: Bearer TOKEN";
        Err(Problem::new(ProblemKind::Unauthorized, detail))
    }

    fn is_ours(&self, host: &Authority) -> bool {
        let name = host.host();
        let number = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_number = number.is_ok_and(|number| self.is_remote || number.is_loopback());
        host.port_u16().unwrap_or(HTTP_PORT) == self.port
            && !host.as_str().contains('@')
            && (is_number || name.eq_ignore_ascii_case("localhost"))
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = given.and_then(|given| given.split_once(' '));
        bearer.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && self.token.is(token.trim())
        })
    }
}

/// Turns away whom the door does not let in.
pub(super) async fn admit(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    match door.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.response().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    /// What the door says: a status, or nothing when it opens.
    fn told(is_remote: bool, given: &[(HeaderName, &str)]) -> Option<u16> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let token = Token::load_or_draw(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let headers = given
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("TOKEN", &text).parse().unwrap()));
        let door = Door::new(Arc::new(token), 7095, is_remote);
        let checked = door.check(&Uri::from_static("/v1/streams/a/messages"), &headers.collect());
        checked.err().map(|problem| problem.kind.status().as_u16())
    }

    #[test]
    fn only_this_machine_by_its_number_or_as_localhost_is_a_host() {
        let with =
            |is_remote, host| told(is_remote, &[(HOST, host), (AUTHORIZATION, "Bearer TOKEN")]);
        for host in ["127.0.0.1:7095", "[::1]:7095", "localhost:7095", "LOCALHOST:7095"] {
            assert_eq!(with(false, host), None, "{host}");
        }
        let foreign = [
            "127.0.0.1",
            "127.0.0.1:7096",
            "evil.example:7095",
            "localhost.evil.example:7095",
            "127.0.0.1.evil.example:7095",
            "10.0.0.7:7095",
            "a@localhost:7095",
            "",
        ];
        for host in foreign {
            assert_eq!(with(false, host), Some(403), "{host}");
        }
        assert_eq!(with(true, "10.0.0.7:7095"), None);
        assert_eq!(with(true, "evil.example:7095"), Some(403));
        assert_eq!(told(false, &[(AUTHORIZATION, "Bearer TOKEN")]), Some(403));
    }

    #[test]
    fn no_page_of_another_origin_and_nobody_without_the_token_gets_in() {
        let host = (HOST, "localhost:7095");
        let token = (AUTHORIZATION, "bearer TOKEN");
        let from = |origin| told(false, &[host.clone(), token.clone(), (ORIGIN, origin)]);
        assert_eq!(from("http://localhost:7095"), None);
        for origin in
            ["null", "https://localhost:7095", "http://evil.example", "http://127.0.0.1:7095"]
        {
            assert_eq!(from(origin), Some(403), "{origin}");
        }
        for wrong in ["Bearer", "Bearer ", "Bearer TOKEN0", "Basic TOKEN", "TOKEN"] {
            assert_eq!(told(false, &[host.clone(), (AUTHORIZATION, wrong)]), Some(401), "{wrong}");
        }
        assert_eq!(told(false, &[host]), Some(401));
    }
}
