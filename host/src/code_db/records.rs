//! What is stored of one file: the rows of all its tables, before they have ids.

/// The modification time of a file that was changed too recently for its time to tell the next change.
pub const UNTRUSTED_MTIME: i64 = -1;

/// Where files are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The id of the project.
    pub project_id: String,
    /// The id of the dataset within it.
    pub dataset_id: String,
}

/// Everything of one file. Lines count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRecord {
    /// Absolute path.
    pub path: String,
    /// The path below the root of the project, by which the file's own text is found.
    pub name: String,
    /// Number of lines.
    pub lines: u32,
    /// Time of the last change in seconds since 1970, as the older program kept it.
    pub last_modified: f64,
    /// What the file says of itself.
    pub docstring: Option<String>,
    /// The text outside its entities, on the lines where it stands.
    pub content: String,
    /// What it was like when it was read.
    pub state: FileState,
    /// Its classes.
    pub classes: Vec<ClassRecord>,
    /// Its functions outside classes.
    pub functions: Vec<FunctionRecord>,
    /// Its imports.
    pub imports: Vec<ImportRecord>,
    /// What it uses.
    pub usages: Vec<UsageRecord>,
}

/// What a file was like when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970, or [`UNTRUSTED_MTIME`].
    pub mtime_ns: i64,
    /// Hash of its bytes, as text.
    pub content_hash: String,
    /// The language that it was read as.
    pub language: String,
    /// Where it does not parse, as JSON; none where it does.
    pub parse_errors: Option<String>,
    /// The version of the analysis.
    pub analysis: i64,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRecord {
    /// Its name.
    pub name: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// What it says of itself.
    pub docstring: Option<String>,
    /// Its bases, as written.
    pub bases: Vec<String>,
    /// Its text without that of the entities within, whose lines are left empty.
    pub content: String,
    /// Its methods.
    pub methods: Vec<MethodRecord>,
}

/// One function, or what a method has in common with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRecord {
    /// Its name.
    pub name: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Names of its parameters.
    pub args: Vec<String>,
    /// What it says of itself.
    pub docstring: Option<String>,
    /// Cyclomatic complexity.
    pub complexity: u32,
    /// Its text without that of the entities within, whose lines are left empty.
    pub content: String,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodRecord {
    /// What it has in common with a function.
    pub function: FunctionRecord,
    /// Declared for others to implement.
    pub is_abstract: bool,
    /// Does nothing.
    pub has_pass: bool,
    /// Says that it is not implemented.
    pub has_not_implemented: bool,
}

/// One imported name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    /// The module, or the name taken out of one.
    pub name: String,
    /// The module that the name is taken from.
    pub module: Option<String>,
    /// `import` or `import_from`.
    pub import_type: &'static str,
    /// Line of the import.
    pub line: u32,
    /// What the file calls it, where that differs from the name.
    pub alias: Option<String>,
    /// How many packages up a relative import begins, the file's own being 1; 0 for others.
    pub level: u32,
}

/// One place where something is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// Line of the used name.
    pub line: u32,
    /// Byte column of the used name, from 0.
    pub column: u32,
    /// What stands before the name, where that is a plain path.
    pub receiver: Option<String>,
    /// `call`, `instantiation` or `attribute`.
    pub usage_type: &'static str,
    /// `class`, `function`, `method` or `property`.
    pub target_type: &'static str,
    /// The class that the text names as the target's.
    pub target_class: Option<String>,
    /// The used name.
    pub target_name: String,
    /// The definitions around it.
    pub context: Option<String>,
}
