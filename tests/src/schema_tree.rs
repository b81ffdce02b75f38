//! `migrations/schema/`: the schema as it stands, a file a table, and a diagram. Written from the catalogue of a migrated
//! database, so that a review reads what the steps come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use tokio_postgres::{Client, Row};

const HEADER: &str = "-- As the migrations leave it. Generated; see migrations/README.md.\n";

const TABLES: &str =
    "SELECT c.relname::text AS name, obj_description(c.oid) AS comment, c.relrowsecurity AS row_security,
        c.relforcerowsecurity AS forced, CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partitioned
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     ORDER BY 1";

const COLUMNS: &str = "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
        CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
        pg_get_expr(d.adbin, d.adrelid) AS expression, a.attgenerated <> '' AS generated, col_description(a.attrelid, a.attnum) AS comment
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = ('public.' || quote_ident($1))::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const CONSTRAINTS: &str =
    "SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition, contype = 'f' AS refers,
        confrelid::regclass::text AS target, (SELECT array_agg(a.attname::text) FROM pg_attribute a
            WHERE a.attrelid = conrelid AND a.attnum = ANY (conkey)) AS columns, contype = 'p' AS is_primary
      FROM pg_constraint WHERE conrelid = ('public.' || quote_ident($1))::regclass AND contype <> 'n'
     ORDER BY contype = 'p' DESC, contype, conname";

const INDEXES: &str = "SELECT pg_get_indexdef(x.indexrelid) AS definition
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     WHERE x.indrelid = ('public.' || quote_ident($1))::regclass
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype IN ('p', 'u')) ORDER BY i.relname";

const POLICIES: &str = "SELECT policyname::text AS name, cmd AS command, permissive AS kind,
        ARRAY(SELECT CASE WHEN role = (SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = $1) THEN 'owner'
                          ELSE role::text END FROM unnest(roles) AS role ORDER BY 1) AS roles,
        qual AS condition, with_check AS check
      FROM pg_policies WHERE schemaname = 'public' AND tablename = $1 ORDER BY policyname";

const GRANTS: &str = "SELECT grantee::regrole::text AS role, string_agg(privilege_type, ', ' ORDER BY privilege_type) AS privileges,
        '' AS column_name
      FROM pg_class c, aclexplode(c.relacl) WHERE c.oid = ('public.' || quote_ident($1))::regclass AND grantee <> c.relowner
     GROUP BY grantee
    UNION ALL
    SELECT grantee::regrole::text, string_agg(privilege_type, ', ' ORDER BY privilege_type), a.attname::text
      FROM pg_attribute a, aclexplode(a.attacl) WHERE a.attrelid = ('public.' || quote_ident($1))::regclass GROUP BY grantee, a.attname
     ORDER BY 3, 1";

/// Every file of the tree by its name, with its text.
pub async fn generate(client: &Client) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut diagram = Diagram::default();
    for table in client.query(TABLES, &[]).await.unwrap() {
        let name: String = table.get("name");
        let columns = client.query(COLUMNS, &[&name]).await.unwrap();
        let constraints = client.query(CONSTRAINTS, &[&name]).await.unwrap();
        let mut text = format!("{HEADER}{}", create(&table, &columns, &constraints));
        for index in client.query(INDEXES, &[&name]).await.unwrap() {
            writeln!(
                text,
                "{};",
                index.get::<_, String>("definition").replace(" ON ONLY ", " ON ").replace("public.", "")
            )
            .unwrap();
        }
        text.push_str(&security(&table, &client.query(POLICIES, &[&name]).await.unwrap()));
        text.push_str(&grants(&name, &client.query(GRANTS, &[&name]).await.unwrap()));
        text.push_str(&comments(&table, &columns));
        files.insert(format!("tables/{name}.sql"), text);
        diagram.add(&name, &columns, &constraints);
    }
    files.insert("diagram.md".to_owned(), diagram.markdown());
    files
}

fn create(table: &Row, columns: &[Row], constraints: &[Row]) -> String {
    let mut lines: Vec<String> = columns.iter().map(column).collect();
    lines.extend(constraints.iter().map(|constraint| {
        let (name, definition): (String, String) = (constraint.get("name"), constraint.get("definition"));
        format!("CONSTRAINT {name} {definition}")
    }));
    let partitioned: Option<String> = table.get("partitioned");
    let partitioned = partitioned.map(|key| format!(" PARTITION BY {key}")).unwrap_or_default();
    format!("CREATE TABLE {} (\n    {}\n){partitioned};\n", table.get::<_, String>("name"), lines.join(",\n    "))
}

