//! Addresses to listen on that nobody else has. Free ports of 127.0.0.1 would be a race between tests; of the sixteen
//! million other loopback addresses, each server gets one of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use holdfast_shared::rng::{Rng, SystemRng};

/// As many addresses of one host, each with a port that is free there.
pub fn addresses<const N: usize>() -> [SocketAddr; N] {
    let rng: &dyn Rng = &SystemRng;
    let [a, b, c] = rng.bytes();
    // Below 16 in the second place lies what people use by hand; the last place is never a network's or a broadcast's.
    let host = Ipv4Addr::new(127, a | 16, b, c.clamp(1, 254));
    // All are held until each has its port, so that no two are the same.
    let held = [(); N].map(|()| TcpListener::bind((host, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}
