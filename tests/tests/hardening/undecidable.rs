//! The checklist before a deployment, where a template does not say enough: what rests on a condition that cannot be decided, or on
//! a value that is not known, is unknown, and nothing else is.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use holdfast::check::template::{self, Stack, rows};
use holdfast_shared::hardening::{self, Outcome};
use holdfast_tests::tools;

use super::template::{GIVEN, results};

/// Something in one of our templates, and what stands there instead.
type Change = (&'static str, &'static str, &'static str);

/// Our templates with some changes, and with the parameters of production.
fn changed(changes: &[Change]) -> anyhow::Result<Stack> {
    let folder = tempfile::tempdir().unwrap();
    let (from, into) = (tools::workspace(), folder.path().join("infra"));
    std::fs::create_dir(&into).unwrap();
    for beside in ["docs", ".ci", ".github"] {
        symlink(from.join(beside), folder.path().join(beside)).unwrap();
    }
    for file in from.join("infra").read_dir().unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), into.join(file.file_name())).unwrap();
    }
    for (file, there, instead) in changes {
        let text = std::fs::read_to_string(into.join(file)).unwrap();
        assert_eq!(text.matches(there).count(), 1, "{file}: {there}");
        std::fs::write(into.join(file), text.replace(there, instead)).unwrap();
    }
    let given = GIVEN.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut stack = template::load(&into.join("template.yaml"), &given, Some("prod"))?;
    // The folder goes; the files beside the templates are ours.
    from.clone_into(&mut stack.root);
    stack.otherwise.iter_mut().for_each(|other| from.clone_into(&mut other.root));
    Ok(stack)
}

/// The lines that come out otherwise than for our templates as they are, each with what tells of it.
fn differences(changes: &[Change]) -> Vec<(&'static str, Outcome, Vec<String>)> {
    let before = results(&changed(&[]).unwrap());
    let findings = hardening::findings(&rows::observe(&changed(changes).unwrap())).into_iter();
    findings
        .filter(|finding| before.get(finding.id).is_some_and(|before| *before != finding.result))
        .map(|finding| {
            let deciding = finding.evidence.into_iter().filter(|evidence| evidence.result == finding.result);
            (finding.id, finding.result, deciding.map(|evidence| evidence.seen).collect())
        })
        .collect()
}

