//! The accounts function compared with peers that do less (`tests/peers`). They run in turns, so that load on the machine
//! slows all of them.

use std::fmt::Write as _;
use std::time::Duration;

use holdfast_tests::emulator::Emulator;
use holdfast_tests::tools;

use crate::cold;
use crate::deployment::Deployment;
use crate::quantile::median;
use crate::report::{mebibytes, milliseconds};
use crate::subject::Subject;
use crate::warm::{self, ROUNDS, Warm};

/// Cold starts in each round.
const STARTS: usize = 5;
/// The target for the ratio of a peer's cold start to the function's.
const MIN_COLD_RATIO: f64 = 15.0;

const PEERS: [(&str, &str); 2] = [("Node.js", "node"), ("Python", "python")];

/// The measurements of one candidate.
#[derive(Default)]
struct Figures {
    cold: Vec<Duration>,
    warm: Vec<Warm>,
}

/// Returns a table of all candidates, and the missed targets.
pub(crate) async fn measure(deployment: &Deployment, subject: Subject) -> String {
    let environment = environment(deployment).await;
    let mut figures = [Figures::default(), Figures::default(), Figures::default()];
    for _ in 0..ROUNDS {
        for (candidate, figures) in figures.iter_mut().enumerate() {
            let start = async || match candidate.checked_sub(1).and_then(|peer| PEERS.get(peer)) {
                None => deployment.instance(subject.function).await,
                Some((_, folder)) => {
                    let bootstrap = tools::workspace().join(format!("tests/peers/{folder}/{folder}-peer"));
                    Emulator::start(&bootstrap, &environment).await
                }
            };
            for _ in 0..STARTS {
                figures.cold.push(cold::start(&start().await, &subject).await);
            }
            figures.warm.push(warm::round(&start().await, &subject).await);
        }
    }
    report(figures)
}

/// Returns the environment that the template sets, with a database user who bypasses row-level security: the peers set no
/// tenant.
async fn environment(deployment: &Deployment) -> Vec<(&'static str, String)> {
    let secret = deployment.moto.secret(&[("DATABASE_URL", deployment.database.superuser_url())]).await;
    let mut environment = deployment.moto.environment();
    environment.push(("AWS_DEFAULT_REGION", holdfast_tests::moto::REGION.to_owned()));
    environment.push(("SECRETS_ARN", secret));
    environment.push(("DATABASE_CA_FILE", deployment.database.ca_file().display().to_string()));
    environment.push(("PATH", std::env::var("PATH").unwrap_or_default()));
    environment
}

fn report(figures: [Figures; 3]) -> String {
    let mut text = "| `GET /accounts/{id}` | cold start | warm p50 | warm p99 | peak memory |\n\
                    | --- | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    let names = std::iter::once("accounts").chain(PEERS.map(|(name, _)| name));
    let all: Vec<_> =
        names.zip(figures).map(|(name, Figures { cold, warm })| (name, median(cold), Warm::of(&warm))).collect();
    for (name, cold, Warm { p50, p99, peak }) in &all {
        let figures = [milliseconds(*cold), milliseconds(*p50), milliseconds(*p99), mebibytes(*peak)];
        let _ = writeln!(text, "| {name} | {} |", figures.join(" | "));
    }
    let Some(((_, cold, warm), peers)) = all.split_first() else { return text };
    for (name, peers_cold, peers_warm) in peers {
        let ratio = peers_cold.as_secs_f64() / cold.as_secs_f64();
        let _ = writeln!(text, "{name} takes {ratio:.1} times as long to start");
        if ratio < MIN_COLD_RATIO {
            let _ = writeln!(text, "missed: {name} should take {MIN_COLD_RATIO} times as long to start");
        }
        for (what, ours, theirs) in [("p50", warm.p50, peers_warm.p50), ("p99", warm.p99, peers_warm.p99)] {
            if ours >= theirs {
                let _ = writeln!(text, "missed: {name}'s {what} should be longer than the function's");
            }
        }
    }
    text
}
