//! The place that the tests run in. That there are no other interfaces and no other processes is
//! checked before the first test; here is what follows from it.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;

use overlord_tests::namespaces::Isolated;

crate::trials! { "confined":
    no_network_can_be_reached,
    loopback_works,
    home_is_private,
}

fn no_network_can_be_reached(_: Isolated) {
    // An address of documentation (RFC 5737): with any network at all this would time out.
    let error = TcpStream::connect("192.0.2.1:80").expect_err("there is a way out");
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{error}");
    assert!("example.org:80".to_socket_addrs().is_err(), "a name was resolved");
}

fn loopback_works(_: Isolated) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listening");
    TcpStream::connect(listener.local_addr().expect("an address")).expect("loopback is up");
}

fn home_is_private(_: Isolated) {
    let home = std::env::var("HOME").expect("there is a home");
    assert!(Path::new(&home).starts_with("/tmp"), "{home}");
    let mounts = fs::read_to_string("/proc/self/mounts").expect("reading the mounts");
    assert!(mounts.lines().any(|line| line.starts_with("private /tmp tmpfs ")), "{mounts}");
    let owned: Vec<_> = fs::read_dir(&home).expect("reading home").collect();
    assert!(owned.is_empty(), "{owned:?}");
}
