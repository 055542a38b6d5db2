//! Whether the arguments of an operation are what the schema says. The library notices a bad value too, but tells the
//! type that it failed to read and not the argument that it was given for.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, FieldDefinition, FragmentDefinition, InputValueDefinition,
    OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{Error as ParserError, parse_schema};
use async_graphql::{Error, ErrorExtensions as _, Name, Pos, Positioned, ServerError, Value, Variables};
use chrono::{DateTime, Utc};

/// What may be asked for, and the types of what may be said with it.
#[derive(Default)]
pub(super) struct ArgumentTypes {
    /// The fields of each type.
    types: HashMap<Name, HashMap<Name, FieldType>>,
    inputs: HashMap<Name, HashMap<Name, Type>>,
    enums: HashMap<Name, Vec<Name>>,
}

struct FieldType {
    arguments: HashMap<Name, Type>,
    /// The type of its answer, whether that is a list or not.
    answer: Name,
}

impl ArgumentTypes {
    /// Reads a schema in its own language.
    pub(super) fn of(sdl: &str) -> Result<Self, ParserError> {
        let mut all = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Object(object) => {
                    all.types.insert(name, fields(object.fields));
                }
                TypeKind::Interface(interface) => {
                    all.types.insert(name, fields(interface.fields));
                }
                TypeKind::InputObject(input) => {
                    all.inputs.insert(name, values(input.fields));
                }
                TypeKind::Enum(choice) => {
                    let names = choice.values.into_iter().map(|value| value.node.value.node).collect();
                    all.enums.insert(name, names);
                }
                TypeKind::Scalar | TypeKind::Union(_) => {}
            }
        }
        Ok(all)
    }

    /// Refuses the first argument of an operation that is not of its type. What else may be wrong with it (a field that does
    /// not exist, a value that is missing) the library tells well enough.
    pub(super) fn check(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<(), ServerError> {
        let Some(operation) = selected(&document.operations, operation_name) else { return Ok(()) };
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut walk = Walk { types: self, operation, variables, told: HashSet::new(), spread: vec![] };
        walk.selection(Some(root), &operation.selection_set.node)?;
        // Each fragment once, however often and in whatever circles it is spread.
        let mut seen = HashSet::new();
        while let Some(name) = walk.spread.pop() {
            if seen.insert(name)
                && let Some(fragment) = document.fragments.get(name)
            {
                let FragmentDefinition { type_condition, selection_set, .. } = &fragment.node;
                walk.selection(Some(type_condition.node.on.node.as_str()), &selection_set.node)?;
            }
        }
        Ok(())
    }

    /// Checks a value. Where it fails, `path` leads to what is wrong.
    fn check_value(&self, ty: &Type, value: &Value, path: &mut Vec<Name>) -> Result<(), String> {
        if matches!(value, Value::Null) {
            return Ok(());
        }
        let name = match (&ty.base, value) {
            (BaseType::List(of), Value::List(values)) => {
                return values.iter().try_for_each(|value| self.check_value(of, value, path));
            }
            // One value stands for a list of one.
            (BaseType::List(of), one) => return self.check_value(of, one, path),
            (BaseType::Named(name), _) => name,
        };
        if let Some(choices) = self.enums.get(name) {
            let chosen = match value {
                Value::Enum(chosen) => choices.contains(chosen),
                Value::String(chosen) => choices.iter().any(|choice| choice == chosen.as_str()),
                Value::Null
                | Value::Number(_)
                | Value::Boolean(_)
                | Value::Binary(_)
                | Value::List(_)
                | Value::Object(_) => false,
            };
            return if chosen { Ok(()) } else { Err(format!("must be one of {}", listed(choices))) };
        }
        if let Some(fields) = self.inputs.get(name) {
            let Value::Object(values) = value else { return Err("must be an object".to_owned()) };
            for (field, value) in values {
                let Some(ty) = fields.get(field) else { continue };
                path.push(field.clone());
                self.check_value(ty, value, path)?;
                path.pop();
            }
            return Ok(());
        }
        scalar(name, value).map_err(str::to_owned)
    }
}

