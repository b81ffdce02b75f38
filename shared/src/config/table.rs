//! Every setting, declared once. The names that are accepted, the defaults, the ranges, the texts of errors, what
//! `GET /admin/config` shows and `docs/configuration.md` are read from here.

use super::Section::{Audit, Authentication, Backups, Database, Environment, Vault};
use super::Setting;

/// Fix for a key or secret that is missing or too weak.
const GENERATE_KEY: &str = "generate one with `openssl rand -base64 32`";
/// Fix for a login's password that is too short.
const GENERATE_PASSWORD: &str = "generate one with `openssl rand -hex 32`";
/// Fix for a database URL that leads to no database.
const DATABASE_URL_FORM: &str = "set postgres://user:password@host:5432/name?sslmode=verify-full";
/// Fix for a database URL that has no room for the password of another setting.
const DATABASE_URL_WITHOUT_PASSWORD: &str = "write postgres://user@host:5432/name?sslmode=verify-full";

const WEAK: &str = "not 32 bytes; deployed, a known word in it or fewer than 10 different bytes";
const LOGIN_SECRET: &str = "a secret that cannot be read, or has no such password of at least 20 bytes";

/// All settings, in the order of `docs/configuration.md`.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        Environment,
        "APP_ENV",
        "Name of the environment. `local` is a developer's machine and lifts the rules marked *deployed*; every other name is a deployment.",
    )
    .default("production")
    .needed_by("all"),
    Setting::new(
        Environment,
        "SECRETS_ARN",
        "Secrets Manager secrets that complete the environment, separated by commas. The first that holds a setting wins.",
    )
    .needed_by("all, deployed")
    .rejects(
        "a secret that cannot be read, is not a JSON object of strings, or holds a name that is not a setting",
        "store {\"DATABASE_URL\": \"...\", ...}, with settings of docs/configuration.md only",
    ),
    Setting::new(
        Database,
        "DATABASE_URL",
        "`postgres://user:password@host:5432/name?sslmode=verify-full`, with the role of the function: `holdfast_auth`, `holdfast_accounts` and so on, or for migrate the owner of the schema. Each function reads its own; the console needs none. `holdfast run` takes the owner's, and starts its own cluster without it.",
    )
    .secret()
    .needed_by("all but the console")
    .rejects("unset; not a PostgreSQL URL; deployed, without `sslmode=verify-full`", DATABASE_URL_FORM)
    .checklist_row("SEC-3"),
    Setting::new(
        Database,
        "DATABASE_PASSWORD",
        "Password that `DATABASE_URL` leaves out (`postgres://user@host`). In a secret of its own it can be [rotated](operating.md#rotating-the-databases-passwords).",
    )
    .secret()
    .rejects(
        "a `DATABASE_URL` without a user, or with a password of its own",
        DATABASE_URL_WITHOUT_PASSWORD,
    ),
    Setting::new(
        Database,
        "DATABASE_CA_FILE",
        "PEM file with the authorities that the server's certificate is verified against.",
    )
    .unset("the public authorities")
    .needed_by("all, where a private authority issued the server's certificate (RDS)")
    .rejects(
        "a file that cannot be read, or a certificate in it that cannot be used",
        "set the path of a PEM file with the server's certificate authority",
    ),
    Setting::new(
        Database,
        "DATABASE_POOL_SIZE",
        "Connections of one process. A Lambda instance serves one request at a time and needs one.",
    )
    .default("1")
    .number(1, 64, "connections; 1 in Lambda"),
    Setting::new(
        Database,
        "AUTH_SECRET_ARN",
        "Secret whose `DATABASE_PASSWORD` migrate sets for `holdfast_auth`: where the role cannot log in yet, and on request (`reset_logins`, `--reset-logins`).",
    )
    .unset("unchanged")
    .needed_by("migrate, where the passwords rotate")
    .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "ACCOUNTS_SECRET_ARN", "The same for `holdfast_accounts`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "ADMIN_SECRET_ARN", "The same for `holdfast_admin`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "BACKUP_SECRET_ARN", "The same for `holdfast_backup`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "HEALTH_SECRET_ARN", "The same for `holdfast_health`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "MAINTENANCE_SECRET_ARN", "The same for `holdfast_maintenance`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(Database, "METRICS_SECRET_ARN", "The same for `holdfast_metrics`.")
        .unset("unchanged")
        .needed_by("migrate, where the passwords rotate")
        .rejects(LOGIN_SECRET, GENERATE_PASSWORD),
    Setting::new(
        Database,
        "AUTH_DATABASE_PASSWORD",
        "Password that migrate sets for `holdfast_auth` at each run. It wins over `AUTH_SECRET_ARN`.",
    )
    .secret()
    .unset("unchanged")
    .needed_by("migrate")
    .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "ACCOUNTS_DATABASE_PASSWORD", "The same for `holdfast_accounts`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "ADMIN_DATABASE_PASSWORD", "The same for `holdfast_admin`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "BACKUP_DATABASE_PASSWORD", "The same for `holdfast_backup`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "HEALTH_DATABASE_PASSWORD", "The same for `holdfast_health`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "MAINTENANCE_DATABASE_PASSWORD", "The same for `holdfast_maintenance`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(Database, "METRICS_DATABASE_PASSWORD", "The same for `holdfast_metrics`.")
        .secret()
        .unset("unchanged")
        .needed_by("migrate")
        .rejects("shorter than 20 bytes", GENERATE_PASSWORD),
    Setting::new(
        Database,
        "MAJOR_MIGRATION_BACKUP_HOURS",
        "Highest age of the newest backup, in hours, at which migrate applies a [major step](operating.md#migrating).",
    )
    .default("24")
    .number(1, 168, "hours"),
    Setting::new(
        Authentication,
        "SIGNING_KMS_KEY_ID",
        "KMS key (ECC_NIST_P256) that signs access tokens, as an id or ARN. auth signs with it, and certifies the keys of later rotations, which admin creates. Functions that verify tokens accept this key and those that it certified, and no other that the database names.",
    )
    .needed_by("auth, accounts, admin, metrics and migrate, deployed")
    .rejects(
        "a function that signs or verifies tokens without this, `SIGNING_KEY_FILE` or `AUTH_JWT_SECRET`; a key that cannot be used or is not P-256",
        "set the id of an ECC_NIST_P256 KMS key, or AUTH_JWT_SECRET of at least 32 bytes",
    ),
    Setting::new(
        Authentication,
        "SIGNING_KEY_FILE",
        "PKCS #8 PEM file with a P-256 key, instead of KMS. `holdfast run` creates one.",
    )
    .needed_by("auth, local")
    .rejects("deployed; not such a file", "use SIGNING_KMS_KEY_ID, or AUTH_JWT_SECRET")
    .checklist_row("AUTH-1"),
    Setting::new(
        Authentication,
        "SIGNING_KEY_IDS",
        "Thumbprints (RFC 7638) of signing keys that count, beside the key of `SIGNING_KMS_KEY_ID`: the one before it, for as long as its tokens are valid.",
    )
    .needed_by("auth, accounts, admin and metrics, after the configured key was replaced")
    .rejects("an entry that is not a thumbprint", "use the `kid` of the key in `/.well-known/jwks.json`"),
    Setting::new(
        Authentication,
        "AUTH_JWT_SECRET",
        "Secret of HS256 tokens, where no key is set that signs ES256; with such a key it is not used. All functions that verify tokens need the same secret.",
    )
    .secret()
    .needed_by("auth, accounts, admin and metrics, without a signing key")
    .rejects("shorter than 32 bytes; deployed, a known word in it or fewer than 10 different bytes", GENERATE_KEY)
    .checklist_row("AUTH-1"),
    Setting::new(
        Authentication,
        "AUTH_ISSUER",
        "The `iss` of access tokens: a name of this deployment alone, the same for all its functions. Authenticator apps show it. The default is for local use.",
    )
    .default("holdfast")
    .needed_by("all that serve requests, deployed")
    .rejects(
        "deployed, unset: two deployments with one key would accept each other's tokens",
        "set a name that no other deployment has, such as the URL of its API",
    ),
    Setting::new(Authentication, "AUTH_AUDIENCE", "The `aud` of access tokens. The same for all functions.")
        .default("holdfast"),
    Setting::new(
        Authentication,
        "AUTH_USERS",
        "First users: `tenant:username:role:argon2id-hash`, separated by semicolons or new lines, the tenant empty for an operator. `holdfast admin hash-password` creates the hash. Users that exist are left unchanged.",
    )
    .secret()
    .needed_by("migrate, on a first start")
    .rejects(
        "an entry without four parts, with an unknown role, an operator with a tenant or another without one; a password that is not an argon2id hash of exactly 19 MiB, 2 passes and 1 lane: another cost would show that the user exists",
        "write tenant:username:role:argon2id-hash, separated by semicolons; the hash comes from `holdfast admin hash-password`, never a plaintext password",
    )
    .checklist_row("AUTH-1"),
    Setting::new(
        Authentication,
        "API_TOKENS",
        "First API tokens: `[tenant/]name:scopes:sha256-of-token`, separated by semicolons or new lines; the scopes by commas. Without a tenant the token belongs to the platform and has the scope `metrics:read`. `holdfast admin token new` creates a token and its SHA-256. Tokens that exist, or were revoked, are left unchanged.",
    )
    .secret()
    .needed_by("migrate")
    .rejects(
        "an entry without three parts, with an unknown scope, whose last part is not 64 hexadecimal digits, or a platform's token with other scopes",
        "write [tenant/]name:scopes:sha256-of-token; `holdfast admin token new` creates a token and its SHA-256",
    )
    .checklist_row("AUTH-1"),
    Setting::new(
        Vault,
        "VAULT_KMS_KEY_ID",
        "KMS key that wraps the tenants' data keys. Several, separated by commas, during a move: the first wraps, all unwrap.",
    )
    .needed_by("accounts, auth (one-time codes) and admin (kept responses that show a secret), deployed")
    .rejects(
        "those deployed without this and without `SECRET_ENCRYPTION_KEY`",
        "set the id of a symmetric KMS key, or SECRET_ENCRYPTION_KEY",
    ),
    Setting::new(
        Vault,
        "SECRET_ENCRYPTION_KEY",
        "32 bytes, raw, in base64 or in hexadecimal digits, instead of KMS. `holdfast run` creates one.",
    )
    .secret()
    .needed_by("accounts, where KMS is not used")
    .rejects(WEAK, GENERATE_KEY)
    .checklist_row("SEC-2"),
    Setting::new(
        Vault,
        "FORMER_SECRET_ENCRYPTION_KEY",
        "Previous key, while data keys [move](operating.md#moving-to-another-key) to another one: it only unwraps.",
    )
    .secret()
    .needed_by("accounts, auth and admin, during the move")
    .rejects("as `SECRET_ENCRYPTION_KEY`", GENERATE_KEY)
    .checklist_row("SEC-2"),
    Setting::new(Audit, "AUDIT_READS", "`true` audits plain reads, too.").flag(),
    Setting::new(
        Audit,
        "AUDIT_LOG_PATH",
        "File that gets a copy of each audit row as a JSON line. For local use: the table is the record.",
    ),
    Setting::new(
        Audit,
        "AUDIT_KMS_KEY_ID",
        "KMS key (ECC_NIST_P256) that signs audit seals, as an id or ARN: a key of its own, with which only maintenance may sign.",
    )
    .needed_by("maintenance, auth, admin and drill, deployed")
    .rejects(
        "maintenance without this and `AUDIT_KEY_FILE`; a key that cannot be used or is not P-256",
        "set the id of an ECC_NIST_P256 KMS key of its own, or locally AUDIT_KEY_FILE",
    ),
    Setting::new(
        Audit,
        "AUDIT_KEY_FILE",
        "PKCS #8 PEM file with a P-256 key, instead of KMS. `holdfast run` creates one.",
    )
    .needed_by("maintenance, local")
    .rejects("deployed; not such a file", "use AUDIT_KMS_KEY_ID"),
    Setting::new(
        Audit,
        "AUDIT_KEY_IDS",
        "Thumbprints (RFC 7638) of the audit keys whose seals count, beside the key of `AUDIT_KMS_KEY_ID`: those before it. A seal under any other key is a forgery, whatever the database says.",
    )
    .needed_by("maintenance, auth, admin and drill, after a change of the audit key")
    .rejects("an entry that is not a thumbprint", "list the `kid` of each former key in /.well-known/audit-jwks.json"),
    Setting::new(
        Audit,
        "AUDIT_RESTORED_OVER",
        "Digest of the newest stored seal, where a backup was restored that lacks it: the next seal records the restore. Unset it afterwards.",
    )
    .needed_by("maintenance, once after such a restore")
    .rejects("not 64 hexadecimal digits", "copy the digest from the alarm of the task seal"),
    Setting::new(
        Audit,
        "AUDIT_WITNESS_BUCKET",
        "Second bucket with Object Lock, of another account, to which each seal is written, too, and compared with.",
    ),
    Setting::new(Audit, "AUDIT_WITNESS_FOLDER", "Folder, instead of the second bucket.")
        .needed_by("maintenance, local")
        .rejects("deployed", "use AUDIT_WITNESS_BUCKET"),
    Setting::new(Audit, "AUDIT_SEALS_BUCKET", "Bucket, with Object Lock, that stores audit seals.")
        .needed_by("maintenance, deployed")
        .rejects(
            "maintenance without this and `AUDIT_SEALS_FOLDER`",
            "set a bucket with Object Lock, or locally AUDIT_SEALS_FOLDER",
        ),
    Setting::new(
        Audit,
        "AUDIT_SEALS_FOLDER",
        "Folder, instead of the bucket. `holdfast run` uses `seals` in its data folder.",
    )
    .needed_by("maintenance, local")
    .rejects("deployed", "use AUDIT_SEALS_BUCKET"),
    Setting::new(
        Audit,
        "AUDIT_RETENTION_DAYS",
        "Days for which audit rows are kept. A month is dropped once all of it is older, and a seal names it; seals are locked for one month longer.",
    )
    // Most regulations require a year of audit logs, which leaves a month to notice. The database drops no month that is
    // younger than 90 days.
    .default("400")
    .number(90, 3650, "days"),
    Setting::new(
        Audit,
        "REQUIRE_MFA_ROLES",
        "Roles whose users must have TOTP, separated by commas; `none` for no role. A session of theirs without it may only set it up.",
    )
    .unset("`operator,admin`; where `APP_ENV` is `local`, none")
    .needed_by("auth, admin")
    .rejects("an entry that is not a role", "list roles such as operator,admin, or write none")
    .checklist_row("AUTH-4"),
    Setting::new(
        Audit,
        "API_TOKEN_MAX_DAYS",
        "Days after which an API token expires at the latest: one without `expires_at`, and one of `API_TOKENS` from its first registration.",
    )
    .default("365")
    .number(1, 3650, "days")
    .needed_by("auth, migrate"),
    Setting::new(Audit, "SESSION_DAYS", "Days after which a session ends, however often it is refreshed.")
        .default("7")
        .number(1, 90, "days")
        .needed_by("auth"),
    Setting::new(Audit, "OPERATOR_SESSION_HOURS", "The same for operators, in hours.")
        .default("12")
        .number(1, 168, "hours")
        .needed_by("auth"),
    Setting::new(
        Audit,
        "OPERATOR_IDLE_MINUTES",
        "Minutes after which an operator's session ends that was not refreshed. An access token is valid for 15.",
    )
    .default("30")
    .number(15, 720, "minutes")
    .needed_by("auth"),
    Setting::new(Audit, "RETENTION_DAYS", "Days for which a deleted account can be restored.")
        .default("30")
        .number(1, 3650, "days")
        .needed_by("accounts"),
    Setting::new(
        Audit,
        "SECRET_VERSIONS",
        "Number of versions kept of each secret; a new one removes the oldest.",
    )
    .default("100")
    .number(1, 10_000, "versions")
    .needed_by("accounts"),
    Setting::new(
        Audit,
        "CORS_ORIGINS",
        "Exact origins, separated by commas, of browser applications that may call the API. Never with cookies.",
    )
    .needed_by("auth, accounts, admin")
    .rejects(
        "a wildcard, a path, or anything else than `http(s)://host[:port]`",
        "list exact origins such as https://app.example.com, separated by commas; a wildcard is never right here",
    )
    .checklist_row("WEB-1"),
    Setting::new(
        Backups,
        "BACKUP_BUCKET",
        "Bucket for [backups](backups.md). It must have Object Lock.",
    )
    .needed_by("backup, deployed")
    .rejects("neither this nor `BACKUP_FOLDER`", "set a bucket with Object Lock, or locally BACKUP_FOLDER"),
    Setting::new(Backups, "BACKUP_KMS_KEY_ID", "KMS key that encrypts backups.")
        .needed_by("backup, deployed")
        .rejects("deployed, unset", "set the KMS key that encrypts backups"),
    Setting::new(
        Backups,
        "BACKUP_SIGNING_KMS_KEY_ID",
        "KMS key (ECC_NIST_P256) that signs the manifests of backups, as an id or ARN: a key of its own, with which only backup may sign. A drill and a restore ask for its public half.",
    )
    .needed_by("backup and drill, deployed")
    .rejects(
        "backup without this and `BACKUP_SIGNING_KEY_FILE`; a key that cannot be used or is not P-256",
        "set the id of an ECC_NIST_P256 KMS key of its own, or locally BACKUP_SIGNING_KEY_FILE",
    ),
    Setting::new(
        Backups,
        "BACKUP_SIGNING_KEY_FILE",
        "PKCS #8 PEM file with a P-256 key, instead of KMS. `holdfast run` creates one.",
    )
    .needed_by("backup, local")
    .rejects("deployed; not such a file", "use BACKUP_SIGNING_KMS_KEY_ID"),
    Setting::new(
        Backups,
        "BACKUP_SIGNING_KEY_IDS",
        "Thumbprints (RFC 7638) of the keys whose manifests count, beside the key of `BACKUP_SIGNING_KMS_KEY_ID`: those before it, or all where that key cannot be reached. A backup under any other key is not restored.",
    )
    .needed_by("drill and restores, after a change of the key or in another account")
    .rejects("an entry that is not a thumbprint", "copy the thumbprint that `holdfast admin backup` prints"),
    Setting::new(
        Backups,
        "BACKUP_RETENTION_DAYS",
        "Days for which nobody, the account's root included, can remove a backup from the bucket. Its lifecycle rule removes it afterwards.",
    )
    .default("35")
    .number(1, 3650, "days"),
    Setting::new(
        Backups,
        "BACKUP_FOLDER",
        "Folder, instead of the bucket. `holdfast run` sets one in its data folder.",
    )
    .needed_by("backup, local")
    .rejects("deployed", "use BACKUP_BUCKET"),
    Setting::new(Backups, "BACKUP_KEEP", "Number of backups kept in that folder.")
        .default("14")
        .number(1, 3650, "backups"),
    Setting::new(
        Backups,
        "DRILL_DATABASE_URL",
        "[Server that drills restore to](backups.md#the-drill): never the one that is backed up. Its role may create databases and roles there.",
    )
    .secret()
    .needed_by("backup, for the task `drill`")
    .rejects("a drill without it; deployed, the server of `DATABASE_URL`", DATABASE_URL_FORM),
    Setting::new(Backups, "DRILL_DATABASE_PASSWORD", "Password that `DRILL_DATABASE_URL` leaves out.")
        .secret()
        .rejects("as `DATABASE_PASSWORD`", DATABASE_URL_WITHOUT_PASSWORD),
];

