//! Whether what a command printed is what `docs/cli.json` says of it.
//!
//! Invariant: nothing is let through that the schema does not name: a field too many fails as one too few does, and a keyword or a
//! pattern that this does not know is an error of its own.

use anyhow::{Context, anyhow, bail, ensure};
use serde_json::Value;

use crate::repository;

/// Checks what `tatum <arguments> --json` printed.
pub fn check(arguments: &[String], printed: &Value) -> anyhow::Result<()> {
    let path = repository().join("docs/cli.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let schema: Value = serde_json::from_str(&text)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| *word != "--json").take(2).collect();
    let names = [words.join(" "), words.first().copied().unwrap_or_default().to_owned()];
    let found = names.iter().find_map(|name| schema["commands"].get(name));
    let command = found.with_context(|| format!("docs/cli.json does not know {words:?}"))?;
    holds(&schema, command, printed).map_err(|wrong| {
        anyhow!("{} does not print what docs/cli.json says: {wrong:#}: {printed}", names[0])
    })
}

fn holds(root: &Value, schema: &Value, value: &Value) -> anyhow::Result<()> {
    let keywords = schema.as_object().context("a schema that is none")?;
    for (keyword, argument) in keywords {
        match keyword.as_str() {
            "description" | "properties" | "required" => {}
            "$ref" => {
                let place = argument.as_str().and_then(|to| to.strip_prefix('#'));
                let to = place.and_then(|place| root.pointer(place));
                holds(root, to.context("a reference to nothing")?, value)?;
            }
            "anyOf" => any(root, argument, value)?,
            "enum" => {
                let all = argument.as_array().context("an enum that is no list")?;
                ensure!(all.contains(value), "{value} is none of {argument}");
            }
            "type" => ensure!(is_of(argument, value)?, "{value} is no {argument}"),
            "pattern" => {
                let (pattern, text) = (argument.as_str(), value.as_str().unwrap_or_default());
                ensure!(
                    matches(pattern.unwrap_or_default(), text)?,
                    "{value} is not like {argument}"
                );
            }
            "minimum" => {
                ensure!(value.as_f64() >= argument.as_f64(), "{value} is below {argument}");
            }
            "maximum" => {
                ensure!(value.as_f64() <= argument.as_f64(), "{value} is above {argument}");
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    holds(root, argument, item).with_context(|| format!("item {at}"))?;
                }
            }
            "additionalProperties" => fields(root, schema, argument, value)?,
            unknown => bail!("the keyword {unknown} is not known"),
        }
    }
    Ok(())
}

fn any(root: &Value, several: &Value, value: &Value) -> anyhow::Result<()> {
    let several = several.as_array().context("an anyOf that is no list")?;
    let mut wrong = Vec::new();
    for one in several {
        match holds(root, one, value) {
            Ok(()) => return Ok(()),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    bail!("none of {} fits: {}", several.len(), wrong.join("; or: "))
}

fn fields(root: &Value, schema: &Value, others: &Value, value: &Value) -> anyhow::Result<()> {
    let Some(object) = value.as_object() else { return Ok(()) };
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap_or_default();
        ensure!(object.contains_key(name), "the field {name} is missing");
    }
    for (name, field) in object {
        match (schema["properties"].get(name), others) {
            (Some(known), _) => holds(root, known, field).with_context(|| name.clone())?,
            (None, Value::Bool(true)) => {}
            (None, Value::Bool(false)) => bail!("the field {name} is not described"),
            (None, each) => holds(root, each, field).with_context(|| name.clone())?,
        }
    }
    Ok(())
}

fn is_of(kind: &Value, value: &Value) -> anyhow::Result<bool> {
    Ok(match kind.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        unknown => bail!("the type {unknown} is not known"),
    })
}

/// The few patterns that there are, without an engine for all that there could be.
fn matches(pattern: &str, text: &str) -> anyhow::Result<bool> {
    let hex = |text: &str| {
        let digits = text.strip_prefix("0x")?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits.len())
    };
    Ok(match pattern {
        "^0x[0-9a-fA-F]{40}$" => hex(text) == Some(40),
        "^0x[0-9a-fA-F]{64}$" => hex(text) == Some(64),
        "^0x([0-9a-fA-F]{2})*$" => hex(text).is_some_and(|digits| digits % 2 == 0),
        "^(0|[1-9][0-9]{0,77})$" => {
            let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
            is_number && text.len() <= 78 && (text == "0" || !text.starts_with('0'))
        }
        unknown => bail!("the pattern {unknown} is not known"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(value: &Value) -> anyhow::Result<()> {
        check(&["key".to_owned(), "show".to_owned()], value)
    }

    #[test]
    fn what_is_described_holds_and_nothing_else_does() {
        let id = format!("0x{:040x}", 1);
        key(&json!({ "file": "a.json", "id": id })).unwrap();
        key(&json!({ "error": "no such file" })).unwrap();
        for wrong in [
            json!({ "file": "a.json" }),
            json!({ "file": "a.json", "id": id, "more": 1 }),
            json!({ "file": 1, "id": id }),
            json!({ "file": "a.json", "id": "0x12" }),
            json!([]),
        ] {
            assert!(key(&wrong).is_err(), "{wrong}");
        }
        assert!(check(&["frobnicate".to_owned()], &json!({})).is_err());
    }

    #[test]
    fn a_decimal_has_one_spelling_and_a_count_may_be_large() {
        let verified = |receipts: Value| {
            let report =
                json!({ "ok": true, "receipts": receipts, "hold": 1, "signers": [], "failed": [] });
            check(&["receipts".to_owned(), "verify".to_owned()], &report)
        };
        verified(json!(5)).unwrap();
        verified(json!("9223372036854775807")).unwrap();
        for wrong in
            [json!("05"), json!(-1), json!(0.5), json!(9_007_199_254_740_993_u64), json!(null)]
        {
            assert!(verified(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
