//! Documents that a test keeps true.

mod links;
mod openapi;
mod readme;
mod runbooks;
mod runbooks_by_api;
