//! Where the system keeps PostgreSQL's programs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::LaunchError;

/// A folder with `postgres` and `initdb`.
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Finds the newest server, or the one of the major version that wrote the data.
    pub(crate) fn find(home: &Path, wanted: Option<&str>) -> Result<Self, LaunchError> {
        let found = installed()?;
        let Some(wanted) = wanted else {
            let newest = found.into_iter().next();
            return newest.ok_or_else(|| LaunchError::NotInstalled { install: install_command() });
        };
        let mut versions = Vec::new();
        for binaries in found {
            let version = binaries.major_version().unwrap_or_default();
            if version == wanted {
                return Ok(binaries);
            }
            versions.push(version);
        }
        if versions.is_empty() {
            return Err(LaunchError::NotInstalled { install: install_command() });
        }
        Err(LaunchError::OtherVersion {
            home: home.into(),
            data: wanted.into(),
            installed: versions.join(", "),
        })
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// `15` of `postgres (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)`.
    fn major_version(&self) -> Option<String> {
        let output = Command::new(self.postgres()).arg("-V").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let number =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        Some(number.chars().take_while(char::is_ascii_digit).collect())
    }
}

/// Every installed server: the one asked for, else the system's newest first.
fn installed() -> Result<Vec<Binaries>, LaunchError> {
    if let Some(folder) = env::var_os("PG_BIN").map(PathBuf::from) {
        let usable = is_server(&folder);
        return if usable {
            Ok(vec![Binaries { folder }])
        } else {
            Err(LaunchError::WrongFolder { folder })
        };
    }
    let mut folders = versions_below("/usr/lib/postgresql", "", "bin"); // Debian, Ubuntu
    folders.extend(versions_below("/usr", "pgsql-", "bin")); // PostgreSQL's own packages for Fedora and RHEL
    for brew in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        folders.extend(versions_below(brew, "postgresql@", "bin"));
    }
    folders.extend(versions_below("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    Ok(folders
        .into_iter()
        .filter(|folder| is_server(folder))
        .map(|folder| Binaries { folder })
        .collect())
}

/// `<parent>/<prefix><number>/<inner>`, the highest number first.
fn versions_below(parent: &str, prefix: &str, inner: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(inner)))
        })
        .collect();
    versions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_server(folder: &Path) -> bool {
    folder.join("postgres").is_file() && folder.join("initdb").is_file()
}

/// What installs the server here. The same commands are in `scripts/setup`.
fn install_command() -> &'static str {
    let on_path = |program: &str| {
        env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file())
    };
    match () {
        () if on_path("apt-get") => "sudo apt-get install postgresql",
        () if on_path("dnf") => "sudo dnf install postgresql-server postgresql-contrib",
        () if on_path("apk") => "sudo apk add postgresql postgresql-contrib",
        () if on_path("pacman") => "sudo pacman -S postgresql",
        () if on_path("brew") => "brew install postgresql@17",
        () => "your system's package manager",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["9", "15", "100", "common"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }

        let found = versions_below(parent.path().to_str().unwrap(), "", "bin");

        let expected: Vec<PathBuf> =
            ["100", "15", "9"].map(|name| parent.path().join(name).join("bin")).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn data_of_a_version_that_is_not_installed_is_refused() {
        let error = Binaries::find(Path::new("/somewhere"), Some("8")).err().unwrap();

        assert!(matches!(error, LaunchError::OtherVersion { .. }), "{error}");
    }
}
