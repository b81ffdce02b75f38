//! The database: migrations, schema, row-level security, query plans and failing connections.

mod connection_faults;
mod dumps;
mod login_rotation;
mod migrations;
mod privileges;
mod query_plans;
mod rejections;
mod row_level_security;
mod schema;
