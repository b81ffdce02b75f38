//! The real function binaries under AWS's Runtime Interface Emulator, configured as in a deployment: settings from
//! Secrets Manager, tokens signed by KMS, the database over verified TLS.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_tests::deployment::{self, Deployment};
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use holdfast_tests::moto::Moto;
use holdfast_tests::sample::code;
use holdfast_tests::secrets;
use secrecy::ExposeSecret;
use serde_json::Value;

/// An instance of every function.
struct Instances {
    functions: HashMap<&'static str, Emulator>,
    deployment: Deployment,
    /// The names of the sample events sent so far.
    sent: Mutex<BTreeSet<String>>,
}

impl Instances {
    /// Starts all functions on a server of their own, because the role's password changes.
    async fn start() -> Self {
        let deployment = Deployment::apart().await;
        let mut functions = HashMap::new();
        for name in Deployment::functions() {
            functions.insert(name, deployment.instance(name).await);
        }
        Self { functions, deployment, sent: Mutex::default() }
    }

    /// Sends a sample event to its function. Returns the body of the response, which must have this status.
    async fn send(&self, name: &str, placeholders: &[(&str, &str)], status: u16) -> Value {
        let function = &self.functions[name.split('/').next().unwrap()];
        self.sent.lock().unwrap().insert(name.to_owned());
        let response = function.invoke(&event(name, placeholders)).await;
        assert_eq!(response["statusCode"], status, "{name}: {response}\n{}", function.log());
        deployment::body(&response, status)
    }
}

#[tokio::test]
async fn the_real_functions_handle_every_sample_event() {
    let instances = Instances::start().await;
    instances.sent.lock().unwrap().insert("migrate/migrate".to_owned());
    let migrated = instances.functions["migrate"].invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["created"]["users"], 2, "{migrated}");
    instances.sent.lock().unwrap().insert("migrate/dry-run".to_owned());
    let dry = instances.functions["migrate"].invoke(&event("migrate/dry-run", &[])).await;
    assert_eq!((&dry["pending"], &dry["created"]["users"]), (&serde_json::json!([]), &0.into()), "{dry}");

    instances.send("health/healthz", &[], 200).await;
    instances.send("health/readyz", &[], 200).await;
    let password = instances.deployment.password();
    let tokens = instances.send("auth/login", &[("password", password)], 200).await;
    let tokens = instances.send("auth/refresh", &[("refresh_token", text(&tokens, "refresh_token"))], 200).await;
    let keys = instances.send("auth/jwks", &[], 200).await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    use_a_browser(&instances, password).await;

    let token = ("access_token", text(&tokens, "access_token"));
    let whoami = instances.send("auth/whoami", &[token], 200).await;
    assert_eq!(whoami["tenant"]["slug"], "demo", "{whoami}");

    let account = instances.send("accounts/create", &[token], 201).await;
    let version = account["version"].to_string();
    let placeholders = [token, ("account_id", text(&account, "id")), ("version", &version)];
    assert_eq!(instances.send("accounts/read", &placeholders, 200).await, account);
    assert_eq!(instances.send("accounts/list", &placeholders, 200).await["items"][0], account);
    keep_secrets(&instances, &placeholders).await;
    assert_eq!(instances.send("accounts/update", &placeholders, 200).await["status"], "suspended");
    instances.send("accounts/delete", &placeholders, 204).await;
    instances.send("accounts/restore", &placeholders, 200).await;

    let audit = instances.send("admin/audit", &[token], 200).await;
    // The caller's address comes from the gateway, not from a header.
    assert_eq!(audit["items"][0]["source_ip"], "203.0.113.24", "{audit}");
    // Metrics belong to the platform: a tenant's admin cannot read them.
    instances.send("metrics/metrics", &[token], 403).await;
    let operator = instances.send("auth/login-operator", &[("password", password)], 200).await;
    let metrics = instances.send("metrics/metrics", &[("access_token", text(&operator, "access_token"))], 200).await;
    // Text, not base64, which the API would pass on unchanged.
    assert!(metrics.as_str().is_some_and(|text| text.starts_with("# HELP holdfast_")), "{metrics}");
    administer(&instances, token).await;
    manage_own_session(&instances, token, text(&whoami, "session_id")).await;
    operate_platform(&instances).await;
    back_up(&instances).await;
    maintain(&instances).await;
    rotate(&instances).await;
    assert_eq!(*instances.sent.lock().unwrap(), holdfast_tests::events::names().into_iter().collect());
}

