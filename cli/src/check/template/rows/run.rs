//! Functions: their limits and roles, the signatures of their code, and the workflow that tests them.

use holdfast_shared::hardening::Observation;

use super::secrets::has_no_login;
use super::{Stack, functions, is, judge, number, pass_unless};

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    [vec![limits(stack), roles(stack)], signing(stack), vec![workflow(stack)]].concat()
}

fn limits(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let mut count = 0;
    for function in functions(stack) {
        count += 1;
        for limit in ["MemorySize", "Timeout", "ReservedConcurrentExecutions"] {
            if function.at(&format!("/{limit}")).is_none() {
                faults.push(format!("{} has no {limit}", function.name));
            }
        }
    }
    if count == 0 {
        faults.push("there is no function".to_owned());
    }
    pass_unless("RUN-2", &faults, format!("{count} functions have memory, time and concurrency limited"))
}

/// Every function has a role, which gives it no more than it needs.
fn roles(stack: &Stack) -> Observation {
    let bare = functions(stack).filter(|function| function.at("/Role").is_none());
    let faults: Vec<_> = bare.map(|function| format!("{} has no role of its own", function.name)).collect();
    pass_unless("RUN-2", &faults, "every function has a role of its own")
}

/// Returns the sum of the reserved concurrency of the functions that use the database; none if a value is not known.
pub(super) fn connections(stack: &Stack) -> Option<u64> {
    let connecting = functions(stack).filter(|function| !has_no_login(function));
    connecting.map(|function| u64::try_from(number(function.at("/ReservedConcurrentExecutions"))?).ok()).sum()
}

fn signing(stack: &Stack) -> Vec<Observation> {
    let unsigned: Vec<_> = functions(stack)
        .filter(|function| function.at("/CodeSigningConfigArn").is_none())
        .map(|function| format!("{} accepts unsigned code", function.name))
        .collect();
    let mut observations = vec![pass_unless("CI-2", &unsigned, "every function accepts signed code only")];
    let path = "/CodeSigningPolicies/UntrustedArtifactOnDeployment";
    let configs = stack.of("AWS::Lambda::CodeSigningConfig");
    observations.extend(configs.map(|config| judge("CI-2", config, path, is("Enforce"), "Enforce")));
    observations
}

fn workflow(stack: &Stack) -> Observation {
    let folder = stack.root.join(".github/workflows");
    let files = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let texts: Vec<String> = files.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let tested = texts.iter().any(|text| text.contains("pull_request") && text.contains(".ci/run"));
    let script = std::fs::read_to_string(stack.root.join(".ci/run")).unwrap_or_default();
    let mut faults = Vec::new();
    if !tested {
        faults.push("no workflow runs .ci/run on pull requests".to_owned());
    }
    for command in ["make check", "make test"] {
        if !script.contains(command) {
            faults.push(format!(".ci/run does not run `{command}`"));
        }
    }
    pass_unless("CI-1", &faults, "a workflow runs `make check` and `make test` on every pull request")
}
