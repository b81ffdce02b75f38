//! Health reads what every instance reads at its start, and no table.

use super::RolePrivileges;

pub(super) const PRIVILEGES: RolePrivileges =
    RolePrivileges { role: "holdfast_health", tables: &[], columns: &[], functions: &["start_instance"], owns: &[] };
