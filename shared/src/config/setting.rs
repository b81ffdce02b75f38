//! The declaration of a setting: everything that code, checks and documents say about it.

/// A setting, as [`SETTINGS`](super::SETTINGS) declares it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name, in the environment and in a secret.
    pub name: &'static str,
    /// Part of `docs/configuration.md`.
    pub section: Section,
    /// Description, in Markdown.
    pub description: &'static str,
    /// Form of the value.
    pub form: Form,
    /// Whether the value itself is a secret, which is never shown.
    pub secret: bool,
    /// Value that counts where the setting is not set.
    pub default: Option<&'static str>,
    /// What applies without a value and without a default, in words.
    pub unset: &'static str,
    /// Functions that need it, and where, in words.
    pub needed_by: &'static str,
    /// Values and cases that are rejected, in words; see [`Setting::rejected`].
    rejected: &'static str,
    /// Fix that an error names; see [`Setting::fix`].
    fix: &'static str,
    /// Line of the hardening checklist that a rejected value fails.
    pub checklist_row: Option<&'static str>,
}

/// The form of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text with rules of its own, or none.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// Smallest number.
        min: u16,
        /// Largest number.
        max: u16,
        /// Unit, in the plural.
        unit: &'static str,
    },
}

/// A part of `docs/configuration.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The environment.
    Environment,
    /// The database and its logins.
    Database,
    /// Users, tokens and the keys that sign them.
    Authentication,
    /// The keys of the vault.
    Vault,
    /// The audit log, retention and browsers.
    Audit,
    /// Backups and drills.
    Backups,
}

impl Section {
    /// All sections, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Environment, Self::Database, Self::Authentication, Self::Vault, Self::Audit, Self::Backups];

    /// Heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Environment => "Environment",
            Self::Database => "The database",
            Self::Authentication => "Authentication",
            Self::Vault => "The vault",
            Self::Audit => "Audit, retention, browsers",
            Self::Backups => "Backups",
        }
    }
}

impl Setting {
    pub(super) const fn new(section: Section, name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            section,
            description,
            form: Form::Text,
            secret: false,
            default: None,
            unset: "none",
            needed_by: "none",
            rejected: "",
            fix: "",
            checklist_row: None,
        }
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn unset(mut self, effect: &'static str) -> Self {
        self.unset = effect;
        self
    }

    pub(super) const fn flag(mut self) -> Self {
        self.form = Form::Flag;
        self.default("false")
    }

    pub(super) const fn number(mut self, min: u16, max: u16, unit: &'static str) -> Self {
        self.form = Form::Number { min, max, unit };
        self
    }

    pub(super) const fn needed_by(mut self, functions: &'static str) -> Self {
        self.needed_by = functions;
        self
    }

    pub(super) const fn rejects(mut self, cases: &'static str, fix: &'static str) -> Self {
        self.rejected = cases;
        self.fix = fix;
        self
    }

    pub(super) const fn checklist_row(mut self, id: &'static str) -> Self {
        self.checklist_row = Some(id);
        self
    }

    /// Values and cases that are rejected, in words; empty where every value is accepted.
    pub fn rejected(&self) -> String {
        match self.form {
            Form::Text => self.rejected.to_owned(),
            Form::Flag => "neither `true` nor `false`".to_owned(),
            Form::Number { min, max, .. } => format!("not a number from {min} to {max}"),
        }
    }

    /// How a rejected value is corrected.
    pub fn fix(&self) -> String {
        match self.form {
            Form::Text => self.fix.to_owned(),
            Form::Flag => "set true or false".to_owned(),
            Form::Number { min, max, unit } => format!("set {min} to {max} {unit}"),
        }
    }
}
