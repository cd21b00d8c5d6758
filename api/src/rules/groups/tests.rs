use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use engine::{Group, GroupPage, GroupView, Partition, Timestamp, Window};
use ports::{GroupQuery, Groups, NoGroups};
use serde_json::{Value, json};

use crate::access::Role;
use crate::testing::{ALERT, CUSTOMER, Harness, TOKEN};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";
const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";

/// Notes what it is asked, and shows one group, if it is to.
#[derive(Default)]
struct Asked {
    questions: Mutex<Vec<GroupQuery>>,
    elsewhere: bool,
}

impl Groups for Asked {
    fn groups(&self, query: &GroupQuery) -> Result<GroupPage, NoGroups> {
        self.questions.lock().unwrap().push(query.clone());
        if self.elsewhere {
            return Err(NoGroups::Elsewhere { partition: Partition(2) });
        }
        let groups = vec![GroupView {
            group: Group::none(),
            value: Some(3_u64.into()),
            value_is_estimate: true,
            window: Some(Window { start: Some(Timestamp(0)), end: Timestamp(60_000) }),
            contributions: 3,
            first_seen: Some(Timestamp(1)),
            last_seen: Some(Timestamp(2)),
            firing: false,
            armed: true,
            next_timer: Some(Timestamp(60_000)),
            missing: vec!["a value gte 5; it is 3".to_owned()],
        }];
        Ok(GroupPage { rule_version: 7, groups, next: None, groups_seen: 1, is_partial: false })
    }
}

/// An API with a rule of a customer, one of another customer, and two global ones, of which one leaves the customer out.
async fn api(asked: &Arc<Asked>) -> Harness {
    let groups: Arc<dyn Groups> = Arc::<Asked>::clone(asked);
    let mut api = Harness::with_groups(groups);
    api.workers_are_ahead();
    for (owner, alert, scope) in [
        (CUSTOMER, ALERT, None),
        (OTHER, ALERT, None),
        (GLOBAL, ALERT, None),
        (GLOBAL, CUSTOMER, Some(json!({"exclude": [CUSTOMER]}))),
    ] {
        let mut rule = json!({"customerId": owner, "alertId": alert, "alertName": "n", "match": "$.a"});
        if let Some(scope) = scope {
            rule["scope"] = scope;
        }
        assert_eq!(api.post("/v1/rules", rule.to_string()).await.status, StatusCode::CREATED);
    }
    api
}

async fn token(api: &Harness, role: Role) -> String {
    let customer = role.is_of_customer().then_some(CUSTOMER);
    let wanted = json!({"role": role.name(), "customerId": customer, "name": "a token"});
    let made = api.post("/v1/tokens", wanted.to_string()).await;
    made.json()["token"].as_str().unwrap().to_owned()
}

fn path(owner: &str, alert: &str, query: &str) -> String {
    format!("/v1/rules/{owner}/{alert}/state{query}")
}

#[tokio::test]
async fn a_customer_sees_its_own_groups_alone_also_of_a_global_rule() {
    let asked = Arc::new(Asked::default());
    let api = api(&asked).await;
    for role in [Role::Viewer, Role::RuleAuthor, Role::Responder, Role::TenantAdmin] {
        let token = token(&api, role).await;
        let get = async |path: String| api.send_as(&token, Method::GET, &path, "").await;
        for shown in [
            path(CUSTOMER, ALERT, ""),
            path(CUSTOMER, ALERT, &format!("?customerId={CUSTOMER}")),
            path(GLOBAL, ALERT, ""),
            path(GLOBAL, ALERT, &format!("?customerId={CUSTOMER}")),
        ] {
            asked.questions.lock().unwrap().clear();
            let answered = get(shown).await;
            assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
            assert_eq!(
                (&answered.json()["groups"][0]["value"], &answered.json()["ruleVersion"]),
                (&json!(3), &json!(7))
            );
            let questions = asked.questions.lock().unwrap();
            assert_eq!(questions[0].customer, CUSTOMER.parse().unwrap());
            assert_eq!(questions[0].limit, 100);
        }
        asked.questions.lock().unwrap().clear();
        for (hidden, code) in [
            (path(OTHER, ALERT, ""), "TOC-4014"),
            (path(OTHER, ALERT, &format!("?customerId={CUSTOMER}")), "TOC-4014"),
            (path(OTHER, CUSTOMER, ""), "TOC-4014"),
            (path(GLOBAL, CUSTOMER, ""), "TOC-4014"),
            (path(GLOBAL, ALERT, &format!("?customerId={OTHER}")), "TOC-4029"),
            (path(CUSTOMER, ALERT, &format!("?customerId={OTHER}")), "TOC-4029"),
        ] {
            let answered = get(hidden).await;
            assert_eq!((answered.status, answered.code().as_str()), (StatusCode::NOT_FOUND, code));
        }
        assert!(asked.questions.lock().unwrap().is_empty(), "nobody is asked for what is not to be seen");
    }
}

