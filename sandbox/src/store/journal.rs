//! The journal file: one JSON line per step, `[[table,key,row],…]`. The last record of a row wins.
//!
//! A line that a SIGKILL cut off has no newline: it is dropped, and with it a step whose stanzas never left.
//! At start, and when it has grown well past its snapshot, the file is rewritten and renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::table::{Persist, RecordBuffer};

/// Below this the file is not worth rewriting.
const COMPACT_FLOOR_BYTES: u64 = 32 * 1024 * 1024;
/// One line of a snapshot, so that replaying does not need the whole file as one value.
const SNAPSHOT_LINE_BYTES: usize = 1024 * 1024;

/// Why the world could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{path} is held by another running sandbox")]
    Held { path: PathBuf },
    #[error("line {line} of {path} is damaged")]
    Damaged {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("line {line} of {path} names the table {table:?}, which this version does not know")]
    UnknownTable {
        path: PathBuf,
        line: usize,
        table: String,
    },
    #[error("cannot encode a row")]
    Encode(#[from] serde_json::Error),
}

/// Where changed rows go. Without a data folder they go nowhere.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Option<Open>,
    buffer: RecordBuffer,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    written: u64,
    snapshot: u64,
    /// Held for the life of the journal: two processes never share a folder.
    lock: File,
}

impl Drop for Open {
    /// A child that is just born has the lock as well until it runs its program: the end of ours has to be
    /// the end of both.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot let go of the sandbox's folder"
            );
        }
    }
}

impl Journal {
    pub(crate) fn in_memory() -> Self {
        Self {
            file: None,
            buffer: RecordBuffer::default(),
        }
    }

    /// Reads `dir/world.journal` into the tables and rewrites it compactly.
    pub(crate) fn open(dir: &Path, mut tables: Vec<&mut dyn Persist>) -> Result<Self, StoreError> {
        let err = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io {
                doing,
                path,
                source,
            }
        };
        fs::create_dir_all(dir).map_err(err("create", dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(err("create", &lock_path))?;
        if lock.try_lock().is_err() {
            return Err(StoreError::Held {
                path: dir.to_owned(),
            });
        }
        let path = dir.join("world.journal");
        match fs::read(&path) {
            Ok(bytes) => replay(&path, &bytes, &mut tables)?,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(err("read", &path)(source)),
        }
        let mut buffer = RecordBuffer::default();
        let tables: Vec<&dyn Persist> = tables.iter().map(|t| &**t as &dyn Persist).collect();
        let (file, size) = write_snapshot(&path, &tables, &mut buffer)?;
        let open = Open {
            path,
            file,
            written: size,
            snapshot: size,
            lock,
        };
        Ok(Self {
            file: Some(open),
            buffer,
        })
    }

    /// Writes every change of this step as one line. After an error nothing of the step may be shown.
    pub(crate) fn commit(&mut self, tables: Vec<&mut dyn Persist>) -> Result<(), StoreError> {
        let Some(open) = &mut self.file else {
            tables.into_iter().for_each(Persist::forget_changes);
            return Ok(());
        };
        let mut tables = tables;
        for table in &mut tables {
            table.drain_changes(&mut self.buffer)?;
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let line = self.buffer.take_line();
        open.file
            .write_all(&line)
            .map_err(|source| StoreError::Io {
                doing: "write to",
                path: open.path.clone(),
                source,
            })?;
        open.written += line.len() as u64;
        if open.written > COMPACT_FLOOR_BYTES.max(open.snapshot * 4) {
            let tables: Vec<&dyn Persist> = tables.iter().map(|t| &**t as &dyn Persist).collect();
            let (file, size) = write_snapshot(&open.path, &tables, &mut self.buffer)?;
            (open.file, open.written, open.snapshot) = (file, size, size);
        }
        Ok(())
    }
}

fn replay(path: &Path, bytes: &[u8], tables: &mut [&mut dyn Persist]) -> Result<(), StoreError> {
    let complete = bytes
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |end| end + 1);
    if complete < bytes.len() {
        tracing::warn!(
            bytes = bytes.len() - complete,
            "dropped a step that was cut off by a kill"
        );
    }
    let lines = bytes[..complete]
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty());
    for (index, line) in lines.enumerate() {
        let damaged = |source| StoreError::Damaged {
            path: path.to_owned(),
            line: index + 1,
            source,
        };
        let records: Vec<(String, Value, Value)> = serde_json::from_slice(line).map_err(damaged)?;
        for (name, key, row) in records {
            let Some(table) = tables.iter_mut().find(|t| t.name() == name) else {
                let (path, line) = (path.to_owned(), index + 1);
                return Err(StoreError::UnknownTable {
                    path,
                    line,
                    table: name,
                });
            };
            table.replay(key, row).map_err(damaged)?;
        }
    }
    Ok(())
}

