//! Administration and the audit log.