fn scalar(name: &str, value: &Value) -> Result<(), &'static str> {
    let (valid, reason) = match (name, value) {
        ("Int", Value::Number(number)) => (
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "must be a whole number from -2147483648 to 2147483647",
        ),
        ("Int", _) => (false, "must be a whole number"),
        ("DateTime", Value::String(text)) => (
            text.parse::<DateTime<Utc>>().is_ok(),
            "must be a date and time with its offset, like 2026-03-14T12:00:00Z (RFC 3339)",
        ),
        ("DateTime", _) => (false, "must be a date and time in quotes, like \"2026-03-14T12:00:00Z\" (RFC 3339)"),
        ("ID", Value::Number(number)) => (number.is_i64(), "must be a text or a whole number"),
        ("ID", _) => (matches!(value, Value::String(_)), "must be a text or a whole number"),
        ("String", _) => (matches!(value, Value::String(_)), "must be a text"),
        ("Boolean", _) => (matches!(value, Value::Boolean(_)), "must be true or false"),
        _ => (true, ""),
    };
    if valid { Ok(()) } else { Err(reason) }
}

struct Walk<'d> {
    types: &'d ArgumentTypes,
    operation: &'d OperationDefinition,
    variables: &'d Variables,
    /// Variables that were looked at. A variable has one type, so once is enough; a large one that is used a thousand times
    /// must not cost a thousand times as much.
    told: HashSet<Name>,
    /// Fragments that were spread.
    spread: Vec<&'d Name>,
}

impl<'d> Walk<'d> {
    /// `parent` is none below a field that the schema does not know.
    fn selection(&mut self, parent: Option<&str>, selection: &'d SelectionSet) -> Result<(), ServerError> {
        for selection in &selection.items {
            match &selection.node {
                Selection::Field(field) => {
                    let types = self.types;
                    let known = parent.and_then(|parent| types.types.get(parent)?.get(&field.node.name.node));
                    for (name, value) in &field.node.arguments {
                        let Some(ty) = known.and_then(|known| known.arguments.get(&name.node)) else { continue };
                        let value: Result<Value, Infallible> =
                            value.node.clone().into_const_with(|name| Ok(self.variable(name)));
                        let Ok(value) = value;
                        let mut path = vec![name.node.clone()];
                        types.check_value(ty, &value, &mut path).map_err(|reason| refusal(&path, &reason, name.pos))?;
                    }
                    self.selection(known.map(|known| known.answer.as_str()), &field.node.selection_set.node)?;
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    self.selection(on.or(parent), &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => self.spread.push(&spread.node.fragment_name.node),
            }
        }
        Ok(())
    }

    /// The value of a variable the first time it is used; null, which is always right here, after that.
    fn variable(&mut self, name: Name) -> Value {
        let given = self.variables.get(&name).or_else(|| {
            let definition = self.operation.variable_definitions.iter().find(|it| it.node.name.node == name)?;
            definition.node.default_value()
        });
        let value = given.cloned();
        if self.told.insert(name) { value.unwrap_or_default() } else { Value::Null }
    }
}

fn refusal(path: &[Name], reason: &str, at: Pos) -> ServerError {
    let (argument, within) = path.split_last().expect("a path begins with the argument's name");
    let within = within.iter().map(Name::as_str).collect::<Vec<_>>().join(".");
    let within = if within.is_empty() { within } else { format!(" of \"{within}\"") };
    Error::new(format!("argument \"{argument}\"{within}: {reason}"))
        .extend_with(|_, extensions| extensions.set("code", "INVALID_ARGUMENT"))
        .into_server_error(at)
}

fn selected<'d>(operations: &'d DocumentOperations, name: Option<&str>) -> Option<&'d OperationDefinition> {
    match (operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            all.values().next().map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(_), None) => None,
    }
}

fn fields(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, FieldType> {
    let fields = fields.into_iter().map(|field| field.node);
    fields
        .map(|field| {
            let answer = base(&field.ty.node).clone();
            (field.name.node, FieldType { arguments: values(field.arguments), answer })
        })
        .collect()
}

fn values(values: Vec<Positioned<InputValueDefinition>>) -> HashMap<Name, Type> {
    values.into_iter().map(|value| (value.node.name.node, value.node.ty.node)).collect()
}

fn base(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => base(of),
    }
}

