//! The database: encryption, TLS, its administrator's password, and that it is kept.

use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde_json::Value;

use super::{Resource, Stack, is, is_false, is_true, judge, number, pass_unless};

const CLUSTER: &str = "AWS::RDS::DBCluster";
const INSTANCE: &str = "AWS::RDS::DBInstance";

/// Minimum retention of automated backups, in days.
const MIN_RETENTION_DAYS: i64 = 7;

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    let clusters: Vec<_> = stack.of(CLUSTER).chain(stack.of(INSTANCE)).collect();
    let mut observations = Vec::new();
    for cluster in &clusters {
        let in_cluster = cluster.kind == INSTANCE && cluster.at("/DBClusterIdentifier").is_some();
        if !in_cluster {
            observations.extend(server(cluster));
        }
        if cluster.at("/PubliclyAccessible").is_some() || cluster.kind == INSTANCE {
            observations.push(judge("SEC-3", cluster, "/PubliclyAccessible", is_false, "false"));
        }
    }
    if clusters.is_empty() {
        let why = "the database is not in this stack; `holdfast check --database` checks the live one";
        observations.push(Observation::unknown("SEC-3", EvidenceSource::Template, why));
    }
    observations.extend(parameters(stack, !clusters.is_empty()));
    observations
}

/// Rules for a cluster, or an instance that is in none.
fn server(server: &Resource) -> Vec<Observation> {
    let is_set = |value: Option<&Value>| value.is_some();
    let mut observations = vec![
        judge("SEC-3", server, "/StorageEncrypted", is_true, "true"),
        judge("SEC-3", server, "/KmsKeyId", is_set, "a key of the stack"),
        // Nobody chooses the administrator's password, and nobody has to keep it.
        judge("SEC-1", server, "/ManageMasterUserPassword", is_true, "true"),
        kept(server),
    ];
    if server.kind == CLUSTER {
        // The data API would be a way in from outside the network.
        observations.push(judge("SEC-3", server, "/EnableHttpEndpoint", is_false, "false"));
    }
    observations
}

/// The database cannot be deleted by accident, and leaves a snapshot where it is deleted or replaced.
fn kept(server: &Resource) -> Observation {
    let mut faults = Vec::new();
    let Resource { name, deletion_policy, update_replace_policy, .. } = server;
    if !is_true(server.at("/DeletionProtection")) {
        faults.push(format!("{name} has no DeletionProtection"));
    }
    if number(server.at("/BackupRetentionPeriod")).is_none_or(|days| days < MIN_RETENTION_DAYS) {
        faults.push(format!("{name} keeps automated backups for less than {MIN_RETENTION_DAYS} days"));
    }
    for (attribute, policy) in [("DeletionPolicy", deletion_policy), ("UpdateReplacePolicy", update_replace_policy)] {
        if policy.as_deref() != Some("Snapshot") {
            faults.push(format!("{name} has no {attribute} of Snapshot"));
        }
    }
    pass_unless("DR-1", &faults, format!("{name} is protected from deletion, backed up, and leaves a last snapshot"))
}

/// Rules for the parameters of the server.
fn parameters(stack: &Stack, has_database: bool) -> Vec<Observation> {
    let on =
        |value: Option<&Value>| value.is_some_and(|value| value.as_str() == Some("1") || value.as_i64() == Some(1));
    let groups = stack.of("AWS::RDS::DBClusterParameterGroup").chain(stack.of("AWS::RDS::DBParameterGroup"));
    let rules = groups.flat_map(|group| {
        let (ssl, passwords) = ("/Parameters/rds.force_ssl", "/Parameters/password_encryption");
        [judge("SEC-3", group, ssl, on, "1"), judge("SEC-3", group, passwords, is("scram-sha-256"), "scram-sha-256")]
    });
    let observations: Vec<_> = rules.collect();
    if observations.is_empty() && has_database {
        return vec![pass_unless("SEC-3", &["no parameter group sets rds.force_ssl".to_owned()], "")];
    }
    observations
}