/// Returns the setting of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Returns the names of all settings. A secret that holds any other name is rejected: a misspelt name must not pass for a
/// default.
pub fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.name)
}

/// Returns the names of the settings whose value itself is a secret.
pub fn secrets() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter(|setting| setting.secret).map(|setting| setting.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Form;
    use super::*;
    use crate::hardening::CATALOGUE;

    #[test]
    fn each_name_is_declared_once_and_each_checklist_row_exists() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), SETTINGS.len());
        for setting in SETTINGS {
            let known = |id| CATALOGUE.iter().any(|row| row.id == id);
            assert!(setting.checklist_row.is_none_or(known), "{}", setting.name);
            assert_eq!(setting.rejected().is_empty(), setting.fix().is_empty(), "{}", setting.name);
        }
    }

    #[test]
    fn every_default_is_in_range_and_no_secret_has_one() {
        for Setting { name, form, default, secret, .. } in SETTINGS {
            if let Form::Number { min, max, .. } = form {
                let default: u16 = default.unwrap().parse().unwrap();
                assert!((*min..=*max).contains(&default), "{name}");
            }
            assert!(!secret || default.is_none(), "{name}");
        }
    }

    #[test]
    fn whatever_holds_a_password_or_key_is_a_secret() {
        for name in names() {
            let holds_one = name.ends_with("_PASSWORD") || name.ends_with("_URL") || name.ends_with("ENCRYPTION_KEY");
            assert!(!holds_one || find(name).unwrap().secret, "{name}");
        }
        for name in ["AUTH_JWT_SECRET", "API_TOKENS", "AUTH_USERS"] {
            assert!(find(name).unwrap().secret, "{name}");
        }
    }
}
