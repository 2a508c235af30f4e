//! The tables that are filled from indexed code: trees, chunks and vectors, duplicates, reports.

use super::model::{
    Index, IndexedRows, Origin, Table, auto_id, bytes, counter, given_id, index, integer,
    own_index, owner, partial_index, real, reference_index, text, time, word,
};

/// In the order of creation.
pub(super) const TABLES: &[Table] = &[
    ISSUES,
    AST_TREES,
    CST_TREES,
    VECTOR_INDEX,
    CODE_CHUNKS,
    CHUNK_STATES,
    CHUNK_VECTORS,
    CODE_DUPLICATES,
    DUPLICATE_OCCURRENCES,
    COMPREHENSIVE_ANALYSIS_RESULTS,
];

const ISSUES: Table = Table {
    name: "issues",
    columns: &[
        auto_id(),
        integer("file_id"),
        word("project_id"),
        integer("class_id"),
        integer("function_id"),
        integer("method_id"),
        word("issue_type").not_null(),
        integer("line"),
        text("description"),
        text("metadata"),
        time("created_at"),
    ],
    unique: &[],
    owners: &[
        owner("file_id", "files"),
        owner("project_id", "projects"),
        owner("class_id", "classes"),
        owner("function_id", "functions"),
        owner("method_id", "methods"),
    ],
    indexes: &[
        index("idx_issues_type", &["issue_type"]),
        index("idx_issues_file", &["file_id"]),
        index("idx_issues_project", &["project_id"]),
        reference_index("idx_issues_class", &["class_id"]),
        reference_index("idx_issues_function", &["function_id"]),
        reference_index("idx_issues_method", &["method_id"]),
    ],
    origin: Origin::Legacy,
};

const AST_TREES: Table = Table {
    name: "ast_trees",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        word("project_id").not_null(),
        text("ast_json").not_null(),
        word("ast_hash").not_null(),
        real("file_mtime").not_null(),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["file_id", "ast_hash"]],
    owners: &[owner("file_id", "files"), owner("project_id", "projects")],
    indexes: &[
        index("idx_ast_trees_file", &["file_id"]),
        index("idx_ast_trees_project", &["project_id"]),
        index("idx_ast_trees_hash", &["ast_hash"]),
    ],
    origin: Origin::Legacy,
};

const CST_TREES: Table = Table {
    name: "cst_trees",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        word("project_id").not_null(),
        text("cst_code").not_null(),
        word("cst_hash").not_null(),
        real("file_mtime").not_null(),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["file_id", "cst_hash"]],
    owners: &[owner("file_id", "files"), owner("project_id", "projects")],
    indexes: &[],
    origin: Origin::Legacy,
};

const VECTOR_INDEX: Table = Table {
    name: "vector_index",
    columns: &[
        auto_id(),
        word("project_id").not_null(),
        word("entity_type").not_null(),
        integer("entity_id").not_null(),
        integer("vector_id").not_null(),
        integer("vector_dim").not_null(),
        text("embedding_model"),
        time("created_at"),
    ],
    unique: &[&["project_id", "entity_type", "entity_id"]],
    owners: &[owner("project_id", "projects")],
    indexes: &[
        index("idx_vector_index_project", &["project_id"]),
        index("idx_vector_index_entity", &["entity_type", "entity_id"]),
        index("idx_vector_index_vector_id", &["vector_id"]),
    ],
    origin: Origin::Legacy,
};

const CODE_CHUNKS: Table = Table {
    name: "code_chunks",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        word("project_id").not_null(),
        word("chunk_uuid").not_null(),
        text("chunk_type").not_null(),
        text("chunk_text").not_null(),
        integer("chunk_ordinal"),
        integer("vector_id"),
        text("embedding_model"),
        real("bm25_score"),
        text("embedding_vector"),
        integer("class_id"),
        integer("function_id"),
        integer("method_id"),
        integer("line"),
        text("ast_node_type"),
        text("source_type"),
        counter("binding_level"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["chunk_uuid"]],
    owners: &[
        owner("file_id", "files"),
        owner("project_id", "projects"),
        owner("class_id", "classes"),
        owner("function_id", "functions"),
        owner("method_id", "methods"),
    ],
    indexes: CODE_CHUNK_INDEXES,
    origin: Origin::Legacy,
};

