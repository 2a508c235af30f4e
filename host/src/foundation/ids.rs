//! The same tree gets the same identifiers on every run and every machine that sees it at the same path.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use uuid::Uuid;

/// The name space of all our identifiers; changing it would orphan every stored row.
const NAMESPACE: Uuid = Uuid::from_bytes([
    0x6f, 0x1d, 0x0c, 0x2e, 0x5a, 0x94, 0x4b, 0x37, 0x9d, 0x55, 0x21, 0x8e, 0x7b, 0xa3, 0x40, 0xc6,
]);

/// The identifier (UUID version 5, hyphenated, lower case) of the project rooted at `root_path`.
///
/// The path should be canonical; its bytes count, so names that are not UTF-8 work.
pub fn project_id(root_path: &Path) -> String {
    named_id(&[b"project", root_path.as_os_str().as_bytes()])
}

/// The identifier of the dataset rooted at `root_path` within the project `project_id`.
pub fn dataset_id(project_id: &str, root_path: &Path) -> String {
    named_id(&[
        b"dataset",
        project_id.as_bytes(),
        root_path.as_os_str().as_bytes(),
    ])
}

/// The identifier of a chunk: the same for the same `text` of the same entity, as long as it is in the same file.
/// `number` tells equal texts of equal names apart.
pub fn chunk_id(project_id: &str, file: &str, entity: &str, text: &str, number: usize) -> String {
    named_id(&[
        b"chunk",
        project_id.as_bytes(),
        file.as_bytes(),
        entity.as_bytes(),
        text.as_bytes(),
        number.to_string().as_bytes(),
    ])
}

/// Parts are joined with NUL, which no path and no identifier contains: no two lists of parts
/// collide.
fn named_id(parts: &[&[u8]]) -> String {
    Uuid::new_v5(&NAMESPACE, &parts.join(&0))
        .hyphenated()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_never_change_between_releases() {
        let project = project_id(Path::new("/srv/code"));
        assert_eq!(project, "9425db70-b5b5-58d9-b4fc-26a4104eea0b");
        assert_eq!(
            dataset_id(&project, Path::new("/srv/code")),
            "6c53eb98-172e-5769-bd2d-c55b6b673531"
        );
    }

    #[test]
    fn roots_and_projects_tell_identifiers_apart() {
        assert_ne!(
            project_id(Path::new("/srv/a")),
            project_id(Path::new("/srv/b"))
        );
        assert_ne!(
            dataset_id("p1", Path::new("/srv")),
            dataset_id("p2", Path::new("/srv"))
        );
    }
}
