//! Accounts of a tenant.
