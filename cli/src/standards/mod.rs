//! Public security standards, requirement by requirement: what this repository does about each, and the test that proves it.
//! The rows are TOML files beside this one, in our own words; the standards' ids say which sentence of theirs is meant.
//!
//! Every row is decided. A gap is an exception with its reason, never a row that is left out.

mod answer;
mod document;
mod error;
mod row;

pub use answer::Answer;
pub use document::{asvs, weaknesses};
pub use error::StandardsError;
pub use row::Row;

/// The chapters of the OWASP Application Security Verification Standard 5.0.0, in order.
const ASVS: [&str; 17] = [
    include_str!("asvs/v01.toml"),
    include_str!("asvs/v02.toml"),
    include_str!("asvs/v03.toml"),
    include_str!("asvs/v04.toml"),
    include_str!("asvs/v05.toml"),
    include_str!("asvs/v06.toml"),
    include_str!("asvs/v07.toml"),
    include_str!("asvs/v08.toml"),
    include_str!("asvs/v09.toml"),
    include_str!("asvs/v10.toml"),
    include_str!("asvs/v11.toml"),
    include_str!("asvs/v12.toml"),
    include_str!("asvs/v13.toml"),
    include_str!("asvs/v14.toml"),
    include_str!("asvs/v15.toml"),
    include_str!("asvs/v16.toml"),
    include_str!("asvs/v17.toml"),
];
/// The OWASP API Security Top 10 of 2023.
const API: &str = include_str!("api.toml");
/// The CWE Top 25 of 2025.
const CWE: &str = include_str!("cwe.toml");

/// A group of rows with a heading: a chapter, or a list of weaknesses.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Heading.
    pub title: String,
    /// Rows, in the order of the standard.
    pub row: Vec<Row>,
}

/// Returns the chapters of ASVS 5.0.0.
///
/// # Errors
/// A file is not TOML of this form, or a row is not decided.
pub fn asvs_chapters() -> Result<Vec<Chapter>, StandardsError> {
    ASVS.into_iter().map(parse).collect()
}

/// Returns the API Security Top 10 and the CWE Top 25.
///
/// # Errors
/// A file is not TOML of this form, or a row is not decided.
pub fn weakness_lists() -> Result<[Chapter; 2], StandardsError> {
    Ok([parse(API)?, parse(CWE)?])
}

fn parse(file: &str) -> Result<Chapter, StandardsError> {
    toml::from_str(file).map_err(StandardsError)
}
