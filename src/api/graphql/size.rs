//! How much a request selects once its fragments are spread, and how much it hands to what it selects.
//!
//! The library's own limits of depth and complexity stay, but come too late for what multiplies: they visit a fragment as
//! often as it is spread before they compare, so that a kilobyte of fragments that spread each other is 10^13 visits; and
//! each use of a variable is a copy of it. Here each fragment is counted once.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Error, ErrorExtensions as _, Name, Pos, Positioned, ServerError, Variables};
use async_graphql_value::{ConstValue, Value};

/// Fields and spreads that a request may select, those of each fragment counted as often as it is spread. What tools
/// ask of the schema selects a few hundred.
pub(super) const MAX_SELECTIONS: u64 = 5_000;
/// Bytes of arguments that a request may hand to its fields, a variable counted as often as it is used: each use is a copy of
/// its own in memory. A request has 256 KiB at most.
pub(super) const MAX_ARGUMENT_BYTES: u64 = 1_024 * 1_024;
/// What any value takes beside its text.
const VALUE_BYTES: u64 = 16;
/// How deep fragments may spread each other, and selections nest.
const MAX_NESTING: usize = 64;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    Selections,
    Arguments,
    Nesting,
    Circle,
}

/// What is selected, and what is handed to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    /// Fields and spreads.
    selections: u64,
    argument_bytes: u64,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            argument_bytes: self.argument_bytes.saturating_add(other.argument_bytes),
        }
    }
}

/// Refuses a document that selects too much, however often its operations spread a fragment. The work is that of reading the
/// document once: each fragment is counted a single time.
pub(super) fn check(document: &ExecutableDocument, variables: &Variables) -> Result<(), ServerError> {
    let within_bounds = |size: Size| {
        if size.selections > MAX_SELECTIONS {
            return Err(TooLarge::Selections);
        }
        if size.argument_bytes > MAX_ARGUMENT_BYTES {
            return Err(TooLarge::Arguments);
        }
        Ok(())
    };
    size(document, variables).and_then(within_bounds).map_err(TooLarge::refusal)
}

/// Whether the schema itself is asked for, anywhere in a document.
pub(super) fn asks_for_schema(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).any(|set| selects_schema(set, 0))
}

fn selects_schema(set: &SelectionSet, depth: usize) -> bool {
    // What nests deeper is refused for that.
    depth <= MAX_NESTING
        && set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                matches!(field.node.name.node.as_str(), "__schema" | "__type")
                    || selects_schema(&field.node.selection_set.node, depth + 1)
            }
            Selection::InlineFragment(fragment) => selects_schema(&fragment.node.selection_set.node, depth + 1),
            Selection::FragmentSpread(_) => false,
        })
}

/// The size of the operations of a document together.
fn size(document: &ExecutableDocument, variables: &Variables) -> Result<Size, TooLarge> {
    let given = variables.iter().map(|(name, value)| (name.clone(), bytes_of_const(value))).collect();
    let mut count = Count { document, variables: given, known: HashMap::new() };
    for (_, operation) in document.operations.iter() {
        count.know_defaults(&operation.node);
    }
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        all = all.plus(count.of_set(&operation.node.selection_set.node, 0)?);
    }
    // The library looks at every fragment, also where nothing spreads it.
    for name in document.fragments.keys() {
        all = all.plus(count.of_fragment(name, 0)?);
    }
    Ok(all)
}

struct Count<'d> {
    document: &'d ExecutableDocument,
    /// How many bytes each variable has.
    variables: HashMap<Name, u64>,
    /// What each fragment selects; none while that is being counted.
    known: HashMap<&'d Name, Option<Size>>,
}

