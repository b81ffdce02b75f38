//! All end-to-end suites, as one program.

mod accounts;
mod api_tokens;
mod audit;
mod audit_export;
mod audit_offline;
mod audit_privileges;
mod audit_seals;
mod audit_verify;
mod backup_admin;
mod backup_commands;
mod backup_drill;
mod backup_faults;
mod backup_restore;
mod browser_sessions;
mod clock_jumps;
mod console;
mod conventions;
mod deploy;
mod digests;
mod documents;
mod dumps;
mod embedded_metrics;
mod events;
mod faults;

mod forced_ends;
mod generated_requests;
mod hardening;
mod hardening_stack;
mod hardening_template;
mod hardening_unknown;
mod hardening_url;
mod isolation;
mod jwt_attacks;
mod key_rotation;
mod lambda;
mod last_admin;
mod maintenance;
mod metrics;
mod migrations;
mod one_time_codes;
mod openapi;
mod operator_commands;
mod passwords;
mod plans;
mod prometheus;
mod quotas;
mod readme;
mod rotation;
mod round_trips;
mod runbooks;
mod runbooks_by_api;
mod schema;
mod secret_versions;
mod secrets;
mod secrets_sealed;
mod sign_in;
mod smoke;
mod status;
mod tenant_walls;
mod tenants;
mod users;
mod vault;
mod vault_kms;
mod vault_rewrap;
mod vault_rotation;

/// A file that is not named above would be left out without a word.
#[test]
fn every_file_beside_this_one_is_a_part_of_it() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let suite = std::fs::read_to_string(here.join("suite.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "suite" || suite.contains(&format!("\nmod {name};\n")), "tests/{name}.rs is not in suite.rs");
    }
}
