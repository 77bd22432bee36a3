//! The one interface of a network namespace of its own: which there are, and bringing loopback up.
//! It speaks rtnetlink, one message of it, so that the tests need neither iproute2 nor an `ioctl`.

use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// Loopback is the first interface of every network namespace.
const LOOPBACK: u32 = 1;

// From linux/netlink.h, linux/rtnetlink.h and linux/if.h.
const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;

/// The length of an `nlmsghdr`, and of an `ifinfomsg`.
const HEADER: usize = 16;

/// The names of this namespace's interfaces.
pub(super) fn interfaces() -> io::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/self/net/dev")?;
    Ok(table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect())
}

/// Sets loopback up.
pub(super) fn bring_up() -> io::Result<()> {
    // No protocol is rtnetlink: its number is 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &request(), SendFlags::empty(), &kernel)?;
    let mut answer = [0; 4096];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    acknowledged(&answer[..length])
}

/// `RTM_NEWLINK` for loopback with the flag `IFF_UP`, every field in the machine's byte order.
fn request() -> Vec<u8> {
    let mut message = Vec::with_capacity(2 * HEADER);
    // nlmsghdr: length, type, flags, sequence, port.
    message.extend((2 * 16_u32).to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
    message.extend([0; 8]);
    // ifinfomsg: family and padding, device type, index, flags, which flags to change.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message
}

/// The acknowledgement is an `NLMSG_ERROR` whose error is 0, or else a negated `errno`.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
    let error = answer.get(HEADER..HEADER + 4).and_then(|bytes| bytes.try_into().ok());
    match (kind, error.map(i32::from_ne_bytes)) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(error)) => Err(Errno::from_raw_os_error(error.saturating_neg()).into()),
        _ => Err(io::Error::other("the kernel did not acknowledge it")),
    }
}
