//! JSON in a column of text.

use serde::Serialize;
use serde_json::Value;
use storage::storable;

/// A value as JSON without the character U+0000, which no text of Postgres holds when it is read back.
pub(crate) fn storable_json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut value = serde_json::to_value(value).expect("names, texts and numbers are always JSON");
    remove_nul(&mut value);
    value.to_string()
}

fn remove_nul(value: &mut Value) {
    match value {
        Value::String(text) => *text = storable(text),
        Value::Array(values) => values.iter_mut().for_each(remove_nul),
        Value::Object(fields) => fields.values_mut().for_each(remove_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::storable_json;

    #[test]
    fn the_character_is_left_out_and_how_it_is_written_is_not() {
        let value = json!({ "a": ["x\0y", r"x\u0000y"], "b": { "c": r#"@.sku == "\u0000""# } });
        let read: serde_json::Value = serde_json::from_str(&storable_json(&value)).unwrap();
        assert_eq!(read, json!({ "a": ["xy", r"x\u0000y"], "b": { "c": r#"@.sku == "\u0000""# } }));
    }
}
