//! The tables that indexing fills: projects, files, what files define, import and use, and their text.

use super::model::{
    IndexedRows, Origin, Table, auto_id, boolean, flag, given_id, index, integer, own_index, owner,
    partial_index, real, reference_index, text, time, word, word_id,
};

/// In the order of creation.
pub(super) const TABLES: &[Table] = &[
    PROJECTS,
    DATASETS,
    FILES,
    FILE_STATES,
    CLASSES,
    METHODS,
    FUNCTIONS,
    IMPORTS,
    DEPENDENCIES,
    USAGES,
    CODE_CONTENT,
];

const PROJECTS: Table = Table {
    name: "projects",
    columns: &[
        word_id(),
        text("root_path").not_null(),
        text("name"),
        text("comment"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["root_path"]],
    owners: &[],
    indexes: &[index("idx_projects_root_path", &["root_path"])],
    origin: Origin::Legacy,
};

const DATASETS: Table = Table {
    name: "datasets",
    columns: &[
        word_id(),
        word("project_id").not_null(),
        text("root_path").not_null(),
        text("name"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["project_id", "root_path"]],
    owners: &[owner("project_id", "projects")],
    indexes: &[
        index("idx_datasets_project", &["project_id"]),
        index("idx_datasets_root_path", &["root_path"]),
    ],
    origin: Origin::Legacy,
};

const FILES: Table = Table {
    name: "files",
    columns: &[
        auto_id(),
        word("project_id").not_null(),
        word("dataset_id").not_null(),
        text("path").not_null(),
        integer("lines"),
        real("last_modified"),
        boolean("has_docstring"),
        flag("deleted"),
        text("original_path"),
        text("version_dir"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["project_id", "dataset_id", "path"]],
    owners: &[
        owner("project_id", "projects"),
        owner("dataset_id", "datasets"),
    ],
    indexes: &[
        index("idx_files_project", &["project_id"]),
        index("idx_files_dataset", &["dataset_id"]),
        index("idx_files_path", &["path"]),
        partial_index(
            "idx_files_deleted",
            &["deleted"],
            IndexedRows::WhereTrue("deleted"),
        ),
    ],
    origin: Origin::Legacy,
};

/// What a file was like when it was indexed, by which the next run tells whether it has changed.
const FILE_STATES: Table = Table {
    name: "file_states",
    columns: &[
        given_id("file_id"),
        integer("size").not_null(),
        integer("mtime_ns").not_null(),
        text("content_hash").not_null(),
        text("language").not_null(),
        text("parse_errors"),
        // The version of the analysis that made the file's rows.
        integer("analysis"),
        // Why dependencies between files have to be made anew; null where they are as this file's imports say.
        integer("unlinked"),
    ],
    unique: &[],
    owners: &[owner("file_id", "files")],
    indexes: &[reference_index("idx_file_states_unlinked", &["unlinked"])],
    origin: Origin::Ours,
};

const CLASSES: Table = Table {
    name: "classes",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        text("name").not_null(),
        integer("line").not_null(),
        text("docstring"),
        text("bases"),
        time("created_at"),
        integer("end_line"),
    ],
    unique: &[&["file_id", "name", "line"]],
    owners: &[owner("file_id", "files")],
    indexes: &[
        index("idx_classes_name", &["name"]),
        index("idx_classes_file", &["file_id"]),
    ],
    origin: Origin::Legacy,
};

const METHODS: Table = Table {
    name: "methods",
    columns: &[
        auto_id(),
        integer("class_id").not_null(),
        text("name").not_null(),
        integer("line").not_null(),
        text("args"),
        text("docstring"),
        flag("is_abstract"),
        flag("has_pass"),
        flag("has_not_implemented"),
        time("created_at"),
        integer("complexity"),
        integer("end_line"),
    ],
    unique: &[&["class_id", "name", "line"]],
    owners: &[owner("class_id", "classes")],
    indexes: &[
        index("idx_methods_name", &["name"]),
        index("idx_methods_class", &["class_id"]),
    ],
    origin: Origin::Legacy,
};

const FUNCTIONS: Table = Table {
    name: "functions",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        text("name").not_null(),
        integer("line").not_null(),
        text("args"),
        text("docstring"),
        time("created_at"),
        integer("complexity"),
        integer("end_line"),
    ],
    unique: &[&["file_id", "name", "line"]],
    owners: &[owner("file_id", "files")],
    indexes: &[
        index("idx_functions_name", &["name"]),
        index("idx_functions_file", &["file_id"]),
    ],
    origin: Origin::Legacy,
};

const IMPORTS: Table = Table {
    name: "imports",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        text("name").not_null(),
        text("module"),
        text("import_type").not_null(),
        integer("line").not_null(),
        time("created_at"),
        text("alias"),
        integer("level"),
    ],
    unique: &[],
    owners: &[owner("file_id", "files")],
    indexes: &[
        index("idx_imports_file", &["file_id"]),
        index("idx_imports_name", &["name"]),
    ],
    origin: Origin::Legacy,
};

const DEPENDENCIES: Table = Table {
    name: "dependencies",
    columns: &[
        auto_id(),
        integer("source_file_id").not_null(),
        integer("target_file_id").not_null(),
        text("dependency_type"),
        time("created_at"),
    ],
    unique: &[&["source_file_id", "target_file_id"]],
    owners: &[
        owner("source_file_id", "files"),
        owner("target_file_id", "files"),
    ],
    // The constraint's index begins with the source; this one answers "who depends on this file".
    indexes: &[own_index("idx_dependencies_target", &["target_file_id"])],
    origin: Origin::Legacy,
};

const USAGES: Table = Table {
    name: "usages",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        integer("line").not_null(),
        text("usage_type").not_null(),
        word("target_type").not_null(),
        text("target_class"),
        text("target_name").not_null(),
        text("context"),
        time("created_at"),
        integer("column_number"),
        text("receiver"),
    ],
    unique: &[],
    owners: &[owner("file_id", "files")],
    indexes: &[
        index("idx_usages_file", &["file_id"]),
        index("idx_usages_target", &["target_type", "target_name"]),
        index("idx_usages_class_name", &["target_class", "target_name"]),
    ],
    origin: Origin::Legacy,
};

const CODE_CONTENT: Table = Table {
    name: "code_content",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        word("entity_type").not_null(),
        integer("entity_id"),
        text("entity_name"),
        text("content").not_null(),
        text("docstring"),
        time("created_at"),
        text("name_parts"),
        text("text_parts"),
    ],
    unique: &[],
    owners: &[owner("file_id", "files")],
    indexes: &[
        index("idx_code_content_file", &["file_id"]),
        index("idx_code_content_entity", &["entity_type", "entity_id"]),
    ],
    origin: Origin::Legacy,
};
