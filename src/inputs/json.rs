//! JSON in inputs. A duplicate key in an object is an error; `serde_json` would silently keep the last value.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a text can't be used as JSON. The messages do not repeat the text, which may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("is not valid JSON (line {line}, column {column})")]
    Syntax {
        /// Line of the error, counted from 1.
        line: usize,
        /// Column of the error, counted from 1.
        column: usize,
    },
    /// An object has a duplicate key.
    #[error("has the duplicate key {key:?} in an object (line {line}, column {column})")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Line of the second one.
        line: usize,
        /// Column of the second one.
        column: usize,
    },
}

/// Parses JSON without duplicate keys.
///
/// # Errors
/// See [`JsonError`].
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let duplicate = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    UniqueKeys(&duplicate)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            let (line, column) = (error.line(), error.column());
            match duplicate.take() {
                Some(key) => JsonError::DuplicateKey { key, line, column },
                None => JsonError::Syntax { line, column },
            }
        })
}

/// The string values in JSON, without keys. Includes the values of duplicate keys and, as far as quotes allow, those in a text that
/// is not valid JSON.
pub fn string_values(text: &str) -> Vec<String> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return quoted_parts(text);
    }
    let mut values = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let from = rest.get(start..).unwrap_or_default();
        let mut strings = serde_json::Deserializer::from_str(from).into_iter::<String>();
        let Some(Ok(value)) = strings.next() else { break };
        rest = from.get(strings.byte_offset()..).unwrap_or_default();
        if !rest.trim_start().starts_with(':') {
            values.push(value);
        }
    }
    values
}

/// The texts inside and outside of quotes: if a quote is missing, it is not clear which are inside.
fn quoted_parts(text: &str) -> Vec<String> {
    let mut parts = text.split('"').map(str::trim).peekable();
    let mut values = Vec::new();
    while let Some(part) = parts.next() {
        let is_key = parts.peek().is_some_and(|next| next.starts_with(':'));
        if !is_key && part.chars().any(char::is_alphanumeric) {
            values.push(part.trim_matches([':', ',', '{', '}', '[', ']', ' ']).to_owned());
        }
    }
    values
}

/// Builds a [`Value`], and records the first duplicate key in an object.
#[derive(Clone, Copy)]
struct UniqueKeys<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                self.0.replace(Some(key));
                return Err(A::Error::custom("duplicate key"));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_duplicate_key_is_reported() {
        let error = parse("{\"a\": [1, {\"b\": 1,\n \"b\": 2}]}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "has the duplicate key \"b\" in an object (line 2, column 4)"
        );
        // An escape is a different spelling of the same key.
        assert!(matches!(
            parse(r#"{"a": 1, "\u0061": 1}"#),
            Err(JsonError::DuplicateKey { key, .. }) if key == "a"
        ));
        assert!(parse(r#"{"a": {"b": 1}, "c": {"b": 1}}"#).is_ok());
    }

    #[test]
    fn a_syntax_error_is_reported_by_its_position() {
        assert_eq!(
            parse("{").unwrap_err().to_string(),
            "is not valid JSON (line 1, column 1)"
        );
        assert_eq!(parse("[]\n x").unwrap_err(), JsonError::Syntax { line: 2, column: 2 });
    }

    #[test]
    fn string_values_are_found_despite_duplicate_keys_and_syntax_errors() {
        let twice = r#"{"key": "va\"l1", "key": ["val2", {"deep" : "val\u0033"}], "n": 4}"#;
        assert_eq!(string_values(twice), ["va\"l1", "val2", "val3"]);
        for broken in [
            r#"{"key": {"password": "hunter2-hunter2", "user": "admin-of-shop"}"#,
            r#"{"key": {"password: "hunter2-hunter2", "user": "admin-of-shop"}}"#,
            r#"{"key": {"password": "hunter2-hunter2, "user": "admin-of-shop"}}"#,
            r#"{"key": {"user": "admin-of-shop", "password": "hunter2-hunter2"#,
        ] {
            let values = string_values(broken);
            assert!(values.iter().any(|value| value == "hunter2-hunter2"), "{values:?}");
            assert!(values.iter().any(|value| value == "admin-of-shop"), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in "[\\[\\]{}\":,a-c0-9.\\- \n]{0,60}") {
            let _ = string_values(&text);
            if let Ok(value) = parse(&text) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }
    }
}
