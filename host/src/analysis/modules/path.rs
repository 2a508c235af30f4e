//! Parts of relative paths that have `/` between them.

/// The directory of a path; empty at the root.
pub fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of a path without its extension.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

pub(super) fn without_extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.split_once('.').map_or(0, |(_, rest)| rest.len() + 1);
    &path[..path.len() - extension]
}

pub(super) fn join(directory: &str, rest: &str) -> String {
    match (directory.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => directory.to_owned(),
        _ => format!("{directory}/{rest}"),
    }
}

/// Whether `path` is `end`, or ends with it at a `/`.
pub(super) fn ends_at(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// What comes before `end` at the end of `path`, without the `/`.
pub(super) fn root_before<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let before = path.strip_suffix(end)?;
    match before.strip_suffix('/') {
        Some(root) => Some(root),
        None => before.is_empty().then_some(""),
    }
}

/// A relative path from a directory, with `.` and `..` taken out; none when it leaves the tree.
pub(super) fn normal(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}
