//! RFC 7692 section 7.1: client and server agree on the extension permessage-deflate.
//!
//! ```text
//! offer       permessage-deflate; client_max_window_bits; server_max_window_bits=10
//! response    permessage-deflate; server_no_context_takeover; server_max_window_bits=10
//! ```
//!
//! A client may offer several configurations. The first one that the server can use wins. An offer with an
//! invalid parameter is declined, and the connection goes on without it.
//!
//! The compressor of this server cannot use a window of 256 bytes, so an offer that demands one is declined
//! (section 7.1.2.1).

use std::fmt;

use super::extensions::{Extension, MalformedExtensions, Value, extensions};
use crate::semantics::field::Fields;

/// The name of the extension.
const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The base-2 logarithm of the size of an LZ77 sliding window: 8 to 15 (section 7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 32 KiB, the largest window of DEFLATE.
    pub const MAX: WindowBits = WindowBits(15);
    /// 512 bytes, the smallest window of this server's coders.
    pub const MIN_CODER: WindowBits = WindowBits(9);

    /// A window of 2 to the power of `bits` bytes. `None` if DEFLATE has none.
    pub fn new(bits: u8) -> Option<WindowBits> {
        (8..=WindowBits::MAX.0)
            .contains(&bits)
            .then_some(WindowBits(bits))
    }

    /// The logarithm.
    pub fn get(self) -> u8 {
        self.0
    }

    /// A decimal number without leading zeros.
    fn parse(value: Value<'_>) -> Option<WindowBits> {
        let mut octets = value.octets();
        let bits = match (octets.next()?, octets.next(), octets.next()) {
            (digit @ b'8'..=b'9', None, _) => digit - b'0',
            (b'1', Some(digit @ b'0'..=b'5'), None) => 10 + digit - b'0',
            _ => return None,
        };
        Some(WindowBits(bits))
    }
}

/// How one end compresses its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateContext {
    /// Whether a message may refer to the messages before it. If so, both ends keep a window and its coder
    /// between messages.
    pub is_taken_over: bool,
    /// The largest window that is used.
    pub window: WindowBits,
}

/// What the server wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflatePolicy {
    /// How it compresses itself, unless the client wants less.
    pub server: DeflateContext,
    /// How it asks the client to compress. A client that did not offer it keeps a window of 32 KiB.
    pub client: DeflateContext,
}

/// What client and server have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateAgreement {
    /// How the server compresses.
    pub server: DeflateContext,
    /// How the client compresses.
    pub client: DeflateContext,
    /// Whether the response says how large the server's window is. Some clients fail if it does although
    /// their offer did not.
    says_server_window: bool,
}

/// One configuration that a client offers.
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    /// It may be offered without a value: the server may then choose one.
    client_max_window_bits: Option<Option<WindowBits>>,
}

/// The first acceptable offer, as the server accepts it. `None` if there is none, or if the server has no
/// policy because it does not compress.
pub fn negotiate(
    fields: &Fields<'_>,
    policy: Option<&DeflatePolicy>,
) -> Result<Option<DeflateAgreement>, MalformedExtensions> {
    let mut agreed = None;
    for extension in extensions(fields) {
        let extension = extension?;
        if agreed.is_none() && extension.name == NAME.as_bytes() {
            let offer = Offer::of(extension);
            agreed = policy
                .zip(offer)
                .and_then(|(policy, offer)| policy.accept(offer));
        }
    }
    Ok(agreed)
}

impl Offer {
    /// Section 7.1: an offer with an unknown parameter, an invalid value or a parameter that comes twice must
    /// be declined.
    fn of(extension: Extension<'_>) -> Option<Offer> {
        let mut offer = Offer::default();
        for parameter in extension.parameters() {
            let value = parameter.value;
            let bits = value.map(WindowBits::parse);
            let known = str::from_utf8(parameter.name).ok()?;
            let is_repeated = match (known, bits) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut offer.server_no_context_takeover, true)
                }
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut offer.client_no_context_takeover, true)
                }
                (SERVER_MAX_WINDOW_BITS, Some(Some(bits))) => {
                    offer.server_max_window_bits.replace(bits).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, None | Some(Some(_))) => {
                    let bits = bits.flatten();
                    offer.client_max_window_bits.replace(bits).is_some()
                }
                _ => return None,
            };
            if is_repeated {
                return None;
            }
        }
        Some(offer)
    }
}

