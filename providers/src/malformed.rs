//! Why a body cannot be used: for the developer of its sender, and for the merchant.

pub(crate) const NOT_JSON: &str = "is not JSON";
pub(crate) const NOT_UTF8: &str = "is not UTF-8";

/// Why a body cannot be used, in words for the developer of its sender. Says nothing of what the body contains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body {reason} (line {line}, column {column})")]
    NotJson { reason: &'static str, line: usize, column: usize },
    #[error("the body is XML and not JSON")]
    Xml,
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("`{field}` is there twice in one object (line {line}, column {column})")]
    FieldTwice { field: String, line: usize, column: usize },
    #[error("the order lies in `{field}` and must be the body itself")]
    NotTheOrder { field: &'static str },
    #[error("{}", missing(field))]
    MissingField { field: String },
    #[error("`{field}` {reason}")]
    InvalidField { field: String, reason: &'static str },
}

impl Malformed {
    /// Whether the body is something else than JSON.
    pub(crate) fn is_no_json(&self) -> bool {
        match self {
            Self::Xml => true,
            Self::NotJson { reason, .. } => [NOT_JSON, NOT_UTF8].contains(reason),
            Self::NotAnObject
            | Self::NotTheOrder { .. }
            | Self::FieldTwice { .. }
            | Self::MissingField { .. }
            | Self::InvalidField { .. } => false,
        }
    }

    /// Whether it is an order without its lines.
    pub(crate) fn lacks_lines(&self) -> bool {
        matches!(self, Self::MissingField { field } if field == "line_items")
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::MissingField { field: field.to_owned() }
    }

    pub(crate) fn invalid(field: &str, reason: &'static str) -> Self {
        Self::InvalidField { field: field.to_owned(), reason }
    }
}

fn missing(field: &str) -> String {
    // A whole item is never missing: what is missing is anything that a mapping could match.
    if field.starts_with("items[") {
        format!("`{field}` names no product: one of sku, productId, variantId, title is needed")
    } else {
        format!("`{field}` is missing")
    }
}
