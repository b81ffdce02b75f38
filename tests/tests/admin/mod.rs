//! The administration of users, tenants and quotas.

mod last_admin;
mod quotas;
mod status;
mod tenants;
mod users;