fn listed(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn said(query: &str, variables: serde_json::Value) -> Option<String> {
        let types = ArgumentTypes::of(&crate::graphql::sdl()).unwrap();
        let document = parse_query(query).unwrap();
        types.check(&document, None, &Variables::from_json(variables)).err().map(|error| error.message)
    }

    #[test]
    fn a_bad_value_is_named_wherever_it_stands() {
        let day = "must be a date and time with its offset, like 2026-03-14T12:00:00Z (RFC 3339)";
        for (query, variables, message) in [
            (
                "{ accounts(first: 99999999999) { nodes { id } } }",
                json!({}),
                "argument \"first\": must be a whole number from",
            ),
            ("{ accounts(first: \"1\") { nodes { id } } }", json!({}), "argument \"first\": must be a whole number"),
            (
                "query ($n: Int) { accounts(first: $n) { nodes { id } } }",
                json!({ "n": 2_147_483_648_u32 }),
                "argument \"first\": must be a whole number from",
            ),
            (
                "query ($n: Int = 1.5) { accounts(first: $n) { nodes { id } } }",
                json!({}),
                "argument \"first\": must be a whole number from",
            ),
            (
                "{ deliveries(filter: { receivedFrom: \"yesterday\" }) { nodes { id } } }",
                json!({}),
                &format!("argument \"receivedFrom\" of \"filter\": {day}"),
            ),
            (
                "query ($f: DeliveryFilter) { deliveries(filter: $f) { nodes { id } } }",
                json!({ "f": { "receivedTo": "2026-13-01" } }),
                &format!("argument \"receivedTo\" of \"filter\": {day}"),
            ),
            (
                "query ($s: [DeliveryStatus!]) { deliveries(filter: { status: $s }) { nodes { id } } }",
                json!({ "s": ["QUEUED", "DONE"] }),
                "argument \"status\" of \"filter\": must be one of QUEUED, RUNNING",
            ),
            (
                "{ deliveries(filter: \"queued\") { nodes { id } } }",
                json!({}),
                "argument \"filter\": must be an object",
            ),
            ("{ delivery(id: 1.5) { id } }", json!({}), "argument \"id\": must be a text or a whole number"),
            (
                "{ delivery(id: \"1\") { timeline(first: true) { nodes { type } } } }",
                json!({}),
                "argument \"first\": must be a whole number",
            ),
            (
                "{ ...all } fragment all on Query { ...all deliveries(first: 2, after: 1) { nodes { id } } }",
                json!({}),
                "argument \"after\": must be a text",
            ),
            (
                "mutation { retryDeliveries(input: { filter: { search: 5 } }) { matched } }",
                json!({}),
                "argument \"search\" of \"input.filter\": must be a text",
            ),
            (
                "subscription { deliveryChanged(integrationId: { a: 1 }) { id } }",
                json!({}),
                "argument \"integrationId\": must be a text or a whole number",
            ),
        ] {
            let said = said(query, variables).unwrap_or_else(|| panic!("{query} is taken"));
            assert!(said.starts_with(message), "{query}: {said}");
        }
    }

    #[test]
    fn what_is_right_or_told_elsewhere_is_left_alone() {
        for (query, variables) in [
            ("{ accounts(first: 1, after: null) { nodes { id } } }", json!({})),
            ("query ($id: ID!) { delivery(id: $id, asOf: \"2026-03-14T12:00:00+01:00\") { id } }", json!({ "id": 7 })),
            (
                "query ($n: Int) { a: accounts(first: $n) { nodes { id } } b: accounts(first: $n) { nodes { id } } }",
                json!({ "n": 5 }),
            ),
            ("{ deliveries(filter: { status: QUEUED }) { nodes { id } } }", json!({})),
            ("{ nothing(first: 1.5) { nodes(first: true) { id } } __type(name: 5) { name } }", json!({})),
            ("query A { account { id } } query B { account { id } }", json!({})),
        ] {
            assert_eq!(said(query, variables), None, "{query}");
        }
    }
}
