//! The replacement in a build without TLS. There are no sessions, so their methods cannot be called.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::fault::TlsError;
use super::handshake::HandshakeProgress;
use super::notice::Notice;
use super::options::TlsOptions;
use crate::net::clock::Now;
use crate::net::socket::{Flushed, Input, More, Socket};
use crate::net::transport_error::TransportError;
use crate::observe::event::Security;
use crate::origin::request::Handshake;

/// A type without values.
#[derive(Debug)]
pub struct Endpoint(Infallible);

/// A type without values.
#[derive(Debug)]
pub struct Session(Infallible);

/// A type without values.
#[derive(Debug)]
pub struct OwnClient(Infallible);

/// No buffers.
#[derive(Debug, Default)]
pub struct RecordBuffers;

#[allow(missing_docs)]
impl RecordBuffers {
    pub fn new() -> RecordBuffers {
        RecordBuffers
    }
}

#[allow(missing_docs)]
impl Endpoint {
    pub fn open(
        _: &TlsOptions,
        _: &[SocketAddr],
        _: &Now,
    ) -> Result<(Endpoint, Vec<Notice>), TlsError> {
        Err(TlsError::NotBuiltIn)
    }

    pub fn fingerprint(&self) -> Option<&str> {
        match self.0 {}
    }

    pub fn session(&self, _: &[u8]) -> Result<Session, TlsError> {
        match self.0 {}
    }

    pub fn watch_files(&self) {
        match self.0 {}
    }

    pub fn reload(&self) -> Vec<Notice> {
        match self.0 {}
    }
}

#[allow(missing_docs)]
impl Session {
    pub const COST: usize = 0;

    pub fn begin_turn(&mut self, _: &mut RecordBuffers) {
        match self.0 {}
    }

    pub fn end_turn(&mut self, _: &mut RecordBuffers) {
        match self.0 {}
    }

    pub fn handshake(
        &mut self,
        _: &mut Socket,
        _: SystemTime,
    ) -> Result<HandshakeProgress, TransportError> {
        match self.0 {}
    }

    pub fn has_received(&self) -> bool {
        match self.0 {}
    }

    pub fn cost(&self) -> usize {
        match self.0 {}
    }

    pub fn has_unsent(&self) -> bool {
        match self.0 {}
    }

    pub fn read(&mut self, _: &mut Socket, _: &mut [u8]) -> Result<Input, TransportError> {
        match self.0 {}
    }

    pub fn write(
        &mut self,
        _: &mut Socket,
        _: [&[u8]; 2],
        _: More,
    ) -> Result<Option<usize>, TransportError> {
        match self.0 {}
    }

    pub fn flush(&mut self, _: &mut Socket, _: More) -> Result<Flushed, TransportError> {
        match self.0 {}
    }

    pub fn forget_unsent(&mut self) {
        match self.0 {}
    }

    pub fn close(&mut self) {
        match self.0 {}
    }

    pub fn shaken_hands(&self) -> Option<Handshake> {
        match self.0 {}
    }

    pub fn security(&self) -> Option<Security<'_>> {
        match self.0 {}
    }
}

#[allow(missing_docs)]
impl OwnClient {
    pub fn new() -> Result<OwnClient, TlsError> {
        Err(TlsError::NotBuiltIn)
    }

    pub fn security(&self) -> Option<(&'static str, &'static str)> {
        match self.0 {}
    }

    pub fn write(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub fn take_records(&mut self, _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub fn finish(&mut self, _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub fn read(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), TlsError> {
        match self.0 {}
    }
}
