//! RFC 6455 section 5.5: the payload of a control frame, which is short.
//!
//! ```text
//! 89 85 37fa213d 7f9f4d5158     a ping with the payload Hello
//! 8a 05 48656c6c6f              the pong that answers it
//! ```

use std::fmt;

use super::frame::{FrameError, MAX_CONTROL};
use super::mask::Mask;

/// The payload of a control frame: at most [`MAX_CONTROL`] bytes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ControlPayload(Box<[u8]>);

impl ControlPayload {
    /// A payload of these bytes. `None` if they are too many.
    pub fn new(payload: &[u8]) -> Option<ControlPayload> {
        (payload.len() <= MAX_CONTROL).then(|| ControlPayload(payload.into()))
    }

    /// The payload of a frame that a client sent.
    pub(super) fn unmasked(masked: &[u8], mask: Mask) -> Result<ControlPayload, FrameError> {
        let mut payload = ControlPayload::new(masked).ok_or(FrameError::LongControl)?;
        mask.apply(&mut payload.0);
        Ok(payload)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControlPayload({})", self.bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_payloads_are_bounded() {
        let payload = |length| ControlPayload::new(&vec![b'a'; length]);
        assert_eq!(payload(125).map(|payload| payload.bytes().len()), Some(125));
        assert!(payload(126).is_none() && payload(400).is_none());
        assert_ne!(ControlPayload::new(b"a"), ControlPayload::new(b"a\0"));
        let shown = format!("{:?}", ControlPayload::new(b"a\n"));
        assert_eq!(shown, r"Some(ControlPayload(a\n))");
    }

    #[test]
    fn payloads_are_unmasked() {
        let mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
        let payload = ControlPayload::unmasked(b"\x7f\x9f\x4d\x51\x58", mask); // 5.7
        assert_eq!(
            payload.map(|payload| payload.bytes().to_vec()),
            Ok(b"Hello".into())
        );
        let long = ControlPayload::unmasked(&[0; 126], mask);
        assert_eq!(long, Err(FrameError::LongControl));
    }
}
