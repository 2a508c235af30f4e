//! Which programs of other packages this machine has, for tests that need them.

use std::path::{Path, PathBuf};

/// A Debian package, and those of its programs that tests run.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    name: &'static str,
    programs: &'static [&'static str],
}

/// The PostgreSQL server.
pub const POSTGRESQL: Package = Package {
    name: "postgresql",
    programs: &["postgres", "initdb", "psql", "pg_basebackup"],
};

/// The MariaDB server.
pub const MARIADB: Package = Package {
    name: "mariadb-server",
    programs: &["mariadbd", "mariadb-install-db", "mariadb"],
};

/// PostgreSQL's own benchmark client.
pub const PGBENCH: Package = Package {
    name: "postgresql-contrib",
    programs: &["pgbench"],
};

/// What sets up networks.
pub const IPROUTE2: Package = Package {
    name: "iproute2",
    programs: &["ip"],
};

/// Version control.
pub const GIT: Package = Package {
    name: "git",
    programs: &["git"],
};

impl Package {
    /// One line that says which program is missing and which package has it; `None` where all are there.
    pub fn missing(&self) -> Option<String> {
        let program = self.programs.iter().find(|name| program(name).is_none())?;
        Some(format!(
            "`{program}` is not installed (Debian package `{}`)",
            self.name
        ))
    }
}

/// One line that says that the newest PostgreSQL here lacks the extension pgvector, or has an old one; `None` where it has it.
pub fn pgvector_missing() -> Option<String> {
    let newest = versions(Path::new("/usr/lib/postgresql"))
        .into_iter()
        .next()?;
    let version = newest.parent()?.file_name()?;
    let control = Path::new("/usr/share/postgresql")
        .join(version)
        .join("extension/vector.control");
    let control = std::fs::read_to_string(control).unwrap_or_default();
    let offered = control
        .split("default_version = '")
        .nth(1)
        .unwrap_or_default();
    let mut numbers = offered
        .split(['.', '\''])
        .map_while(|part| part.parse::<u32>().ok());
    let is_there = (numbers.next(), numbers.next()) >= (Some(0), Some(8));
    let missing = || "PostgreSQL has no extension `vector` (pgvector 0.8 or newer)".to_owned();
    (!is_there).then(missing)
}

/// The program of this name, on the path or where Debian keeps servers; the newest version where there are several.
pub fn program(name: &str) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&on_path)
        .chain(versions(Path::new("/usr/lib/postgresql")))
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// The `bin` directories of Debian's PostgreSQL versions, the newest first.
fn versions(parent: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_its_package() {
        let package = Package {
            name: "made-up",
            programs: &["sh", "no-such-program"],
        };
        let line = "`no-such-program` is not installed (Debian package `made-up`)";
        assert_eq!(package.missing().as_deref(), Some(line));
        let programs = &["sh"];
        assert_eq!(
            Package {
                programs,
                ..package
            }
            .missing(),
            None
        );
    }

    #[test]
    fn the_newest_version_comes_first() {
        let parent = std::env::temp_dir().join(format!("versions{}", std::process::id()));
        for name in ["9", "15", "common"] {
            std::fs::create_dir_all(parent.join(name)).unwrap();
        }
        let found = versions(&parent);
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, [parent.join("15/bin"), parent.join("9/bin")]);
    }
}