impl<'d> Count<'d> {
    /// A variable that is not given has its default; of several operations' defaults the longest counts.
    fn know_defaults(&mut self, operation: &OperationDefinition) {
        for variable in &operation.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                let bytes = self.variables.entry(variable.node.name.node.clone()).or_default();
                *bytes = (*bytes).max(bytes_of_const(&default.node));
            }
        }
    }

    fn of_set(&mut self, set: &'d SelectionSet, depth: usize) -> Result<Size, TooLarge> {
        if depth > MAX_NESTING {
            return Err(TooLarge::Nesting);
        }
        let mut all = Size::default();
        for selection in &set.items {
            let (within, arguments) = match &selection.node {
                Selection::Field(field) => {
                    let own = self.of_arguments(&field.node.arguments);
                    let own = own.saturating_add(self.of_directives(&field.node.directives));
                    (self.of_set(&field.node.selection_set.node, depth + 1)?, own)
                }
                Selection::InlineFragment(fragment) => (
                    self.of_set(&fragment.node.selection_set.node, depth + 1)?,
                    self.of_directives(&fragment.node.directives),
                ),
                Selection::FragmentSpread(spread) => (
                    self.of_fragment(&spread.node.fragment_name.node, depth + 1)?,
                    self.of_directives(&spread.node.directives),
                ),
            };
            all = all.plus(within).plus(Size { selections: 1, argument_bytes: arguments });
        }
        Ok(all)
    }

    fn of_fragment(&mut self, name: &'d Name, depth: usize) -> Result<Size, TooLarge> {
        match self.known.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(TooLarge::Circle),
            None => {}
        }
        // One that there is not, the library reports well enough.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.known.insert(name, None);
        let selected = self.of_set(&fragment.node.selection_set.node, depth)?;
        self.known.insert(name, Some(selected));
        Ok(selected)
    }

    fn of_directives(&self, directives: &[Positioned<Directive>]) -> u64 {
        sum(directives.iter().map(|directive| self.of_arguments(&directive.node.arguments)))
    }

    fn of_arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
        sum(arguments.iter().map(|(name, value)| long(name.node.len()).saturating_add(self.of_value(&value.node))))
    }

    fn of_value(&self, value: &Value) -> u64 {
        let within = match value {
            Value::Variable(name) => self.variables.get(name).copied().unwrap_or_default(),
            Value::String(text) => long(text.len()),
            Value::Enum(name) => long(name.len()),
            Value::Binary(bytes) => long(bytes.len()),
            Value::List(values) => sum(values.iter().map(|value| self.of_value(value))),
            Value::Object(fields) => {
                sum(fields.iter().map(|(name, value)| long(name.len()).saturating_add(self.of_value(value))))
            }
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
        };
        within.saturating_add(VALUE_BYTES)
    }
}

fn bytes_of_const(value: &ConstValue) -> u64 {
    let within = match value {
        ConstValue::String(text) => long(text.len()),
        ConstValue::Enum(name) => long(name.len()),
        ConstValue::Binary(bytes) => long(bytes.len()),
        ConstValue::List(values) => sum(values.iter().map(bytes_of_const)),
        ConstValue::Object(fields) => {
            sum(fields.iter().map(|(name, value)| long(name.len()).saturating_add(bytes_of_const(value))))
        }
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) => 0,
    };
    within.saturating_add(VALUE_BYTES)
}

fn sum(bytes: impl Iterator<Item = u64>) -> u64 {
    bytes.fold(0, u64::saturating_add)
}

fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl TooLarge {
    fn refusal(self) -> ServerError {
        let message = match self {
            Self::Selections => format!(
                "the request selects more than {MAX_SELECTIONS} fields, those of a fragment counted as often as it is \
                 spread: ask for less at a time"
            ),
            Self::Arguments => format!(
                "the request hands more than {MAX_ARGUMENT_BYTES} bytes of arguments to its fields, a variable counted as \
                 often as it is used: ask for less at a time"
            ),
            Self::Nesting => format!("the request nests more than {MAX_NESTING} deep"),
            Self::Circle => "fragments spread each other in a circle".to_owned(),
        };
        Error::new(message)
            .extend_with(|_, extensions| extensions.set("code", "QUERY_TOO_LARGE"))
            .into_server_error(Pos { line: 1, column: 1 })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn counted(query: &str) -> Result<u64, TooLarge> {
        size(&parse_query(query).unwrap(), &Variables::default()).map(|size| size.selections)
    }

    fn checked(query: &str, variables: serde_json::Value) -> Result<(), String> {
        let variables = Variables::from_json(variables);
        check(&parse_query(query).unwrap(), &variables).map_err(|refused| refused.message)
    }

    /// Fragments that spread the next one `times` times, `deep` fragments deep.
    fn bomb(times: usize, deep: usize) -> String {
        let mut query = "query { ...F0 }".to_owned();
        for level in 0..deep {
            let spread = format!("...F{} ", level + 1).repeat(times);
            write!(query, " fragment F{level} on Query {{ {spread} }}").unwrap();
        }
        write!(query, " fragment F{deep} on Query {{ __typename }}").unwrap();
        query
    }

    #[test]
    fn a_fragment_counts_as_often_as_it_is_spread() {
        assert_eq!(counted("{ account { id name } }"), Ok(3));
        assert_eq!(counted("{ account { ... on Account { id } } }"), Ok(3));
        // Two spreads, each with the two fields, and the fragment once more as it stands.
        assert_eq!(
            counted("{ a: account { ...F } b: account { ...F } } fragment F on Account { id name }"),
            Ok(2 + 2 * 3 + 2)
        );
        assert_eq!(counted("query A { account { id } } query B { account { id } }"), Ok(4));
        assert_eq!(counted("{ ...nothing }"), Ok(1));
    }

    #[test]
    fn what_multiplies_beyond_all_numbers_is_refused_at_once() {
        for (times, deep) in [(10, 13), (10, 60), (300, 40), (2, 40)] {
            let query = bomb(times, deep);
            assert!(counted(&query).unwrap() > MAX_SELECTIONS, "{times} times, {deep} deep");
            let refused = checked(&query, json!({})).unwrap_err();
            assert!(refused.contains("more than 5000 fields"), "{refused}");
        }
        assert_eq!(counted(&bomb(1, 70)), Err(TooLarge::Nesting));
        assert_eq!(
            counted("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"),
            Err(TooLarge::Circle)
        );
        assert_eq!(counted("{ account { id } } fragment A on Query { ...A }"), Err(TooLarge::Circle));
        assert_eq!(checked(&bomb(3, 5), json!({})), Ok(()));
    }

    #[test]
    fn a_variable_counts_as_often_as_it_is_used() {
        let long = "x".repeat(100_000);
        let aliases = |uses: usize| {
            let fields = "integration(id: $x) { id } ".repeat(uses);
            format!("query($x: ID!) {{ {fields} }}")
        };
        assert_eq!(checked(&aliases(10), json!({ "x": long })), Ok(()));
        assert_eq!(checked(&aliases(2_000), json!({ "x": "0".repeat(36) })), Ok(()));
        for query in [
            aliases(11),
            "query($x: ID!) { ...A } fragment A on Query { ...B ...B ...B } fragment B on Query { ...C ...C ...C ...C }
             fragment C on Query { integration(id: $x) { id } }"
                .to_owned(),
            format!("query($x: ID = \"{long}\") {{ {} }}", "integration(id: $x) { id } ".repeat(11)),
            format!("{{ {} }} fragment F on Query {{ integration(id: \"{long}\") {{ id }} }}", "...F ".repeat(11)),
            format!("query($x: [ID!]!) {{ {} }}", "a: search(filter: { ids: $x }) { id } ".repeat(11)),
            format!("query($x: Boolean!) {{ {} }}", "id @include(if: $x) ".repeat(11)),
        ] {
            let variables = if query.contains("[ID!]") { json!({ "x": [long] }) } else { json!({ "x": long }) };
            let variables = if query.contains("$x: ID =") { json!({}) } else { variables };
            let refused = checked(&query, variables).expect_err(&query[..60]);
            assert!(refused.contains("bytes of arguments"), "{refused}");
        }
    }

    #[test]
    fn the_schema_is_asked_for_wherever_that_stands() {
        let asks = |query: &str| asks_for_schema(&parse_query(query).unwrap());
        for query in [
            "{ __schema { types { name } } }",
            "{ account { id } a: __type(name: \"Query\") { name } }",
            "{ ...F } fragment F on Query { ... { __schema { types { name } } } }",
            "query A { account { id } } query B { __schema { types { name } } }",
        ] {
            assert!(asks(query), "{query}");
        }
        assert!(!asks("{ __typename account { __typename } }"));
    }

    #[test]
    fn the_introspection_of_tools_is_taken() {
        let fragment =
            "fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
        let query = format!(
            "{{ __schema {{ types {{ fields {{ type {{ ...T }} args {{ type {{ ...T }} }} }} }} }} }} {fragment}"
        );
        assert!(counted(&query).unwrap() < 100);
    }
}
