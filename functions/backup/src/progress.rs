//! Progress of a run, for the command line.

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Current activity.
    pub doing: &'static str,
    /// Bytes so far: of the archive, or of the rows that are compared.
    pub bytes: u64,
    /// Total bytes; none if unknown.
    pub of: Option<u64>,
}

/// Receives the progress of a run, now and then.
pub type Watch<'a> = dyn Fn(Progress) + Sync + 'a;
