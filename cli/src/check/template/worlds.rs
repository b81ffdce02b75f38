//! What a template may come to where a condition cannot be decided: a world for each way that it may go. Nothing that differs
//! between them is known.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::bail;

use super::Stack;

/// What six conditions that have nothing to do with each other make.
const MOST: usize = 64;

/// How each comparison that cannot be decided is supposed to come out, by its words.
#[derive(Default)]
pub(super) struct World {
    supposed: BTreeMap<String, bool>,
    /// Those that came up and were not supposed yet.
    open: RefCell<Vec<String>>,
}

impl World {
    /// How a comparison comes out.
    pub(super) fn supposes(&self, comparison: String) -> bool {
        let supposed = self.supposed.get(&comparison).copied();
        if supposed.is_none() {
            self.open.borrow_mut().push(comparison);
        }
        supposed.unwrap_or(true)
    }
}

/// The stack in every world.
pub(super) fn each(read: impl Fn(&World) -> anyhow::Result<Stack>) -> anyhow::Result<Vec<Stack>> {
    let mut found = Vec::new();
    let mut waiting = vec![BTreeMap::new()];
    while let Some(supposed) = waiting.pop() {
        let world = World { supposed, ..World::default() };
        let stack = read(&world)?;
        let World { supposed, open } = world;
        match open.into_inner().into_iter().next() {
            Some(comparison) => waiting.extend([false, true].map(|holds| {
                let mut supposed = supposed.clone();
                supposed.insert(comparison.clone(), holds);
                supposed
            })),
            None => found.push(Stack { supposed, ..stack }),
        }
        if found.len() + waiting.len() > MOST {
            let known = supposed_names(&waiting);
            bail!("too much depends on what is not known; give the parameters their values: {known}");
        }
    }
    Ok(found)
}

fn supposed_names(worlds: &[BTreeMap<String, bool>]) -> String {
    let names = worlds.last().into_iter().flat_map(BTreeMap::keys).cloned();
    names.collect::<Vec<_>>().join("; ")
}
