//! `make bench`: measures the release binaries under AWS's Runtime Interface Emulator, deployed as the template deploys
//! them, and prints the tables of `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a command prints its result")]

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
    // `bench vault` measures only the vault's share, and so on.
    let part = std::env::args().nth(1);
    let selected = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let table = selected("table");
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
    if selected("vault") {
        print!("{}", vault::measure(&deployment, &subjects).await);
    }
    if selected("peers") {
        print!("{}", peers::measure(&deployment, subjects.read()).await);
    }
    if selected("growth") {
        print!("{}", growth::measure().await);
    }
    if selected("throughput") {
        print!("{}", throughput::measure().await);
    }
    print!("{}", report::misses(&rows));
}
