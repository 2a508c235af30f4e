//! How PostgreSQL's types are told apart on the wire.

use driver_api::{ValueKind, ValueRef};
use tokio_postgres::types::{Kind, Type};

/// A group of types that have one binary form and one kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// `text`, and what PostgreSQL takes for a parameter that tells nothing of its type.
    Text,
    /// Types whose binary form is their text, but which are not mere text: enums, citext, xml.
    Label,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Json,
    Jsonb,
    Void,
    /// No kind of value holds it without loss.
    Other,
}

impl Sort {
    /// The group of a type; a domain is what it is made of.
    pub(crate) fn of(mut ty: &Type) -> Self {
        while let Kind::Domain(base) = ty.kind() {
            ty = base;
        }
        match *ty {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Self::Text,
            Type::CHAR | Type::XML => Self::Label,
            Type::BYTEA => Self::Bytea,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            Type::UUID => Self::Uuid,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::VOID => Self::Void,
            _ if matches!(ty.kind(), Kind::Enum(_)) || ty.name() == "citext" => Self::Label,
            _ => Self::Other,
        }
    }

    /// PostgreSQL's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Oid => "oid",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Label => "a type of labels",
            Self::Bytea => "bytea",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamp with time zone",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Void => "void",
            Self::Other => "a type without a binary form here",
        }
    }

    /// The kind of its values in a result.
    pub(crate) fn kind(self) -> Option<ValueKind> {
        Some(match self {
            Self::Bool => ValueKind::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => ValueKind::I64,
            Self::Float4 | Self::Float8 => ValueKind::F64,
            Self::Numeric => ValueKind::Decimal,
            Self::Text | Self::Label => ValueKind::Text,
            Self::Bytea => ValueKind::Bytes,
            Self::Date => ValueKind::Date,
            Self::Time => ValueKind::Time,
            Self::Timestamp => ValueKind::Timestamp,
            Self::TimestampTz => ValueKind::TimestampTz,
            Self::Uuid => ValueKind::Uuid,
            Self::Json | Self::Jsonb => ValueKind::Json,
            Self::Void => ValueKind::Null,
            Self::Other => return None,
        })
    }
}

/// The type in which a value is sent where the statement tells nothing of its type; `None` for text
/// and null, which go as they are.
pub(crate) fn own_type(value: ValueRef<'_>) -> Option<Type> {
    Some(match value {
        ValueRef::Bool(_) => Type::BOOL,
        ValueRef::I64(_) => Type::INT8,
        ValueRef::F64(_) => Type::FLOAT8,
        ValueRef::Decimal(_) => Type::NUMERIC,
        ValueRef::Bytes(_) => Type::BYTEA,
        ValueRef::Date(_) => Type::DATE,
        ValueRef::Time(_) => Type::TIME,
        ValueRef::Timestamp(_) => Type::TIMESTAMP,
        ValueRef::TimestampTz(_) => Type::TIMESTAMPTZ,
        ValueRef::Uuid(_) => Type::UUID,
        ValueRef::Json(_) => Type::JSON,
        _ => return None,
    })
}
