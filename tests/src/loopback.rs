//! Unique addresses to listen on. Tests would race for the free ports of 127.0.0.1, so each server gets one of the sixteen
//! million other loopback addresses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use holdfast_shared::rng::{Rng, SystemRng};

/// Returns addresses of one new host, each with a free port.
pub fn addresses<const N: usize>() -> [SocketAddr; N] {
    let rng: &dyn Rng = &SystemRng;
    let [a, b, c] = rng.bytes();
    // People use second octets below 16 by hand. The last octet is never a network's or a broadcast address.
    let host = Ipv4Addr::new(127, a | 16, b, c.clamp(1, 254));
    // All listeners stay open until each has its port, so that the ports differ.
    let listeners = [(); N].map(|()| TcpListener::bind((host, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
