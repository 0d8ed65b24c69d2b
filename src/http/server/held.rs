//! Who holds a place, and until when: as long as the bytes of the connection live.
//!
//! Owns the counts. The place travels inside the stream, so that a connection which became a socket still counts.

use std::{
    collections::HashMap,
    fmt, io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Limits;
use crate::service::throttle::network;

/// Refusals that are under way at the same time. Beyond that a connection is closed without a word: whoever floods
/// reads no answers.
const FAREWELLS: usize = 64;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The whole service.
    Service,
    /// This address.
    Address,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "too many connections",
            Self::Address => "too many connections from one address",
        })
    }
}

/// The limits, and how much of them is used.
#[derive(Debug)]
pub(super) struct Doors {
    places: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address: usize,
    exempt: Vec<IpNet>,
}

impl Doors {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            addresses: Arc::default(),
            per_address: limits.per_address,
            exempt: limits.trusted_proxies.clone(),
        }
    }

    /// A place for a connection from `address`, or why there is none.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        let permit = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Full::Service)?;
        let address = address.to_canonical();
        let counted = if self.exempt.iter().any(|net| net.contains(&address)) {
            None
        } else {
            Some(Counted::add(
                &self.addresses,
                network(address),
                self.per_address,
            )?)
        };
        Ok(Place {
            _permit: permit,
            _counted: counted,
        })
    }

    /// The right to refuse with an answer.
    pub(super) fn farewell(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.farewells).try_acquire_owned().ok()
    }
}

/// A place among the connections; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    all: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Counted {
    fn add(
        all: &Arc<Mutex<HashMap<IpAddr, usize>>>,
        address: IpAddr,
        most: usize,
    ) -> Result<Self, Full> {
        let mut counts = all.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&address).copied().unwrap_or(0);
        if count >= most {
            return Err(Full::Address);
        }
        counts.insert(address, count + 1);
        Ok(Self {
            all: Arc::clone(all),
            address,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            // The last one: the table holds addresses that are here, and no others.
            _ => {
                counts.remove(&self.address);
            }
        }
    }
}

/// A stream with its place.
#[derive(Debug)]
pub(super) struct Held<S> {
    stream: S,
    _place: Place,
    _alive: TaskTrackerToken,
}

impl<S> Held<S> {
    pub(super) fn new(stream: S, place: Place, alive: TaskTrackerToken) -> Self {
        Self {
            stream,
            _place: place,
            _alive: alive,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(connections: usize, per_address: usize, exempt: &[&str]) -> Doors {
        Doors::new(&Limits {
            connections,
            per_address,
            header_timeout: std::time::Duration::from_secs(10),
            body_timeout: std::time::Duration::from_secs(10),
            trusted_proxies: exempt.iter().map(|net| net.parse().unwrap()).collect(),
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_that_is_left_is_free_again_and_its_address_is_forgotten() {
        let doors = doors(10, 1, &[]);
        let place = doors.enter(ip("192.0.2.1")).unwrap();
        assert_eq!(doors.enter(ip("192.0.2.1")).unwrap_err(), Full::Address);
        doors.enter(ip("192.0.2.2")).unwrap();
        drop(place);
        assert!(doors.addresses.lock().unwrap().is_empty());
        doors.enter(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn the_whole_service_has_a_limit_as_well() {
        let doors = doors(1, 5, &[]);
        let _place = doors.enter(ip("192.0.2.1")).unwrap();
        assert_eq!(doors.enter(ip("192.0.2.2")).unwrap_err(), Full::Service);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let doors = doors(10, 1, &[]);
        let _place = doors.enter(ip("2001:db8::1")).unwrap();
        assert_eq!(doors.enter(ip("2001:db8::2")).unwrap_err(), Full::Address);
        doors.enter(ip("2001:db8:0:1::1")).unwrap();
    }

    #[test]
    fn a_trusted_proxy_may_bring_many() {
        let doors = doors(10, 1, &["10.0.0.0/8"]);
        let _first = doors.enter(ip("10.0.0.1")).unwrap();
        let _second = doors.enter(ip("::ffff:10.0.0.1")).unwrap();
    }
}