fn column(column: &Row) -> String {
    let mut line = format!("{} {}", column.get::<_, String>("name"), column.get::<_, String>("type"));
    if let Some(collation) = column.get::<_, Option<String>>("collation") {
        write!(line, " COLLATE {collation}").unwrap();
    }
    if column.get("required") {
        line.push_str(" NOT NULL");
    }
    match (column.get::<_, Option<String>>("expression"), column.get("generated")) {
        (Some(expression), true) => write!(line, " GENERATED ALWAYS AS ({expression}) STORED").unwrap(),
        (Some(expression), false) => write!(line, " DEFAULT {expression}").unwrap(),
        (None, _) => {}
    }
    line
}

fn security(table: &Row, policies: &[Row]) -> String {
    let name: String = table.get("name");
    let mut text = String::new();
    if table.get("row_security") {
        writeln!(text, "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;").unwrap();
    }
    if table.get("forced") {
        writeln!(text, "ALTER TABLE {name} FORCE ROW LEVEL SECURITY;").unwrap();
    }
    for policy in policies {
        let roles: Vec<String> = policy.get("roles");
        write!(text, "CREATE POLICY {} ON {name}", policy.get::<_, String>("name")).unwrap();
        if policy.get::<_, String>("kind") != "PERMISSIVE" {
            text.push_str(" AS RESTRICTIVE");
        }
        write!(text, " FOR {} TO {}", policy.get::<_, String>("command"), roles.join(", ")).unwrap();
        for (word, column) in [("USING", "condition"), ("WITH CHECK", "check")] {
            if let Some(expression) = policy.get::<_, Option<String>>(column) {
                write!(text, " {word} ({expression})").unwrap();
            }
        }
        text.push_str(";\n");
    }
    text
}

fn grants(table: &str, grants: &[Row]) -> String {
    let mut by_privileges: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for grant in grants {
        let (role, privileges, column): (String, String, String) =
            (grant.get("role"), grant.get("privileges"), grant.get("column_name"));
        by_privileges.entry((role, privileges)).or_default().insert(column);
    }
    let mut text = String::new();
    for ((role, privileges), columns) in by_privileges {
        let columns: Vec<String> = columns.into_iter().filter(|column| !column.is_empty()).collect();
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        writeln!(text, "GRANT {privileges}{columns} ON {table} TO {role};").unwrap();
    }
    text
}

fn comments(table: &Row, columns: &[Row]) -> String {
    let name: String = table.get("name");
    let quote = |text: Option<String>| text.unwrap_or_default().replace('\'', "''");
    let mut text = format!("COMMENT ON TABLE {name} IS '{}';\n", quote(table.get("comment")));
    for column in columns {
        let of: String = column.get("name");
        writeln!(text, "COMMENT ON COLUMN {name}.{of} IS '{}';", quote(column.get("comment"))).unwrap();
    }
    text
}

/// The entities and their relations, in mermaid's notation.
#[derive(Default)]
struct Diagram {
    entities: String,
    relations: BTreeSet<String>,
}

impl Diagram {
    fn add(&mut self, table: &str, columns: &[Row], constraints: &[Row]) {
        let keys = |column: &str| -> String {
            let of = |word: &str| {
                constraints.iter().any(|constraint| {
                    let columns: Option<Vec<String>> = constraint.get("columns");
                    constraint.get::<_, bool>(word) && columns.unwrap_or_default().iter().any(|name| name == column)
                })
            };
            let keys: Vec<&str> = [("is_primary", "PK"), ("refers", "FK")]
                .into_iter()
                .filter(|(word, _)| of(word))
                .map(|(_, key)| key)
                .collect();
            keys.join(", ")
        };
        writeln!(self.entities, "    {table} {{").unwrap();
        for column in columns {
            let name: String = column.get("name");
            let kind: String = column.get("type");
            let kind =
                kind.replace("timestamp with time zone", "timestamptz").replace("[]", "_array").replace(' ', "_");
            writeln!(self.entities, "{}", format!("        {kind} {name} {}", keys(&name)).trim_end()).unwrap();
        }
        self.entities.push_str("    }\n");
        for constraint in constraints.iter().filter(|constraint| constraint.get("refers")) {
            let columns: Vec<String> = constraint.get("columns");
            let target: String = constraint.get("target");
            self.relations.insert(format!("    {target} ||--o{{ {table} : \"{}\"\n", columns.join(", ")));
        }
    }

    fn markdown(&self) -> String {
        let relations: String = self.relations.iter().map(String::as_str).collect();
        format!(
            "# The schema\n\nGenerated; see [migrations/README.md](../README.md). Each table's file in [tables](tables) has its \
             indexes, policies, grants and comments.\n\n```mermaid\nerDiagram\n{relations}{}```\n",
            self.entities
        )
    }
}

/// Writes the tree, and removes what is no longer part of it.
pub fn write(folder: &Path, files: &BTreeMap<String, String>) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder.join("tables")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Every file of the tree by its name, with its text.
pub fn read(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (prefix, folder) in [("", folder.to_owned()), ("tables/", folder.join("tables"))] {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}
