//! The wire form of server-sent events.

use bytes::{BufMut, Bytes, BytesMut};

use super::begin::Gap;
use super::vector::Vector;

/// An alert, with the position behind it.
pub(super) fn alert(behind: &Vector, value: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(value.len() + 64);
    frame.put_slice(format!("id: {behind}\nevent: alert\n").as_bytes());
    // A line break, which JSON may have between its tokens, would end the field.
    for line in value.split(|byte| *byte == b'\n' || *byte == b'\r') {
        if !line.is_empty() {
            frame.put_slice(b"data: ");
            frame.put_slice(line);
            frame.put_u8(b'\n');
        }
    }
    frame.put_u8(b'\n');
    frame.freeze()
}

/// Alerts that are no longer there.
pub(super) fn gap(gap: &Gap) -> Bytes {
    let Gap { from, to } = gap;
    let data = serde_json::json!({ "from": from.to_string(), "to": to.to_string() });
    format!("id: {to}\nevent: gap\ndata: {data}\n\n").into()
}

/// A sign of life that no client takes for an event. Its position matters where a filter leaves alerts out.
pub(super) fn alive(at: &Vector) -> Bytes {
    format!(": alive\nid: {at}\n\n").into()
}

#[cfg(test)]
mod tests {
    use engine::Offset;

    use super::*;

    #[test]
    fn frames_are_fixed() {
        let at = Vector::new(vec![Offset(3), Offset(4)]);
        assert_eq!(alert(&at, b"{\"a\":1}"), "id: v1.3.4\nevent: alert\ndata: {\"a\":1}\n\n");
        assert_eq!(
            alert(&at, b"{\r\n\"a\":\r1}\n"),
            "id: v1.3.4\nevent: alert\ndata: {\ndata: \"a\":\ndata: 1}\n\n"
        );
        assert_eq!(alive(&at), ": alive\nid: v1.3.4\n\n");
        let from = Vector::new(vec![Offset(1), Offset(4)]);
        assert_eq!(
            gap(&Gap { from, to: at }),
            "id: v1.3.4\nevent: gap\ndata: {\"from\":\"v1.1.4\",\"to\":\"v1.3.4\"}\n\n"
        );
    }
}
