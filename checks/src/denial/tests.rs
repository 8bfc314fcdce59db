use proptest::prelude::*;

use super::{Denial, Effect, Layer, parse};
use Effect::{Explicit, Implicit};
use Layer::{
    Identity, PermissionsBoundary, ResourceControlPolicy, ResourcePolicy, ServiceControlPolicy,
    SessionPolicy, Unstated, VpcEndpointPolicy,
};

const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/dev/me@example.com";
const USER: &str = "arn:aws:iam::123456789012:user/John";

/// Message, principal, action, resource, layer, effect, policy ARN; `-` stands for nothing.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, Layer, Effect, &'a str);

#[track_caller]
fn check(rows: &[Row<'_>]) {
    for (message, principal, action, resource, layer, effect, policy_arn) in rows {
        let some = |text: &str| (text != "-").then(|| text.to_owned());
        let message = message.replace("{ROLE}", ROLE).replace("{USER}", USER);
        let want = Denial {
            principal: some(principal),
            action: some(action),
            resource: some(resource),
            layer: *layer,
            effect: *effect,
            policy_arn: some(policy_arn),
        };
        assert_eq!(parse(&message), Some(want), "{message}");
    }
}

#[test]
fn sentences_of_the_iam_user_guide() {
    const LIST: &str = "codecommit:ListRepositories";
    const RESOURCE: &str = "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*";
    #[rustfmt::skip]
    check(&[
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories because no service control policy allows the codecommit:ListRepositories action", USER, LIST, "-", ServiceControlPolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories with an explicit deny in a service control policy", USER, LIST, "-", ServiceControlPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories because no resource control policy allows the codecommit:ListRepositories action", USER, LIST, "-", ResourceControlPolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories with an explicit deny in a resource control policy", USER, LIST, "-", ResourceControlPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories because no VPC endpoint policy allows the codecommit:ListRepositories action", USER, LIST, "-", VpcEndpointPolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* with an explicit deny in a VPC endpoint policy", USER, "codedeploy:ListDeployments", RESOURCE, VpcEndpointPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* because no permissions boundary allows the codedeploy:ListDeployments action", USER, "codedeploy:ListDeployments", RESOURCE, PermissionsBoundary, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* with an explicit deny in a permissions boundary", USER, "codedeploy:ListDeployments", RESOURCE, PermissionsBoundary, Explicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories because no session policy allows the codecommit:ListRepositories action", USER, LIST, "-", SessionPolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* with an explicit deny in a session policy", USER, "codedeploy:ListDeployments", RESOURCE, SessionPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: secretsmanager:GetSecretValue because no resource-based policy allows the secretsmanager:GetSecretValue action", USER, "secretsmanager:GetSecretValue", "-", ResourcePolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:* with an explicit deny in a resource-based policy", USER, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:*", ResourcePolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: sts:AssumeRole because no role trust policy allows the sts:AssumeRole action", USER, "sts:AssumeRole", "-", ResourcePolicy, Implicit, "-"),
        ("User: {USER} is not authorized to perform: sts:AssumeRole with an explicit deny in the role trust policy", USER, "sts:AssumeRole", "-", ResourcePolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: codecommit:ListRepositories because no identity-based policy allows the codecommit:ListRepositories action", USER, LIST, "-", Identity, Implicit, "-"),
        ("User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* with an explicit deny in an identity-based policy", USER, "codedeploy:ListDeployments", RESOURCE, Identity, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: SNS:Publish on resource: arn:aws:sns:us-east-1:444455556666:topic with an explicit deny in a VPC endpoint policy transitively through a service control policy", ROLE, "SNS:Publish", "arn:aws:sns:us-east-1:444455556666:topic", ServiceControlPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: widgets:GetWidget on resource: my-example-widget", USER, "widgets:GetWidget", "my-example-widget", Unstated, Effect::Unstated, "-"),
    ]);
}

#[test]
fn sentences_of_bedrock() {
    const STREAM: &str = "bedrock:InvokeModelWithResponseStream";
    const INVOKE: &str = "bedrock:InvokeModel";
    const PROFILE: &str =
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6";
    const GLOBAL: &str = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-6-v1";
    const MODEL: &str =
        "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0";
    const SCP: &str =
        "arn:aws:organizations::444455556666:policy/o-abc/service_control_policy/p-def";
    #[rustfmt::skip]
    check(&[
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6 because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action", ROLE, STREAM, PROFILE, Identity, Implicit, "-"),
        (r#"{"Message":"User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6 because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action"}"#, ROLE, STREAM, PROFILE, Identity, Implicit, "-"),
        (r#"API Error: 403 {"Message":"User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6 because no session policy allows the bedrock:InvokeModelWithResponseStream action"}"#, ROLE, STREAM, PROFILE, SessionPolicy, Implicit, "-"),
        (r#"API Error (403 {"Message":"User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6 because no VPC endpoint policy allows the bedrock:InvokeModel action"})"#, ROLE, INVOKE, PROFILE, VpcEndpointPolicy, Implicit, "-"),
        (r#"{\"message\":\"User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6\"}"#, ROLE, INVOKE, PROFILE, Unstated, Effect::Unstated, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 with an explicit deny in a service control policy", ROLE, INVOKE, MODEL, ServiceControlPolicy, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-6-v1 with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-abc/service_control_policy/p-def", ROLE, STREAM, GLOBAL, ServiceControlPolicy, Explicit, SCP),
        (r#"{"Message":"User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-6-v1 with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-abc/service_control_policy/p-def"}"#, ROLE, STREAM, GLOBAL, ServiceControlPolicy, Explicit, SCP),
        (r#"{"Message":"User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-6-v1 with an explicit deny in an identity-based policy"}"#, ROLE, STREAM, GLOBAL, Identity, Explicit, "-"),
        ("User: {USER} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6 with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/DenyBedrockAccess", USER, STREAM, PROFILE, Identity, Explicit, "arn:aws:iam::111122223333:policy/DenyBedrockAccess"),
        ("An error occurred (AccessDeniedException) when calling the InvokeModel operation: User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 because no identity-based policy allows the bedrock:InvokeModel action", ROLE, INVOKE, MODEL, Identity, Implicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:ListInferenceProfiles because no identity-based policy allows the bedrock:ListInferenceProfiles action", ROLE, "bedrock:ListInferenceProfiles", "-", Identity, Implicit, "-"),
        ("User: {USER} is not authorized to perform: bedrock:CallWithBearerToken on resource: * because no identity-based policy allows the bedrock:CallWithBearerToken action", USER, "bedrock:CallWithBearerToken", "*", Identity, Implicit, "-"),
        ("403 ... is not authorized to perform: bedrock-mantle:CallWithBearerToken on resource: *", "-", "bedrock-mantle:CallWithBearerToken", "*", Unstated, Effect::Unstated, "-"),
        ("Model access is denied due to User: {ROLE} is not authorized to perform: aws-marketplace:ViewSubscriptions on resource: *", ROLE, "aws-marketplace:ViewSubscriptions", "*", Unstated, Effect::Unstated, "-"),
        ("Model access is denied due to User: {ROLE} is not authorized to perform: aws-marketplace:Subscribe on resource: * because no identity-based policy allows the aws-marketplace:Subscribe action. Refer to the Amazon Bedrock documentation for further details.", ROLE, "aws-marketplace:Subscribe", "*", Identity, Implicit, "-"),
        ("Model access is denied due to {ROLE} is not authorized to perform: aws-marketplace:Subscribe on resource: * because no identity-based policy allows the action.", ROLE, "aws-marketplace:Subscribe", "*", Identity, Implicit, "-"),
        ("Your subscription to the model could not be established. Reason: User: {ROLE} is not authorized to perform: aws-marketplace:Subscribe on resource: * with an explicit deny in a service control policy", ROLE, "aws-marketplace:Subscribe", "*", ServiceControlPolicy, Explicit, "-"),
        ("Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model.", "-", "-", "-", Unstated, Effect::Unstated, "-"),
        ("User: arn:aws-us-gov:sts::111122223333:assumed-role/r/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-3-haiku because no identity-based policy allows the bedrock:InvokeModel action", "arn:aws-us-gov:sts::111122223333:assumed-role/r/s", INVOKE, "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-3-haiku", Identity, Implicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:999900001111:application-inference-profile/abc123 because no resource-based policy allows the bedrock:InvokeModel action", ROLE, INVOKE, "arn:aws:bedrock:us-east-1:999900001111:application-inference-profile/abc123", ResourcePolicy, Implicit, "-"),
    ]);
}

#[test]
fn sentences_of_other_services() {
    const BOUNDARY: &str = "arn:aws:iam::548387266019:policy/lab-boundary";
    #[rustfmt::skip]
    check(&[
        ("User: {USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/claude", USER, "sts:AssumeRole", "arn:aws:iam::111122223333:role/claude", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/claude because no identity-based policy allows the sts:AssumeRole action (Service: Sts, Status Code: 403, Request ID: x)", USER, "sts:AssumeRole", "arn:aws:iam::111122223333:role/claude", Identity, Implicit, "-"),
        ("User: {USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/claude (Service: Sts, Status Code: 403)", USER, "sts:AssumeRole", "arn:aws:iam::111122223333:role/claude", Unstated, Effect::Unstated, "-"),
        ("Not authorized to perform sts:AssumeRoleWithWebIdentity", "-", "sts:AssumeRoleWithWebIdentity", "-", Unstated, Effect::Unstated, "-"),
        ("An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity", "-", "sts:AssumeRoleWithWebIdentity", "-", Unstated, Effect::Unstated, "-"),
        ("User: {ROLE} is not authorized to perform: iam:GetRole on resource: role second-role-name because no identity-based policy allows the iam:GetRole action", ROLE, "iam:GetRole", "role second-role-name", Identity, Implicit, "-"),
        ("User: {ROLE} is not authorized to perform: iam:DeleteRole on resource: role ThirdRoleName with an explicit deny in a service control policy", ROLE, "iam:DeleteRole", "role ThirdRoleName", ServiceControlPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: iam:ListAttachedUserPolicies on resource: user adam because no permissions boundary allows the iam:ListAttachedUserPolicies action", USER, "iam:ListAttachedUserPolicies", "user adam", PermissionsBoundary, Implicit, "-"),
        ("User: {USER} is not authorized to perform: iam:CreatePolicyVersion on resource: policy arn:aws:iam::1:policy/p with an explicit deny in a permissions boundary: arn:aws:iam::548387266019:policy/lab-boundary", USER, "iam:CreatePolicyVersion", "policy arn:aws:iam::1:policy/p", PermissionsBoundary, Explicit, BOUNDARY),
        ("You are not authorized to perform this operation. User: {USER} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:ap-southeast-1:548387266019:instance/* with an explicit deny in a permissions boundary: arn:aws:iam::548387266019:policy/lab-boundary. Encoded authorization failure message: owhWHgYS-TreOyot_uecg", USER, "ec2:RunInstances", "arn:aws:ec2:ap-southeast-1:548387266019:instance/*", PermissionsBoundary, Explicit, BOUNDARY),
        ("You are not authorized to perform this operation. User: {USER} is not authorized to perform: ec2:DescribeInstances with an explicit deny in a permissions boundary: arn:aws:iam::548387266019:policy/lab-boundary (Service: Ec2, Status Code: 403)", USER, "ec2:DescribeInstances", "-", PermissionsBoundary, Explicit, BOUNDARY),
        ("You are not authorized to perform this operation. User: {USER} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:ap-south-1:1:instance/* with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3. Encoded authorization failure message: GHi3M", USER, "ec2:RunInstances", "arn:aws:ec2:ap-south-1:1:instance/*", Identity, Explicit, "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"),
        ("You are not authorized to perform this operation. Encoded authorization failure message: GHi3M", "-", "-", "-", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: ec2:StopInstances on resource: arn:aws:ec2:eu-west-1:1:instance/i-1. Encoded authorization failure message: abc", USER, "ec2:StopInstances", "arn:aws:ec2:eu-west-1:1:instance/i-1", Unstated, Effect::Unstated, "-"),
        (r#"User: {USER} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::bucket/object-name" because no permissions boundary allows the s3:GetObject action"#, USER, "s3:GetObject", "arn:aws:s3:::bucket/object-name", PermissionsBoundary, Implicit, "-"),
        (r#"User: {USER} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::bucket/x\" with an explicit deny in a resource control policy"#, USER, "s3:GetObject", "arn:aws:s3:::bucket/x", ResourceControlPolicy, Explicit, "-"),
        (r#"User: {USER} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/because no session policy allows the x action" with an explicit deny in a resource-based policy"#, USER, "s3:GetObject", "arn:aws:s3:::b/because no session policy allows the x action", ResourcePolicy, Explicit, "-"),
        (r#"User: {USER} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/o" because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C)."#, USER, "s3:PutObject", "arn:aws:s3:::b/o", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: s3:PutBucketAcl on resource: arn:aws:s3:::b because public ACLs are prevented by the BlockPublicAcls setting", USER, "s3:PutBucketAcl", "arn:aws:s3:::b", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: kms:GenerateDataKey on this resource because no identity-based policy allows the kms:GenerateDataKey action", USER, "kms:GenerateDataKey", "-", Identity, Implicit, "-"),
        ("User: {USER} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access", USER, "kms:Decrypt", "-", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: dynamodb:CreateTable with an explicit deny in an identity-based policy: RequireCreatorTag", USER, "dynamodb:CreateTable", "-", Identity, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: sqs:ListQueues on resource: arn:aws:sqs:us-east-1:429418377036: because no permissions boundary allows the sqs:ListQueues action", ROLE, "sqs:ListQueues", "arn:aws:sqs:us-east-1:429418377036:", PermissionsBoundary, Implicit, "-"),
        ("User: anonymous is not authorized to perform: es:ESHttpGet", "anonymous", "es:ESHttpGet", "-", Unstated, Effect::Unstated, "-"),
        ("User is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::my-bucket/my-key", "-", "s3:GetObject", "arn:aws:s3:::my-bucket/my-key", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: iam:GetRole on resource: role voclabs with an explicit deny in an identity-based policy: arn:aws:iam::002996184293:policy/Pvoclabs2.", USER, "iam:GetRole", "role voclabs", Identity, Explicit, "arn:aws:iam::002996184293:policy/Pvoclabs2"),
    ]);
}

/// As they are pasted, wrapped and logged by the tools between AWS and the reader.
#[test]
fn sentences_as_they_travel() {
    const INVOKE: &str = "bedrock:InvokeModel";
    const STREAM: &str = "bedrock:InvokeModelWithResponseStream";
    const MODEL: &str = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5";
    const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/developers";
    const RCP: &str =
        "arn:aws:organizations::444455556666:policy/o-abc/resource_control_policy/p-r1";
    const PROJECT: &str = "arn:aws:bedrock-mantle:us-west-2:111122223333:project/default";
    #[rustfmt::skip]
    check(&[
        // MiniStack, without a resource.
        ("User: {USER} is not authorized to perform: bedrock:InvokeModel because no identity-based policy allows the bedrock:InvokeModel action", USER, INVOKE, "-", Identity, Implicit, "-"),
        ("User: {USER} is not authorized to perform: bedrock:InvokeModel with an explicit deny in an identity-based policy", USER, INVOKE, "-", Identity, Explicit, "-"),
        // fakecloud, with a resource and without a reason.
        ("User: {USER} is not authorized to perform: iam:GetRole on resource: arn:aws:iam::123456789012:role/r Encoded authorization failure message: AbC", USER, "iam:GetRole", "arn:aws:iam::123456789012:role/r", Unstated, Effect::Unstated, "-"),
        // Every kind of policy, at Bedrock.
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a permissions boundary: arn:aws:iam::111122223333:policy/developers", ROLE, INVOKE, MODEL, PermissionsBoundary, Explicit, BOUNDARY),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 because no permissions boundary allows the bedrock:InvokeModel action: arn:aws:iam::111122223333:policy/developers", ROLE, INVOKE, MODEL, PermissionsBoundary, Implicit, BOUNDARY),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a session policy", ROLE, INVOKE, MODEL, SessionPolicy, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a resource control policy: arn:aws:organizations::444455556666:policy/o-abc/resource_control_policy/p-r1", ROLE, INVOKE, MODEL, ResourceControlPolicy, Explicit, RCP),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a VPC endpoint policy", ROLE, INVOKE, MODEL, VpcEndpointPolicy, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a VPC endpoint policy transitively through a service control policy", ROLE, INVOKE, MODEL, ServiceControlPolicy, Explicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 because no service control policy allows the bedrock:InvokeModel action", ROLE, INVOKE, MODEL, ServiceControlPolicy, Implicit, "-"),
        // The older phrase, and no colon where most have one.
        ("User is not authorized to perform cloudtrail:DeleteTrail due to an explicit deny in a Service Control Policy", "-", "cloudtrail:DeleteTrail", "-", ServiceControlPolicy, Explicit, "-"),
        ("User: {USER} is not authorized to perform: glue:GetTable on resource: arn:aws:glue:us-east-1:1:catalog due to an explicit deny in a service control policy", USER, "glue:GetTable", "arn:aws:glue:us-east-1:1:catalog", ServiceControlPolicy, Explicit, "-"),
        ("AccessDeniedException: User {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 with an explicit deny in a service control policy", ROLE, INVOKE, MODEL, ServiceControlPolicy, Explicit, "-"),
        // Other services of Claude Code.
        ("{\"error\":{\"code\":\"access_denied\",\"message\":\"User:\n{ROLE}\nis not authorized to perform: bedrock-mantle:CreateInference on resource:\narn:aws:bedrock-mantle:us-west-2:111122223333:project/default because no identity-based\npolicy allows the bedrock-mantle:CreateInference action\",\"param\":null,\n\"type\":\"permission_denied_error\"}}", ROLE, "bedrock-mantle:CreateInference", PROJECT, Identity, Implicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock-mantle:CreateInference on this resource", ROLE, "bedrock-mantle:CreateInference", "-", Unstated, Effect::Unstated, "-"),
        ("User: {ROLE} is not authorized to perform: aws-external-anthropic:CreateInference on resource: arn:aws:aws-external-anthropic:us-west-2:111122223333:workspace/wrkspc_1 because no session policy allows the aws-external-anthropic:CreateInference action", ROLE, "aws-external-anthropic:CreateInference", "arn:aws:aws-external-anthropic:us-west-2:111122223333:workspace/wrkspc_1", SessionPolicy, Implicit, "-"),
        ("Not authorized to perform sts:AssumeRoleWithSAML", "-", "sts:AssumeRoleWithSAML", "-", Unstated, Effect::Unstated, "-"),
        ("User: arn:aws:sts::111122223333:federated-user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/claude because no role trust policy allows the sts:AssumeRole action", "arn:aws:sts::111122223333:federated-user/bob", "sts:AssumeRole", "arn:aws:iam::111122223333:role/claude", ResourcePolicy, Implicit, "-"),
        ("You are not authorized to perform this operation.", "-", "-", "-", Unstated, Effect::Unstated, "-"),
        // A program's stack behind it, a log's fields, XML, and quotes that a chat has changed.
        ("AccessDeniedException: User: {ROLE} is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5\n    at throwDefaultError (/app/node_modules/@smithy/smithy-client/dist-cjs/index.js:388:20)", ROLE, STREAM, MODEL, Unstated, Effect::Unstated, "-"),
        ("operation error Bedrock Runtime: InvokeModel, https response error StatusCode: 403, RequestID: 0f8e, AccessDeniedException: User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 because no identity-based policy allows the bedrock:InvokeModel action", ROLE, INVOKE, MODEL, Identity, Implicit, "-"),
        ("User: {ROLE} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5 because no VPC endpoint policy allows the bedrock:InvokeModel action\n        status code: 400, request id: c2bc9a1b", ROLE, INVOKE, MODEL, VpcEndpointPolicy, Implicit, "-"),
        ("<Error><Code>AccessDenied</Code><Message>User: {USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r</Message></Error>", USER, "sts:AssumeRole", "arn:aws:iam::1:role/r", Unstated, Effect::Unstated, "-"),
        ("<Message>User: {USER} is not authorized to perform: iam:GetRole on resource: role r with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/developers</Message>", USER, "iam:GetRole", "role r", Identity, Explicit, BOUNDARY),
        ("User: {USER} is not authorized to perform: s3:GetObject on resource: “arn:aws:s3:::bucket/key” with an explicit deny in a resource-based policy", USER, "s3:GetObject", "arn:aws:s3:::bucket/key", ResourcePolicy, Explicit, "-"),
        ("User: „{USER}“ is not authorized to perform: s3:GetObject on resource: „arn:aws:s3:::bucket/key“ because no session policy allows the s3:GetObject action", USER, "s3:GetObject", "arn:aws:s3:::bucket/key", SessionPolicy, Implicit, "-"),
        ("User: `{USER}` is not authorized to perform: `bedrock:InvokeModel` on resource: `arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5` because no identity-based policy allows the bedrock:InvokeModel action", USER, INVOKE, MODEL, Identity, Implicit, "-"),
        ("{\"errorCode\":\"AccessDenied\",\"errorMessage\":\"User: {USER} is not authorized to perform: s3:DeleteObject on resource: \\\"arn:aws:s3:::b/k\\\" with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/developers\"}", USER, "s3:DeleteObject", "arn:aws:s3:::b/k", Identity, Explicit, BOUNDARY),
    ]);
}

#[test]
fn unknown_reasons_stay_unstated() {
    #[rustfmt::skip]
    check(&[
        ("User: {USER} is not authorized to perform: a:B on resource: x with an explicit deny", USER, "a:B", "x", Unstated, Explicit, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x with an explicit deny in a quantum policy", USER, "a:B", "x", Unstated, Explicit, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x because no quantum policy allows the a:B action", USER, "a:B", "x", Unstated, Implicit, "-"),
        ("User: {USER} is not authorized to perform: s3:PutObject on resource: x with an explicit deny in the bucket policy", USER, "s3:PutObject", "x", Unstated, Explicit, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x because no identity-based policies allow the a:B action", USER, "a:B", "x", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x. Ask whoever owns the service control policy.", USER, "a:B", "x", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: arn:aws:a:::service control policy", USER, "a:B", "arn:aws:a:::service", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x because no reason is given", USER, "a:B", "x", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: a:B on resource: x because the service control policy changed", USER, "a:B", "x", Unstated, Effect::Unstated, "-"),
        ("The permissions boundary was read. User: {USER} is not authorized to perform: a:B", USER, "a:B", "-", Unstated, Effect::Unstated, "-"),
        ("With an explicit deny in a session policy, User: {USER} is not authorized to perform: a:B", USER, "a:B", "-", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform: a:B because no", USER, "a:B", "-", Unstated, Effect::Unstated, "-"),
        ("User: {USER} is not authorized to perform:", USER, "-", "-", Unstated, Effect::Unstated, "-"),
        ("not authorized to perform", "-", "-", "-", Unstated, Effect::Unstated, "-"),
        ("User: 🦀 is not authorized to perform: a:B on resource: größe with an explicit deny in a session policy", "🦀", "a:B", "größe", SessionPolicy, Explicit, "-"),
    ]);
}

#[test]
fn a_sentence_may_run_over_several_lines() {
    let message = "User: arn:aws:iam::1:user/a is not\n  authorized to perform:\r\n s3:GetObject on resource:\n arn:aws:s3:::b\n with an explicit\u{a0}deny in a resource control policy";
    let denial = parse(message).unwrap();
    assert_eq!(denial.action.as_deref(), Some("s3:GetObject"));
    assert_eq!(
        (denial.layer, denial.effect),
        (ResourceControlPolicy, Explicit)
    );
}

#[test]
fn other_errors_are_not_denials() {
    for message in [
        "",
        "Access Denied",
        "AccessDenied: Access Denied",
        "ForbiddenException: No access",
        "User is not authorized to access this resource with an explicit deny",
        "Roles may not be assumed by root accounts.",
        "You don't have permissions to access this resource.",
        "Model access is denied: an explicit deny in a service control policy",
        "Your account is not authorized to invoke this API operation.",
        "You don't have access to the model with the specified model ID.",
        "The security token included in the request is expired",
        "The provided model identifier is invalid.",
        "with an explicit deny in a service control policy",
        "User: arn:aws:iam::1:user/a",
    ] {
        assert_eq!(parse(message), None, "{message}");
    }
}

#[test]
fn keeps_its_shape_in_json() {
    let denial = parse(
        "User: u is not authorized to perform: a:B with an explicit deny in a service control policy",
    );
    let json = serde_json::to_string(&denial).unwrap();
    assert_eq!(
        json,
        r#"{"principal":"u","action":"a:B","resource":null,"layer":"service-control-policy","effect":"explicit","policy-arn":null}"#
    );
    assert_eq!(
        serde_json::from_str::<Option<Denial>>(&json).unwrap(),
        denial
    );
}

proptest! {
    #[test]
    fn never_panics(message in any::<String>()) {
        let _ = parse(&message);
    }

    #[test]
    fn never_panics_on_broken_sentences(parts in proptest::collection::vec(
        prop_oneof![
            Just("User:"), Just("is"), Just("not authorized to perform"), Just(":"), Just("bedrock:InvokeModel"),
            Just("on resource:"), Just("\""), Just("\\\""), Just("because no"), Just("session policy"), Just("allows the"),
            Just("action"), Just("with an explicit deny"), Just("in a"), Just("service control policy"), Just(": arn:"),
            Just("transitively through a"), Just("ß"), Just("🦀"), Just("\u{130}"), Just("\u{a0}"), Just("."), Just("{"),
        ], 0..24), glue in prop_oneof![Just(""), Just(" "), Just("\n")])
    {
        let _ = parse(&parts.join(glue));
    }
}
