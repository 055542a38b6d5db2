//! How much a request selects once its fragments are spread: counted before the library spreads them.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Error, ErrorExtensions as _, Name, Pos, ServerError};

/// Fields and spreads that a request may select, those of each fragment counted as often as it is spread. What tools
/// ask of the schema selects a few hundred.
pub(super) const MAX_SELECTIONS: u64 = 5_000;
/// How deep fragments may spread each other, and selections nest.
const MAX_NESTING: usize = 64;

/// Why a request is not looked at any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    Selections,
    Nesting,
    Circle,
}

/// Refuses a document that selects too much, however often its operations spread a fragment. The work is that of reading the
/// document once: each fragment is counted a single time.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), ServerError> {
    let counted = selections(document)
        .and_then(|selections| if selections > MAX_SELECTIONS { Err(TooLarge::Selections) } else { Ok(()) });
    counted.map_err(TooLarge::refusal)
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

/// How many fields and spreads the operations of a document select together.
fn selections(document: &ExecutableDocument) -> Result<u64, TooLarge> {
    let mut count = Count { document, known: HashMap::new() };
    let mut all: u64 = 0;
    for (_, operation) in document.operations.iter() {
        all = all.saturating_add(count.of_set(&operation.node.selection_set.node, 0)?);
    }
    // The library looks at every fragment, also where nothing spreads it.
    for name in document.fragments.keys() {
        all = all.saturating_add(count.of_fragment(name, 0)?);
    }
    Ok(all)
}

struct Count<'d> {
    document: &'d ExecutableDocument,
    /// What each fragment selects; none while that is being counted.
    known: HashMap<&'d Name, Option<u64>>,
}

impl<'d> Count<'d> {
    fn of_set(&mut self, set: &'d SelectionSet, depth: usize) -> Result<u64, TooLarge> {
        if depth > MAX_NESTING {
            return Err(TooLarge::Nesting);
        }
        let mut all: u64 = 0;
        for selection in &set.items {
            let within = match &selection.node {
                Selection::Field(field) => self.of_set(&field.node.selection_set.node, depth + 1)?,
                Selection::InlineFragment(fragment) => self.of_set(&fragment.node.selection_set.node, depth + 1)?,
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.node.fragment_name.node, depth + 1)?,
            };
            all = all.saturating_add(1).saturating_add(within);
        }
        Ok(all)
    }

    fn of_fragment(&mut self, name: &'d Name, depth: usize) -> Result<u64, TooLarge> {
        match self.known.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(TooLarge::Circle),
            None => {}
        }
        // One that there is not, the library tells well enough.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(0) };
        self.known.insert(name, None);
        let selected = self.of_set(&fragment.node.selection_set.node, depth)?;
        self.known.insert(name, Some(selected));
        Ok(selected)
    }
}

impl TooLarge {
    fn refusal(self) -> ServerError {
        let message = match self {
            Self::Selections => format!(
                "the request selects more than {MAX_SELECTIONS} fields, those of a fragment counted as often as it is \
                 spread: ask for less at a time"
            ),
            Self::Nesting => format!("the request nests more than {MAX_NESTING} deep"),
            Self::Circle => "fragments spread each other in a circle".to_owned(),
        };
        Error::new(message)
            .extend_with(|_, extensions| extensions.set("code", "QUERY_TOO_LARGE"))
            .into_server_error(Pos::default())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;

    use super::*;

    fn counted(query: &str) -> Result<u64, TooLarge> {
        selections(&parse_query(query).unwrap())
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
            let refused = check(&parse_query(&query).unwrap()).unwrap_err();
            assert!(refused.message.contains("more than 5000 fields"), "{}", refused.message);
        }
        assert_eq!(counted(&bomb(1, 70)), Err(TooLarge::Nesting));
        assert_eq!(
            counted("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"),
            Err(TooLarge::Circle)
        );
        assert_eq!(counted("{ account { id } } fragment A on Query { ...A }"), Err(TooLarge::Circle));
        assert!(check(&parse_query(bomb(3, 5)).unwrap()).is_ok());
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
