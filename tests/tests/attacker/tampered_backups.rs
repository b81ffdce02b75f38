//! Backups that somebody changed: with the rights of the store, without the key; or with the key of backups, as a
//! taken-over backup function has it. The first are rejected before anything is executed. The second can bring rows, and
//! nothing else: no code, no other table, no file.

use std::path::{Path, PathBuf};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use holdfast_backup::{BackupError, Task};
use holdfast_shared::identity::document_signer::DocumentSigner;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp, signing_key};
use holdfast_tests::backups::{self, folder, plan, run, run_successfully};
use holdfast_tests::database::TestDatabase;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// Two backups in a folder, and a database to restore into.
struct Fixture {
    app: TestApp,
    files: tempfile::TempDir,
    older: String,
    newest: String,
}

/// A change to the files of the newest backup.
struct Tampering {
    name: &'static str,
    tamper: fn(&Fixture),
    /// Words of the rejection.
    rejected: &'static str,
}

/// A change to the newest backup before it is signed with the genuine key.
struct Forgery {
    name: &'static str,
    forge: fn(&mut Value, &mut Vec<u8>),
    /// Words of the rejection.
    rejected: &'static str,
}

impl Fixture {
    async fn create() -> Self {
        let app = TestApp::start().await;
        app.sign_in(Tenant::Acme, Role::Editor).await;
        let files = tempfile::tempdir().unwrap();
        let plan = plan(&app, folder(files.path()));
        let older = run_successfully(&app, &plan, Task::Backup).await.object_key;
        app.clock.advance(60);
        let newest = run_successfully(&app, &plan, Task::Backup).await.object_key;
        Self { app, files, older, newest }
    }

    fn path(&self, archive: &str, suffix: &str) -> PathBuf {
        self.files.path().join(archive.replace(".tar", suffix))
    }

    fn archive(&self) -> PathBuf {
        self.path(&self.newest, ".tar")
    }

    fn manifest(&self) -> PathBuf {
        self.path(&self.newest, ".json")
    }

    fn signature(&self) -> PathBuf {
        self.path(&self.newest, ".jws")
    }

    /// The three files, to be written back after a change.
    fn original(&self) -> Vec<(PathBuf, Vec<u8>)> {
        [self.archive(), self.manifest(), self.signature()]
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .into()
    }

    /// Replaces files of the newest backup with those of the older one.
    fn take_from_older(&self, suffixes: &[&str]) {
        for suffix in suffixes {
            std::fs::copy(self.path(&self.older, suffix), self.path(&self.newest, suffix)).unwrap();
        }
    }

