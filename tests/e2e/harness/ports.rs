//! Ports for what must be known before a node starts.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// Where the search begins: below the ports that the system gives to outgoing connections, so that
/// a node that is down for a while finds its port free when it comes back.
const FIRST: u16 = 11_000;

/// How many ports a process may have: another test run beginning elsewhere stays out of the way.
const WINDOW: u16 = 200;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Neighbouring ports that nobody uses; the first of them.
pub(crate) fn free_ports(count: u16) -> u16 {
    let windows = (32_000 - FIRST) / WINDOW;
    let process = u16::try_from(std::process::id() % u32::from(windows)).unwrap();
    loop {
        let at = NEXT.fetch_add(count, Ordering::Relaxed);
        assert!(at < u16::MAX - 2 * count, "no free ports on this machine");
        let first = FIRST + (process * WINDOW + at) % (windows * WINDOW);
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (first..first + count).all(is_free) {
            return first;
        }
    }
}
