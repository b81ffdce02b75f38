//! The archive: a tar file (POSIX ustar) of pieces. A piece is one regular file, `TABLE/000001.copy.gz`: at most
//! [`PIECE_BYTES`] of a table's rows in COPY's text format, compressed as one gzip member. The pieces of a table follow each
//! other, and the tables come in the order of the manifest; a table without rows has none. So `tar` and `gunzip` open an
//! archive, and a restore knows each header before it reads it: another one ends the restore. docs/backups.md describes it.

use std::io::{Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tar::{EntryType, Header};

use crate::digest::Digester;
use crate::error::BackupError;
use crate::manifest::{Manifest, StoredTable};
use crate::store::{Reader, Upload};
use crate::tables::Table;

/// Limit of a piece before its compression, in bytes: what a backup and a restore hold in memory at a time.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

/// What is stored in an archive is a multiple of this.
const BLOCK: usize = 512;

/// An archive ends with two blocks of zeros.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Only its owner may read an unpacked piece.
const MODE: u32 = 0o600;

/// Writes an archive into a store, hashing it on the way.
pub(crate) struct ArchiveWriter {
    upload: Upload,
    taken_at: Timestamp,
    digest: Digester,
}

/// Rows of a table, on their way into an archive.
pub(crate) struct TableWriter<'a> {
    archive: &'a mut ArchiveWriter,
    table: &'a Table,
    digest: Digester,
    rows: i64,
    pieces: u64,
    buffer: BytesMut,
}

impl ArchiveWriter {
    pub(crate) fn new(upload: Upload, taken_at: Timestamp) -> Self {
        Self { upload, taken_at, digest: Digester::default() }
    }

    /// Begins the next table.
    pub(crate) fn table<'a>(&'a mut self, table: &'a Table) -> TableWriter<'a> {
        let buffer = BytesMut::with_capacity(PIECE_BYTES);
        TableWriter { archive: self, table, digest: Digester::default(), rows: 0, pieces: 0, buffer }
    }

    /// Number of bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.digest.bytes()
    }

    /// Ends the archive. It appears in the store when the returned upload is finished.
    pub(crate) async fn end(mut self) -> Result<(Upload, Digester), BackupError> {
        self.write(&END).await?;
        Ok((self.upload, self.digest))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.digest.update(bytes);
        self.upload.write(bytes).await
    }
}

impl TableWriter<'_> {
    /// Writes the next bytes of the table's rows.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        self.digest.update(bytes);
        self.rows += rows(bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PIECE_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Number of bytes of the archive so far.
    pub(crate) fn archive_bytes(&self) -> u64 {
        self.archive.bytes()
    }

    /// Ends the table.
    pub(crate) async fn end(mut self) -> Result<StoredTable, BackupError> {
        if !self.buffer.is_empty() {
            self.send().await?;
        }
        let Self { table, rows, digest, .. } = self;
        Ok(StoredTable { table: table.clone(), rows, bytes: digest.bytes(), sha256: digest.hex() })
    }

    async fn send(&mut self) -> Result<(), BackupError> {
        self.pieces += 1;
        let piece = compress(&self.buffer).map_err(|error| BackupError::archive(&self.table.name, &error))?;
        self.buffer.clear();
        let header = header(&self.table.name, self.pieces, piece.len(), self.archive.taken_at);
        let header = header.map_err(|error| BackupError::archive(&self.table.name, &error))?;
        self.archive.write(header.as_bytes()).await?;
        self.archive.write(&piece).await?;
        let padding = padding(piece.len());
        self.archive.write(END.get(..padding).unwrap_or_default()).await
    }
}

/// Reads an archive whose manifest is verified, hashing it on the way.
pub(crate) struct ArchiveReader<'a> {
    reader: Reader,
    manifest: &'a Manifest,
    buffer: BytesMut,
    digest: Digester,
}

impl<'a> ArchiveReader<'a> {
    pub(crate) fn new(reader: Reader, manifest: &'a Manifest) -> Self {
        Self { reader, manifest, buffer: BytesMut::new(), digest: Digester::default() }
    }

