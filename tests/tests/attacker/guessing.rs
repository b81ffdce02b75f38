//! Guesses at passwords and codes: sent at the same time, from rotating addresses, with a stolen session, for hours; and
//! what they do to the user's neighbours and to the user. The routes come from the route table.

use futures_util::future::join_all;
use holdfast_shared::permission::Role;
use holdfast_shared::problem::Code;
use holdfast_shared::route::{Access, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::sample::{Sample, Samples};
use holdfast_tests::users;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Fields that hold what is guessed.
const GUESSED: [&str; 4] = ["password", "current_password", "code", "otp"];
/// Attempts without a delay.
const FREE: usize = 5;

/// Returns the routes that compare a password or a code.
fn guessable() -> Vec<&'static Route> {
    let endpoints = holdfast::gateway::endpoints();
    let routes: Vec<_> = endpoints.iter().map(|endpoint| endpoint.route).collect();
    routes.into_iter().filter(|route| route.rejections.contains(&Code::InvalidCredentials)).collect()
}

/// Replaces what is compared in a request that would succeed. A code of 16 letters is taken for a recovery code.
fn wrong(sample: &Sample, guess: &str) -> Sample {
    let mut sample = sample.clone();
    let body = sample.body.as_mut().and_then(Value::as_object_mut).unwrap();
    for field in GUESSED {
        if let Some(value) = body.get_mut(field) {
            *value = guess.into();
        }
    }
    sample
}

fn count(responses: &[Response], outcome: &str) -> usize {
    responses.iter().filter(|response| response.outcome() == outcome).count()
}

/// Signs in a user of its own for a route that needs one, so that the attempts at one route do not count for another.
async fn guesser(app: &TestApp, route: &Route, name: &str) -> Client {
    if route.access == Access::Anyone {
        return app.anonymous();
    }
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    users::create_user(app, &admin, name, Role::Viewer).await;
    app.sign_in_as(Tenant::Acme, name).await
}

#[tokio::test]
async fn simultaneous_guesses_are_counted_before_they_are_evaluated() {
    for (index, guess) in ["a wrong guess, 1", "000000", "abcd-efgh-ijkl-mnop"].into_iter().enumerate() {
        let app = TestApp::start().await;
        let samples = Samples::new(&app).await;
        for (number, route) in guessable().into_iter().enumerate() {
            app.database.execute("DELETE FROM attempts; DELETE FROM totp_secrets").await;
            let client = guesser(&app, route, &format!("guesser-{index}-{number}")).await;
            let sample = wrong(&samples.of(route, Tenant::Acme, &client).await, guess);
            let guesses = join_all((0..24).map(|_| sample.send(route, &client))).await;
            let (evaluated, limited) =
                (count(&guesses, "401 invalid_credentials"), count(&guesses, "429 rate_limited"));
            assert_eq!((evaluated, limited), (FREE, 24 - FREE), "{} {} {guess}", route.method, route.path);
            assert!(guesses.iter().all(|guess| guess.status != 429 || guess.header("retry-after") == "1"));
        }
    }
}

#[tokio::test]
async fn a_stolen_session_ends_after_ten_wrong_guesses_from_whatever_addresses() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let mut tried = 0;
    for (number, route) in guessable().into_iter().enumerate().filter(|(_, route)| route.access != Access::Anyone) {
        let client = guesser(&app, route, &format!("owner-{number}")).await;
        let sample = wrong(&samples.of(route, Tenant::Acme, &client).await, "000000");
        let mut evaluated = 0;
        for address in 0..40 {
            let thief = client.clone().from_address(&format!("198.51.100.{address}"));
            let outcome = sample.send(route, &thief).await.outcome();
            evaluated += usize::from(outcome == "401 invalid_credentials");
            assert_ne!(outcome, "429 rate_limited", "half a minute is the longest delay");
            app.clock.advance(16);
            if evaluated < 10 {
                assert_eq!(outcome, "401 invalid_credentials", "{} {}", route.method, route.path);
            }
        }
        assert_eq!(evaluated, 10, "{} {}", route.method, route.path);
        assert_eq!(client.get("/auth/whoami").await.outcome(), "401 unauthenticated");
        let user = format!("owner-{number}");
        let reason = format!(
            "SELECT string_agg(s.end_reason, ',') FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = '{user}'"
        );
        assert_eq!(app.database.value::<String>(&reason, &[]).await, "attempts");
        tried += 1;
    }
    assert!(tried >= 3, "{tried} routes");
}

#[tokio::test]
async fn what_is_rejected_without_a_guess_ends_no_session() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for _ in 0..12 {
        let weak = json!({"current_password": app.password.expose_secret(), "new_password": "password1234"});
        assert_eq!(viewer.post("/auth/password", &weak).await.outcome(), "400 validation_failed");
        let nothing = viewer.post("/auth/mfa/totp/confirm", &json!({"code": "000000"})).await;
        assert_eq!(nothing.outcome(), "409 conflict");
    }
    assert_eq!(viewer.get("/auth/whoami").await.status, 200);
}

