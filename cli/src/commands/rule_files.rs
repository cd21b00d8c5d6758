//! Files of rules, cut into the texts of single rules with their places: an object, an array, or one rule a line.

use std::path::{Path, PathBuf};

use rules::{AlertId, Problem, ProblemCode, Rule, read_rule};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::input;
use crate::failure::Failure;

/// How files of rules end.
const ENDINGS: [&str; 3] = ["json", "ndjson", "jsonl"];

/// A rule in a file, or what is wrong with it.
pub(crate) struct RuleInFile {
    /// The file.
    pub(crate) file: String,
    /// Where the rule begins, from 1.
    pub(crate) line: usize,
    /// Where in that line, from 1.
    pub(crate) column: usize,
    /// The rule, or every problem of it.
    pub(crate) rule: Result<Rule, Vec<Problem>>,
}

/// All rules of a file, of the files of a folder and its folders, or of standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<RuleInFile>, Failure> {
    let mut found = Vec::new();
    for file in files(path, &ENDINGS)? {
        let bytes = input::read(&file)?;
        let name =
            if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
        found.extend(in_text(&name, &bytes));
    }
    Ok(found)
}

/// The file itself, or those files of a folder and its folders that end so, by name.
pub(crate) fn files(path: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        // A link to a folder could lead back here.
        let is_folder = entry.is_dir() && !entry.is_symlink();
        let ending = entry.extension().and_then(|ending| ending.to_str());
        if is_folder {
            found.extend(files(&entry, endings)?);
        } else if ending.is_some_and(|ending| endings.contains(&ending)) {
            found.push(entry);
        }
    }
    Ok(found)
}

fn in_text(file: &str, bytes: &[u8]) -> Vec<RuleInFile> {
    // Texts come in their order, so that every byte is looked at once.
    let (mut counted, mut line, mut line_begin) = (0, 1, 0);
    let mut place = |text: &[u8]| {
        let begin = (text.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
        for (at, byte) in bytes.iter().enumerate().take(begin).skip(counted) {
            if *byte == b'\n' {
                line += 1;
                line_begin = at + 1;
            }
        }
        counted = begin;
        (line, begin - line_begin + 1)
    };
    let mut one = |text: &[u8]| {
        let (line, column) = place(text);
        let rule = read_rule(text, Some(id_at(file, line, column)));
        let rule = rule.map(|(rule, _)| rule).map_err(|invalid| invalid.problems);
        RuleInFile { file: file.to_owned(), line, column, rule }
    };
    match cut(bytes) {
        Ok(texts) => texts.into_iter().map(&mut one).collect(),
        Err(error) => {
            let problem = Problem {
                code: ProblemCode::NotJson,
                pointer: String::new(),
                place: Some((1, 1)),
                message: "the array of rules is not JSON".to_owned(),
                expected: "an array of rules".to_owned(),
            };
            let (line, column) = (error.line(), error.column().max(1));
            vec![RuleInFile { file: file.to_owned(), line, column, rule: Err(vec![problem]) }]
        },
    }
}

/// The id of a rule that leaves it out: the same for the same place, and of no other rule.
fn id_at(file: &str, line: usize, column: usize) -> AlertId {
    let place = format!("{file}:{line}:{column}");
    AlertId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_URL, place.as_bytes()))
}

/// The texts of the rules; what cannot be cut further is one text, and the reader of rules says what is wrong with it.
fn cut(bytes: &[u8]) -> serde_json::Result<Vec<&[u8]>> {
    let text = bytes.trim_ascii();
    if text.first() == Some(&b'[') {
        let elements: Vec<&RawValue> = serde_json::from_slice(text)?;
        return Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect());
    }
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.len() < text.len() && serde_json::from_slice::<IgnoredAny>(first).is_ok() {
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        return Ok(lines.filter(|line| !line.is_empty()).collect());
    }
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    let mut texts = Vec::new();
    loop {
        let rest = text.get(values.byte_offset()..).unwrap_or_default().trim_ascii();
        match values.next() {
            None => return Ok(texts),
            Some(Ok(value)) => texts.push(value.get().as_bytes()),
            Some(Err(_)) => {
                texts.push(rest);
                return Ok(texts);
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"{"customerId": "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34", "alertName": "n",
 "match": "$.a"}"#;

    fn found(text: &str) -> Vec<(usize, usize, bool)> {
        in_text("f", text.as_bytes())
            .into_iter()
            .map(|rule| (rule.line, rule.column, rule.rule.is_ok()))
            .collect()
    }

    #[test]
    fn an_object_an_array_and_lines_are_cut_and_placed() {
        let line = RULE.replace('\n', "");
        assert_eq!(found(&format!("\n  {RULE}\n")), [(2, 3, true)]);
        assert_eq!(found(&format!("[{line},\n {RULE}, 7]")), [(1, 2, true), (2, 2, true), (3, 19, false)]);
        assert_eq!(
            found(&format!("{line}\n\nnonsense\n{line}")),
            [(1, 1, true), (3, 1, false), (4, 1, true)]
        );
        assert_eq!(found(&format!("{RULE}\n{RULE}{{")), [(1, 1, true), (3, 1, true), (4, 17, false)]);
        assert_eq!(found(" \n"), []);
    }

    #[test]
    fn a_broken_text_is_told_where_it_breaks() {
        assert_eq!(found("[{},\n  {]"), [(2, 4, false)]);
        let broken = in_text("f", b"\n {\"alertName\":\n tru}");
        let problem = &broken[0].rule.as_ref().unwrap_err()[0];
        assert_eq!(((broken[0].line, broken[0].column), problem.place), ((2, 2), Some((2, 2))));
    }
}