/// Sends the events of a browser: loads the console, signs in, refreshes with the cookie, and signs out.
async fn use_a_browser(instances: &Instances, password: &str) {
    instances.send("console/open", &[], 307).await;
    let page = instances.send("console/page", &[], 200).await;
    assert!(page.as_str().is_some_and(|page| page.starts_with("<!doctype html>")), "{page}");
    let script = instances.send("console/asset", &[], 200).await;
    assert!(script.as_str().is_some_and(|script| script.contains("import ")), "{script}");

    let event = event("auth/browser-login", &[("password", password)]);
    instances.sent.lock().unwrap().insert("auth/browser-login".to_owned());
    let response = instances.functions["auth"].invoke(&event).await;
    let cookie = response["multiValueHeaders"]["set-cookie"][0].as_str().unwrap();
    let token = cookie.strip_prefix("__Host-holdfast-session=").unwrap().split(';').next().unwrap();
    secrets::keep(token);
    let tokens = instances.send("auth/browser-refresh", &[("refresh_token", token)], 200).await;
    assert!(tokens["refresh_token"].is_null(), "{tokens}");
    instances.send("auth/browser-logout", &[("access_token", text(&tokens, "access_token"))], 204).await;
}

/// Sends the events of Secrets Manager for a rotation, after which a function can log in.
async fn rotate(instances: &Instances) {
    let secret = &instances.deployment.secrets["health"];
    for step in ["create-secret", "set-secret", "test-secret", "finish-secret"] {
        instances.sent.lock().unwrap().insert(format!("rotation/{step}"));
        let function = &instances.functions["rotation"];
        let placeholders =
            [("secret_arn", secret.as_str()), ("secret_version", "00000000-0000-4000-8000-000000000001")];
        let response = function.invoke(&event(&format!("rotation/{step}"), &placeholders)).await;
        assert_eq!(response, Value::Null, "{step}: {}", function.log());
    }
    let fresh = instances.deployment.instance("health").await;
    assert_eq!(fresh.invoke(&event("health/readyz", &[])).await["statusCode"], 200, "{}", fresh.log());
}

/// Sends the events for the secrets of an account.
async fn keep_secrets(instances: &Instances, placeholders: &[(&str, &str)]) {
    secrets::keep("correct horse battery staple");
    let secret = instances.send("accounts/put-secret", placeholders, 201).await;
    assert_eq!(instances.send("accounts/secret", placeholders, 200).await, secret);
    assert_eq!(instances.send("accounts/secrets", placeholders, 200).await["items"][0], secret);
    let revealed = instances.send("accounts/reveal-secret", placeholders, 200).await;
    assert_eq!(revealed["value"], "correct horse battery staple");
    let restored = instances.send("accounts/restore-secret", placeholders, 200).await;
    assert_eq!(restored["version"], 2);
    let versions = instances.send("accounts/secret-versions", placeholders, 200).await;
    assert_eq!(versions["items"][0]["restored_from"], 1, "{versions}");
    instances.send("accounts/delete-secret", placeholders, 204).await;
}

/// Sends the events of a tenant's admin.
async fn administer(instances: &Instances, token: (&str, &str)) {
    let created = instances.send("auth/create-token", &[token], 201).await;
    instances.send("auth/tokens", &[token], 200).await;
    instances.send("auth/revoke-token", &[token, ("token_id", text(&created, "id"))], 204).await;

    let user = instances.send("admin/create-user", &[token], 201).await;
    assert_eq!(
        instances.send("admin/create-user", &[token], 201).await,
        user,
        "a repeat returns the same response, with the password"
    );
    let placeholders = [token, ("user_id", text(&user, "id"))];
    instances.send("admin/users", &placeholders, 200).await;
    instances.send("admin/user", &placeholders, 200).await;
    assert_eq!(instances.send("admin/update-user", &placeholders, 200).await["role"], "editor");
    let sessions = instances.send("admin/user-sessions", &placeholders, 200).await;
    assert_eq!(sessions["items"], serde_json::json!([]));
    // The user never signed in.
    let session = [placeholders[0], placeholders[1], ("session_id", "019a0000-0000-7000-8000-000000000000")];
    instances.send("admin/end-user-session", &session, 404).await;
    instances.send("admin/remove-user-mfa", &placeholders, 204).await;
    instances.send("admin/revoke-user", &placeholders, 204).await;
    instances.send("admin/delete-user", &placeholders, 204).await;
}

