//! Profiles: which server and token a name stands for, kept in a file of the user's that nobody else can read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The profile that is taken where none is named, if there is one of that name.
pub(crate) const DEFAULT: &str = "default";

/// A server, and a token for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) server: String,
    pub(crate) token: String,
}

/// All profiles, by name.
type Profiles = BTreeMap<String, Profile>;

/// Where they are: `tocsin/profiles.toml` in the user's folder for settings.
pub(crate) fn file() -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    let folder = folder.ok_or_else(|| Failure::usage("profiles need HOME or XDG_CONFIG_HOME to be set"))?;
    Ok(folder.join("tocsin").join("profiles.toml"))
}

/// The profile of that name, if there is one.
pub(crate) fn find(file: &Path, name: &str) -> Result<Option<Profile>, Failure> {
    Ok(read(file)?.remove(name))
}

/// Keeps a profile, in place of one of that name.
pub(crate) fn keep(file: &Path, name: &str, profile: Profile) -> Result<(), Failure> {
    let mut profiles = read(file)?;
    profiles.insert(name.to_owned(), profile);
    let text =
        toml::to_string(&profiles).map_err(|error| Failure::usage(format!("profile {name}: {error}")))?;
    let failure = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failure)?;
    }
    // Written beside and moved into place, so that a crash leaves no half of it.
    let draft = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut open =
        options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(failure)?;
    open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).map_err(failure)?;
    fs::rename(&draft, file).map_err(failure)
}

fn read(file: &Path) -> Result<Profiles, Failure> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Profiles::new()),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", file.display()))),
    };
    let mode = fs::metadata(file).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        let file = file.display();
        return Err(Failure::usage(format!(
            "{file} holds tokens and can be read by others: chmod 600 {file}"
        )));
    }
    // The parser's message would show the line, and with it a token.
    toml::from_str(&text).map_err(|_| {
        Failure::usage(format!("{}: not a table of profiles with `server` and `token`", file.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(server: &str) -> Profile {
        Profile { server: server.to_owned(), token: "s3cret".to_owned() }
    }

    #[test]
    fn profiles_are_kept_privately_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/tocsin/profiles.toml");
        assert!(find(&file, DEFAULT).unwrap().is_none());
        keep(&file, DEFAULT, profile("http://one")).unwrap();
        keep(&file, "prod", profile("https://two")).unwrap();
        keep(&file, DEFAULT, profile("http://three")).unwrap();
        assert!(find(&file, DEFAULT).unwrap() == Some(profile("http://three")));
        assert!(find(&file, "prod").unwrap() == Some(profile("https://two")));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_no_token_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profiles.toml");
        keep(&file, DEFAULT, profile("http://one")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(find(&file, DEFAULT).err().unwrap().to_string().contains("chmod 600"));
        fs::write(&file, "default = 's3cret'").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!find(&file, DEFAULT).err().unwrap().to_string().contains("s3cret"));
    }
}
