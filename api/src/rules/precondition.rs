//! The version that a writer expects, from `If-Match` and `If-None-Match`.

use axum::http::{HeaderMap, HeaderName, header};
use rules::RuleVersion;

use crate::error::{Answer, Code, Problem};

/// The version in force that the headers ask for; 0 means that there must be none.
pub(crate) fn expected(headers: &HeaderMap) -> Answer<Option<RuleVersion>> {
    let given = |name: HeaderName| headers.get_all(name).iter().collect::<Vec<_>>();
    let (matching, none_matching) = (given(header::IF_MATCH), given(header::IF_NONE_MATCH));
    match (&matching[..], &none_matching[..]) {
        ([], []) => Ok(None),
        ([], [any]) if *any == "*" => Ok(Some(RuleVersion(0))),
        ([tag], []) => tag.to_str().ok().and_then(version).map(Some).ok_or_else(bad),
        _ => Err(bad()),
    }
}

fn version(tag: &str) -> Option<RuleVersion> {
    let tag = tag.trim();
    // A proxy that packs the answer makes its tag a weak one; it is the same version.
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let digits = quoted.unwrap_or(tag);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(RuleVersion)
}

fn bad() -> Problem {
    let detail = "expected `If-Match: \"7\"` with one version, or `If-None-Match: *` for one that is new";
    Problem::new(Code::BadHeader, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[(&'static str, &str)]) -> Result<Option<u32>, ()> {
        let headers = list
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect::<Vec<_>>();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        expected(&map).map(|version| version.map(|version| version.0)).map_err(drop)
    }

    #[test]
    fn one_version_is_read_and_all_else_refused() {
        assert_eq!(read(&[]), Ok(None));
        for tag in ["\"7\"", "7", " W/\"7\" "] {
            assert_eq!(read(&[("if-match", tag)]), Ok(Some(7)), "{tag}");
        }
        assert_eq!(read(&[("if-none-match", "*")]), Ok(Some(0)));
        for tag in ["*", "\"7\", \"8\"", "\"x\"", "", "-1", "+7", "99999999999"] {
            assert_eq!(read(&[("if-match", tag)]), Err(()), "{tag}");
        }
        assert_eq!(read(&[("if-match", "7"), ("if-none-match", "*")]), Err(()));
    }
}
