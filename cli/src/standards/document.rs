//! `docs/asvs.md` and `docs/weaknesses.md`, generated from the rows.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Answer, Chapter, StandardsError};

const ASVS_HEAD: &str = "# OWASP ASVS 5.0

Every requirement of the Application Security Verification Standard 5.0.0, with what this repository does about it. Level 2 is
the aim; level 3 is answered as well. The ids are the standard's, the words are ours: what is meant is in the standard.

`holdfast admin document asvs` generates this page from `cli/src/standards`. A test fails where it is out of date, where a
requirement is missing or undecided, or where a test that it names does not exist. A test's name is the one that the test
runner prints: `cargo nextest run --workspace -E 'test(=NAME)'` runs it.

An *exception* is a requirement that applies and is not met, or not wholly. Those of levels 1 and 2 are the
[accepted risks](threat-model.md#accepted-risks) of the threat model.
";

const WEAKNESSES_HEAD: &str = "# Common weaknesses

Two public lists of what goes wrong most often, and what stands against each here. [ASVS](asvs.md) is the longer answer.

`holdfast admin document weaknesses` generates this page from `cli/src/standards`; a test keeps it current.
";

/// Returns the page on ASVS.
///
/// # Errors
/// The rows cannot be read.
pub fn asvs() -> Result<String, StandardsError> {
    let chapters = super::asvs_chapters()?;
    let mut page = ASVS_HEAD.to_owned();
    write_summary(&mut page, &chapters);
    write_chapters(&mut page, &chapters);
    Ok(page)
}

/// Returns the page on the two lists of weaknesses.
///
/// # Errors
/// The rows cannot be read.
pub fn weaknesses() -> Result<String, StandardsError> {
    let mut page = WEAKNESSES_HEAD.to_owned();
    write_chapters(&mut page, &super::weakness_lists()?);
    Ok(page)
}

/// The numbers of rows, by level and kind of answer. Writing to a string does not fail.
fn write_summary(page: &mut String, chapters: &[Chapter]) {
    let rows = || chapters.iter().flat_map(|chapter| &chapter.row);
    let levels: BTreeSet<_> = rows().filter_map(|row| row.level).collect();
    let _ = writeln!(page, "\n| level | requirements | {} |", Answer::KINDS.join(" | "));
    let _ = writeln!(page, "| --- | ---: |{}", " ---: |".repeat(Answer::KINDS.len()));
    for level in levels {
        let of_level = || rows().filter(move |row| row.level == Some(level));
        let counts = Answer::KINDS.map(|kind| of_level().filter(|row| row.answer.kind() == kind).count().to_string());
        let _ = writeln!(page, "| {level} | {} | {} |", of_level().count(), counts.join(" | "));
    }
}

fn write_chapters(page: &mut String, chapters: &[Chapter]) {
    for chapter in chapters {
        let leveled = chapter.row.iter().any(|row| row.level.is_some());
        let _ = writeln!(page, "\n## {}\n", chapter.title);
        page.push_str(if leveled {
            "| id | level | requirement | answer |\n| --- | --- | --- | --- |\n"
        } else {
            "| id | weakness | answer |\n| --- | --- | --- |\n"
        });
        for row in &chapter.row {
            let level = row.level.map_or_else(String::new, |level| format!("{level} | "));
            let note = row.note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
            let _ = writeln!(page, "| {} | {level}{} | {}{note} |", row.id, row.asks, text(&row.answer));
        }
    }
}

fn text(answer: &Answer) -> String {
    match answer {
        Answer::Tests(tests) => {
            let names: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
            format!("{}.", names.join(", "))
        }
        Answer::Code(code) => match code.split_once(": ") {
            Some((file, how)) => format!("`{file}`: {how}"),
            None => code.clone(),
        },
        Answer::NotApplicable(reason) => format!("*Not applicable:* {reason}"),
        Answer::Exception(reason) => format!("**Exception:** {reason}"),
    }
}
