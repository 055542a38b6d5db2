//! Dates and times of the API.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, Utc};

/// The library's own `DateTime` is read once a resolver needs it, and an error then names the type alone. This one is read
/// while a request is validated: the error names the argument, and nothing was done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) DateTime<Utc>);

#[expect(clippy::doc_markdown, reason = "it is in the schema, as the library says it of its own")]
/// Implement the DateTime<Utc> scalar
///
/// The input/output is a string in RFC3339 format.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for Moment {
    fn parse(value: Value) -> InputValueResult<Self> {
        <DateTime<Utc> as ScalarType>::parse(value).map(Self).map_err(InputValueError::propagate)
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

/// A moment of a row, which counts microseconds since 1970.
pub(super) fn moment(us: i64) -> Moment {
    Moment(DateTime::from_timestamp_micros(us).unwrap_or_default())
}
