//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::Request;

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(pub(crate) IpAddr);

impl Source {
    /// The other end of the connection; behind a declared proxy what that says last of all, since only its own word
    /// can be trusted and clients may send the header, too.
    pub(crate) fn of(request: &Request, behind_proxy: bool) -> Self {
        let told = || {
            let last = request.headers().get_all("x-forwarded-for").iter().next_back()?;
            last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
        };
        let peer = || request.extensions().get::<Peer>().map(|peer| peer.0.ip());
        let address = if behind_proxy { told().or_else(peer) } else { peer() };
        Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical())
    }

    /// What counts as one place: an address, or a network of IPv6 of which one machine has as many as it likes.
    pub(super) fn place(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn source(forwarded: &[&str], behind_proxy: bool) -> String {
        let mut request = Request::builder().uri("/");
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let peer = Peer("10.0.0.9:5".parse().unwrap());
        Source::of(&request.extension(peer).body(Body::empty()).unwrap(), behind_proxy).0.to_string()
    }

    #[test]
    fn only_a_declared_proxy_is_believed_and_only_its_own_word() {
        assert_eq!(source(&["1.2.3.4"], false), "10.0.0.9");
        assert_eq!(source(&[], true), "10.0.0.9");
        assert_eq!(source(&["9.9.9.9, 1.2.3.4"], true), "1.2.3.4");
        assert_eq!(source(&["9.9.9.9", "1.2.3.4"], true), "1.2.3.4");
        assert_eq!(source(&["nonsense"], true), "10.0.0.9");
        assert_eq!(source(&["::ffff:1.2.3.4"], true), "1.2.3.4");
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let place = |text: &str| Source(text.parse().unwrap()).place().to_string();
        assert_eq!(place("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(place("192.0.2.1"), "192.0.2.1");
    }
}
