use super::*;
use crate::simd::{self, Portable};

fn scan<'a>(text: &'a str, marks: &'a mut Vec<Mark>, scalars: &'a mut Places) -> Scan<'a> {
    Scan { text: text.as_bytes(), depth_max: 64, marks, scalars }
}

/// The marks of a text, the same by all lanes.
fn marks(text: &str) -> Option<Vec<(usize, char, Option<usize>)>> {
    let (mut marks, mut second, mut portable) = (Vec::new(), Vec::new(), Vec::new());
    let count = simd::best(scan(text, &mut marks, &mut Places::default()));
    assert_eq!(simd::second_best(scan(text, &mut second, &mut Places::default())), count, "{text:?}");
    assert_eq!(scan(text, &mut portable, &mut Places::default()).run(Portable), count, "{text:?}");
    marks.truncate(count?);
    assert_eq!(marks, second[..count?], "{text:?}");
    assert_eq!(marks, portable[..count?], "{text:?}");
    let mark = |mark: Mark| {
        let at = mark.at as usize;
        let byte = char::from(text.as_bytes()[at]);
        (at, byte, "{[".contains(byte).then_some(mark.close as usize))
    };
    Some(marks.into_iter().map(mark).collect())
}

#[test]
fn members_elements_and_brackets_are_marked_once_each() {
    let text = r#"{"a":[1,[],{"b":"x,y:[]"}], "c" : {} , "d":-1.5}"#;
    let expected = [
        (0, '{', Some(12)),
        (1, '"', None),
        (5, '[', Some(8)),
        (6, '1', None),
        (8, '[', Some(5)),
        (9, ']', None),
        (11, '{', Some(8)),
        (12, '"', None),
        (24, '}', None),
    ];
    let marks = marks(text).unwrap();
    let at = |at: usize| marks.iter().position(|(own, ..)| *own == at).unwrap();
    for (place, byte, closes) in expected {
        let mark = marks[at(place)];
        assert_eq!((mark.0, mark.1, mark.2.is_some()), (place, byte, closes.is_some()));
    }
    let places: Vec<usize> = marks.iter().map(|(at, ..)| *at).collect();
    assert_eq!(places, [0, 1, 5, 6, 8, 9, 11, 12, 24, 25, 28, 34, 35, 39, 47]);
    let closes = |open: usize| marks[marks[at(open)].2.unwrap()].0;
    assert_eq!([closes(0), closes(5), closes(8), closes(11), closes(34)], [47, 25, 9, 24, 35]);
}

#[test]
fn scalars_alone_are_documents_without_marks() {
    for text in ["1", " -0.5e+7 ", "\"a\\\"b\"", "true", "null\n", "\"\"", "0"] {
        assert_eq!(marks(text), Some(Vec::new()), "{text}");
    }
}

/// What is no document, or holds half a surrogate pair.
const UNSOUND: &[&str] = &[
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:2}",
    "[1",
    "\"a",
    "[1]]",
    "01",
    "1.",
    "[1}",
    "{\"a\":1]",
    "{\"a\"}",
    "{\"a\",\"b\":1}",
    "{\"a\":1,\"b\"}",
    "{\"a\":1,2}",
    "[\"a\":1]",
    "[1,\"a\":2]",
    "{\"a\"::1}",
    "{\"a\":}",
    "{:1}",
    "{,}",
    "[:]",
    "1,2",
    "\"a\":1",
    "\"a\"\"b\"",
    "[\"a\" \"b\"]",
    "tru",
    "truee",
    "nul",
    "fals",
    "[true1]",
    "[1true]",
    "[-]",
    "[1e]",
    "[1e+]",
    "[.5]",
    "[+1]",
    "[\"\\x\"]",
    "[\"\\u00g0\"]",
    "[\"\\ud800\"]",
    "[\"\\udc00\"]",
    "[\"\\ud800\\n\"]",
    "[\"\\ud800\\u0041\"]",
    "[\"\n\"]",
    "[\"\0\"]",
    "[1\0]",
    "[\0]",
    "[\\\"a\"]",
    "\\",
    "[\"a\"\\]",
    "",
    "  ",
    "]",
    "}",
    ":",
    ",",
    "[1:2]",
    "{\"a\":1:2}",
    "{[]:1}",
    "{\"a\":1}{",
    "[]1",
    "{}\"a\"",
    "nulltrue",
    "1-1",
    "[1 ,]",
    "{\"a\":1 , }",
    "[\"\\\\\"\"]",
];

