//! Events that look like requests and are not API Gateway's: nobody says whose address they come from, so they would all be
//! counted as one caller.

use holdfast_tests::deployment::Deployment;
use holdfast_tests::events;
use serde_json::{Value, json};

fn login(context: &Value) -> Value {
    let mut event = events::unfilled("auth/login");
    event["requestContext"] = context.clone();
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_gateways_events_are_served() {
    let deployment = Deployment::create().await;
    let auth = deployment.instance("auth").await;
    let own = events::unfilled("auth/login")["requestContext"].clone();
    let mut without_address = own.clone();
    without_address["identity"].as_object_mut().unwrap().remove("sourceIp");
    let mut empty_address = own.clone();
    empty_address["identity"]["sourceIp"] = "".into();
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/x/6d0ecf831eec9f09";
    let events = [
        ("a load balancer's", login(&json!({"elb": {"targetGroupArn": arn}}))),
        (
            "a WebSocket's",
            login(&json!({"routeKey": "$default", "eventType": "MESSAGE", "connectionId": "x", "apiId": "y"})),
        ),
        ("without an address", login(&without_address)),
        ("with an empty address", login(&empty_address)),
        ("a bare object", json!({})),
        ("a path and a method", json!({"path": "/auth/login", "httpMethod": "POST", "body": "{}"})),
    ];
    for (name, event) in events {
        let response = auth.invoke(&event).await;
        let refused = response["statusCode"] == 403 || response["errorType"].is_string() || response.is_null();
        assert!(refused, "{name}: {response}");
    }
    let counted = deployment.database.count("SELECT count(*) FROM attempts").await;
    assert_eq!(counted, 0, "none was counted as an attempt");
    // The gateway's own is served: the placeholder is no password.
    assert_eq!(auth.invoke(&login(&own)).await["statusCode"], 401);
}