/// A parameter that gets no value, and conditions about it.
const WANTED: Change = (
    "observability.yaml",
    "\nConditions:\n",
    "  Wanted: { Type: String }\n
Conditions:
  IsWanted: !Equals [!Ref Wanted, \"yes\"]
  IsUnwanted: !Not [!Condition IsWanted]
  IsWantedAndNotToBe: !And [!Equals [a, b], !Condition IsWanted]
  IsHere: !Equals [!Ref AWS::Region, eu-central-1]
",
);
const DASHBOARD: &str = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n";
const WANTED_DASHBOARD: &str = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWanted\n";

const WHY: &str = r#"the condition IsWanted asks whether what is not known (the parameter Wanted has no value) and "yes" are the same"#;

#[test]
fn what_rests_on_a_condition_that_cannot_be_decided_is_unknown() {
    let dashboard = differences(&[WANTED, ("observability.yaml", DASHBOARD, WANTED_DASHBOARD)]);
    assert_eq!(dashboard, [("OBS-2", Outcome::Unknown, vec![WHY.to_owned()])]);

    let (alarm, wanted) = ("  AdminActions:\n", "  AdminActions:\n    Condition: IsWanted\n");
    let alarm = differences(&[WANTED, ("observability.yaml", alarm, wanted)]);
    assert_eq!(alarm, [("AUD-2", Outcome::Unknown, vec![WHY.to_owned()])]);

    let here = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsHere\n";
    let here = differences(&[WANTED, ("observability.yaml", DASHBOARD, here)]);
    let why = r#"the condition IsHere asks whether "${AWS::Region}" and "eu-central-1" are the same"#;
    assert_eq!(here, [("OBS-2", Outcome::Unknown, vec![why.to_owned()])]);

    let (on, if_wanted) = (
        "AlarmActions: [!Ref Alarms]\n      EvaluationPeriods: 1\n      Threshold: 50\n",
        "AlarmActions: !If [IsWanted, [!Ref Alarms], []]\n      EvaluationPeriods: 1\n      Threshold: 50\n",
    );
    let action = differences(&[WANTED, ("observability.yaml", on, if_wanted)]);
    assert_eq!(action, [("AUD-2", Outcome::Unknown, vec![WHY.to_owned()])]);
}

#[test]
fn what_holds_whichever_way_a_condition_goes_passes_and_what_is_surely_not_there_fails() {
    let other = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWanted\n    Properties: { DashboardBody: \"{}\" }\n
  Other:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsUnwanted\n";
    assert_eq!(differences(&[WANTED, ("observability.yaml", DASHBOARD, other)]), []);
    let never = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWantedAndNotToBe\n";
    let never = differences(&[WANTED, ("observability.yaml", DASHBOARD, never)]);
    assert_eq!(never, [("OBS-2", Outcome::Fail, vec!["there is no dashboard in the stack".to_owned()])]);
    // What fails both ways stays a failure.
    let open = (
        "security-groups.yaml",
        "Outputs:\n",
        "  World:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: { GroupId: sg-1, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0 }\n\nOutputs:\n",
    );
    let both = differences(&[WANTED, ("observability.yaml", DASHBOARD, WANTED_DASHBOARD), open]);
    assert_eq!((both[0].0, both[0].1, both.len()), ("OBS-2", Outcome::Fail, 1), "{both:?}");
}

#[test]
fn what_rests_on_a_value_that_is_not_known_is_unknown() {
    let parameter = (
        "functions.yaml",
        "\nConditions:\n",
        "  Wanted: { Type: String }\n\nConditions:\n  IsWanted: !Equals [!Ref Wanted, \"yes\"]\n",
    );
    let key = "LogGroupName: !Sub /aws/lambda/${Name}-auth\n      RetentionInDays: !Ref LogRetentionDays\n      KmsKeyId: !Ref LogsKeyArn\n";
    let unknown = "the parameter Wanted has no value".to_owned();
    for value in ["!Ref Wanted", "!Sub \"${Wanted}\"", "!GetAtt MaybeKey.Arn", "!ImportValue Wanted"] {
        let instead = format!(
            "LogGroupName: !Sub /aws/lambda/${{Name}}-auth\n      RetentionInDays: !Ref LogRetentionDays\n      KmsKeyId: {value}\n
  MaybeKey:\n    Type: AWS::KMS::Key\n    Condition: IsWanted\n"
        );
        let found = differences(&[parameter, ("functions.yaml", key, instead.leak())]);
        let expected = match value {
            "!GetAtt MaybeKey.Arn" => {
                "MaybeKey, which something refers to, is not made without the condition IsWanted".to_owned()
            }
            "!ImportValue Wanted" => "Fn::ImportValue is known to a deployment only".to_owned(),
            _ => unknown.clone(),
        };
        assert_eq!(found, [("AUD-2", Outcome::Unknown, vec![expected])], "{value}");
    }
    let (limit, wanted) = ("ReservedConcurrentExecutions: 20\n", "ReservedConcurrentExecutions: !Ref Wanted\n");
    let changes = [parameter, ("functions.yaml", limit, wanted)];
    assert_eq!(differences(&changes), [("RUN-2", Outcome::Unknown, vec![unknown.clone()])]);
    assert_eq!(rows::connections(&changed(&changes).unwrap()), None);
    let (policy, wanted) = ("SecurityPolicy: !Ref TlsPolicy", "SecurityPolicy: !ImportValue Policy");
    let found = differences(&[("edge.yaml", policy, wanted)]);
    assert_eq!((found[0].0, found[0].1, found.len()), ("EDGE-1", Outcome::Unknown, 1), "{found:?}");
}

#[test]
fn more_conditions_than_can_be_followed_are_refused() {
    let each = |what: fn(u8) -> String| (1..=7).map(what).collect::<Vec<_>>().concat();
    let text = [
        "Parameters:\n".to_owned(),
        each(|n| format!("  Wanted{n}: {{ Type: String }}\n")),
        "Conditions:\n".to_owned(),
        each(|n| format!("  IsWanted{n}: !Equals [!Ref Wanted{n}, \"yes\"]\n")),
        "Resources:\n".to_owned(),
        each(|n| format!("  Group{n}:\n    Type: AWS::EC2::SecurityGroup\n    Condition: IsWanted{n}\n")),
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text).unwrap();
    let error = template::load(&path, &BTreeMap::new(), None).unwrap_err().to_string();
    assert!(error.starts_with("too much depends on what is not known; give the parameters"), "{error}");
    assert!(error.contains("Wanted3 has no value"), "{error}");
    let given = (1..=4).map(|n| (format!("Wanted{n}"), "yes".to_owned())).collect();
    let stack = template::load(&path, &given, None).unwrap();
    assert_eq!((stack.resources.len(), stack.otherwise.len()), (7, 7));
}
