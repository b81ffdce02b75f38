//! The hardening checklist: every control passes on a good system and fails on its own fault.

mod service;
mod stack;
mod standards;
mod template;
mod undecidable;
mod url;