/// Sound and unsound texts, each at every place within a block and across its end.
#[test]
fn blocks_may_end_anywhere() {
    let sound = [
        r#"{"a":[1,-2.5e+3,true,false,null,"\u00e9\n\"x\\",0],"b":{},"c":[[]]}"#,
        "[ 1 ,\t2 , \"a\" ,\r\n{ \"b\" : \"c\" , \"d\" : [ ] } , { } ]",
        r#"["\\","\\\\","\\\"","\ud83d\ude00","\uD83D\uDE00é"]"#,
        r#"[1,{"b":"x,y:[]{}"},2,"3:4",{"a":5}]"#,
        "[12345678,123456789,1234567,0,-0,1E5,1.0e-10]",
    ];
    for length in 0..130 {
        let blanks = " ".repeat(length);
        let filled = format!("[\"{}\",", "x".repeat(length));
        for text in sound {
            assert!(marks(&format!("{blanks}{text}")).is_some(), "{length} {text}");
            assert!(marks(&format!("{filled}{text}]")).is_some(), "{length} {text}");
        }
        for text in UNSOUND {
            assert_eq!(marks(&format!("{blanks}{text}")), None, "{length} {text}");
        }
        for text in UNSOUND.iter().filter(|text| !text.contains(',') || text.starts_with(['[', '{'])) {
            if !text.trim().is_empty() && *text != "," {
                assert_eq!(marks(&format!("{filled}{text}]")), None, "{length} {text}");
            }
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(marks(&nested(64)).unwrap().len(), 128);
    assert_eq!(marks(&nested(65)), None);
    assert_eq!(marks(&format!("[{}]", vec![nested(63); 50].join(","))).unwrap().len(), 2 + 50 * 126);
    let scan = |depth_max| {
        simd::best(Scan {
            text: b"[{\"a\":[]}]",
            depth_max,
            marks: &mut Vec::new(),
            scalars: &mut Places::default(),
        })
    };
    assert!(scan(3).is_some() && scan(2).is_none());
}

/// Lanes that count their steps.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a std::cell::Cell<usize>);

impl Lanes for Counted<'_> {
    fn classes(self, block: &Block) -> simd::Classes {
        self.0.set(self.0.get() + 1);
        Portable.classes(block)
    }

    fn odd_from_start(self, bits: u64) -> u64 {
        Portable.odd_from_start(bits)
    }

    fn compact(self, block: &Block, dropped: u64, into: &mut Block) {
        Portable.compact(block, dropped, into);
    }
}

#[test]
fn no_text_takes_more_steps_than_it_has_blocks() {
    for piece in [
        "[", "{\"a\":", "[],", "1,", ",", "\"", "\\", "\"\\", "\\\"", "\\u0041", "\\ud800", "1e999", "\0",
        " ", "\"a\":1,",
    ] {
        for start in ["", "[", "\"", "{"] {
            let text = format!("{start}{}", piece.repeat((1 << 20) / piece.len()));
            let steps = std::cell::Cell::new(0);
            let (marks, scalars) = (&mut Vec::new(), &mut Places::default());
            let _ = Scan { text: text.as_bytes(), depth_max: 64, marks, scalars }.run(Counted(&steps));
            assert!(steps.get() <= text.len().div_ceil(64), "{start}{piece}");
            assert!(marks.len() <= 2 * text.len() + 1024, "{start}{piece}");
        }
    }
}
