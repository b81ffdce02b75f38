"""Creates the stacks in moto, each with the outputs of the previous ones, as template.yaml wires them: create.py FOLDER.

Skips and lists the kinds that moto does not support. Fails if a stack cannot be created, or if the list is not NOT_IN_MOTO."""

import io
import json
import os
import sys
import warnings
import zipfile
from pathlib import Path

os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")
warnings.simplefilter("ignore")

import boto3
from moto import mock_aws
from moto.cloudformation.parsing import resource_class_from_type

# Kinds of resources that moto's CloudFormation does not support, by its own account.
NOT_IN_MOTO = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::Stage",
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupSelection",
    "AWS::Backup::BackupVault",
    "AWS::Backup::RestoreTestingPlan",
    "AWS::Backup::RestoreTestingSelection",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::IAM::RolePolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::RegexPatternSet",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
}

# Kinds that it supports but cannot create in the form used here, with the reason.
BROKEN_IN_MOTO = {
    "AWS::ApiGateway::Deployment": "it does not read the Body of a RestApi, so it finds no methods",
    "AWS::Lambda::Permission": "it creates no alias to grant it for",
    "AWS::RDS::DBInstance": "it does not support Aurora",
}

# Properties that it cannot read in the form of CloudFormation, with the reason.
UNREADABLE_IN_MOTO = {"AWS::KMS::Key": ("Tags", "it expects TagKey, as in the API")}

GIVEN = {
    "S3PrefixListId": "pl-1",
    "DatabaseCaLayerArn": "arn:aws:lambda:us-east-1:123456789012:layer:ca:1",
}


def resolve(value, parameters, outputs, conditions):
    """Resolve a value of the root template; supports only the functions that it uses."""
    if isinstance(value, list):
        return [resolve(item, parameters, outputs, conditions) for item in value]
    if not isinstance(value, dict):
        return value
    [(name, argument)] = value.items()
    again = lambda inner: resolve(inner, parameters, outputs, conditions)
    if name == "Ref":
        return {"AWS::StackName": "holdfast"}.get(argument, parameters.get(argument, argument))
    if name == "Fn::GetAtt":
        stack, output = argument[0], argument[-1].removeprefix("Outputs.")
        return outputs[stack].get(output, "none")
    if name == "Fn::If":
        return again(argument[1] if conditions[argument[0]] else argument[2])
    if name == "Fn::Join":
        return argument[0].join(again(argument[1]))
    if name == "Fn::Equals":
        return again(argument[0]) == again(argument[1])
    raise SystemExit(f"template.yaml uses {name}, which create.py does not support")


def without(template, missing):
    """Remove the missing kinds from a template, and replace references to them."""
    gone = {name for name, resource in template["Resources"].items() if resource["Type"] in missing}

    def clean(value):
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            if value.get("Ref") in gone or (value.get("Fn::GetAtt") or [None])[0] in gone:
                return "none"
            if "Fn::Cidr" in value:
                # A function that moto does not support.
                return [f"10.72.{block * 2}.0/23" for block in range(4)]
            return {name: clean(inner) for name, inner in value.items() if name != "DependsOn"}
        if isinstance(value, str):
            for name in gone:
                value = value.replace("${%s}" % name, "none")
        return value

    kept = {name: resource for name, resource in template["Resources"].items() if name not in gone}
    for resource in kept.values():
        resource.get("Properties", {}).pop(UNREADABLE_IN_MOTO.get(resource["Type"], ("",))[0], None)
    return clean({**template, "Resources": kept})


def main(folder):
    root = json.loads((folder / "template.json").read_text())
    parameters = {name: parameter.get("Default", "") for name, parameter in root["Parameters"].items()} | GIVEN
    outputs, missing, created = {}, set(), 0
    conditions = {name: resolve(value, parameters, outputs, {}) for name, value in root["Conditions"].items()}
    cloudformation, s3 = boto3.client("cloudformation"), boto3.client("s3")
    s3.create_bucket(Bucket="artifacts")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "none")
    s3.put_object(Bucket="artifacts", Key="code.zip", Body=code.getvalue())
    for name, resource in root["Resources"].items():
        stem = Path(resource["Properties"]["Location"]).stem
        template = json.loads((folder / f"{stem}.json").read_text())
        unknown = {item["Type"] for item in template["Resources"].values() if resource_class_from_type(item["Type"]) is None}
        missing |= unknown
        template = without(template, unknown | BROKEN_IN_MOTO.keys())
        values = resolve_all(resource["Properties"]["Parameters"], parameters, outputs, conditions)
        pairs = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in values.items()]
        try:
            cloudformation.create_stack(StackName=f"holdfast-{stem}", TemplateBody=json.dumps(template), Parameters=pairs)
        except Exception as error:
            raise SystemExit(f"{stem} cannot be created: {type(error).__name__}: {error}") from error
        stack = cloudformation.describe_stacks(StackName=f"holdfast-{stem}")["Stacks"][0]
        outputs[name] = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        created += len(cloudformation.describe_stack_resources(StackName=f"holdfast-{stem}")["StackResources"])
    if missing != NOT_IN_MOTO:
        raise SystemExit(f"NOT_IN_MOTO should be {sorted(missing)}")
    print(f"{created} resources created; moto does not support {', '.join(sorted(kind.removeprefix('AWS::') for kind in missing))}")


def resolve_all(values, *scope):
    return {name: resolve(value, *scope) for name, value in values.items()}


if __name__ == "__main__":
    with mock_aws():
        main(Path(sys.argv[1]))
