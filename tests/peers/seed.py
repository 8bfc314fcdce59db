"""Fills a MiniStack with the callers that the tests need, and prints their keys as JSON.

Arguments: the server's address, the root's access key and secret; then, optionally, Python source.
With source, nothing is seeded: the source runs with `client(service)` at hand, as root.
Needs botocore, which MiniStack brings along.
"""

import json
import sys

import botocore.session

address, root_key, root_secret, *source = sys.argv[1:]

# The calls that Claude Code makes, and the ones that bedrock-doctor makes.
# `bedrock:Converse` is no action of AWS: see tests/peers/ministack.md.
ACTIONS = [
    "bedrock:Converse",
    "bedrock:CountTokens",
    "bedrock:GetFoundationModel",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetInferenceProfile",
    "bedrock:GetUseCaseForModelAccess",
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
    "bedrock:ListFoundationModels",
    "bedrock:ListInferenceProfiles",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
]
ALLOW = {"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}
ALLOW_BEDROCK = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
DENY_INVOKE = {"Effect": "Deny", "Action": "bedrock:InvokeModel*", "Resource": "*"}


def client(service, key=root_key, secret=root_secret, token=None):
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def keys(answer, arn):
    return {
        "access_key_id": answer["AccessKeyId"],
        "secret_access_key": answer["SecretAccessKey"],
        "session_token": answer.get("SessionToken"),
        "arn": arn,
    }


def user(iam, name, *statements):
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy(*statements))
    return keys(iam.create_access_key(UserName=name)["AccessKey"], arn)


def session(iam, caller, role, seconds):
    trust = {"Effect": "Allow", "Principal": {"AWS": caller["arn"]}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy(ALLOW))
    sts = client("sts", caller["access_key_id"], caller["secret_access_key"])
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="doctor", DurationSeconds=seconds)
    return keys(answer["Credentials"], answer["AssumedRoleUser"]["Arn"])


def seed():
    iam = client("iam")
    allowed = user(iam, "allowed", ALLOW)
    callers = {
        "allowed": allowed,
        "denied": user(iam, "denied"),
        "explicit": user(iam, "explicit", ALLOW_BEDROCK, DENY_INVOKE),
        "session": session(iam, allowed, "claude-code", 900),
    }
    print(json.dumps(callers))


if source:
    exec(source[0], {"client": client, "json": json})
else:
    seed()
