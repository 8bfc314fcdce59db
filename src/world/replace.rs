//! Replacing a file that holds secrets, so that nothing is lost: neither the old text nor the new one.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Result, Write as _};
use std::path::{Path, PathBuf};

use super::{World, words};

impl World {
    /// Whether [`World::replace`] would get as far as writing, else why not. For a text that must not be made in vain.
    pub(crate) fn replaceable(&self, path: &Path) -> std::result::Result<(), String> {
        let made = Replacement::of(path).map(drop);
        made.map_err(|error| words(&error))
    }

    /// Replaces the text of a file that holds secrets. Whoever reads it meanwhile finds the old text or the new one,
    /// never half of it; a failure leaves the old one. Links are followed; mode and owner are kept. Where the owner
    /// cannot be, the file is written in place.
    pub(crate) fn replace(&self, path: &Path, text: &str) -> std::result::Result<(), String> {
        let replaced = Replacement::of(path).and_then(|it| it.write(text));
        replaced.map_err(|error| words(&error))
    }
}

/// A new file beside the one that it is for. It goes when this is dropped.
struct Replacement {
    target: PathBuf,
    beside: PathBuf,
    file: File,
    /// The target itself, when a new file would not belong to its owner.
    in_place: Option<File>,
}

impl Replacement {
    fn of(path: &Path) -> Result<Self> {
        let target = std::fs::canonicalize(path)?;
        let metadata = std::fs::metadata(&target)?;
        let mut beside = target.clone().into_os_string();
        beside.push(format!(".{}.tmp", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut it = Self {
            file: options.open(&beside)?,
            target,
            beside: beside.into(),
            in_place: None,
        };
        if keep_owner(&it.file, &metadata).is_err() {
            it.in_place = Some(OpenOptions::new().write(true).open(&it.target)?);
        } else {
            it.file.set_permissions(metadata.permissions())?;
        }
        Ok(it)
    }

    fn write(mut self, text: &str) -> Result<()> {
        // In any case: it shows that there is room.
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        let Some(target) = &mut self.in_place else {
            return std::fs::rename(&self.beside, &self.target);
        };
        target.write_all(text.as_bytes())?;
        target.set_len(text.len() as u64)?;
        target.sync_all()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // There is none any more once it has its place.
        let _ = std::fs::remove_file(&self.beside);
    }
}

/// Gives a file the owner and group of another one: `sudo` must not take a token away from its user.
#[cfg(unix)]
fn keep_owner(file: &File, of: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    std::os::unix::fs::fchown(file, Some(of.uid()), Some(of.gid()))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn keep_owner(_file: &File, _of: &Metadata) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_while_a_file_is_replaced_never_sees_half_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let texts = ["a".repeat(100_000), "b".repeat(70_000)];
        std::fs::write(&path, &texts[0]).unwrap();
        let world = World::real();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for text in texts.iter().cycle().take(200) {
                    world.replace(&path, text).unwrap();
                }
            });
            while !writer.is_finished() {
                let seen = std::fs::read_to_string(&path).unwrap();
                assert!(texts.contains(&seen), "{} bytes", seen.len());
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        assert!(World::real().replaceable(&path).is_err());
        assert!(World::real().replace(&path, "x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn asking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        std::fs::write(&path, "old").unwrap();
        assert_eq!(World::real().replaceable(&path), Ok(()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn a_file_that_is_written_in_place_is_cut_to_its_new_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        for text in ["a longer text", "short"] {
            std::fs::write(&path, "something old").unwrap();
            let mut replacement = Replacement::of(&path).unwrap();
            replacement.in_place = Some(OpenOptions::new().write(true).open(&path).unwrap());
            replacement.write(text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    #[cfg(unix)]
    fn root_leaves_a_file_to_its_owner() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        // Nobody but root can give a file away; to others nothing can be shown here.
        let is_root = std::os::unix::fs::chown(&path, Some(65_534), Some(65_533)).is_ok();
        let before = std::fs::metadata(&path).unwrap();
        World::real().replace(&path, "new").unwrap();
        let after = std::fs::metadata(&path).unwrap();
        let of = |it: &Metadata| (it.uid(), it.gid(), it.mode());
        assert_eq!(of(&after), of(&before));
        assert_eq!(is_root, after.uid() == 65_534);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    }
}
