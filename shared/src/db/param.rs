//! Parameters that know their PostgreSQL type, so that describing a statement needs no round trip.

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::id::{AccountId, SessionId, TenantId, TokenId, UserId};
use crate::text::{Reason, SecretName};

/// A value that can be bound to a statement.
pub trait Param: ToSql + Sync {
    /// PostgreSQL type.
    const TYPE: Type;
}

macro_rules! params {
    ($($rust:ty => $sql:ident),+ $(,)?) => {$(
        impl Param for $rust { const TYPE: Type = Type::$sql; }
    )+};
}

params! {
    bool => BOOL,
    i16 => INT2,
    i32 => INT4,
    i64 => INT8,
    &str => TEXT,
    String => TEXT,
    &[u8] => BYTEA,
    Vec<u8> => BYTEA,
    Vec<String> => TEXT_ARRAY,
    Vec<Vec<u8>> => BYTEA_ARRAY,
    Vec<&str> => TEXT_ARRAY,
    Vec<i64> => INT8_ARRAY,
    Timestamp => TIMESTAMPTZ,
    Uuid => UUID,
    serde_json::Value => JSONB,
}

impl<T: Param> Param for Option<T> {
    const TYPE: Type = T::TYPE;
}

macro_rules! ids {
    ($($id:ident),+) => {$(
        impl ToSql for $id {
            fn to_sql(&self, ty: &Type, out: &mut bytes::BytesMut) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
                self.0.to_sql(ty, out)
            }
            fn accepts(ty: &Type) -> bool {
                <Uuid as ToSql>::accepts(ty)
            }
            tokio_postgres::types::to_sql_checked!();
        }

        impl<'a> tokio_postgres::types::FromSql<'a> for $id {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
                Uuid::from_sql(ty, raw).map(Self)
            }
            fn accepts(ty: &Type) -> bool {
                <Uuid as tokio_postgres::types::FromSql>::accepts(ty)
            }
        }

        impl Param for $id { const TYPE: Type = Type::UUID; }
    )+};
}

macro_rules! texts {
    ($($text:ident),+) => {$(
        impl ToSql for $text {
            fn to_sql(&self, ty: &Type, out: &mut bytes::BytesMut) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
                self.as_str().to_sql(ty, out)
            }
            fn accepts(ty: &Type) -> bool {
                <&str as ToSql>::accepts(ty)
            }
            tokio_postgres::types::to_sql_checked!();
        }

        impl Param for $text { const TYPE: Type = Type::TEXT; }
    )+};
}

ids!(TenantId, UserId, SessionId, AccountId, TokenId);
texts!(SecretName, Reason);
