//! How far a run is, for whoever waits for it.

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub doing: &'static str,
    /// Bytes of the dump so far.
    pub bytes: u64,
    /// Of how many; none while nobody knows.
    pub of: Option<u64>,
}

/// Is told of it, now and then.
pub type Watch<'a> = dyn Fn(Progress) + Sync + 'a;
