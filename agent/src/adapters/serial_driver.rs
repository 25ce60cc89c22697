//! What the serial driver must be told that no crate tells it: who turns the RS485 transmitter
//! on, and that received bytes shall not be held back. Linux `serial.h`.

use crate::config::Rs485;
use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

const TIOCGSERIAL: libc::Ioctl = 0x541E;
const TIOCSSERIAL: libc::Ioctl = 0x541F;
const TIOCGRS485: libc::Ioctl = 0x542E;
const TIOCSRS485: libc::Ioctl = 0x542F;

const RS485_ENABLED: u32 = 1;
const RS485_RTS_ON_SEND: u32 = 1 << 1;
const RS485_RTS_AFTER_SEND: u32 = 1 << 2;
const LOW_LATENCY: i32 = 1 << 13;

/// `struct serial_rs485`: its size is fixed by the padding.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct KernelRs485 {
    flags: u32,
    delay_before_ms: u32,
    delay_after_ms: u32,
    padding: [u32; 5],
}

/// `struct serial_struct`, of which only `flags` concerns us; the rest goes back as it came.
#[repr(C)]
#[derive(Clone, Copy)]
struct KernelSerial {
    before: [i32; 4],
    flags: i32,
    /// Room for the rest on every architecture, so that the kernel never writes past the end.
    after: [u64; 16],
}

/// Sets the driver up and says in words what it would not do.
pub(super) fn prepare(port: &impl AsRawFd, rs485: Rs485) -> io::Result<Vec<String>> {
    let port = borrow(port);
    let mut remarks = Vec::new();
    if rs485 != Rs485::Off
        && let Err(why) = switch_direction(port)
    {
        if rs485 == Rs485::Kernel {
            let text = format!(
                "this port's driver cannot switch an RS485 transmitter ({why}); use rs485 = \"auto\" \
                 with an adapter that switches by itself"
            );
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        remarks.push(format!(
            "the driver does not switch the RS485 transmitter ({why}); the adapter must do it itself"
        ));
    }
    if let Err(why) = low_latency(port) {
        remarks.push(format!(
            "the low-latency setting was refused ({why}); a USB adapter may hold each answer back \
             by up to 16 ms"
        ));
    }
    Ok(remarks)
}

fn switch_direction(port: BorrowedFd<'_>) -> io::Result<()> {
    let mut wanted = KernelRs485 {
        flags: RS485_ENABLED | RS485_RTS_ON_SEND,
        ..Default::default()
    };
    ask(port, TIOCSRS485, &mut wanted)?;
    // Drivers ignore what they cannot do: only what is read back counts.
    let mut found = KernelRs485::default();
    ask(port, TIOCGRS485, &mut found)?;
    let relevant = RS485_ENABLED | RS485_RTS_ON_SEND | RS485_RTS_AFTER_SEND;
    if found.flags & relevant == wanted.flags {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("flags read back: {}", found.flags),
        ))
    }
}

fn low_latency(port: BorrowedFd<'_>) -> io::Result<()> {
    let mut state = KernelSerial {
        before: [0; 4],
        flags: 0,
        after: [0; 16],
    };
    ask(port, TIOCGSERIAL, &mut state)?;
    state.flags |= LOW_LATENCY;
    ask(port, TIOCSSERIAL, &mut state)
}

/// Lets the kernel drop DTR and RTS when the last handle of the port is closed (`HUPCL`).
pub(super) fn drop_dtr_on_close(port: &impl AsRawFd) -> io::Result<()> {
    let port = borrow(port);
    let mut settings = tcgetattr(port)?;
    settings.control_modes |= ControlModes::HUPCL;
    Ok(tcsetattr(port, OptionalActions::Now, &settings)?)
}

/// A descriptor of its own on the same port, for a thread that waits.
pub(super) fn duplicate(port: &impl AsRawFd) -> io::Result<OwnedFd> {
    borrow(port).try_clone_to_owned()
}

/// The serial crate offers only the raw number of its descriptor.
#[expect(unsafe_code, reason = "SerialStream does not implement AsFd")]
fn borrow<T: AsRawFd>(port: &T) -> BorrowedFd<'_> {
    // SAFETY: the descriptor belongs to `port`, which is borrowed for as long as the result.
    unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }
}

/// One ioctl with one structure that the kernel reads or fills.
#[expect(
    unsafe_code,
    reason = "no safe crate offers the RS485 and serial_struct calls"
)]
fn ask<T>(port: BorrowedFd<'_>, call: libc::Ioctl, structure: &mut T) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed for the call; `structure` is a valid, exclusively
    // borrowed, `repr(C)` value at least as large as what this call reads and writes.
    let answer = unsafe { libc::ioctl(port.as_raw_fd(), call, std::ptr::from_mut(structure)) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