/// Sends the events of a user for the own session, password and TOTP, up to the end of the session.
async fn manage_own_session(instances: &Instances, token: (&str, &str), session: &str) {
    let password = instances.deployment.password();
    instances.send("auth/sessions", &[token], 200).await;
    let stepped = instances.send("auth/step-up", &[token, ("password", password)], 200).await;
    let token = ("access_token", text(&stepped, "access_token"));
    let enrolled = instances.send("auth/enrol-totp", &[token, ("password", password)], 200).await;
    let now = SystemClock.now();
    let (this, next) = (code(text(&enrolled, "secret"), now, 0), code(text(&enrolled, "secret"), now, 1));
    instances.send("auth/confirm-totp", &[token, ("code", &this)], 204).await;
    let renewed = instances.send("auth/renew-recovery-codes", &[token, ("next_code", &next)], 200).await;
    let recovery = renewed["recovery_codes"][0].as_str().unwrap();
    instances.send("auth/remove-totp", &[token, ("recovery_code", recovery)], 204).await;
    let new = secrets::random();
    let passwords = [token, ("password", password), ("new_password", new.expose_secret())];
    instances.send("auth/password", &passwords, 204).await;
    instances.send("auth/end-session", &[token, ("session_id", session)], 204).await;
    instances.send("auth/logout", &[token], 401).await;
    instances.send("auth/whoami", &[token], 401).await;
}

/// Sends the events of an operator.
async fn operate_platform(instances: &Instances) {
    let password = instances.deployment.password();
    let tokens = instances.send("auth/login-operator", &[("password", password)], 200).await;
    let token = ("access_token", text(&tokens, "access_token"));
    let tenant = instances.send("admin/create-tenant", &[token], 201).await;
    let placeholders = [token, ("tenant_id", text(&tenant, "id"))];
    instances.send("admin/tenants", &placeholders, 200).await;
    instances.send("admin/tenant", &placeholders, 200).await;
    let rotated = instances.send("admin/rotate-tenant-key", &placeholders, 201).await;
    assert_eq!(rotated["id"], "v1", "{rotated}");
    assert_eq!(instances.send("admin/update-tenant", &placeholders, 200).await["status"], "suspended");
    assert_eq!(instances.send("admin/request-backup", &[token], 201).await["state"], "requested");
    let backups = instances.send("admin/backups", &[token], 200).await;
    assert_eq!(backups["items"][0]["state"], "requested", "{backups}");
    let schema = instances.send("admin/schema", &[token], 200).await;
    assert_eq!((&schema["drift"], &schema["pending"]), (&serde_json::json!([]), &serde_json::json!([])), "{schema}");
    let status = instances.send("admin/status", &[token], 200).await;
    assert_eq!(status["schema_version"], schema["version"]);
    let hardening = instances.send("admin/hardening", &[token], 200).await;
    assert_eq!(
        hardening["findings"].as_array().map(Vec::len),
        Some(holdfast_shared::hardening::CATALOGUE.len()),
        "{hardening}"
    );
    let config = instances.send("admin/config", &[token], 200).await;
    let secrets = config["items"].as_array().unwrap().iter().filter(|setting| setting["source"] == "secrets_manager");
    assert!(secrets.count() > 0, "{config}");
    assert_eq!(instances.send("admin/rotate-key", &[token], 201).await["state"], "published");
    let keys = instances.send("admin/keys", &[token], 200).await;
    let signing = keys["items"].as_array().unwrap().iter().filter(|key| key["kind"] == "signing").count();
    assert_eq!(signing, 2, "{keys}");
    instances.send("auth/logout", &[token], 204).await;
}

/// Sends the scheduled events of backups: the requested backup, another one, and a drill of that.
async fn back_up(instances: &Instances) {
    let run = async |task: &str| {
        instances.sent.lock().unwrap().insert(format!("backup/{task}"));
        let function = &instances.functions["backup"];
        let report = function.invoke(&event(&format!("backup/{task}"), &[])).await;
        assert!(report["errorType"].is_null(), "{task}: {report}\n{}", function.log());
        report
    };
    assert_eq!(run("requested").await["outcome"], "done");
    assert_eq!(run("requested").await["outcome"], "nothing");
    let newest = run("backup").await;
    assert_eq!(text(&newest, "object_key").find("backups/"), Some(0));
    let drill = run("drill").await;
    assert_eq!((&drill["sha256"], &drill["canary"]), (&newest["sha256"], &"opened".into()));
}

