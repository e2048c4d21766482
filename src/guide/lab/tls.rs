//! What the TLS handshake of the connection has agreed on (RFC 8446 section 4.1).
//!
//! ```text
//! {"secure":true,"version":"TLSv1.3","cipher":"TLS_AES_128_GCM_SHA256","handshake":"full",
//!  "group":"X25519MLKEM768","client":"CN=alice"}
//! {"secure":false}
//! ```

use crate::guide::fault::Fault;
use crate::guide::lab::answers::json;
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::origin::handler::{Answer, Origin};
use crate::semantics::trace::Trace;
use crate::text::escape::JsonString;

/// `tls`.
pub const ENDPOINT: Endpoint = Endpoint::read("tls", answer);

fn answer(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let Some(security) = visit.request.session.security() else {
        return Ok(json("{\"secure\":false}\n".to_owned()));
    };
    let text = |text: &str| JsonString(text.as_bytes()).to_string();
    let client = security.client.map_or("null".to_owned(), text);
    let (version, cipher) = (text(security.version), text(security.cipher));
    let handshake = visit.request.session.handshake();
    let kind = handshake.map_or("null".to_owned(), |handshake| text(handshake.kind));
    let group = handshake.and_then(|handshake| handshake.group);
    let group = group.map_or("null".to_owned(), text);
    Ok(json(format!(
        "{{\"secure\":true,\"version\":{version},\"cipher\":{cipher},\"handshake\":{kind},\"group\":{group},\
         \"client\":{client}}}\n"
    )))
}