    fn edit(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        edit(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }

    fn edit_manifest(&self, edit: impl FnOnce(&mut Value)) {
        Self::edit(&self.manifest(), |text| {
            let mut manifest = serde_json::from_slice(text).unwrap();
            edit(&mut manifest);
            *text = serde_json::to_vec(&manifest).unwrap();
        });
    }

    /// Makes the manifest agree with the archive, as whoever can write the store can.
    fn describe_archive(&self) {
        let archive = std::fs::read(self.archive()).unwrap();
        self.edit_manifest(|manifest| describe(manifest, &archive));
    }

    /// Signs the manifest with a key.
    async fn sign(&self, key: &Path) {
        let signer = DocumentSigner::file(key).unwrap();
        let segment = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": signer.public.x, "y": signer.public.y});
        let header = json!({"alg": "ES256", "typ": "holdfast-backup+jws", "jwk": jwk});
        let digest = HEXLOWER.encode(&Sha256::digest(std::fs::read(self.manifest()).unwrap()));
        let input =
            format!("{}.{}", segment(header), segment(json!({"archive": self.newest, "manifest_sha256": digest})));
        let signature = BASE64URL_NOPAD.encode(&signer.sign(input.as_bytes()).await.unwrap());
        std::fs::write(self.signature(), format!("{input}.{signature}")).unwrap();
    }

    /// Drills and restores; returns both rejections, and the database that was restored into.
    async fn restore(&self) -> (BackupError, BackupError, TestDatabase) {
        let store = folder(self.files.path());
        let drill = run(&self.app, &plan(&self.app, store.clone()), Task::Drill).await.unwrap_err();
        let into = TestDatabase::empty().await;
        let restore = backups::restore(&self.app, &store, &self.newest, &into).await.unwrap_err();
        (drill, restore, into)
    }
}

fn describe(manifest: &mut Value, archive: &[u8]) {
    manifest["sha256"] = HEXLOWER.encode(&Sha256::digest(archive)).into();
    manifest["bytes"] = archive.len().into();
}

/// An entry of an archive.
fn entry(path: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_cksum();
    let padding = vec![0; (BLOCK - content.len() % BLOCK) % BLOCK];
    [header.as_bytes().as_slice(), content, &padding].concat()
}

/// Adds entries before the end of an archive.
fn append(archive: &mut Vec<u8>, entry: &[u8]) {
    let end = archive.split_off(archive.len() - 2 * BLOCK);
    archive.extend_from_slice(entry);
    archive.extend_from_slice(&end);
}

/// The position of a table in a manifest.
fn at(manifest: &Value, table: &str) -> usize {
    manifest["tables"].as_array().unwrap().iter().position(|stored| stored["name"] == table).unwrap()
}

const CODE: &[u8] = b"CREATE ROLE intruder LOGIN SUPERUSER PASSWORD 'intruder';";

const TAMPERINGS: [Tampering; 20] = [
    Tampering {
        name: "the first byte of the archive is flipped",
        tamper: |fixture| Fixture::edit(&fixture.archive(), |bytes| bytes[0] ^= 0x10),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "a byte within the archive is flipped",
        tamper: |fixture| Fixture::edit(&fixture.archive(), |bytes| *bytes.get_mut(BLOCK + 40).unwrap() ^= 1),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "the last byte of the archive is flipped",
        tamper: |fixture| Fixture::edit(&fixture.archive(), |bytes| *bytes.last_mut().unwrap() ^= 1),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "the archive is cut by a byte",
        tamper: |fixture| Fixture::edit(&fixture.archive(), |bytes| bytes.truncate(bytes.len() - 1)),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "the archive is empty",
        tamper: |fixture| Fixture::edit(&fixture.archive(), Vec::clear),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "code is added to the archive",
        tamper: |fixture| {
            Fixture::edit(&fixture.archive(), |bytes| append(bytes, &entry("evil.sql", EntryType::Regular, CODE)));
        },
        rejected: "was altered or cut",
    },
    Tampering {
        name: "the archive is a pg_dump file",
        tamper: |fixture| std::fs::write(fixture.archive(), [b"PGDMP".as_slice(), CODE].concat()).unwrap(),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "the archive is that of the older backup",
        tamper: |fixture| fixture.take_from_older(&[".tar"]),
        rejected: "was altered or cut",
    },
    Tampering {
        name: "code is added, and the manifest has the new digest",
        tamper: |fixture| {
            Fixture::edit(&fixture.archive(), |bytes| append(bytes, &entry("evil.sql", EntryType::Regular, CODE)));
            fixture.describe_archive();
        },
        rejected: "it was changed after it was signed",
    },
    Tampering {
        name: "the archive is a pg_dump file, and the manifest has the new digest",
        tamper: |fixture| {
            std::fs::write(fixture.archive(), [b"PGDMP".as_slice(), CODE].concat()).unwrap();
            fixture.describe_archive();
        },
        rejected: "it was changed after it was signed",
    },
    Tampering {
        name: "the manifest is signed with another key, which it brings along",
        tamper: |fixture| {
            let key = fixture.app.database.file("intruder.pem", &signing_key());
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(fixture.sign(&key)));
        },
        rejected: "its signature is under a key that the configuration does not name",
    },
    Tampering {
        name: "a letter of the signature is changed",
        tamper: |fixture| {
            Fixture::edit(&fixture.signature(), |text| {
                let last = text.len() - 8;
                text[last] = if text[last] == b'A' { b'B' } else { b'A' };
            });
        },
        rejected: "its signature does not verify",
    },
    Tampering {
        name: "the signature says that there is none",
        tamper: |fixture| {
            Fixture::edit(&fixture.signature(), |text| {
                let original = String::from_utf8(text.clone()).unwrap();
                let (header, rest) = original.split_once('.').unwrap();
                let mut header: Value =
                    serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
                header["alg"] = "none".into();
                let (payload, _) = rest.split_once('.').unwrap();
                *text = format!("{}.{payload}.", BASE64URL_NOPAD.encode(header.to_string().as_bytes())).into();
            });
        },
        rejected: "its signature is of another kind",
    },
    Tampering {
        name: "the signature is no text",
        tamper: |fixture| std::fs::write(fixture.signature(), [0xFF, 0x00]).unwrap(),
        rejected: "its signature is malformed",
    },
    Tampering {
        name: "the signature is empty",
        tamper: |fixture| std::fs::write(fixture.signature(), "").unwrap(),
        rejected: "its signature is malformed",
    },
    Tampering {
        name: "there is no signature",
        tamper: |fixture| std::fs::remove_file(fixture.signature()).unwrap(),
        rejected: "No such file",
    },
    Tampering {
        name: "the signature is that of the older backup",
        tamper: |fixture| fixture.take_from_older(&[".jws"]),
        rejected: "its signature is that of another backup",
    },
    Tampering {
        name: "the older backup has the name of the newest",
        tamper: |fixture| fixture.take_from_older(&[".tar", ".json", ".jws"]),
        rejected: "its signature is that of another backup",
    },
    Tampering {
        name: "the manifest is no JSON",
        tamper: |fixture| std::fs::write(fixture.manifest(), CODE).unwrap(),
        rejected: "it was changed after it was signed",
    },
    Tampering {
        name: "the manifest is longer than memory",
        tamper: |fixture| std::fs::write(fixture.manifest(), vec![b' '; 5 << 20]).unwrap(),
        rejected: "it is longer than any manifest",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_changed_is_rejected_before_anything_is_executed() {
    let fixture = Fixture::create().await;
    let original = fixture.original();
    for Tampering { name, tamper, rejected } in TAMPERINGS {
        tamper(&fixture);
        let (drill, restore, into) = fixture.restore().await;
        for rejection in [drill.to_string(), restore.to_string()] {
            assert!(rejection.contains(rejected), "{name}: {rejection}");
        }
        let objects = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        assert_eq!(into.count(objects).await, 0, "{name}");
        for (path, bytes) in &original {
            std::fs::write(path, bytes).unwrap();
        }
    }
    // What is restored otherwise is the genuine one.
    run_successfully(&fixture.app, &plan(&fixture.app, folder(fixture.files.path())), Task::Drill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_manifest_is_signed() {
    let fixture = Fixture::create().await;
    let text = std::fs::read_to_string(fixture.manifest()).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let fields: Vec<String> = manifest.as_object().unwrap().keys().cloned().collect();
    assert!(fields.len() > 10, "{fields:?}");
    for field in fields {
        // One character more in the value, and else the same bytes.
        let (before, after) = text.split_once(&format!("\"{field}\": ")).unwrap();
        let (first, rest) = after.split_at(1);
        let value = match first {
            "\"" | "[" | "{" => format!("{first} {rest}"),
            _ => format!("1{after}"),
        };
        std::fs::write(fixture.manifest(), format!("{before}\"{field}\": {value}")).unwrap();
        let store = folder(fixture.files.path());
        let failure = run(&fixture.app, &plan(&fixture.app, store), Task::Drill).await.unwrap_err();
        let noticed = matches!(&failure, BackupError::Unsigned { cause, .. } if cause.contains("changed after"));
        assert!(noticed, "{field}: {failure}");
    }
    std::fs::write(fixture.manifest(), &text).unwrap();
    run_successfully(&fixture.app, &plan(&fixture.app, folder(fixture.files.path())), Task::Drill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_newest_backup_fails_the_drill() {
    let fixture = Fixture::create().await;
    for path in [fixture.archive(), fixture.manifest(), fixture.signature()] {
        std::fs::remove_file(path).unwrap();
    }
    let store = folder(fixture.files.path());
    let failure = run(&fixture.app, &plan(&fixture.app, store), Task::Drill).await.unwrap_err();
    assert!(matches!(&failure, BackupError::Replaced { key, .. } if *key == fixture.newest), "{failure}");
}

const FORGERIES: [Forgery; 18] = [
    Forgery {
        name: "a table more",
        forge: |manifest, _| {
            let mut table = manifest["tables"][0].clone();
            table["name"] = "evil".into();
            manifest["tables"].as_array_mut().unwrap().push(table);
        },
        rejected: "evil is not of this build",
    },
    Forgery {
        name: "the table of applied migrations",
        forge: |manifest, _| {
            let mut table = manifest["tables"][0].clone();
            table["name"] = "refinery_schema_history".into();
            manifest["tables"].as_array_mut().unwrap().push(table);
        },
        rejected: "refinery_schema_history is not of this build",
    },
    Forgery {
        name: "a table of another schema",
        forge: |manifest, _| manifest["tables"][0]["name"] = "pg_catalog.pg_authid".into(),
        rejected: "is missing",
    },
    Forgery {
        name: "a name that ends the statement",
        forge: |manifest, _| {
            let users = at(manifest, "users");
            manifest["tables"][users]["name"] = "users\" FROM PROGRAM 'id' --".into();
        },
        rejected: "users is missing",
    },
    Forgery {
        name: "a table fewer",
        forge: |manifest, _| {
            let users = at(manifest, "users");
            manifest["tables"].as_array_mut().unwrap().remove(users);
        },
        rejected: "users is missing",
    },
    Forgery {
        name: "tables in another order",
        forge: |manifest, _| manifest["tables"].as_array_mut().unwrap().reverse(),
        rejected: "its tables or columns are in another order",
    },
    Forgery {
        name: "a table twice",
        forge: |manifest, _| {
            let table = manifest["tables"][0].clone();
            manifest["tables"].as_array_mut().unwrap().push(table);
        },
        rejected: "its tables or columns are in another order",
    },
    Forgery {
        name: "a column more",
        forge: |manifest, _| {
            let users = at(manifest, "users");
            let columns = manifest["tables"][users]["columns"].as_array_mut().unwrap();
            columns.push(json!({"name": "note", "type": "text"}));
        },
        rejected: "users has a column note text",
    },
    Forgery {
        name: "a column of another type",
        forge: |manifest, _| {
            let users = at(manifest, "users");
            manifest["tables"][users]["columns"][0]["type"] = "evil".into();
        },
        rejected: "users has no column",
    },
    Forgery {
        name: "another version of the schema",
        forge: |manifest, _| manifest["schema_version"] = 1.into(),
        rejected: "its version differs",
    },
    Forgery {
        name: "another format",
        forge: |manifest, _| manifest["format"] = 1.into(),
        rejected: "this build does not read format 1",
    },
    Forgery {
        name: "a field more",
        forge: |manifest, _| manifest["run"] = "evil.sql".into(),
        rejected: "unknown field",
    },
    Forgery {
        name: "a month that is none",
        forge: |manifest, _| manifest["audit_months"][0] = "2026-11-02".into(),
        rejected: "is no month of the audit log",
    },
    Forgery {
        name: "an entry more",
        forge: |_, archive| append(archive, &entry("evil.sql", EntryType::Regular, CODE)),
        rejected: "more entries follow",
    },
    Forgery {
        name: "a path out of the folder in place of the first entry",
        forge: |_, archive| {
            let evil = entry("../../../etc/evil", EntryType::Regular, CODE);
            archive.splice(..0, evil);
        },
        rejected: "another entry is in its place",
    },
    Forgery {
        name: "a symbolic link in place of the first entry",
        forge: |_, archive| {
            let evil = entry("attempts", EntryType::Symlink, b"");
            archive.splice(..0, evil);
        },
        rejected: "another entry is in its place",
    },
    Forgery {
        name: "an entry of enormous size",
        forge: |_, archive| {
            let mut header = Header::from_byte_slice(&archive[..BLOCK]).clone();
            header.set_size(1 << 40);
            header.set_cksum();
            archive[..BLOCK].copy_from_slice(header.as_bytes());
        },
        rejected: "another entry is in its place",
    },
    Forgery {
        name: "a piece that is longer than the manifest says",
        forge: |manifest, _| {
            let tenants = at(manifest, "tenants");
            let bytes = manifest["tables"][tenants]["bytes"].as_u64().unwrap();
            manifest["tables"][tenants]["bytes"] = (bytes - 1).into();
        },
        rejected: "a piece is not what was compressed",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_backups_restores_rows_and_nothing_else() {
    let fixture = Fixture::create().await;
    let original = fixture.original();
    for Forgery { name, forge, rejected } in FORGERIES {
        let mut archive = std::fs::read(fixture.archive()).unwrap();
        fixture.edit_manifest(|manifest| {
            forge(manifest, &mut archive);
            describe(manifest, &archive);
        });
        std::fs::write(fixture.archive(), &archive).unwrap();
        fixture.sign(&backups::key_file(&fixture.app)).await;
        let into = TestDatabase::empty().await;
        let restored = backups::restore(&fixture.app, &folder(fixture.files.path()), &fixture.newest, &into).await;
        let rejection = restored.unwrap_err().to_string();
        assert!(rejection.contains(rejected), "{name}: {rejection}");
        // Where the schema exists by then, it has no row of the backup.
        let exists = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.users')";
        if into.count(exists).await > 0 {
            assert_eq!(into.count("SELECT count(*) FROM users").await, 0, "{name}");
        }
        assert_eq!(into.count("SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'").await, 0, "{name}");
        for (path, bytes) in &original {
            std::fs::write(path, bytes).unwrap();
        }
    }
    // The same way to write and sign a backup, without a change, restores.
    fixture.describe_archive();
    fixture.sign(&backups::key_file(&fixture.app)).await;
    let into = TestDatabase::empty().await;
    backups::restore(&fixture.app, &folder(fixture.files.path()), &fixture.newest, &into).await.unwrap();
    assert!(into.count("SELECT count(*) FROM users").await > 0);
}
