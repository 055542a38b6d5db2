//! SQL that both engines understand, with its arguments.

use sqlx::FromRow;
use uuid::Uuid;

/// A statement with its arguments, numbered as it is put together, so that no value ever becomes text of the statement.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
pub enum Argument {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Uuid(Option<Uuid>),
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), arguments: vec![] }
    }

    /// The statement, with numbers in the places of its arguments.
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn push(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds an argument where the text ends.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Argument>) -> Self {
        use std::fmt::Write as _;
        self.arguments.push(value.into());
        write!(self.text, "${}", self.arguments.len()).expect("writing to a string cannot fail");
        self
    }

    /// Adds arguments separated by commas.
    #[must_use]
    pub fn bind_list<V: Into<Argument>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self = if index == 0 { self.bind(value) } else { self.push(", ").bind(value) };
        }
        self
    }
}

impl From<&str> for Sql {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

macro_rules! argument {
    ($($from:ty => $variant:ident($convert:expr);)*) => {$(
        impl From<$from> for Argument {
            fn from(value: $from) -> Self {
                Self::$variant($convert(value))
            }
        }
    )*};
}

argument! {
    i64 => Int(Some);
    Option<i64> => Int(|value| value);
    String => Text(|value: String| Some(storable(&value)));
    Option<String> => Text(|value: Option<String>| value.map(|value| storable(&value)));
    &str => Text(|value| Some(storable(value)));
    Vec<u8> => Bytes(Some);
    Option<Vec<u8>> => Bytes(|value| value);
    Uuid => Uuid(Some);
    Option<Uuid> => Uuid(|value| value);
}

/// Text from outside, as a text column of Postgres can hold it: there is no character U+0000 in one.
pub fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// A query with its arguments bound. A macro, because sqlx has two types of query and no trait that binds to both.
macro_rules! bound {
    ($query:expr, $sql:expr) => {{
        let mut query = $query;
        for argument in &$sql.arguments {
            query = match argument {
                Argument::Int(value) => query.bind(*value),
                Argument::Text(value) => query.bind(value.as_deref()),
                Argument::Bytes(value) => query.bind(value.as_deref()),
                Argument::Uuid(value) => query.bind(*value),
            };
        }
        query
    }};
}

type Arguments<'q, DB> = <DB as sqlx::Database>::Arguments<'q>;

pub(crate) fn query<'q, DB>(sql: &'q Sql) -> sqlx::query::Query<'q, DB, Arguments<'q, DB>>
where
    DB: sqlx::Database,
    Option<i64>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q str>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q [u8]>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<Uuid>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    bound!(sqlx::query(&sql.text), sql)
}

pub(crate) fn query_as<'q, DB, T>(sql: &'q Sql) -> sqlx::query::QueryAs<'q, DB, T, Arguments<'q, DB>>
where
    DB: sqlx::Database,
    T: for<'r> FromRow<'r, DB::Row>,
    Option<i64>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q str>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q [u8]>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<Uuid>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    bound!(sqlx::query_as(&sql.text), sql)
}
