//! The address that goes on chain with every proposal, where others fetch the dataset.
//!
//! Invariant: an address that nobody else can use is refused before anything is published under it.

use std::net::{IpAddr, SocketAddr};

use anyhow::ensure;

/// Chains of one machine, where its own address will do (anvil, hardhat, geth's developer mode).
const LOCAL_CHAINS: [u64; 2] = [31_337, 1_337];

/// `given`, or the listening address, without a slash at its end.
pub(crate) fn checked(
    given: Option<&str>,
    listening: SocketAddr,
    chain_id: u64,
) -> anyhow::Result<String> {
    let url = given.map_or_else(|| format!("http://{listening}"), str::to_owned);
    let host = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let host = host.and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    ensure!(!host.is_empty(), "--public-url looks like https://tatum.example");
    let is_local = LOCAL_CHAINS.contains(&chain_id);
    ensure!(
        is_reachable(host, is_local),
        "datasets would be published at {url}, which is this machine to whoever reads it; name an address with --public-url \
         that others can use"
    );
    Ok(url.trim_end_matches('/').to_owned())
}

fn is_reachable(host: &str, is_local: bool) -> bool {
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
        assert_eq!(checked(None, listening, 31_337).unwrap(), "http://127.0.0.1:7070");
        assert_eq!(
            checked(Some("https://t.example/x/"), listening, 1).unwrap(),
            "https://t.example/x"
        );
        assert!(checked(Some("http://[2001:db8::1]:7070"), listening, 1).is_ok());
        for (given, chain_id) in [
            (None, 1),
            (Some("http://localhost:7070"), 1),
            (Some("http://[::1]:7070"), 1),
            (Some("http://0.0.0.0"), 31_337),
            (Some("tatum.example"), 1),
            (Some("ftp://tatum.example"), 1),
        ] {
            assert!(checked(given, listening, chain_id).is_err(), "{given:?}");
        }
        let error = checked(None, everywhere, 31_337).unwrap_err().to_string();
        assert!(error.contains("--public-url"), "{error}");
    }
}
