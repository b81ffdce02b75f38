//! The path of every request: outer middleware, authorization, handler, transaction, response. Functions add only routes
//! and handlers.

mod audit;
mod audit_file;
mod authorization;
mod body;
mod caller;
mod context;
pub mod cursor;
mod etag;
mod headers;
mod idempotency;
mod list;
mod outer;
mod params;
mod patch;
mod reason;
mod request_log;
mod response;
mod service;
mod target;
mod transaction;

pub use crate::route::MAX_BODY_BYTES;
pub(crate) use body::unambiguous;
pub use body::{Json, double_option};
pub use context::{RequestContext, RequestFields, RequestId, SourceIp};
pub use etag::IfMatch;
pub use list::List;
pub use outer::reject;
pub use params::{CURSOR, Id, LIMIT, Name, Page, Params, Sid, Version};
pub use patch::{Changes, Patch};
pub use response::ApiResponse;
pub use service::service;
pub use transaction::{Replayed, Transaction};