const CODE_CHUNK_INDEXES: &[Index] = &[
    index("idx_code_chunks_file", &["file_id"]),
    index("idx_code_chunks_project", &["project_id"]),
    index("idx_code_chunks_uuid", &["chunk_uuid"]),
    index("idx_code_chunks_vector", &["vector_id"]),
    partial_index(
        "idx_code_chunks_not_vectorized",
        &["project_id", "id"],
        IndexedRows::WhereNull("vector_id"),
    ),
    reference_index("idx_code_chunks_class", &["class_id"]),
    reference_index("idx_code_chunks_function", &["function_id"]),
    reference_index("idx_code_chunks_method", &["method_id"]),
];

/// Of which content a file's chunks were made, by which the next run tells whether they still fit.
const CHUNK_STATES: Table = Table {
    name: "chunk_states",
    columns: &[
        given_id("file_id"),
        text("content_hash").not_null(),
        integer("chunker").not_null(),
    ],
    unique: &[],
    owners: &[owner("file_id", "files")],
    indexes: &[],
    origin: Origin::Ours,
};

/// The vector of a chunk, in the form that `foundation::vector` stores. Ids rise within a project in the order of
/// commits, so that whoever holds vectors in memory reads only those that came later.
const CHUNK_VECTORS: Table = Table {
    name: "chunk_vectors",
    columns: &[
        auto_id(),
        word("project_id").not_null(),
        integer("chunk_id").not_null(),
        word("model").not_null(),
        bytes("vector").not_null(),
    ],
    unique: &[&["chunk_id"]],
    owners: &[
        owner("project_id", "projects"),
        owner("chunk_id", "code_chunks"),
    ],
    indexes: &[own_index(
        "idx_chunk_vectors_project",
        &["project_id", "model", "id"],
    )],
    origin: Origin::Ours,
};

const CODE_DUPLICATES: Table = Table {
    name: "code_duplicates",
    columns: &[
        auto_id(),
        word("project_id").not_null(),
        word("duplicate_hash").not_null(),
        real("similarity").not_null(),
        time("created_at"),
    ],
    unique: &[&["project_id", "duplicate_hash"]],
    owners: &[owner("project_id", "projects")],
    indexes: &[
        index("idx_code_duplicates_project", &["project_id"]),
        index("idx_code_duplicates_hash", &["duplicate_hash"]),
    ],
    origin: Origin::Legacy,
};

const DUPLICATE_OCCURRENCES: Table = Table {
    name: "duplicate_occurrences",
    columns: &[
        auto_id(),
        integer("duplicate_id").not_null(),
        integer("file_id").not_null(),
        integer("start_line").not_null(),
        integer("end_line").not_null(),
        text("code_snippet"),
        integer("ast_node_id"),
        time("created_at"),
    ],
    unique: &[],
    owners: &[
        owner("duplicate_id", "code_duplicates"),
        owner("file_id", "files"),
    ],
    indexes: &[
        index("idx_duplicate_occurrences_duplicate", &["duplicate_id"]),
        index("idx_duplicate_occurrences_file", &["file_id"]),
    ],
    origin: Origin::Legacy,
};

const COMPREHENSIVE_ANALYSIS_RESULTS: Table = Table {
    name: "comprehensive_analysis_results",
    columns: &[
        auto_id(),
        integer("file_id").not_null(),
        word("project_id").not_null(),
        real("file_mtime").not_null(),
        text("results_json").not_null(),
        text("summary_json").not_null(),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["file_id", "file_mtime"]],
    owners: &[owner("file_id", "files"), owner("project_id", "projects")],
    indexes: &[],
    origin: Origin::Legacy,
};
