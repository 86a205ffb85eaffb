//! The address that goes on chain with every proposal, where others fetch the dataset.
//!
//! Invariant: an address that nobody else can use is refused before anything is published under it.

use std::net::{IpAddr, SocketAddr};

use anyhow::ensure;

/// `given`, or the listening address, without a slash at its end. On a chain of one machine its own address will do.
pub(crate) fn checked(
    given: Option<&str>,
    listening: SocketAddr,
    is_local: bool,
) -> anyhow::Result<String> {
    let url = given.map_or_else(|| format!("http://{listening}"), str::to_owned);
    ensure!(!host_of(&url).is_empty(), "--public-url looks like https://tatum.example");
    ensure!(
        is_reachable(&url, is_local),
        "datasets would be published at {url}, which is this machine to whoever reads it; name an address with --public-url \
         that others can use"
    );
    Ok(url.trim_end_matches('/').to_owned())
}

/// The host and port of a web address; nothing if it is none.
fn host_of(url: &str) -> &str {
    let host = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    host.and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default()
}

/// Whether an address names a machine to whoever reads it, or, on a chain of one machine, at least that one.
pub fn is_reachable(url: &str, is_local: bool) -> bool {
    let host = host_of(url);
    let name = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name = match name.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => name.split(':').next().unwrap_or_default(),
    };
    match name.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => false,
        Ok(ip) => is_local || !ip.is_loopback(),
        Err(_) => is_local || name != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_cannot_use_is_refused() {
        let listening: SocketAddr = "127.0.0.1:7070".parse().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:7070".parse().unwrap();
        assert_eq!(checked(None, listening, true).unwrap(), "http://127.0.0.1:7070");
        assert_eq!(
            checked(Some("https://t.example/x/"), listening, false).unwrap(),
            "https://t.example/x"
        );
        assert!(checked(Some("http://[2001:db8::1]:7070"), listening, false).is_ok());
        for (given, is_local) in [
            (None, false),
            (Some("http://localhost:7070"), false),
            (Some("http://[::1]:7070"), false),
            (Some("http://0.0.0.0"), true),
            (Some("tatum.example"), false),
            (Some("ftp://tatum.example"), false),
        ] {
            assert!(checked(given, listening, is_local).is_err(), "{given:?}");
        }
        let error = checked(None, everywhere, true).unwrap_err().to_string();
        assert!(error.contains("--public-url"), "{error}");
    }
}
