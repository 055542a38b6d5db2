//! Lists and objects where they belong, and anything else in their place: stores send null, "" and [] for an object that
//! is not there, and none of that may cost an order.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::malformed::Malformed;

/// Entries of a list that are read.
pub(crate) const MAX_ITEMS: usize = 1_000;

/// An object read as `O`, a list read as `L`, or that it is neither. Absent is the default of a field that is not there.
///
/// Also keeps a list from being read as an object: a derived `Deserialize` would take the entries for the fields in turn.
#[derive(Default)]
pub(crate) enum Shape<O, L> {
    #[default]
    Absent,
    Null,
    Scalar,
    Object(O),
    List(L),
}

pub(crate) type Object<O> = Shape<O, IgnoredAny>;
pub(crate) type List<T, const MAX: usize = MAX_ITEMS> = Shape<IgnoredAny, Entries<T, MAX>>;

impl<O, L> Shape<O, L> {
    pub(crate) fn object(self) -> Option<O> {
        match self {
            Self::Object(object) => Some(object),
            Self::Absent | Self::Null | Self::Scalar | Self::List(_) => None,
        }
    }
}

impl<T> Shape<T, T> {
    pub(crate) fn either(self) -> Option<T> {
        match self {
            Self::Object(either) | Self::List(either) => Some(either),
            Self::Absent | Self::Null | Self::Scalar => None,
        }
    }
}

impl<'de, O: Deserialize<'de>, L: Deserialize<'de>> Deserialize<'de> for Shape<O, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor(PhantomData))
    }
}

struct ShapeVisitor<O, L>(PhantomData<(O, L)>);

impl<'de, O: Deserialize<'de>, L: Deserialize<'de>> Visitor<'de> for ShapeVisitor<O, L> {
    type Value = Shape<O, L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON of any kind")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        O::deserialize(MapAccessDeserializer::new(map)).map(Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        L::deserialize(SeqAccessDeserializer::new(seq)).map(Shape::List)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// As many entries as are kept, of a list in which more are no mistake. What is no list has none.
    pub(crate) fn first(self) -> Vec<T> {
        match self {
            Self::List(Entries(mut entries)) => {
                entries.truncate(MAX);
                entries
            }
            Self::Absent | Self::Null | Self::Scalar | Self::Object(_) => vec![],
        }
    }
}

/// The entries of a list, up to one more than there may be: enough to see that there are too many.
pub(crate) struct Entries<T, const MAX: usize = MAX_ITEMS>(Vec<T>);

impl<T, const MAX: usize> Entries<T, MAX> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Entries<T> {
    pub(crate) fn bounded(self, field: &str) -> Result<Vec<T>, Malformed> {
        if self.0.len() <= MAX_ITEMS {
            Ok(self.0)
        } else {
            Err(Malformed::InvalidField { field: field.to_owned(), reason: "must not have more than 1,000 entries" })
        }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Entries<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for EntriesVisitor<T, MAX> {
    type Value = Entries<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = vec![];
        while entries.len() <= MAX {
            match seq.next_element()? {
                Some(entry) => entries.push(entry),
                None => return Ok(Entries(entries)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entries(entries))
    }
}