/// Writes all rows beside the journal, renames, and returns the file open for appending.
fn write_snapshot(
    path: &Path,
    tables: &[&dyn Persist],
    buffer: &mut RecordBuffer,
) -> Result<(File, u64), StoreError> {
    let fresh = path.with_extension("journal.new");
    let err = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io {
            doing,
            path,
            source,
        }
    };
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&fresh)
        .map_err(err("create", &fresh))?;
    let mut size = 0;
    let mut flush = |buffer: &mut RecordBuffer| {
        let line = buffer.take_line();
        size += line.len() as u64;
        file.write_all(&line).map_err(err("write to", &fresh))
    };
    for table in tables {
        table.snapshot(buffer)?;
        if buffer.len() > SNAPSHOT_LINE_BYTES {
            flush(buffer)?;
        }
    }
    if !buffer.is_empty() {
        flush(buffer)?;
    }
    fs::rename(&fresh, path).map_err(err("rename", &fresh))?;
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Table;

    type Rows = Table<(u32, u16), String>;

    fn open(dir: &Path) -> (Journal, Rows) {
        let mut rows = Rows::new("rows");
        let journal = Journal::open(dir, vec![&mut rows]).unwrap();
        (journal, rows)
    }

    #[test]
    fn rows_survive_and_removed_rows_stay_away() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, mut rows) = open(dir.path());
        rows.insert((1, 1), "one".to_owned());
        rows.insert((2, 2), "two".to_owned());
        journal.commit(vec![&mut rows]).unwrap();
        rows.remove(&(1, 1));
        rows.get_mut(&(2, 2)).unwrap().push('!');
        journal.commit(vec![&mut rows]).unwrap();
        drop(journal);

        for _start in 0..2 {
            let (journal, rows) = open(dir.path());
            let all: Vec<_> = rows.iter().map(|(k, v)| (*k, v.as_str())).collect();
            assert_eq!(all, [((2, 2), "two!")]);
            drop(journal);
        }
    }

    #[test]
    fn a_step_that_was_cut_off_is_dropped_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, mut rows) = open(dir.path());
        rows.insert((1, 1), "kept".to_owned());
        journal.commit(vec![&mut rows]).unwrap();
        drop(journal);
        let path = dir.path().join("world.journal");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"[["rows",[2,2],"lost"],["rows",[3,3],"lo"#)
            .unwrap();

        let (_journal, rows) = open(dir.path());
        assert_eq!(rows.iter().count(), 1);
        assert!(rows.contains(&(1, 1)));
    }

    #[test]
    fn a_second_process_on_the_folder_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let (_journal, _rows) = open(dir.path());
        let mut rows = Rows::new("rows");
        let refused = Journal::open(dir.path(), vec![&mut rows]);
        assert!(matches!(refused, Err(StoreError::Held { .. })));
    }

    #[test]
    fn a_folder_is_let_go_though_a_child_that_is_just_born_has_the_lock_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _rows) = open(dir.path());
        // What a fork has until it runs its program.
        let inherited = journal.file.as_ref().unwrap().lock.try_clone().unwrap();
        drop(journal);
        let mut rows = Rows::new("rows");
        let again = Journal::open(dir.path(), vec![&mut rows]);
        drop(inherited);
        assert!(again.is_ok(), "{again:?}");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("world.journal"), "[]\n{oops\n").unwrap();
        let mut rows = Rows::new("rows");
        let refused = Journal::open(dir.path(), vec![&mut rows]);
        assert!(matches!(refused, Err(StoreError::Damaged { line: 2, .. })));
    }
}
