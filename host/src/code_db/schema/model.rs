//! The words in which tables are declared: columns, keys and indexes, without any dialect.

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first is the primary key.
    pub columns: &'static [Column],
    /// Sets of columns that are unique together.
    pub unique: &'static [&'static [&'static str]],
    /// Columns that refer to the `id` of another table; its deletion takes the referring row with it.
    pub owners: &'static [Owner],
    /// Its indexes, besides those that the constraints bring.
    pub indexes: &'static [Index],
    /// Who brought it in.
    pub origin: Origin,
}

/// Who brought a part of the schema in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The older program; names and columns stay as they are, so that its databases open.
    Legacy,
    /// This program; the older one does not know it.
    Ours,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether null is refused.
    pub not_null: bool,
    /// The value of rows that do not give one.
    pub default: DefaultValue,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// The primary key: a number that the database assigns and never assigns again.
    AutoId,
    /// The primary key: a number that the row is given.
    GivenId,
    /// The primary key: a word.
    WordId,
    /// A word: an id, a kind, a hash. At most 255 characters where the engine's keys need a limit.
    Word,
    /// Text of any length.
    Text,
    /// Bytes.
    Bytes,
    /// A whole number of up to 64 bits.
    Integer,
    /// A double; points in time are days of the Julian calendar, as the older program had them.
    Real,
    /// True or false.
    Boolean,
}

/// The value of rows that do not give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// Null.
    Nothing,
    /// Zero.
    Zero,
    /// False.
    False,
    /// The time of the insertion as a Julian day.
    Now,
}

/// A reference to the `id` of another table.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The referring column.
    pub column: &'static str,
    /// The table referred to.
    pub table: &'static str,
}

/// An index.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its columns in their order.
    pub columns: &'static [&'static str],
    /// Which rows it covers.
    pub rows: IndexedRows,
    /// Who brought it in.
    pub origin: Origin,
}

/// Which rows an index covers. An engine without partial indexes covers all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexedRows {
    /// Every row.
    All,
    /// Those where the column is true.
    WhereTrue(&'static str),
    /// Those where the column is null.
    WhereNull(&'static str),
    /// Those where the column is not null.
    WhereNotNull(&'static str),
}

/// A full-text index over the columns of a table.
#[derive(Debug)]
pub struct FullText {
    /// Its name.
    pub name: &'static str,
    /// The table whose text it covers.
    pub over: &'static str,
    /// The column that identifies the table's rows.
    pub row_id: &'static str,
    /// The columns that it covers.
    pub columns: &'static [&'static str],
}

impl Column {
    const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            not_null: false,
            default: DefaultValue::Nothing,
        }
    }

    /// The same column, refusing null.
    pub const fn not_null(self) -> Self {
        Self {
            not_null: true,
            ..self
        }
    }

    /// Whether it is the primary key.
    pub fn is_primary_key(&self) -> bool {
        matches!(
            self.kind,
            ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::WordId
        )
    }
}

/// The primary key `id`, assigned by the database.
pub const fn auto_id() -> Column {
    Column::new("id", ColumnKind::AutoId)
}

/// A numeric primary key that rows are given.
pub const fn given_id(name: &'static str) -> Column {
    Column::new(name, ColumnKind::GivenId)
}

/// The primary key `id` as a word.
pub const fn word_id() -> Column {
    Column::new("id", ColumnKind::WordId)
}

/// A column of words: ids, kinds, hashes.
pub const fn word(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Word)
}

/// A column of text of any length.
pub const fn text(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Text)
}

/// A column of bytes.
pub const fn bytes(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Bytes)
}

/// A column of whole numbers.
pub const fn integer(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Integer)
}

/// A column of doubles.
pub const fn real(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Real)
}

/// A column of truth values, null where nothing was said.
pub const fn boolean(name: &'static str) -> Column {
    Column::new(name, ColumnKind::Boolean)
}

/// A column of truth values, false where nothing was said.
pub const fn flag(name: &'static str) -> Column {
    Column {
        default: DefaultValue::False,
        ..boolean(name)
    }
}

/// A column of whole numbers, zero where nothing was said.
pub const fn counter(name: &'static str) -> Column {
    Column {
        default: DefaultValue::Zero,
        ..integer(name)
    }
}

/// A point in time, that of the insertion where nothing was said.
pub const fn time(name: &'static str) -> Column {
    Column {
        default: DefaultValue::Now,
        ..real(name)
    }
}

/// A reference to a row whose deletion takes the referring row with it.
pub const fn owner(column: &'static str, table: &'static str) -> Owner {
    Owner { column, table }
}

/// An index of the older program over every row.
pub const fn index(name: &'static str, columns: &'static [&'static str]) -> Index {
    Index {
        name,
        columns,
        rows: IndexedRows::All,
        origin: Origin::Legacy,
    }
}

/// An index of the older program over some rows.
pub const fn partial_index(
    name: &'static str,
    columns: &'static [&'static str],
    rows: IndexedRows,
) -> Index {
    Index {
        rows,
        ..index(name, columns)
    }
}

/// An index of ours over every row.
pub const fn own_index(name: &'static str, columns: &'static [&'static str]) -> Index {
    Index {
        origin: Origin::Ours,
        ..index(name, columns)
    }
}

/// An index of ours over a reference that most rows leave empty. Without it, each deletion of a row that
/// is referred to would read the whole referring table.
pub const fn reference_index(name: &'static str, column: &'static [&'static str; 1]) -> Index {
    let rows = IndexedRows::WhereNotNull(column[0]);
    Index {
        rows,
        origin: Origin::Ours,
        ..index(name, column)
    }
}
