//! One write, and reads of coils: the same road as a read of registers.
//!
//! The answer to a write only echoes it. It says that a meter has heard, and a copy of an earlier one
//! looks exactly the same: what a meter holds is known when it was read, and not before.

use super::exception::Exception;
use super::expected::ExpectedAnswer;
use super::expected_tcp::ExpectedTcpAnswer;
use super::read::{ReadFault, TransactionIds, ask_line, hand_back, renumber, take_frame};
use crate::limits::{PIPE_OCTETS, WRITE_REGISTERS_MAX};
use line::{Answer, GuardedLine, Line};
use std::time::Duration;
use tokio_modbus::client::{Context, Reader, Writer, rtu, tcp};
use tokio_modbus::slave::Slave;

/// With which function something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteFunction {
    /// 5: one coil.
    Coil,
    /// 6: one register; several go one by one.
    Single,
    /// 16: registers at once.
    Several,
}

impl WriteFunction {
    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Coil => 5,
            Self::Single => 6,
            Self::Several => 16,
        }
    }
}

/// What is asked of a meter once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Function 1, of one coil.
    ReadCoil(u16),
    /// Function 5.
    WriteCoil(u16, bool),
    /// Function 6.
    WriteRegister(u16, u16),
    /// Function 16.
    WriteRegisters(u16, Vec<u16>),
}

impl Ask {
    fn fits(&self) -> bool {
        match self {
            Self::WriteRegisters(address, words) => {
                let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
                (1..=WRITE_REGISTERS_MAX).contains(&count)
                    && u32::from(*address) + u32::from(count) <= 0x1_0000
            }
            _ => true,
        }
    }

    /// Octets of its PDU, for the client's side of the pipe.
    fn pdu_octets(&self) -> usize {
        match self {
            Self::WriteRegisters(_, words) => 6 + 2 * words.len(),
            _ => 5,
        }
    }
}

/// How a meter of Modbus is spoken to.
#[derive(Debug)]
pub enum Framing<'f> {
    /// On a serial line, or through a serial server that passes its frames.
    Rtu,
    /// Modbus TCP, with the numbers of its requests.
    Tcp(&'f mut TransactionIds),
}

/// Asks once. A coil that was read comes back; a write brings none.
///
/// # Errors
///
/// [`ReadFault::Line`] does not say that nothing was written: the meter may have heard.
pub async fn ask<L: Line>(
    guard: &mut GuardedLine<L>,
    framing: &mut Framing<'_>,
    unit: u8,
    what: &Ask,
    min_gap: Duration,
) -> Result<Option<bool>, ReadFault> {
    if !what.fits() || matches!(framing, Framing::Rtu) && !(1..=247).contains(&unit) {
        return Err(ReadFault::Unwritable { unit });
    }
    let (near, mut far) = tokio::io::duplex(PIPE_OCTETS);
    match framing {
        Framing::Rtu => {
            let mut client = rtu::attach_slave(near, Slave(unit));
            let carry = async move {
                let request = take_frame(&mut far, 1 + what.pdu_octets() + 2).await?;
                let expected = ExpectedAnswer::of_frame(&request)
                    .map_err(|error| ReadFault::breach(&error))?;
                let answer = ask_line(guard, unit, min_gap, &request, expected).await?;
                hand_back(&mut far, &answer.bytes).await?;
                Ok(answer)
            };
            let (asked, carried) = tokio::join!(ask_client(&mut client, what), carry);
            conclude(carried, asked)
        }
        Framing::Tcp(ids) => {
            let mut client = tcp::attach_slave(near, Slave(unit));
            let number = ids.next().to_be_bytes();
            let carry = async move {
                let mut request = take_frame(&mut far, 7 + what.pdu_octets()).await?;
                let theirs = renumber(&mut request, number);
                let expected = ExpectedTcpAnswer::of_frame(&request)
                    .map_err(|error| ReadFault::breach(&error))?;
                let answer = ask_line(guard, unit, min_gap, &request, expected).await?;
                let mut bytes = answer.bytes.clone();
                renumber(&mut bytes, theirs);
                hand_back(&mut far, &bytes).await?;
                Ok(answer)
            };
            let (asked, carried) = tokio::join!(ask_client(&mut client, what), carry);
            conclude(carried, asked)
        }
    }
}

type Asked = tokio_modbus::Result<Option<bool>>;

async fn ask_client(client: &mut Context, what: &Ask) -> Asked {
    let written = |outcome: tokio_modbus::Result<()>| outcome.map(|inner| inner.map(|()| None));
    match what {
        Ask::ReadCoil(address) => {
            let coils = client.read_coils(*address, 1).await?;
            Ok(coils.map(|coils| coils.first().copied()))
        }
        Ask::WriteCoil(address, on) => written(client.write_single_coil(*address, *on).await),
        Ask::WriteRegister(address, word) => {
            written(client.write_single_register(*address, *word).await)
        }
        Ask::WriteRegisters(address, words) => {
            written(client.write_multiple_registers(*address, words).await)
        }
    }
}

fn conclude(carried: Result<Answer, ReadFault>, asked: Asked) -> Result<Option<bool>, ReadFault> {
    carried?;
    match asked {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(code)) => Err(ReadFault::Exception(Exception::from_code(code.into()))),
        Err(error) => Err(ReadFault::breach(&error)),
    }
}
