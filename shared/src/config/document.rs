//! `docs/configuration.md`, generated from [`SETTINGS`].

use std::fmt::Write as _;

use super::{SETTINGS, Section, Setting};

const HEAD: &str = "# Configuration

Generated from `shared/src/config/table.rs`; a test keeps it current.

Every function reads its settings once, at start, from its environment and then from the Secrets Manager secrets that
`SECRETS_ARN` names: each a JSON object of the names below, all values strings. Where a setting is in both, the environment
wins. An empty value counts as unset. A secret that holds any other name is rejected: a misspelt name must not pass
for a default. Migrate and maintenance read them at each run, so that they see a rotated secret.

A configuration is rejected before the first request, in one log line with the setting, the fault and the fix, and never
the value:

```
the function cannot start: DATABASE_URL: the connection would not verify the server's certificate; add ?sslmode=verify-full
```

In the tables, *deployed* is any `APP_ENV` but `local`. Under `holdfast run` (`make run`) all functions are local.
";

const TAIL: &str = "
The backup function opens and seals its canary with `VAULT_KMS_KEY_ID` or `SECRET_ENCRYPTION_KEY` [as above](#the-vault).

## Beside the settings

`LOG_LEVEL` filters log lines (`info`; `holdfast_shared=debug,warn` and the like). The AWS SDK reads its own variables, among
them `AWS_ENDPOINT_URL`, by which the tests send it to moto, and `AWS_CA_BUNDLE`. Neither can come from the secret.
`holdfast admin restore` takes the database to restore into from `RESTORE_DATABASE_URL` where `--into` is not given.
";

/// Returns the page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in Section::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n| setting | means | default | needed by | rejected |\n| --- | --- | --- | --- | --- |\n",
            section.title()
        );
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            write_row(&mut page, setting);
        }
    }
    page + TAIL
}

fn write_row(page: &mut String, setting: &Setting) {
    let default = setting.default.map_or_else(|| setting.unset.to_owned(), |default| format!("`{default}`"));
    let Setting { name, description, needed_by, .. } = setting;
    let _ = write!(page, "| `{name}` | {description} | {default} | {needed_by} |");
    let rejected = setting.rejected();
    let _ = if rejected.is_empty() { writeln!(page, " |") } else { writeln!(page, " {rejected} |") };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCUMENTS=1` writes the page instead.
    #[test]
    fn the_configuration_page_is_generated_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page == markdown(), "docs/configuration.md is out of date: run this test with UPDATE_DOCUMENTS=1");
    }
}
