//! How functions run: their limits, their code's signatures, the workflow that tests them.

use holdfast_shared::hardening::Observation;

use super::{Stack, functions, is, judge, unless};

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    [vec![limits(stack)], signing(stack), vec![workflow(stack)]].concat()
}

fn limits(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    let mut count = 0;
    for function in functions(stack) {
        count += 1;
        for limit in ["MemorySize", "Timeout", "ReservedConcurrentExecutions"] {
            if function.at(&format!("/{limit}")).is_none() {
                against.push(format!("{} has no {limit}", function.name));
            }
        }
    }
    if count == 0 {
        against.push("there is no function".to_owned());
    }
    unless("RUN-2", &against, format!("{count} functions have memory, time and concurrency limited"))
}

/// The sum of reserved concurrency; none where one is not known.
pub(super) fn connections(stack: &Stack) -> Option<u64> {
    functions(stack)
        .map(|function| {
            let reserved = function.at("/ReservedConcurrentExecutions")?;
            reserved.as_u64().or_else(|| reserved.as_str()?.parse().ok())
        })
        .sum()
}

fn signing(stack: &Stack) -> Vec<Observation> {
    let unsigned: Vec<_> = functions(stack)
        .filter(|function| function.at("/CodeSigningConfigArn").is_none())
        .map(|function| format!("{} takes code that nobody signed", function.name))
        .collect();
    let mut seen = vec![unless("CI-2", &unsigned, "every function takes signed code alone")];
    let path = "/CodeSigningPolicies/UntrustedArtifactOnDeployment";
    let configs = stack.of("AWS::Lambda::CodeSigningConfig");
    seen.extend(configs.map(|config| judge("CI-2", config, path, is("Enforce"), "Enforce")));
    seen
}

fn workflow(stack: &Stack) -> Observation {
    let folder = stack.root.join(".github/workflows");
    let files = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let texts: Vec<String> = files.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let tested = texts.iter().any(|text| text.contains("pull_request") && text.contains(".ci/run"));
    let script = std::fs::read_to_string(stack.root.join(".ci/run")).unwrap_or_default();
    let mut against = Vec::new();
    if !tested {
        against.push("no workflow runs .ci/run on pull requests".to_owned());
    }
    for command in ["make check", "make test"] {
        if !script.contains(command) {
            against.push(format!(".ci/run does not run `{command}`"));
        }
    }
    unless("CI-1", &against, "a workflow runs `make check` and `make test` on every pull request")
}
