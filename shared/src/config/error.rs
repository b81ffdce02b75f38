//! A configuration that is rejected, in one line: the setting, the fault, the fix - and never the value.

use std::borrow::Cow;

use super::find;

/// A configuration that no function starts with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}; {fix}")]
pub struct ConfigError {
    /// The setting.
    pub setting: &'static str,
    fault: Cow<'static, str>,
    fix: Cow<'static, str>,
}

impl ConfigError {
    /// A fault of a setting, and its fix.
    pub fn new(setting: &'static str, fault: impl Into<Cow<'static, str>>, fix: impl Into<Cow<'static, str>>) -> Self {
        Self { setting, fault: fault.into(), fix: fix.into() }
    }

    /// A fault of a setting, with the fix that [`SETTINGS`](super::SETTINGS) declares.
    pub fn of(setting: &'static str, fault: impl Into<Cow<'static, str>>) -> Self {
        Self::new(setting, fault, find(setting).map(super::Setting::fix).unwrap_or_default())
    }

    /// Line of the hardening checklist that the fault fails.
    pub fn checklist_row(&self) -> Option<&'static str> {
        find(self.setting)?.checklist_row
    }
}
