//! At which addresses of this machine peers may reach a socket.
//!
//! Invariant: a socket that is bound to all addresses is told to peers by real ones, of both families where the machine has
//! both, at most [`MOST`] of them; loopback comes last, for peers on the same machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::Error;

/// Each is paired with each of the peer's: more cost checks and find no better path.
const MOST: usize = 8;

/// Binds a UDP socket. `[::]` means both families; where the system has no IPv6 it is `0.0.0.0`.
pub(crate) fn bind(address: SocketAddr) -> Result<std::net::UdpSocket, Error> {
    let failed = |source| Error::Bind { address, source };
    if !(address.is_ipv6() && address.ip().is_unspecified()) {
        return std::net::UdpSocket::bind(address).map_err(failed);
    }
    match bind_both(address) {
        Ok(socket) => Ok(socket),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(failed(error)),
        Err(_) => {
            let address = (Ipv4Addr::UNSPECIFIED, address.port());
            std::net::UdpSocket::bind(address).map_err(failed)
        }
    }
}

fn bind_both(address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(false)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The addresses to tell peers of a socket bound to `local`.
pub(crate) fn reachable(local: SocketAddr) -> Result<Vec<SocketAddr>, Error> {
    if !local.ip().is_unspecified() {
        return Ok(vec![local]);
    }
    let mut found: Vec<IpAddr> = if_addrs::get_if_addrs()?
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| local.is_ipv6() || ip.is_ipv4())
        .filter(|ip| !is_link_local(*ip))
        .collect();
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    found.dedup();
    found.truncate(MOST);
    if found.is_empty() {
        return Err(Error::Description(format!("{local} names no address for peers")));
    }
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, local.port())).collect())
}

/// Such an address means nothing without the name of its link.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_told_by_real_ones_and_loopback_last() {
        let socket = bind("[::]:0".parse().unwrap()).unwrap();
        let local = socket.local_addr().unwrap();
        let told = reachable(local).unwrap();
        assert!(told.iter().all(|address| !address.ip().is_unspecified()));
        assert!(told.iter().all(|address| address.port() == local.port()));
        let loopback = told.iter().position(|address| address.ip().is_loopback());
        let after = told.iter().skip(loopback.unwrap_or(told.len()));
        assert!(after.clone().all(|address| address.ip().is_loopback()), "{told:?}");
        assert!(told.len() <= MOST);
    }

    #[test]
    fn a_bound_address_is_told_as_it_is() {
        let local = "127.0.0.1:7091".parse().unwrap();
        assert_eq!(reachable(local).unwrap(), [local]);
    }
}
