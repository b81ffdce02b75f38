//! `make bench`: measures the release binaries under AWS's Runtime Interface Emulator, deployed as the template deploys
//! them, and prints what `docs/performance.md` holds.
#![expect(clippy::print_stdout, reason = "a command's words to whoever runs it")]

mod cold;
mod growth;
mod local;
mod memory;
mod package;
mod peers;
mod quantile;
mod report;
mod subject;
mod throughput;
mod vault;
mod warm;

use holdfast_tests::deployment::{self, Deployment};
use report::Row;
use subject::Subjects;

#[tokio::main]
async fn main() {
    let deployment = Deployment::create().await;
    let subjects = Subjects::prepare(&deployment).await;
    // `bench vault` measures the vault's share alone, and so on.
    let part = std::env::args().nth(1);
    let asked = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let table = asked("table");
    let mut rows = Vec::new();
    if table {
        print!("{}", report::HEAD);
    }
    for subject in subjects.all().into_iter().filter(|_| table) {
        let cold = cold::measure(&deployment, &subject).await;
        let warm = warm::measure(&deployment, &subject).await;
        let package = package::measure(subject.function);
        let row = Row { subject, cold, warm, package };
        println!("{row}");
        rows.push(row);
    }
    if asked("vault") {
        print!("{}", vault::measure(&deployment, &subjects).await);
    }
    if asked("peers") {
        print!("{}", peers::measure(&deployment, subjects.read()).await);
    }
    if asked("growth") {
        print!("{}", growth::measure().await);
    }
    if asked("throughput") {
        print!("{}", throughput::measure().await);
    }
    print!("{}", report::misses(&rows));
}
