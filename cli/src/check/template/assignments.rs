//! Condition assignments: every way in which the undecided conditions of a template can turn out.
//!
//! A condition such as `IsProd: !Equals [!Ref Environment, prod]` is *undecided* if `Environment` has no value before the
//! deployment. The template is then read once for each assignment of its undecided comparisons, and a [`Stack`] is the first
//! of these readings with the others as its alternatives. The rules see complete stacks only; `rows::three_valued` compares
//! what they say about each.
//!
//! # Example
//! ```yaml
//! Conditions:
//!   IsProd: !Equals [!Ref Environment, prod]
//! Resources:
//!   Dashboard: { Type: AWS::CloudWatch::Dashboard, Condition: IsProd }
//!   Bucket: { Type: AWS::S3::Bucket }
//! ```
//! Without a value for `Environment` there are two assignments. `{IsProd: true}` gives a stack with the dashboard, so OBS-2
//! passes; `{IsProd: false}` gives one without it, so OBS-2 fails. The finding is flipped by an undecided condition, hence
//! unknown, and its evidence names the comparison. Both stacks have the bucket, so what is said about the bucket holds
//! whichever way the condition turns out: it passes or fails as if there were no condition.
//!
//! Assignments are discovered while reading: the reader asks [`Assignment::assume`] for each comparison that it cannot
//! decide; the first one without an assumed result splits the reading in two. A comparison that does not matter, because
//! another part of an `Fn::And` or `Fn::Or` decides, is never asked for (Kleene's three-valued logic, in `resolve`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::bail;

use super::Stack;

/// Limit of assignments: those of six independent conditions.
const MAX_ASSIGNMENTS: usize = 64;

/// Assumed results of undecided comparisons, by a description of the comparison.
#[derive(Default)]
pub(super) struct Assignment {
    assumed: BTreeMap<String, bool>,
    /// Comparisons that were asked for and have no assumed result yet.
    open: RefCell<Vec<String>>,
}

impl Assignment {
    /// Returns the assumed result of a comparison; true if there is none yet, and the comparison is noted as open.
    pub(super) fn assume(&self, comparison: String) -> bool {
        let assumed = self.assumed.get(&comparison).copied();
        if assumed.is_none() {
            self.open.borrow_mut().push(comparison);
        }
        assumed.unwrap_or(true)
    }
}

/// Reads a stack under every assignment.
///
/// # Errors
/// Reading fails, or there are more assignments than can be followed.
pub(super) fn read_under_each(read: impl Fn(&Assignment) -> anyhow::Result<Stack>) -> anyhow::Result<Vec<Stack>> {
    let mut found = Vec::new();
    let mut waiting = vec![BTreeMap::new()];
    while let Some(assumed) = waiting.pop() {
        let assignment = Assignment { assumed, ..Assignment::default() };
        let stack = read(&assignment)?;
        let Assignment { assumed, open } = assignment;
        match open.into_inner().into_iter().next() {
            Some(comparison) => waiting.extend([false, true].map(|result| {
                let mut assumed = assumed.clone();
                assumed.insert(comparison.clone(), result);
                assumed
            })),
            None => found.push(Stack { assumed, ..stack }),
        }
        if found.len() + waiting.len() > MAX_ASSIGNMENTS {
            bail!("too many undecided conditions; set the parameters: {}", comparisons(&waiting));
        }
    }
    Ok(found)
}

/// Lists the comparisons of the newest assignment.
fn comparisons(assignments: &[BTreeMap<String, bool>]) -> String {
    let comparisons = assignments.last().into_iter().flat_map(BTreeMap::keys).cloned();
    comparisons.collect::<Vec<_>>().join("; ")
}