    /// Number of bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.digest.bytes()
    }

    /// Reads the pieces of a table, in order: the first has number 1.
    ///
    /// # Errors
    /// [`BackupError::Archive`], if the archive has anything else there.
    pub(crate) async fn piece(&mut self, table: &StoredTable, number: u64) -> Result<Vec<u8>, BackupError> {
        let name = &table.table.name;
        let other = || BackupError::archive(name, "another entry is in its place");
        let block = self.take(BLOCK).await?;
        let size = Header::from_byte_slice(&block).entry_size().ok().and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|size| *size <= 2 * PIECE_BYTES).ok_or_else(other)?;
        let expected = header(name, number, size, self.manifest.taken_at);
        if expected.map_err(|error| BackupError::archive(name, &error))?.as_bytes().as_slice() != block {
            return Err(other());
        }
        let compressed = self.take(size).await?;
        if self.take(padding(size)).await?.iter().any(|byte| *byte != 0) {
            return Err(other());
        }
        let wanted = piece_bytes(table, number);
        decompress(&compressed, wanted).ok_or_else(|| BackupError::archive(name, "a piece is not what was compressed"))
    }

    /// Reads the end of the archive.
    ///
    /// # Errors
    /// [`BackupError::Archive`], if anything else follows; [`BackupError::Altered`], if the archive is not the one that the
    /// manifest describes.
    pub(crate) async fn end(mut self) -> Result<(), BackupError> {
        if self.take(END.len()).await?.as_ref() != END || self.fill(1).await? {
            return Err(BackupError::archive("the end", "more entries follow"));
        }
        self.manifest.check_digest(&self.digest)
    }

    async fn take(&mut self, bytes: usize) -> Result<Bytes, BackupError> {
        if self.fill(bytes).await? {
            let taken = self.buffer.copy_to_bytes(bytes);
            self.digest.update(&taken);
            return Ok(taken);
        }
        Err(BackupError::Altered { key: self.manifest.archive.clone() })
    }

    /// Reads until there are so many bytes; returns whether there are.
    async fn fill(&mut self, bytes: usize) -> Result<bool, BackupError> {
        while self.buffer.len() < bytes {
            let Some(chunk) = self.reader.next().await? else { return Ok(false) };
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(true)
    }
}

/// Number of pieces of a table.
pub(crate) fn pieces(table: &StoredTable) -> u64 {
    table.bytes.div_ceil(PIECE_BYTES as u64)
}

/// Number of rows that end in these bytes: the text format escapes line feeds within values.
pub(crate) fn rows(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |rows, byte| rows + i64::from(*byte == b'\n'))
}

/// Length of a piece of a table before its compression.
fn piece_bytes(table: &StoredTable, number: u64) -> usize {
    let before = number.saturating_sub(1).saturating_mul(PIECE_BYTES as u64);
    usize::try_from(table.bytes.saturating_sub(before)).unwrap_or(usize::MAX).min(PIECE_BYTES)
}

fn header(table: &str, number: u64, size: usize, taken_at: Timestamp) -> std::io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(format!("{table}/{number:06}.copy.gz"))?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size as u64);
    header.set_mode(MODE);
    header.set_mtime(taken_at.as_second().unsigned_abs());
    header.set_cksum();
    Ok(header)
}

const fn padding(size: usize) -> usize {
    (BLOCK - size % BLOCK) % BLOCK
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Decompresses one gzip member of exactly this length; never more than that.
fn decompress(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut decoder = GzDecoder::new(compressed);
    let mut bytes = Vec::with_capacity(length);
    let read = decoder.by_ref().take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    (read == length && decoder.into_inner().is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_another_length_is_not_decompressed_further() {
        let compressed = compress(&[7; 10_000]).unwrap();
        assert_eq!(decompress(&compressed, 10_000).unwrap(), [7; 10_000]);
        assert_eq!(decompress(&compressed, 9_999), None);
        assert_eq!(decompress(&compressed, 10_001), None);
        assert_eq!(decompress(&[compressed.as_slice(), b"more"].concat(), 10_000), None);
        assert_eq!(decompress(b"no gzip", 7), None);
    }

    #[test]
    fn entries_are_padded_to_whole_blocks() {
        for (size, expected) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size), expected, "{size}");
        }
    }

    #[test]
    fn headers_are_those_that_tar_reads() {
        let header = header("users", 1, 20, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(header.path().unwrap().to_str().unwrap(), "users/000001.copy.gz");
        assert_eq!((header.entry_size().unwrap(), header.entry_type()), (20, EntryType::Regular));
    }
}
