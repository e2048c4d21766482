//! Which id a request has.

use crate::observe::observer::Observer;
use crate::observe::request_id::RequestId;
use crate::origin::request::Request;
use crate::semantics::field::FieldName;

/// The id of a request: the one that a trusted proxy has given it, or a new one. `None` if requests have no ids.
pub fn id_of(request: &Request<'_>, observer: &mut Observer) -> Option<RequestId> {
    let ids = observer.ids.as_mut()?;
    let given = match is_trusted(request) {
        true => request.fields().sole(FieldName::XRequestId),
        false => None,
    };
    Some(ids.take_or_make(given))
}

/// Whether the peer of the connection is a proxy that the operator trusts. Anybody else could give two requests the
/// same id. No option names such a proxy, so there is none.
fn is_trusted(_: &Request<'_>) -> bool {
    false
}
