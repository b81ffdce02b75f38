//! The way of every request, in one place: edge, gate, handler, answer. Functions add only routes and handlers.

mod authorization;
mod body;
mod context;
pub mod cursor;
mod etag;
mod headers;
mod idempotency;
mod list;
mod outer;
mod params;
mod patch;
mod response;
mod service;
mod transaction;

pub(crate) use body::unambiguous;
pub use body::{Json, MAX_BODY_BYTES, double_option};
pub use context::RequestContext;
pub use etag::IfMatch;
pub use list::List;
pub use outer::{RequestId, SourceIp, refuse};
pub use params::{CURSOR, Id, LIMIT, Name, Page, Params, Version};
pub use patch::{Changes, Patch};
pub use response::ApiResponse;
pub use service::service;
pub(crate) use transaction::Entry;
pub use transaction::Transaction;
