//! `X-Reason`: why a user writes in a tenant, in one line. The tenant's admins read it in their audit log. Percent-encoded
//! UTF-8, because what HTTP and its gateways make of other bytes in a header differs.

use http::HeaderMap;
use percent_encoding::percent_decode;

use crate::identity::principal::Principal;
use crate::problem::{Code, Problem};
use crate::route::Route;
use crate::text::Reason;

/// Reads the header, on routes that write in a tenant, of callers whose token verifies.
///
/// # Errors
/// 400 `reason_required` if it is there and is no [`Reason`], or there twice.
pub(super) fn read(route: &Route, headers: &HeaderMap, principal: &Principal) -> Result<Option<Reason>, Problem> {
    let mut values = headers.get_all("x-reason").iter();
    let Some(value) = values.next().filter(|_| route.takes_reason() && principal.user().is_some()) else {
        return Ok(None);
    };
    let text = percent_decode(value.as_bytes()).decode_utf8().ok().filter(|_| values.next().is_none());
    let reason = text.and_then(|text| Reason::try_from(text.into_owned()).ok());
    reason.map(Some).ok_or_else(|| Problem::of(Code::ReasonRequired))
}
