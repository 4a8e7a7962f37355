//! SQL that is put together from fixed pieces and bound values. Unlike `diesel::sql_query` it stays prepared on its
//! connection, so that a statement that is often sent is parsed and planned once.

use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{
    Array, BigInt, Binary, Date, Double, Integer, Jsonb, Nullable, Text, Timestamptz,
    Uuid as SqlUuid,
};
use serde_json::Value;
use uuid::Uuid;

/// A value in a statement. It is sent beside the text, never within it.
#[derive(Debug, Clone)]
pub(crate) enum Bound {
    Uuid(Uuid),
    MaybeUuid(Option<Uuid>),
    Uuids(Vec<Uuid>),
    Text(String),
    MaybeText(Option<String>),
    Texts(Vec<String>),
    Integer(i32),
    Number(i64),
    Numbers(Vec<i64>),
    Integers(Vec<i32>),
    Double(f64),
    Time(DateTime<Utc>),
    Times(Vec<DateTime<Utc>>),
    Day(NaiveDate),
    Days(Vec<NaiveDate>),
    Hashes(Vec<Vec<u8>>),
    Json(Value),
    Jsons(Vec<Value>),
}

macro_rules! bound_from {
    ($($kind:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$kind> for Bound {
            fn from(value: $kind) -> Self {
                Self::$variant(value)
            }
        })+
    };
}

bound_from! {
    Uuid => Uuid, Option<Uuid> => MaybeUuid, Vec<Uuid> => Uuids, String => Text,
    Option<String> => MaybeText, Vec<String> => Texts, i32 => Integer, i64 => Number,
    Vec<i64> => Numbers, Vec<i32> => Integers, f64 => Double, DateTime<Utc> => Time,
    Vec<DateTime<Utc>> => Times, NaiveDate => Day, Vec<NaiveDate> => Days,
    Vec<Vec<u8>> => Hashes, Value => Json, Vec<Value> => Jsons,
}

#[derive(Debug, Clone)]
enum Piece {
    Sql(Cow<'static, str>),
    Bound(Bound),
}

/// A statement whose rows have the SQL type `ST`.
#[derive(Debug, Clone)]
pub(crate) struct Statement<ST> {
    pieces: Vec<Piece>,
    /// How many conditions it has.
    conditions: usize,
    rows: PhantomData<fn() -> ST>,
}

/// Of how many conditions a statement stays prepared on its connection. There are few such
/// statements; of those with more there are too many to keep.
const MOST_KEPT: usize = 3;

impl<ST> Statement<ST> {
    pub(crate) const fn new() -> Self {
        Self { pieces: Vec::new(), conditions: 0, rows: PhantomData }
    }

    /// Adds SQL, which is part of the program.
    pub(crate) fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.pieces.push(Piece::Sql(Cow::Borrowed(sql)));
        self
    }

    /// Adds another statement.
    pub(crate) fn append<OTHER>(&mut self, other: Statement<OTHER>) -> &mut Self {
        self.pieces.extend(other.pieces);
        self.conditions += other.conditions;
        self
    }

    /// Adds a name that the program made, such as the alias of the third join.
    pub(crate) fn name(&mut self, name: String) -> &mut Self {
        self.pieces.push(Piece::Sql(Cow::Owned(name)));
        self
    }

    /// Adds a value.
    pub(crate) fn bind(&mut self, value: impl Into<Bound>) -> &mut Self {
        self.pieces.push(Piece::Bound(value.into()));
        self
    }

    /// Adds `AND` and a condition.
    pub(crate) fn and(&mut self, sql: &'static str) -> &mut Self {
        self.conditions += 1;
        self.sql(" AND ").sql(sql)
    }
}

impl<ST> QueryFragment<Pg> for Statement<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if self.conditions > MOST_KEPT {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Bound(Bound::Uuid(value)) => out.push_bind_param::<SqlUuid, _>(value)?,
                Piece::Bound(Bound::MaybeUuid(value)) => {
                    out.push_bind_param::<Nullable<SqlUuid>, _>(value)?;
                }
                Piece::Bound(Bound::Uuids(value)) => {
                    out.push_bind_param::<Array<SqlUuid>, _>(value)?;
                }
                Piece::Bound(Bound::Text(value)) => out.push_bind_param::<Text, _>(value)?,
                Piece::Bound(Bound::MaybeText(value)) => {
                    out.push_bind_param::<Nullable<Text>, _>(value)?;
                }
                Piece::Bound(Bound::Texts(value)) => {
                    out.push_bind_param::<Array<Text>, _>(value)?;
                }
                Piece::Bound(Bound::Integer(value)) => out.push_bind_param::<Integer, _>(value)?,
                Piece::Bound(Bound::Number(value)) => out.push_bind_param::<BigInt, _>(value)?,
                Piece::Bound(Bound::Numbers(value)) => {
                    out.push_bind_param::<Array<BigInt>, _>(value)?;
                }
                Piece::Bound(Bound::Times(value)) => {
                    out.push_bind_param::<Array<Timestamptz>, _>(value)?;
                }
                Piece::Bound(Bound::Day(value)) => out.push_bind_param::<Date, _>(value)?,
                Piece::Bound(Bound::Days(value)) => {
                    out.push_bind_param::<Array<Date>, _>(value)?;
                }
                Piece::Bound(Bound::Hashes(value)) => {
                    out.push_bind_param::<Array<Binary>, _>(value)?;
                }
                Piece::Bound(Bound::Integers(value)) => {
                    out.push_bind_param::<Array<Integer>, _>(value)?;
                }
                Piece::Bound(Bound::Double(value)) => out.push_bind_param::<Double, _>(value)?,
                Piece::Bound(Bound::Time(value)) => {
                    out.push_bind_param::<Timestamptz, _>(value)?;
                }
                Piece::Bound(Bound::Json(value)) => out.push_bind_param::<Jsonb, _>(value)?,
                Piece::Bound(Bound::Jsons(value)) => {
                    out.push_bind_param::<Array<Jsonb>, _>(value)?;
                }
            }
        }
        Ok(())
    }
}

impl<ST> QueryId for Statement<ST> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}