#[tokio::test]
async fn an_office_behind_one_address_is_not_locked_out_by_typing_errors() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let office = app.anonymous().from_address("203.0.113.20");
    let sign_in = |name: String, password: String| {
        let body = json!({"tenant": Tenant::Acme.slug(), "username": name, "password": password});
        let office = office.clone();
        async move { office.post("/auth/login", &body).await }
    };
    let right = app.password.expose_secret().to_owned();
    for number in 0..12 {
        users::create_user(&app, &admin, &format!("clerk-{number}"), Role::Viewer).await;
    }
    // On six days, each mistypes once: more typing errors than an address has guesses.
    for day in 0..6 {
        for number in 0..12 {
            let name = format!("clerk-{number}");
            let typo = sign_in(name.clone(), "a typing error".to_owned()).await;
            assert_eq!(typo.outcome(), "401 invalid_credentials", "day {day}, {name}");
            let good = sign_in(name.clone(), right.clone()).await;
            assert_eq!(good.status, 200, "day {day}, {name}: {good:?}");
        }
        app.clock.advance(23 * 3600);
    }
    // A neighbour who guesses at other users delays those who are known here not at all.
    let guesses = join_all((0..90).map(|number| sign_in(format!("nobody-{number}"), "a guess".to_owned()))).await;
    assert!(count(&guesses, "429 rate_limited") >= 40, "{}", count(&guesses, "429 rate_limited"));
    assert_eq!(sign_in("clerk-7".to_owned(), right).await.status, 200);
}

#[tokio::test]
async fn an_ipv6_network_is_one_address() {
    let app = TestApp::start().await;
    let guess = |host: u32| {
        let body = json!({"tenant": "acme", "username": format!("nobody-{host}"), "password": "a guess"});
        let client = app.anonymous().from_address(&format!("2001:db8:1:2:{host:x}:9:9:9"));
        async move { client.post("/auth/login", &body).await }
    };
    let guesses = join_all((0..70).map(guess)).await;
    assert_eq!((count(&guesses, "401 invalid_credentials"), count(&guesses, "429 rate_limited")), (50, 20));
}

/// A day and a half of guesses at one user from ten thousand addresses, each minute one, and many at the start: faster than they
/// are evaluated.
#[tokio::test]
async fn of_an_attack_for_days_at_most_a_hundred_guesses_a_day_are_evaluated_and_the_owner_signs_in() {
    const MINUTES: u32 = 36 * 60;
    const AT_THE_START: u32 = 200;
    let app = TestApp::start().await;
    let home = app.anonymous().from_address("203.0.113.77");
    let right = app.credentials(Tenant::Acme, Role::Editor);
    assert_eq!(home.post("/auth/login", &right).await.status, 200);
    let mut guess = right.clone();
    guess["password"] = "a guess, and a wrong one".into();
    let (mut evaluated, mut owner_waited, mut sent) = (Vec::new(), 0_u64, 0_u32);
    for minute in 0..MINUTES {
        for _ in 0..if minute == 0 { AT_THE_START } else { 1 } {
            let attacker = app.anonymous().from_address(&format!("198.18.{}.{}", sent / 250 % 40, sent % 250));
            sent += 1;
            if attacker.post("/auth/login", &guess).await.status == 401 {
                evaluated.push(minute);
            }
        }
        if minute % 60 == 30 {
            let mut response = home.post("/auth/login", &right).await;
            while response.status == 429 {
                let seconds: u64 = response.header("retry-after").parse().unwrap();
                owner_waited = owner_waited.max(seconds);
                app.clock.advance(i64::try_from(seconds).unwrap());
                response = home.post("/auth/login", &right).await;
            }
            assert_eq!(response.status, 200, "minute {minute}: {response:?}");
        }
        app.clock.advance(60);
    }
    let of_a_day = |from: u32| evaluated.iter().filter(|minute| (from..from + 24 * 60).contains(minute)).count();
    let worst = (0..=MINUTES - 24 * 60).map(of_a_day).max().unwrap();
    println!(
        "{sent} guesses sent in 36 hours, {} evaluated, at most {worst} in any 24 hours; the owner waited {owner_waited} s",
        evaluated.len()
    );
    assert!((80..=100).contains(&worst), "{worst} guesses were evaluated in 24 hours");
    assert_eq!(owner_waited, 0);

    // From the owner's own address, the worst place: the owner waits half a minute at most.
    for _ in 0..200 {
        home.post("/auth/login", &guess).await;
        app.clock.advance(20);
    }
    let response = home.post("/auth/login", &right).await;
    if response.status == 429 {
        let seconds: i64 = response.header("retry-after").parse().unwrap();
        assert!(seconds <= 30, "{seconds}");
        app.clock.advance(seconds);
    }
    assert_eq!(home.post("/auth/login", &right).await.status, 200);
}
