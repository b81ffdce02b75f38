//! The checklist on templates that leave something open: a control that depends on an undecidable condition, or on an
//! unknown value, is unknown. No other control is.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use holdfast::check::template::{self, Stack, rows};
use holdfast_shared::hardening::{self, Outcome};
use holdfast_tests::tools;

use super::template::{GIVEN, results};

/// A replacement of a text in one of the templates.
#[derive(Clone, Copy)]
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

/// Returns the templates with some changes, and with the parameters of production.
fn changed(changes: &[Change]) -> anyhow::Result<Stack> {
    let folder = tempfile::tempdir().unwrap();
    let (from, into) = (tools::workspace(), folder.path().join("infra"));
    std::fs::create_dir(&into).unwrap();
    for other in ["docs", ".ci", ".github"] {
        symlink(from.join(other), folder.path().join(other)).unwrap();
    }
    for file in from.join("infra").read_dir().unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), into.join(file.file_name())).unwrap();
    }
    for change in changes {
        let text = std::fs::read_to_string(into.join(change.file)).unwrap();
        assert_eq!(text.matches(change.from).count(), 1, "{}: {}", change.file, change.from);
        std::fs::write(into.join(change.file), text.replace(change.from, change.to)).unwrap();
    }
    let given = GIVEN.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut stack = template::load(&into.join("template.yaml"), &given, Some("prod"))?;
    // The folder is deleted, so the other files are read from the workspace.
    from.clone_into(&mut stack.root);
    stack.alternatives.iter_mut().for_each(|other| from.clone_into(&mut other.root));
    Ok(stack)
}

/// Returns the controls with another result than for the unchanged templates, each with the deciding evidence.
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