#[tokio::test]
async fn who_may_not_see_what_alerts_say_sees_no_keys_of_groups() {
    let asked = Arc::new(Asked::default());
    let api = api(&asked).await;
    for role in [Role::Operator, Role::Auditor, Role::GlobalAuthor] {
        let token = token(&api, role).await;
        for owner in [CUSTOMER, GLOBAL] {
            let answered = api.send_as(&token, Method::GET, &path(owner, ALERT, ""), "").await;
            assert_eq!((answered.status, answered.code().as_str()), (StatusCode::FORBIDDEN, "TOC-4005"));
        }
    }
    assert!(asked.questions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn root_names_the_customer_of_a_global_rule() {
    let asked = Arc::new(Asked::default());
    let api = api(&asked).await;
    let shown = api.get(&path(GLOBAL, ALERT, &format!("?customerId={OTHER}&limit=7"))).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    {
        let questions = asked.questions.lock().unwrap();
        assert_eq!((questions[0].customer, questions[0].limit), (OTHER.parse().unwrap(), 7));
    }
    for query in [
        String::new(),
        format!("?customerId={GLOBAL}"),
        format!("?customerId={OTHER}&limit=0"),
        format!("?customerId={OTHER}&limit=1001"),
        format!("?customerId={OTHER}&next=g1.00"),
        format!("?customerId={OTHER}&next=g1.%C3%A9"),
        format!("?customerId={OTHER}&page=2"),
    ] {
        let answered = api.get(&path(GLOBAL, ALERT, &query)).await;
        assert_eq!(
            (answered.status, answered.code().as_str()),
            (StatusCode::BAD_REQUEST, "TOC-4010"),
            "{query}: {}",
            answered.text
        );
    }
    let other = api.get(&path(CUSTOMER, ALERT, &format!("?customerId={OTHER}"))).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    assert_eq!(asked.questions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_without_the_state_says_where_it_is() {
    let asked = Arc::new(Asked { elsewhere: true, ..Asked::default() });
    let api = api(&asked).await;
    let answered = api.get(&path(CUSTOMER, ALERT, "")).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "TOC-4042"));
    assert!(answered.text.contains("partition 2") && answered.header("retry-after") == "1");

    let mut alone = Harness::start();
    alone.workers_are_ahead();
    let rule = json!({"customerId": CUSTOMER, "alertId": ALERT, "alertName": "n", "match": "$.a"});
    alone.post("/v1/rules", rule.to_string()).await;
    let answered = alone.send_as(TOKEN, Method::GET, &path(CUSTOMER, ALERT, ""), "").await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "TOC-4042"));
    let partition = engine::partition_of(CUSTOMER.as_bytes(), crate::testing::PARTITIONS);
    assert!(answered.text.contains(&format!("partition {partition};")), "{}", answered.text);
}

#[test]
fn the_contract_has_the_members_of_a_page() {
    let query = GroupQuery {
        rule: rules::RuleKey { customer: CUSTOMER.parse().unwrap(), alert: ALERT.parse().unwrap() },
        customer: CUSTOMER.parse().unwrap(),
        limit: 1,
        behind: None,
    };
    let page = serde_json::to_value(Asked::default().groups(&query).unwrap()).unwrap();
    let contract = serde_json::to_value(crate::router::contract()).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let described = |schema: &str| names(&contract["components"]["schemas"][schema]["properties"]);
    let mut members = names(&page);
    // There is one where there are more groups.
    members.insert("next".to_owned());
    assert_eq!(members, described("RuleGroups"));
    assert_eq!(names(&page["groups"][0]), described("RuleGroup"));
    assert_eq!(names(&page["groups"][0]["window"]), described("RuleGroupWindow"));
}
