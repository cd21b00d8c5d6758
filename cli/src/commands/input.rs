//! Files of JSON: an object, an array, or one document a line. `-` is standard input.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;

/// The content of a file, or of standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    read.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(bytes)
}

/// The JSON documents of a text: one, the elements of an array, or one a line.
pub(crate) fn documents(path: &Path, text: &[u8]) -> Result<Vec<Value>, Failure> {
    let parsed: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(text).into_iter().collect();
    let documents =
        parsed.map_err(|error| Failure::usage(format!("{}: not JSON: {error}", path.display())))?;
    Ok(match <[Value; 1]>::try_from(documents) {
        Ok([Value::Array(elements)]) => elements,
        Ok([document]) => vec![document],
        Err(documents) => documents,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_an_array_and_lines_are_taken() {
        let path = Path::new("rules.json");
        for text in ["[{\"a\":1},{\"a\":2}]", "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}{\"a\":2}"] {
            assert_eq!(documents(path, text.as_bytes()).unwrap(), [json!({"a": 1}), json!({"a": 2})]);
        }
        assert_eq!(documents(path, b"{\n\"a\":\n1}").unwrap(), [json!({"a": 1})]);
        let error = documents(path, b"{\"a\":1}\n{").unwrap_err().to_string();
        assert!(error.contains("rules.json") && error.contains("line 2"), "{error}");
    }
}