/// Sends the scheduled events of maintenance: all audit rows so far are sealed by KMS, and the seal is locked in S3.
async fn maintain(instances: &Instances) {
    let maintenance = &instances.functions["maintenance"];
    let all = ["seal", "partitions", "reencrypt", "expire", "drift", "measure"];
    for (name, tasks) in std::iter::once(("all", all.to_vec())).chain(all.map(|task| (task, vec![task]))) {
        let name = format!("maintenance/{name}");
        instances.sent.lock().unwrap().insert(name.clone());
        let report = maintenance.invoke(&event(&name, &[])).await;
        let done: Vec<_> = report["tasks"].as_array().into_iter().flatten().map(|task| &task["task"]).collect();
        assert_eq!(done, tasks, "{report}\n{}", maintenance.log());
        assert!(report["tasks"].as_array().unwrap().iter().all(|task| task["outcome"] == "done"), "{report}");
    }
    let Deployment { moto, seals, .. } = &instances.deployment;
    let object = format!("{seals}/seals/0000000001/00000000000000000001.json");
    let seal = moto.object(&object).await;
    assert!(seal.status() == 200 && seal.body().starts_with(b"{\"seal\":\"ey"), "{seal:?}");
    assert_eq!(seal.headers()["x-amz-object-lock-mode"], "COMPLIANCE");
    instances.sent.lock().unwrap().insert("maintenance/verify".to_owned());
    let independent = instances.deployment.verifier().await;
    let compared = independent.invoke(&event("maintenance/verify", &[])).await;
    assert_eq!(compared["findings"], serde_json::json!([]), "{compared}\n{}", independent.log());
    assert!(compared["compared"].as_u64() > Some(0), "{compared}");
    let keys = instances.send("auth/audit-jwks", &[], 200).await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    let tokens = instances.send("auth/login-operator", &[("password", instances.deployment.password())], 200).await;
    let token = ("access_token", text(&tokens, "access_token"));
    let verified = instances.send("admin/audit-verify", &[token], 200).await;
    assert_eq!((&verified["ok"], &verified["complete"]), (&true.into(), &true.into()), "{verified}");
    let seals = instances.send("admin/audit-seals", &[token], 200).await;
    assert!(seals["seal"].is_string() || seals.as_str().is_some_and(|lines| lines.lines().count() > 1), "{seals}");
    let export = instances.send("admin/audit-export", &[token], 200).await;
    assert!(export.as_str().is_some_and(|text| text.starts_with("epoch,transaction_id,id,")), "{export}");
}

#[tokio::test]
async fn the_paths_in_a_response_include_the_callers_stage() {
    let deployment = Deployment::create().await;
    deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    let tokens =
        deployment.instance("auth").await.invoke(&event("auth/login", &[("password", deployment.password())])).await;
    let tokens = deployment::body(&tokens, 200);
    let accounts = deployment.instance("accounts").await;
    for (key, stage) in [("own-domain", ""), ("default-address", "/live")] {
        let mut create = event("accounts/create", &[("access_token", text(&tokens, "access_token"))]);
        create["requestContext"]["path"] = format!("{stage}/accounts").into();
        create["headers"]["Idempotency-Key"] = key.into();
        create["multiValueHeaders"]["Idempotency-Key"] = serde_json::json!([key]);
        create["body"] = serde_json::json!({"name": key}).to_string().into();
        let response = accounts.invoke(&create).await;
        let id = text(&deployment::body(&response, 201), "id").to_owned();
        assert_eq!(response["multiValueHeaders"]["location"][0], format!("{stage}/accounts/{id}"), "{response}");
    }
}

#[tokio::test]
async fn a_failed_start_is_an_init_error_with_one_line_that_names_the_fix() {
    let moto = Moto::of_the_run().await;
    let secret = moto.secret(&[("DATABASE_URL", "postgres://holdfast_health:x@localhost/holdfast".to_owned())]).await;
    let mut environment = moto.environment();
    environment.push(("SECRETS_ARN", secret));
    let health = Emulator::function("health", &environment).await;

    let response = health.invoke(&event("health/healthz", &[])).await;
    assert_eq!(response, Value::Null);
    assert!(health.log().contains("Runtime exited with error: exit status 1"), "{}", health.log());
    let lines = health.lines();
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(!errors.is_empty(), "{}", health.log());
    for error in errors {
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("the function cannot start: DATABASE_URL: "), "{message}");
        assert!(message.ends_with("add ?sslmode=verify-full"), "{message}");
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}
