//! Which id a request has.

use std::net::IpAddr;

use crate::observe::observer::Observer;
use crate::observe::request_id::RequestId;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::forwarded::TrustedProxies;

/// The id of a request: the one that a trusted proxy has given it, or a new one. `None` if requests have no ids.
pub fn id_of(
    peer: IpAddr,
    fields: &Fields<'_>,
    proxies: &TrustedProxies,
    observer: &mut Observer,
) -> Option<RequestId> {
    let ids = observer.ids.as_mut()?;
    // Anybody else could give two requests the same id.
    let is_from_proxy = proxies.trust(peer);
    let given = is_from_proxy.then(|| fields.sole(FieldName::XRequestId));
    Some(ids.take_or_make(given.flatten()))
}
