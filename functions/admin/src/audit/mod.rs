//! `/admin/audit`.

pub(crate) mod export;
mod filters;
pub(crate) mod list;
mod seal_page;
pub(crate) mod seals;
pub(crate) mod verify;