impl DeflatePolicy {
    /// Sections 7.1.1 and 7.1.2. The server may always reduce what is used, with one exception: only a client
    /// that offers `client_max_window_bits` can use a smaller window.
    fn accept(&self, offer: Offer) -> Option<DeflateAgreement> {
        let wanted = offer.server_max_window_bits.unwrap_or(WindowBits::MAX);
        let server_window = self.server.window.min(wanted);
        if server_window < WindowBits::MIN_CODER {
            return None;
        }
        let client_window = match offer.client_max_window_bits {
            Some(bits) => bits.unwrap_or(WindowBits::MAX).min(self.client.window),
            None => WindowBits::MAX,
        };
        Some(DeflateAgreement {
            server: DeflateContext {
                is_taken_over: self.server.is_taken_over && !offer.server_no_context_takeover,
                window: server_window,
            },
            client: DeflateContext {
                is_taken_over: self.client.is_taken_over && !offer.client_no_context_takeover,
                window: client_window,
            },
            says_server_window: offer.server_max_window_bits.is_some(),
        })
    }
}

/// The extension as the response has it.
impl fmt::Display for DeflateAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if !self.server.is_taken_over {
            write!(f, "; {SERVER_NO_CONTEXT_TAKEOVER}")?;
        }
        if !self.client.is_taken_over {
            write!(f, "; {CLIENT_NO_CONTEXT_TAKEOVER}")?;
        }
        if self.says_server_window {
            write!(f, "; {SERVER_MAX_WINDOW_BITS}={}", self.server.window.0)?;
        }
        // A smaller window is agreed only if the client offered it.
        if self.client.window < WindowBits::MAX {
            write!(f, "; {CLIENT_MAX_WINDOW_BITS}={}", self.client.window.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::{FieldName, Section};

    const EVERYTHING: DeflateContext = DeflateContext {
        is_taken_over: true,
        window: WindowBits::MAX,
    };

    const GENEROUS: DeflatePolicy = DeflatePolicy {
        server: EVERYTHING,
        client: EVERYTHING,
    };

    const THRIFTY: DeflatePolicy = DeflatePolicy {
        server: DeflateContext {
            is_taken_over: false,
            window: WindowBits(11),
        },
        client: DeflateContext {
            is_taken_over: false,
            window: WindowBits(12),
        },
    };

    fn agreed(
        policy: Option<&DeflatePolicy>,
        offers: &str,
    ) -> Result<Option<DeflateAgreement>, MalformedExtensions> {
        let section = Section::of(&[(FieldName::SecWebSocketExtensions, offers)]);
        negotiate(&section.fields(), policy)
    }

    /// `offers` and `want` are without the name.
    #[track_caller]
    fn check(policy: &DeflatePolicy, offer: &str, want: Option<&str>) {
        let agreed = agreed(Some(policy), &format!("{NAME}{offer}")).expect("a valid list");
        let want = want.map(|want| format!("{NAME}{want}"));
        assert_eq!(agreed.map(|agreed| agreed.to_string()), want, "{offer:?}");
    }

    #[test]
    fn a_generous_server_accepts_what_is_offered() {
        let check = |offer, want| check(&GENEROUS, offer, want);
        check("", Some("")); // 7.1.3
        check("; server_no_context_takeover", {
            Some("; server_no_context_takeover") // 7.1.1.1
        });
        check("; client_no_context_takeover", {
            Some("; client_no_context_takeover") // 7.1.1.2
        });
        check("; server_max_window_bits=10", {
            Some("; server_max_window_bits=10") // 7.1.2.1
        });
        check("; server_max_window_bits=\"15\"", {
            Some("; server_max_window_bits=15") // RFC 6455 9.1: quoted
        });
        check("; server_max_window_bits=9", {
            Some("; server_max_window_bits=9")
        });
        check("; client_max_window_bits", Some("")); // 7.1.2.2
        check("; client_max_window_bits=15", Some(""));
        check("; client_max_window_bits=8", {
            Some("; client_max_window_bits=8")
        });
        check(
            "; client_max_window_bits; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12",
            Some(
                "; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=12",
            ),
        );
    }

    #[test]
    fn a_thrifty_server_reduces_what_is_offered() {
        let check = |offer, want: &str| {
            let want = format!("; server_no_context_takeover; client_no_context_takeover{want}");
            check(&THRIFTY, offer, Some(&want));
        };
        // 7.1.2.2: the client's window is smaller only if the client offers that.
        check("", "");
        check("; client_max_window_bits", "; client_max_window_bits=12");
        check("; client_max_window_bits=15", "; client_max_window_bits=12");
        check("; client_max_window_bits=9", "; client_max_window_bits=9");
        check("; server_max_window_bits=15", "; server_max_window_bits=11");
        check("; server_max_window_bits=10", "; server_max_window_bits=10");
        let silent = agreed(Some(&THRIFTY), NAME)
            .expect("valid")
            .expect("agreed");
        assert_eq!(silent.server.window.get(), 11);
    }

    #[test]
    fn invalid_offers_are_declined() {
        for parameter in [
            "server_max_window_bits=8", // not supported
            "server_max_window_bits",   // 7.1.2.1: it needs a value
            "server_max_window_bits=7", // 7.1.2.1: 8 to 15
            "server_max_window_bits=16",
            "server_max_window_bits=010", // without leading zeros
            "server_max_window_bits=1",
            "server_max_window_bits=20",
            "server_max_window_bits=100",
            "server_max_window_bits=1x",
            "server_max_window_bits=8x",
            "client_max_window_bits=7",
            "client_max_window_bits=x",
            "server_no_context_takeover=1", // 7.1.1.1: it has no value
            "client_no_context_takeover=\"a\"",
            "server_no_context_takeover; server_no_context_takeover", // 7.1: twice
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits=9; server_max_window_bits=9",
            "client_max_window_bits; client_max_window_bits=9",
            "client_max_window_bits; client_max_window_bits",
            "unknown", // 7.1: not defined
            "unknown=1",
            "Server_No_Context_Takeover",
        ] {
            let offer = format!("; {parameter}");
            check(&GENEROUS, &offer, None);
            // 7.1: the next offer counts.
            check(&GENEROUS, &format!("{offer}, {NAME}"), Some(""));
        }
    }

    #[test]
    fn the_first_acceptable_offer_wins() {
        let next = format!("; server_max_window_bits=10, {NAME}; client_max_window_bits=9");
        check(&GENEROUS, &next, Some("; server_max_window_bits=10"));
        let others = format!("x-webkit-deflate-frame, {NAME}");
        assert!(agreed(Some(&GENEROUS), &others).is_ok_and(|agreed| agreed.is_some()));
        assert_eq!(agreed(Some(&GENEROUS), "permessage-bzip2"), Ok(None));
        assert_eq!(agreed(None, NAME), Ok(None));
        // RFC 6455 9.1: a malformed list fails, be it behind what is accepted.
        let malformed = format!("{NAME}, a b");
        assert_eq!(
            agreed(Some(&GENEROUS), &malformed),
            Err(MalformedExtensions)
        );
        assert_eq!(agreed(None, &malformed), Err(MalformedExtensions));
    }

    #[test]
    fn windows_are_those_of_deflate() {
        let valid: Vec<u8> = (0..=255)
            .filter(|bits| WindowBits::new(*bits).is_some())
            .collect();
        assert_eq!(valid, [8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(WindowBits::new(15), Some(WindowBits::MAX));
        assert_eq!(WindowBits::new(9).map(WindowBits::get), Some(9));
    }
}
