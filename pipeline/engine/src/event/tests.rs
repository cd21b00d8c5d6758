use super::*;
use serde_json::json;

const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";

fn decoded(envelope: &str) -> Result<Event, Reason> {
    decode(Some(envelope.as_bytes())).map_err(|refusal| refusal.reason)
}

#[test]
fn a_payload_is_a_string_or_an_object() {
    let as_string = json!({"customerId": CUSTOMER, "payload": r#"{"a":"\u00e9\n"}"#}).to_string();
    let as_object =
        json!({"payload": {"a": "é\n"}, "customerId": CUSTOMER.to_uppercase(), "more": [1]}).to_string();
    let expected = Event { customer: CUSTOMER.parse().unwrap(), payload: json!({"a": "é\n"}).into() };
    assert_eq!(decoded(&as_string), Ok(expected.clone()));
    assert_eq!(decoded(&as_object), Ok(expected));
}

#[test]
fn a_string_payload_may_hold_any_document() {
    for document in ["1", "null", "[]", "\"a\""] {
        assert!(
            decoded(&json!({"customerId": CUSTOMER, "payload": document}).to_string()).is_ok(),
            "{document}"
        );
    }
}

#[test]
fn numbers_of_any_size_and_half_a_surrogate_pair_lose_no_event() {
    for payload in [
        r#"{"a":1e400}"#,
        r#""{\"a\":1e400}""#,
        r#"{"a":"\ud800"}"#,
        r#""{\"a\":\"\ud800\"}""#,
        r#""{\"a\":\"\\ud800\"}""#,
    ] {
        let event = decoded(&format!(r#"{{"customerId":"{CUSTOMER}","payload":{payload}}}"#)).unwrap();
        assert_eq!(event.payload.is_altered(), payload.contains("ud800"), "{payload}");
    }
}

#[test]
fn what_is_kept_for_no_rules_is_nothing_and_the_same_events_are_refused() {
    let nobody = rules::Matcher::compile(&rules::RuleBook::default());
    for payload in [r#"{"a":[1]}"#, r#""{\"a\":[1]}""#, r#""{\"a\":[1}""#, "1", r#"{"a":"\ud800"}"#] {
        let text = format!(r#"{{"customerId":"{CUSTOMER}","payload":{payload}}}"#);
        let (whole, part) = (decode(Some(text.as_bytes())), decode_for(&nobody, Some(text.as_bytes())));
        assert_eq!(whole.as_ref().err(), part.as_ref().err(), "{payload}");
        if let (Ok(whole), Ok(part)) = (whole, part) {
            assert_eq!(
                (part.customer, part.payload.is_altered()),
                (whole.customer, whole.payload.is_altered())
            );
            assert!(part.payload.root().is_null());
        }
    }
}

#[test]
fn the_last_of_duplicate_fields_wins() {
    let text =
        format!(r#"{{"payload":{{"a":1}},"customerId":"x","customerId":"{CUSTOMER}","payload":{{"a":2}}}}"#);
    assert_eq!(decoded(&text).unwrap().payload, json!({"a": 2}).into());
}

#[test]
fn every_fault_has_its_reason() {
    let payload =
        |payload: serde_json::Value| json!({"customerId": CUSTOMER, "payload": payload}).to_string();
    let global = json!({"customerId": CustomerId::GLOBAL, "payload": {}}).to_string();
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let cases = [
        ("", Reason::BadEnvelope),
        ("[]", Reason::BadEnvelope),
        ("{} {}", Reason::BadEnvelope),
        (r#"{"payload": NaN}"#, Reason::BadEnvelope),
        (r#"{"payload": {}}"#, Reason::BadCustomer),
        (r#"{"customerId": 1, "payload": {}}"#, Reason::BadCustomer),
        (r#"{"customerId": "x", "payload": {}}"#, Reason::BadCustomer),
        (&global, Reason::GlobalCustomer),
        (&json!({ "customerId": CUSTOMER }).to_string(), Reason::BadPayloadType),
        (&payload(json!(null)), Reason::BadPayloadType),
        (&payload(json!([1])), Reason::BadPayloadType),
        (&payload(json!("{")), Reason::BadPayload),
        (&payload(json!("")), Reason::BadPayload),
        (&payload(json!(deep)), Reason::TooDeep),
    ];
    for (envelope, reason) in cases {
        assert_eq!(decoded(envelope), Err(reason), "{envelope:.80}");
    }
    assert_eq!(decode(None).unwrap_err().reason, Reason::NoValue);
    assert_eq!(decode(Some(b"{\"payload\": \"\xff\"}")).unwrap_err().reason, Reason::NotUtf8);
    assert_eq!(decode(Some(&vec![b' '; 2 * EVENT_BYTES_MAX])).unwrap_err().reason, Reason::TooLarge);
}

#[test]
fn an_envelope_that_is_an_object_a_thousand_deep_is_refused_without_recursion() {
    let text =
        format!(r#"{{"customerId":"{CUSTOMER}","payload":{}1{}}}"#, "{\"a\":".repeat(1000), "}".repeat(1000));
    assert!(matches!(decoded(&text), Err(Reason::BadEnvelope | Reason::TooDeep)));
}

#[test]
fn details_quote_nothing_of_the_record() {
    for envelope in [r#"{"customerId": "hunter2"}"#, r#"{"hunter2": "#, r#"hunter2"#] {
        assert!(!decode(Some(envelope.as_bytes())).unwrap_err().detail.contains("hunter2"));
    }
}

fn whole(_: CustomerId, form: Form<'_>) -> Result<Payload, PayloadError> {
    match form {
        Form::Text(text) => Payload::parse(text),
        Form::Quoted(literal) => Payload::parse_quoted(literal),
    }
}

#[test]
fn what_producers_write_is_read_plainly() {
    for envelope in [
        format!(r#"{{"customerId":"{CUSTOMER}","payload":"{{\"a\":[1,\"\\u00e9\\n\"]}}"}}"#),
        format!(r#" {{ "payload" : "[\n 1 ]" , "customerId" : "{CUSTOMER}" }} "#),
        format!(r#"{{"customerId":"{CUSTOMER}","payload":{{"a":{{"b":"}}"}}}} }}"#),
        format!(r#"{{"payload":{{"a":{{}}}},"customerId":"{CUSTOMER}","é":[{{}},1e5,"\n"]}}"#),
        format!(r#"{{"payload":"1","payload":{{}},"customerId":"{CUSTOMER}","payload":"2"}}"#),
    ] {
        let plainly = plain::read(envelope.as_bytes(), &whole);
        assert_eq!(plainly.as_ref(), by_the_book(envelope.as_bytes(), &whole).ok().as_ref(), "{envelope}");
        assert!(plainly.is_some(), "{envelope}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

    /// Damaged envelopes: what is read plainly is what the book says, and nothing is that it refuses.
    #[test]
    fn an_envelope_that_is_read_plainly_means_what_the_book_says(
        form in 0usize..5,
        cuts in proptest::collection::vec((0usize..200, 0usize..4, 0usize..24), 0..3),
    ) {
        const PIECES: [&[u8]; 24] = [
            b"", b"\"", b"\\", b"{", b"}", b",", b":", b"[", b"]", b" ", b"\x0c", b"\xff", b"\xc3", b"\xa9", b"1", b"\\u0061",
            b"\\ud800", b"\"payload\":", b"\"payload\":{},", b",\"payload\":\"2\"", b",\"customerId\":\"x\"", b"\\\"", b"\0", b"{}}",
        ];
        let forms = [
            format!(r#"{{"customerId":"{CUSTOMER}","payload":"{{\"a\":[1,\"\\u00e9\\n\",\"é\"]}}"}}"#),
            format!(r#"{{"payload":"[1,{{}}]","more":[{{"x":null}}],"customerId":"{CUSTOMER}"}}"#),
            format!(r#"{{"customerId":"{CUSTOMER}","payload":{{"a":{{"b":"}}"}}}}}}"#),
            format!(r#"{{"payload":{{"a":{{}}}},"customerId":"{CUSTOMER}"}}"#),
            format!(r#"{{"customerId":"{CUSTOMER}","payload":{{"a":1}},"more":{{"b":1}}}}"#),
        ];
        let mut envelope = forms[form].clone().into_bytes();
        for (at, length, piece) in cuts {
            let at = at % envelope.len();
            let end = (at + length).min(envelope.len());
            envelope.splice(at..end, PIECES[piece].iter().copied());
        }
        if let Some(event) = plain::read(&envelope, &whole) {
            proptest::prop_assert_eq!(by_the_book(&envelope, &whole), Ok(event), "{}", String::from_utf8_lossy(&envelope));
        }
    }
}
