//! The user that the server's programs run as. PostgreSQL does not run as root; for root, its programs run as `postgres` or
//! `nobody`, so that Holdfast starts in the same way for every user.

use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::ClusterError;
use crate::process::is_root;

/// User that the server's programs run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerUser {
    /// User of this process.
    Myself,
    /// Another user, for root.
    Other { uid: u32, gid: u32 },
}

impl ServerUser {
    /// Chooses the user for a cluster in root's folder.
    fn choose() -> Result<Self, ClusterError> {
        if !is_root() {
            return Ok(Self::Myself);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].into_iter().find_map(|name| find(&users, name)).ok_or(ClusterError::NoUser)
    }

    /// Returns the user for a cluster in this folder: its owner, so that root can start a user's cluster, and the user
    /// again afterwards.
    pub(super) fn owner_of(folder: &Path) -> Result<Self, ClusterError> {
        if !is_root() {
            return Ok(Self::Myself);
        }
        let owner = folder.metadata().map_err(ClusterError::io("cannot read", folder))?;
        if owner.uid() == 0 { Self::choose() } else { Ok(Self::Other { uid: owner.uid(), gid: owner.gid() }) }
    }

    /// Creates a command that runs a program as this user in a folder, in English and in UTC, without the terminal's signals.
    pub(super) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null()).process_group(0);
        if let Self::Other { uid, gid } = self {
            // Supplementary groups are dropped with the user's id.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub(super) fn give(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Myself => Ok(()),
            Self::Other { uid, gid } => lchown(path, Some(uid), Some(gid)),
        }
    }

    /// Checks whether this user can enter a folder: every folder above it must permit it.
    pub(super) fn can_enter(self, folder: &Path) -> bool {
        // Starting a program there makes the system decide, access lists included.
        let mut nothing = self.command(Path::new("/bin/sh"), folder);
        nothing.args(["-c", ":"]).stdout(Stdio::null()).stderr(Stdio::null());
        nothing.status().is_ok_and(|status| status.success())
    }
}

/// Finds the ids of a user in `/etc/passwd`.
fn find(users: &str, name: &str) -> Option<ServerUser> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(ServerUser::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name_and_root_is_never_one() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104:PG,,,:/var/lib:/bin/bash\nnobody:x:0:0::/:\n";
        assert_eq!(find(users, "postgres"), Some(ServerUser::Other { uid: 101, gid: 104 }));
        assert_eq!(find(users, "nobody"), None);
        assert_eq!(find(users, "daemon"), None);
        assert_eq!(find("postgres:x", "postgres"), None);
    }
}
