//! What a case needs of a driver: capabilities, kinds of values and options that the descriptor declares.

use std::fmt;

use super::dialect;
use crate::descriptor::DriverDescriptor;
use crate::value::ValueKind;

/// Something that a driver declares, and without which a case does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// [`Capabilities::ddl`](crate::Capabilities::ddl)
    Ddl,
    /// [`Capabilities::expressions`](crate::Capabilities::expressions)
    Expressions,
    /// [`Capabilities::quoted_identifiers`](crate::Capabilities::quoted_identifiers)
    QuotedIdentifiers,
    /// [`Capabilities::shared_data`](crate::Capabilities::shared_data)
    SharedData,
    /// [`Capabilities::constraints`](crate::Capabilities::constraints)
    Constraints,
    /// [`Capabilities::foreign_keys`](crate::Capabilities::foreign_keys)
    ForeignKeys,
    /// [`Capabilities::strict_types`](crate::Capabilities::strict_types)
    StrictTypes,
    /// [`Capabilities::generated_keys`](crate::Capabilities::generated_keys)
    GeneratedKeys,
    /// [`Capabilities::transactions`](crate::Capabilities::transactions)
    Transactions,
    /// [`Capabilities::savepoints`](crate::Capabilities::savepoints)
    Savepoints,
    /// [`Capabilities::streaming`](crate::Capabilities::streaming)
    Streaming,
    /// [`Capabilities::cancel`](crate::Capabilities::cancel)
    Cancel,
    /// [`Capabilities::describe`](crate::Capabilities::describe)
    Describe,
    /// [`Capabilities::catalog`](crate::Capabilities::catalog)
    Catalog,
    /// [`Capabilities::create_database`](crate::Capabilities::create_database)
    CreateDatabase,
    /// [`Capabilities::read_only`](crate::Capabilities::read_only)
    ReadOnly,
    /// [`Capabilities::backup`](crate::Capabilities::backup)
    Backup,
    /// A column type that keeps this kind.
    Kind(ValueKind),
    /// An option of this name.
    Option(&'static str),
}

impl Need {
    /// Whether the driver declares it.
    pub fn is_met(self, descriptor: &DriverDescriptor) -> bool {
        let has = &descriptor.capabilities;
        match self {
            Self::Ddl => has.ddl,
            Self::Expressions => has.expressions,
            Self::QuotedIdentifiers => has.quoted_identifiers,
            Self::SharedData => has.shared_data,
            Self::Constraints => has.constraints,
            Self::ForeignKeys => has.foreign_keys,
            Self::StrictTypes => has.strict_types,
            Self::GeneratedKeys => has.generated_keys,
            Self::Transactions => has.transactions,
            Self::Savepoints => has.savepoints,
            Self::Streaming => has.streaming,
            Self::Cancel => has.cancel,
            Self::Describe => has.describe,
            Self::Catalog => has.catalog,
            Self::CreateDatabase => has.create_database,
            Self::ReadOnly => has.read_only,
            Self::Backup => has.backup,
            Self::Kind(kind) => dialect::column_type(descriptor, kind).is_some(),
            Self::Option(key) => descriptor.options.iter().any(|spec| spec.key == key),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ddl => "ddl",
            Self::Expressions => "expressions",
            Self::QuotedIdentifiers => "quoted_identifiers",
            Self::SharedData => "shared_data",
            Self::Constraints => "constraints",
            Self::ForeignKeys => "foreign_keys",
            Self::StrictTypes => "strict_types",
            Self::GeneratedKeys => "generated_keys",
            Self::Transactions => "transactions",
            Self::Savepoints => "savepoints",
            Self::Streaming => "streaming",
            Self::Cancel => "cancel",
            Self::Describe => "describe",
            Self::Catalog => "catalog",
            Self::CreateDatabase => "create_database",
            Self::ReadOnly => "read_only",
            Self::Backup => "backup",
            Self::Kind(kind) => return write!(f, "a column type for {kind}"),
            Self::Option(key) => return write!(f, "the option `{key}`"),
        };
        f.write_str(name)
    }
}
