//! The database login of each function: one of its own, so that a function that was taken over has no privilege but its own
//! (docs/decisions/0023-one-database-login-per-function.md). Migrate, the local run and the checks read this table.

/// The database login of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseLogin {
    /// Function, by its name.
    pub function: &'static str,
    /// Role that the migrations create.
    pub role: &'static str,
    /// Setting with the role's password, for migrate.
    pub password_setting: &'static str,
    /// Setting with the ARN of the function's secret, which has the password, for migrate.
    pub secret_setting: &'static str,
    /// Connections that the role may have, in percent of those that the server accepts. The shares of all add up to more
    /// than a hundred: each keeps one function from taking them all.
    pub connection_percent: u16,
    /// Time limit of a statement, as PostgreSQL reads it, where a connection sets none; `0` for none.
    pub statement_timeout: &'static str,
    /// Time after which an idle transaction is ended, where a connection sets none; `0` for none.
    pub idle_in_transaction_timeout: &'static str,
}

impl DatabaseLogin {
    /// Connections that the role may have on a server that accepts so many: at least 4.
    pub fn connection_limit(&self, max_connections: u16) -> u16 {
        let share = u32::from(max_connections) * u32::from(self.connection_percent) / 100;
        u16::try_from(share).unwrap_or(u16::MAX).max(4)
    }
}

/// The login of a function that serves requests, with the limits of its connections.
macro_rules! requests {
    ($function:literal, $name:literal, $connection_percent:literal) => {
        DatabaseLogin {
            function: $function,
            role: concat!("holdfast_", $function),
            password_setting: concat!($name, "_DATABASE_PASSWORD"),
            secret_setting: concat!($name, "_SECRET_ARN"),
            connection_percent: $connection_percent,
            statement_timeout: "8s",
            idle_in_transaction_timeout: "10s",
        }
    };
}

/// The logins of all functions that use the database, but the owner's, with which migrate alone works. The verifier and the
/// drill read with the login of backup.
pub const LOGINS: [DatabaseLogin; 7] = [
    requests!("auth", "AUTH", 35),
    requests!("accounts", "ACCOUNTS", 50),
    requests!("admin", "ADMIN", 25),
    requests!("health", "HEALTH", 10),
    requests!("metrics", "METRICS", 10),
    DatabaseLogin {
        function: "backup",
        role: "holdfast_backup",
        password_setting: "BACKUP_DATABASE_PASSWORD",
        secret_setting: "BACKUP_SECRET_ARN",
        connection_percent: 10,
        // A dump is one transaction for as long as it takes.
        statement_timeout: "0",
        idle_in_transaction_timeout: "0",
    },
    DatabaseLogin {
        function: "maintenance",
        role: "holdfast_maintenance",
        password_setting: "MAINTENANCE_DATABASE_PASSWORD",
        secret_setting: "MAINTENANCE_SECRET_ARN",
        connection_percent: 10,
        statement_timeout: "1min",
        idle_in_transaction_timeout: "30s",
    },
];

/// The login of a function; none where it has no database.
pub fn login_of(function: &str) -> Option<&'static DatabaseLogin> {
    LOGINS.iter().find(|login| login.function == function)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config;

    #[test]
    fn no_two_functions_share_a_role_and_each_has_its_settings() {
        let roles: BTreeSet<_> = LOGINS.iter().map(|login| login.role).collect();
        assert_eq!(roles.len(), LOGINS.len());
        for login in LOGINS {
            assert!(config::find(login.password_setting).is_some(), "{}", login.password_setting);
            assert!(config::find(login.secret_setting).is_some(), "{}", login.secret_setting);
        }
        assert_eq!(login_of("console"), None);
    }

    #[test]
    fn a_role_never_gets_all_connections_of_a_server() {
        for login in LOGINS {
            for max_connections in [25, 100, 5000] {
                assert!((4..max_connections).contains(&login.connection_limit(max_connections)), "{}", login.role);
            }
        }
    }
}
