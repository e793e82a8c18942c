//! The part of GitHub's expressions that a composite action needs: contexts, literals, `==`, `!=`, `!`, `&&`, `||`,
//! parentheses and the status functions.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>

use std::collections::BTreeMap;

use serde_json::Value;

/// What an expression can use: dotted names in lower case (`inputs.api_token`, `github.action_path`), and status
/// functions (`always()`).
pub(super) type Context = BTreeMap<String, Value>;

/// Replaces every `${{ … }}` in a text.
pub(super) fn interpolate(text: &str, context: &Context) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (expression, after) = behind
            .split_once("}}")
            .ok_or_else(|| format!("unclosed expression in {text:?}"))?;
        result.push_str(before);
        result.push_str(&to_text(&evaluate(expression, context)?));
        rest = after;
    }
    Ok(result + rest)
}

/// Whether an `if:` condition holds, with or without `${{ }}`.
pub(super) fn holds(text: &str, context: &Context) -> Result<bool, String> {
    let bare = text.trim();
    let bare = bare
        .strip_prefix("${{")
        .and_then(|inner| inner.strip_suffix("}}"))
        .unwrap_or(bare);
    evaluate(bare, context).map(|value| is_true(&value))
}

/// Whether an `if:` condition calls a status function; without one, `success()` is implied.
pub(super) fn asks_status(text: &str) -> bool {
    ["always()", "failure()", "cancelled()", "success()"]
        .iter()
        .any(|function| text.contains(function))
}

fn evaluate(expression: &str, context: &Context) -> Result<Value, String> {
    let mut parser = Parser {
        tokens: tokens(expression)?,
        at: 0,
        context,
    };
    let value = parser.or()?;
    if parser.at < parser.tokens.len() {
        return Err(format!(
            "cannot read {expression:?} from {:?} on",
            parser.tokens[parser.at]
        ));
    }
    Ok(value)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Operator(&'static str),
    Literal(Value),
    Name(String),
}

fn tokens(expression: &str) -> Result<Vec<Token>, String> {
    const OPERATORS: [&str; 7] = ["==", "!=", "&&", "||", "!", "(", ")"];
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (text, behind) = string(quoted).ok_or_else(|| format!("unclosed string in {expression:?}"))?;
            tokens.push(Token::Literal(Value::String(text)));
            rest = behind;
        } else if first.is_ascii_alphanumeric() || first == '_' {
            let in_name = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
            let mut end = rest.find(|char| !in_name(char)).unwrap_or(rest.len());
            if rest[end..].starts_with("()") {
                end += 2;
            }
            tokens.push(word(&rest[..end]));
            rest = &rest[end..];
        } else {
            let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
            let operator = operator.ok_or_else(|| format!("cannot read {rest:?} in {expression:?}"))?;
            tokens.push(Token::Operator(operator));
            rest = &rest[operator.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn word(word: &str) -> Token {
    match word {
        "true" => Token::Literal(Value::Bool(true)),
        "false" => Token::Literal(Value::Bool(false)),
        "null" => Token::Literal(Value::Null),
        number if number.starts_with(|char: char| char.is_ascii_digit()) => {
            Token::Literal(serde_json::from_str(number).unwrap_or_default())
        }
        name => Token::Name(name.to_ascii_lowercase()),
    }
}

/// The text up to the closing quote, in which `''` is an escaped quote, and what follows.
fn string(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = quoted;
    loop {
        let (part, behind) = rest.split_once('\'')?;
        text.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                text.push('\'');
                rest = more;
            }
            None => return Some((text, behind)),
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    context: &'a Context,
}

impl Parser<'_> {
    fn takes(&mut self, operator: &'static str) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Operator(operator));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Value, String> {
        let mut left = self.and()?;
        while self.takes("||") {
            let right = self.and()?;
            left = if is_true(&left) { left } else { right };
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Value, String> {
        let mut left = self.equality()?;
        while self.takes("&&") {
            let right = self.equality()?;
            left = if is_true(&left) { right } else { left };
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Value, String> {
        let mut left = self.unary()?;
        loop {
            let equal = if self.takes("==") {
                true
            } else if self.takes("!=") {
                false
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = Value::Bool(is_equal(&left, &right) == equal);
        }
    }

    fn unary(&mut self) -> Result<Value, String> {
        if self.takes("!") {
            return Ok(Value::Bool(!is_true(&self.unary()?)));
        }
        if self.takes("(") {
            let value = self.or()?;
            return if self.takes(")") {
                Ok(value)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Literal(value)) => Ok(value),
            Some(Token::Name(name)) => {
                let context = name.split('.').next().unwrap_or_default();
                let known = [
                    "inputs",
                    "github",
                    "runner",
                    "steps",
                    "env",
                    "strategy",
                    "job",
                    "always()",
                    "success()",
                    "failure()",
                    "cancelled()",
                ];
                if !known.contains(&context) {
                    return Err(format!("unknown name {name:?}"));
                }
                // A missing property is null.
                Ok(self.context.get(&name).cloned().unwrap_or_default())
            }
            other => Err(format!("expected a value, found {other:?}")),
        }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Strings compare case-insensitively; values of different types compare as numbers.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.to_lowercase() == right.to_lowercase(),
        _ if std::mem::discriminant(left) == std::mem::discriminant(right) => left == right,
        _ => to_number(left) == to_number(right),
    }
}

fn to_number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(bool) => f64::from(u8::from(*bool)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) if text.trim().is_empty() => 0.0,
        Value::String(text) => text.trim().parse().unwrap_or(f64::NAN),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// A value as text.
pub(super) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_have_the_values_that_github_gives_them() {
        let context: Context = [
            ("inputs.name", json!("O'Hara")),
            ("inputs.empty", json!("")),
            ("runner.os", json!("Windows")),
            ("steps.run-it.outputs.verdict", json!("passed")),
            ("strategy.job-index", json!(2)),
            ("always()", json!(true)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (text, expected) in [
            ("plain", "plain"),
            ("${{ inputs.name }}", "O'Hara"),
            ("<${{inputs.EMPTY}}${{ inputs.none }}>", "<>"),
            ("${{ runner.os == 'windows' && 'bash' || 'sh' }}", "bash"),
            ("${{ runner.os != 'Windows' && 'bash' || 'sh' }}", "sh"),
            ("${{ !(runner.os == 'Linux') }}", "true"),
            ("${{ steps.run-it.outputs.verdict }}", "passed"),
            ("${{ 'it''s' }}${{ 5 }}${{ null }}", "it's5"),
            ("${{ inputs.empty || 'x' }}", "x"),
            ("${{ '1' == 1 }}", "true"),
            ("<${{ strategy.job-index }}${{ job.check_run_id }}>", "<2>"),
        ] {
            assert_eq!(interpolate(text, &context).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(holds("always() && runner.os == 'Windows'", &context), Ok(true));
        assert_eq!(holds("${{ inputs.empty }}", &context), Ok(false));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "${{ inputs.a",
            "${{ hashFiles('x') }}",
            "${{ secrets.A }}",
            "${{ 'x }}",
            "${{ (1 }}",
            "${{ }}",
            "${{ 1 2 }}",
        ] {
            assert!(interpolate(text, &Context::new()).is_err(), "{text}");
        }
    }
}
