//! The files of `assets/`, included in the binary.

/// A file of the console.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Path after `/console/`.
    pub name: &'static str,
    /// Content type.
    pub content_type: &'static str,
    /// Content.
    pub text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $content_type:ident,)+) => {
        /// All files of the console.
        pub const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("../assets/", $name)),
        }),+];
    };
}

assets! {
    "index.html": HTML,
    "style.css": CSS,
    "icon.svg": IMAGE,
    "app.js": SCRIPT,
    "session.js": SCRIPT,
    "elements.js": SCRIPT,
    "list.js": SCRIPT,
    "sign-in.js": SCRIPT,
    "accounts.js": SCRIPT,
    "account.js": SCRIPT,
    "users.js": SCRIPT,
    "tokens.js": SCRIPT,
    "audit.js": SCRIPT,
    "tenants.js": SCRIPT,
    "backups.js": SCRIPT,
    "status.js": SCRIPT,
    "step-up.js": SCRIPT,
    "codes.js": SCRIPT,
}
