//! The way of every request, in one place: edge, gate, handler, answer. Functions add only routes and handlers.

mod answer;
mod body;
mod call;
pub mod cursor;
mod edge;
mod etag;
mod gate;
mod headers;
mod idempotency;
mod list;
mod params;
mod service;
mod transaction;

pub use answer::Answer;
pub(crate) use body::unambiguous;
pub use body::{Json, MOST_BODY_BYTES, given};
pub use call::Call;
pub use edge::{RequestId, SourceIp, refuse};
pub use etag::IfMatch;
pub use list::List;
pub use params::{CURSOR, Id, LIMIT, Name, Page, Params, Version};
pub use service::service;
pub(crate) use transaction::Entry;
pub use transaction::{FromRow, Transaction, rows_of};
