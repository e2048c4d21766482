//! The body of a response: an archive that disk threads make while it is sent.
//!
//! One piece waits for the client, and another is made meanwhile.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::Waker;

use super::entry::{ArchiveFormat, ArchiveSpec};
use super::pack::{PIECE, Packer, READ};
use super::turns::Turn;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Charge};
use crate::site::compress::CODER;
use crate::site::disk::{DiskPool, Effort, Ended, FileSystem, Pending, Room};
use crate::site::disk_error::DiskError;
use crate::site::resolve::Site;

/// The memory of an archive in bytes, whatever its size, without a coder: two pieces, each with what was read last,
/// and what is read, before and after it is coded.
pub const COST: u64 = (2 * (PIECE + READ) + 3 * READ) as u64;

/// Who receives an archive.
pub struct Recipient {
    /// The network of the client.
    pub network: IpAddr,
    /// Wakes the client's connection.
    pub waker: Waker,
    /// The client's turn.
    pub turn: Turn,
}

/// How far the first piece of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It can be sent.
    Ready,
    /// Ask again at once.
    Again,
    /// Ask again after a wake-up.
    WaitForDisk,
}

/// An archive, as a source of bytes.
pub struct ArchiveSource {
    stage: Stage,
    /// What the client receives next.
    ready: Vec<u8>,
    /// How many bytes of it were sent.
    sent: usize,
    pool: Option<DiskPool>,
    file_system: FileSystem,
    network: IpAddr,
    waker: Waker,
    _turn: Turn,
    _charge: Charge,
}

enum Stage {
    Idle(Box<Packer>),
    Away(Pending<Made>),
    End,
}

/// What a disk thread returns: the packer if there is more, and a piece.
type Made = Result<(Option<Box<Packer>>, Vec<u8>), BodyError>;

impl ArchiveSource {
    /// An archive that begins when it is pulled. Fails if there is too little memory.
    pub fn new(
        site: &mut Site,
        spec: ArchiveSpec<'_>,
        recipient: Recipient,
    ) -> Result<ArchiveSource, DiskError> {
        let coder = match spec.format {
            ArchiveFormat::Tar => 0,
            ArchiveFormat::Zip | ArchiveFormat::TarGzip => CODER,
        };
        let charge = site.memory.charge(Account::Contents, COST + coder);
        let charge = charge.ok_or(DiskError::ArchivesBusy)?;
        let file_system = site.root().file_system(spec.folder);
        let root = Arc::clone(site.root());
        let memory = Arc::clone(site.memory.budget());
        let packer = Packer::new(root, site.disk().cloned(), spec, memory);
        Ok(ArchiveSource {
            stage: Stage::Idle(Box::new(packer)),
            ready: Vec::new(),
            sent: 0,
            pool: site.disk().cloned(),
            file_system,
            network: recipient.network,
            waker: recipient.waker,
            _turn: recipient.turn,
            _charge: charge,
        })
    }

    /// Makes the first piece. Whatever fails before can still be answered with an error.
    pub fn prepare(&mut self) -> Result<Prepared, BodyError> {
        if self.has_bytes() {
            return Ok(Prepared::Ready);
        }
        self.advance()?;
        Ok(match &self.stage {
            _ if self.has_bytes() => Prepared::Ready,
            Stage::Away(_) => Prepared::WaitForDisk,
            Stage::Idle(_) => Prepared::Again,
            Stage::End => Prepared::Ready,
        })
    }

    fn has_bytes(&self) -> bool {
        self.sent < self.ready.len()
    }

    /// Takes the next piece if it is made, and has the one after it made.
    fn advance(&mut self) -> Result<Pulled, BodyError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::End => return Ok(Pulled::Done),
            Stage::Idle(packer) => self.make(packer)?,
            Stage::Away(pending) => match pending.poll() {
                None => Stage::Away(pending),
                Some(Ended::Done(made)) => {
                    let (packer, piece) = made?;
                    (self.ready, self.sent) = (piece, 0);
                    match packer {
                        Some(packer) => self.make(packer)?,
                        None => Stage::End,
                    }
                }
                Some(Ended::Panicked | Ended::Displaced) => return Err(failed()),
            },
        };
        Ok(match &self.stage {
            _ if self.has_bytes() => Pulled::More,
            Stage::Away(_) => Pulled::WaitForDisk,
            Stage::Idle(_) => Pulled::More,
            Stage::End => Pulled::Done,
        })
    }

    /// Has the next piece made by a disk thread. Without one, the worker makes it.
    fn make(&mut self, mut packer: Box<Packer>) -> Result<Stage, BodyError> {
        let Some(pool) = &self.pool else {
            if self.has_bytes() {
                return Ok(Stage::Idle(packer));
            }
            (self.ready, self.sent) = (Vec::new(), 0);
            return Ok(match packer.step(&mut self.ready)? {
                true => Stage::Idle(packer),
                false => Stage::End,
            });
        };
        let step = move || {
            let mut piece = Vec::new();
            let has_more = packer.step(&mut piece)?;
            Ok((has_more.then_some(packer), piece))
        };
        let (read, room) = (Effort::Read, Room::Unlimited);
        let pending = pool.submit(read, self.file_system, self.network, room, step);
        let pending = pending.ok_or_else(failed)?;
        pending.wake(self.waker.clone());
        Ok(Stage::Away(pending))
    }
}

impl Source for ArchiveSource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        if !self.has_bytes() {
            let pulled = self.advance()?;
            if !self.has_bytes() {
                return Ok(pulled);
            }
        }
        let end = self.ready.len().min(self.sent + budget);
        out.extend_from_slice(&self.ready[self.sent..end]);
        self.sent = end;
        Ok(match (&self.stage, self.has_bytes()) {
            (Stage::End, false) => Pulled::Done,
            _ => Pulled::More,
        })
    }
}

fn failed() -> BodyError {
    BodyError::Disk(std::io::ErrorKind::Other.into())
}