/// A parameter without a value, and conditions on it.
const WANTED: Change = Change {
    file: "observability.yaml",
    from: "\nConditions:\n",
    to: "  Wanted: { Type: String }\n
Conditions:
  IsWanted: !Equals [!Ref Wanted, \"yes\"]
  IsUnwanted: !Not [!Condition IsWanted]
  IsWantedAndNotToBe: !And [!Equals [a, b], !Condition IsWanted]
  IsHere: !Equals [!Ref AWS::Region, eu-central-1]
",
};

/// Returns a change of the dashboard's and the alarms' template.
const fn observability(from: &'static str, to: &'static str) -> Change {
    Change { file: "observability.yaml", from, to }
}

const DASHBOARD: &str = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n";
const WANTED_DASHBOARD: &str = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWanted\n";

const WHY: &str = r#"the condition IsWanted compares an unknown value (the parameter Wanted has no value) with "yes""#;

#[test]
fn a_control_that_depends_on_an_undecidable_condition_is_unknown() {
    let dashboard = differences(&[WANTED, observability(DASHBOARD, WANTED_DASHBOARD)]);
    assert_eq!(dashboard, [("OBS-2", Outcome::Unknown, vec![WHY.to_owned()])]);

    let (alarm, wanted) = ("  AdminActions:\n", "  AdminActions:\n    Condition: IsWanted\n");
    let alarm = differences(&[WANTED, observability(alarm, wanted)]);
    assert_eq!(alarm, [("AUD-2", Outcome::Unknown, vec![WHY.to_owned()])]);

    let here = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsHere\n";
    let here = differences(&[WANTED, observability(DASHBOARD, here)]);
    let why = r#"the condition IsHere compares "${AWS::Region}" with "eu-central-1""#;
    assert_eq!(here, [("OBS-2", Outcome::Unknown, vec![why.to_owned()])]);

    let (on, if_wanted) = (
        "AlarmActions: [!Ref Alarms]\n      EvaluationPeriods: 1\n      Threshold: 50\n",
        "AlarmActions: !If [IsWanted, [!Ref Alarms], []]\n      EvaluationPeriods: 1\n      Threshold: 50\n",
    );
    let action = differences(&[WANTED, observability(on, if_wanted)]);
    assert_eq!(action, [("AUD-2", Outcome::Unknown, vec![WHY.to_owned()])]);
}

#[test]
fn a_control_that_no_condition_can_change_passes_or_fails() {
    let other = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWanted\n    Properties: { DashboardBody: \"{}\" }\n
  Other:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsUnwanted\n";
    assert_eq!(differences(&[WANTED, observability(DASHBOARD, other)]), []);
    let never = "  Dashboard:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: IsWantedAndNotToBe\n";
    let never = differences(&[WANTED, observability(DASHBOARD, never)]);
    assert_eq!(never, [("OBS-2", Outcome::Fail, vec!["there is no dashboard in the stack".to_owned()])]);
    // A control that fails in both cases fails.
    let open = Change {
        file: "security-groups.yaml",
        from: "Outputs:\n",
        to: "  World:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: { GroupId: sg-1, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0 }\n\nOutputs:\n",
    };
    let both = differences(&[WANTED, observability(DASHBOARD, WANTED_DASHBOARD), open]);
    assert_eq!((both[0].0, both[0].1, both.len()), ("OBS-2", Outcome::Fail, 1), "{both:?}");
}

#[test]
fn a_control_that_depends_on_an_unknown_value_is_unknown() {
    let functions = |from, to| Change { file: "functions.yaml", from, to };
    let parameter = functions(
        "\nConditions:\n",
        "  Wanted: { Type: String }\n\nConditions:\n  IsWanted: !Equals [!Ref Wanted, \"yes\"]\n",
    );
    let key = "LogGroupName: !Sub /aws/lambda/${Name}-auth\n      RetentionInDays: !Ref LogRetentionDays\n      KmsKeyId: !Ref LogsKeyArn\n";
    let unknown = "the parameter Wanted has no value".to_owned();
    for value in ["!Ref Wanted", "!Sub \"${Wanted}\"", "!GetAtt MaybeKey.Arn", "!ImportValue Wanted"] {
        let instead = format!(
            "LogGroupName: !Sub /aws/lambda/${{Name}}-auth\n      RetentionInDays: !Ref LogRetentionDays\n      KmsKeyId: {value}\n
  MaybeKey:\n    Type: AWS::KMS::ReplicaKey\n    Condition: IsWanted\n"
        );
        let found = differences(&[parameter, functions(key, instead.leak())]);
        let expected = match value {
            "!GetAtt MaybeKey.Arn" => {
                "MaybeKey, which something refers to, is not created without the condition IsWanted".to_owned()
            }
            "!ImportValue Wanted" => "Fn::ImportValue is known to a deployment only".to_owned(),
            _ => unknown.clone(),
        };
        assert_eq!(found, [("AUD-2", Outcome::Unknown, vec![expected])], "{value}");
    }
    let (limit, wanted) = ("ReservedConcurrentExecutions: 20\n", "ReservedConcurrentExecutions: !Ref Wanted\n");
    let changes = [parameter, functions(limit, wanted)];
    assert_eq!(differences(&changes), [("RUN-2", Outcome::Unknown, vec![unknown.clone()])]);
    assert_eq!(rows::connections(&changed(&changes).unwrap()), None);
    let (policy, wanted) = ("SecurityPolicy: !Ref TlsPolicy", "SecurityPolicy: !ImportValue Policy");
    let found = differences(&[Change { file: "edge.yaml", from: policy, to: wanted }]);
    assert_eq!((found[0].0, found[0].1, found.len()), ("EDGE-1", Outcome::Unknown, 1), "{found:?}");
}

#[test]
fn too_many_undecidable_conditions_are_an_error() {
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
    assert!(error.starts_with("too many undecided conditions; set the parameters"), "{error}");
    assert!(error.contains("Wanted3 has no value"), "{error}");
    let given = (1..=4).map(|n| (format!("Wanted{n}"), "yes".to_owned())).collect();
    let stack = template::load(&path, &given, None).unwrap();
    assert_eq!((stack.resources.len(), stack.alternatives.len()), (7, 7));
}
