//! Models that the account cannot use, ids that Bedrock does not know, and answers that tell nothing.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::{Value, json};

use crate::harness::{Checkup, assert_fix, assert_owner, checkup, checkup_with, commands, machine};

const MAIN: &str = "us.anthropic.claude-sonnet-4-6";
const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const STREAM: &str = "bedrock:InvokeModelWithResponseStream";

/// A machine that uses one model for everything.
fn pinned(world: &World, model: &str) -> Machine {
    let mut machine = machine(world);
    machine.env("ANTHROPIC_MODEL", model);
    machine
}

/// Has every invocation refused.
fn refuse(world: &World, status: u16, code: &str, message: &str) {
    world.rule(Rule::new("bedrock-runtime", "").aws_error(status, code, message));
}

/// The checkup of a machine whose invocations are refused.
fn refused(status: u16, code: &str, message: &str) -> Checkup {
    let world = World::healthy();
    refuse(&world, status, code, message);
    checkup(&machine(&world))
}

/// The operations that invoke a model.
fn invocations(world: &World) -> Vec<String> {
    let mut operations = world.operations();
    operations.retain(|operation| operation.starts_with("bedrock:Invoke"));
    operations
}

#[track_caller]
fn assert_reported(root: &Value, words: &str) {
    assert_eq!(root["evidence"]["basis"], "reported", "{root}");
    let detail = root["evidence"]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
    let id = root["request_id"].as_str().unwrap_or_default();
    assert!(id.starts_with("00000000-0000-4000-8000-"), "{root}");
}

#[track_caller]
fn assert_hand_off(root: &Value) {
    let text = root["hand_off"].as_str().unwrap_or_default();
    for word in [
        "arn:aws:sts::123456789012:assumed-role/Dev/alice",
        root["request_id"].as_str().unwrap_or("-"),
    ] {
        assert!(
            text.contains(word),
            "`{word}` is missing in the text to forward:\n{text}"
        );
    }
}

#[track_caller]
fn assert_fix_says(root: &Value, words: &str) {
    let fix = root["fix"].to_string();
    assert!(fix.contains(words), "{fix}");
}

/// No check speaks of success where nothing is known.
#[track_caller]
fn assert_untold(checkup: &Checkup, ids: &[&str]) {
    for id in ids {
        for finding in checkup.findings(id) {
            let status = finding["status"].as_str().unwrap();
            assert!(["cannot-tell", "blocked"].contains(&status), "{finding}");
        }
    }
}

#[test]
fn a_healthy_account_is_asked_once_per_model_with_a_body_that_must_be_refused() {
    let world = World::healthy();
    let checkup = checkup(&machine(&world));
    checkup.healthy();
    let bodies: Vec<String> = world
        .requests()
        .into_iter()
        .filter(|request| request.service == "bedrock-runtime")
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    for body in bodies {
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&body["max_tokens"], &body["messages"]),
            (&json!(0), &json!([]))
        );
        assert_eq!(body["bedrock_doctor_probe"], true);
    }
}

#[test]
fn missing_access_to_the_models_is_told_once_for_all_of_them() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    );
    let root = checkup.one_root(2, "model-access-granted", "model-access-not-granted");
    assert_owner(root, "account-admin");
    assert_reported(root, "You don't have access");
    assert_fix_says(
        root,
        "us-east-1.console.aws.amazon.com/bedrock/home?region=us-east-1#/model-catalog",
    );
    assert_hand_off(root);
    let what = root["what"].as_str().unwrap();
    for words in [
        "123456789012",
        "us.anthropic.claude-opus-5-5",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ] {
        assert!(what.contains(words), "{what}");
    }
}

#[test]
fn a_missing_use_case_form_is_told_with_account_and_place() {
    let world = World::healthy();
    world.rule(
        Rule::new("bedrock", "/use-case-for-model-access").aws_error(
            404,
            "ResourceNotFoundException",
            "No form found",
        ),
    );
    refuse(
        &world,
        404,
        "ResourceNotFoundException",
        "Model use case details have not been submitted for this account. Fill out the Anthropic use case details \
         form before using the model. If you have already filled out the form, try again in 15 minutes.",
    );
    let checkup = checkup(&machine(&world));
    let root = checkup.one_root(2, "use-case-form-submitted", "use-case-form-missing");
    assert_owner(root, "account-admin");
    assert_reported(root, "Model use case details");
    assert!(
        root["what"].as_str().unwrap().contains("123456789012"),
        "{root}"
    );
    assert_fix_says(root, "submit the use-case form");
    assert_hand_off(root);
}

#[test]
fn a_form_that_aws_does_not_ask_for_is_a_warning() {
    let world = World::healthy();
    world.rule(
        Rule::new("bedrock", "/use-case-for-model-access").aws_error(
            404,
            "ResourceNotFoundException",
            "No form found",
        ),
    );
    let checkup = checkup(&machine(&world));
    checkup.healthy();
    checkup.finding("use-case-form-submitted", "warn");
}

#[test]
fn a_missing_marketplace_permission_is_told_with_the_actions() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "Model access is denied due to IAM user or service role is not authorized to perform the required AWS \
         Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this \
         model. Refer to the Amazon Bedrock documentation for further details. Your AWS Marketplace subscription for \
         this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.",
    );
    let root = checkup.one_root(2, "model-access-granted", "marketplace-permission-missing");
    assert_owner(root, "account-admin");
    assert_reported(root, "aws-marketplace:Subscribe");
    assert_fix_says(root, "aws-marketplace:Subscribe");
    // The pretend AWS lists the agreement as made, so the refusal may be a matter of minutes.
    assert_fix_says(root, "if that was only minutes ago, wait 2 to 15 minutes");
    assert_hand_off(root);
}

#[test]
fn an_invalid_payment_method_is_told_as_such() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.. Your \
         AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this \
         issue, try again after 2 minutes.",
    );
    let root = checkup.one_root(2, "model-access-granted", "payment-instrument-invalid");
    assert_owner(root, "account-admin");
    assert_fix_says(root, "payment method");
    assert_hand_off(root);
}

#[test]
fn a_bare_id_of_a_model_that_needs_a_profile_is_told_with_the_profile() {
    let world = World::healthy();
    refuse(
        &world,
        400,
        "ValidationException",
        "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn\u{2019}t supported. Retry \
         your request with the ID or ARN of an inference profile that contains this model.",
    );
    let checkup = checkup(&pinned(&world, "anthropic.claude-sonnet-4-6"));
    let root = checkup.one_root(1, "model-id-accepted", "on-demand-not-supported");
    assert_owner(root, "you");
    assert_reported(root, "on-demand throughput");
    assert_fix(root, &format!("export ANTHROPIC_MODEL={MAIN}"));
}

#[test]
fn an_id_that_bedrock_does_not_know_is_told_with_the_list_of_ids() {
    let world = World::healthy();
    refuse(
        &world,
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
    );
    let checkup = checkup(&pinned(&world, "us.anthropic.claude-sonnet-9-9"));
    assert_eq!(
        (checkup.run.code, checkup.roots().len()),
        (1, 1),
        "{}",
        checkup.open()
    );
    let root = &checkup.roots()[0];
    assert_eq!(root["id"], "model-id-accepted");
    assert_owner(root, "you");
    assert_reported(root, "model identifier is invalid");
    assert_fix(
        root,
        "aws bedrock list-inference-profiles --region us-east-1 --query 'inferenceProfileSummaries[].inferenceProfileId'",
    );
}

#[test]
fn a_model_past_the_end_of_its_life_is_told_as_such() {
    let world = World::healthy();
    refuse(
        &world,
        404,
        "ResourceNotFoundException",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
    );
    let checkup = checkup(&pinned(
        &world,
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    ));
    let root = checkup.one_root(1, "model-lifecycle-active", "model-end-of-life");
    assert_owner(root, "you");
    assert_reported(root, "end of its life");
    assert_fix_says(root, "choose a current model");
}

#[test]
fn a_legacy_model_that_the_account_does_not_use_is_told_as_such() {
    let world = World::healthy();
    refuse(
        &world,
        404,
        "ResourceNotFoundException",
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in \
         the last 30 days. Please upgrade to an active model on Amazon Bedrock",
    );
    let checkup = checkup(&pinned(
        &world,
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    ));
    let root = checkup.one_root(1, "model-lifecycle-active", "legacy-model-inactive-account");
    assert_owner(root, "you");
    assert_reported(root, "marked by provider as Legacy");
    assert_fix_says(root, "choose a current model");
}

#[test]
fn a_prefix_of_another_geography_is_told_with_the_id_that_is_listed() {
    let world = World::healthy();
    world.inference_profiles(&[
        "eu.anthropic.claude-sonnet-4-6",
        "eu.anthropic.claude-opus-5-5",
    ]);
    refuse(
        &world,
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
    );
    let mut machine = pinned(&world, MAIN);
    machine.env("AWS_REGION", "eu-west-1");
    let checkup = checkup(&machine);
    let root = checkup.one_root(
        1,
        "model-prefix-matches-region",
        "profile-prefix-wrong-for-region",
    );
    assert_owner(root, "you");
    assert_fix(
        root,
        "export ANTHROPIC_MODEL=eu.anthropic.claude-sonnet-4-6",
    );
    let refused = checkup.finding("model-id-accepted", "blocked");
    assert_eq!(refused["blocked_by"], "model-prefix-matches-region");
    assert!(refused["request_id"].is_string(), "{refused}");
}

#[test]
fn an_arn_of_another_region_is_told_with_its_region() {
    let world = World::healthy();
    refuse(
        &world,
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
    );
    let arn = format!("arn:aws:bedrock:us-west-2:123456789012:inference-profile/{MAIN}");
    let checkup = checkup(&pinned(&world, &arn));
    let root = checkup.one_root(1, "model-id-well-formed", "arn-region-mismatch");
    assert_owner(root, "you");
    assert_fix(root, "export AWS_REGION=us-west-2");
    let refused = checkup.finding("model-id-accepted", "blocked");
    assert!(refused["request_id"].is_string(), "{refused}");
}

#[test]
fn an_id_of_the_anthropic_api_that_cannot_be_mapped_is_told_as_such() {
    let world = World::healthy();
    world.rule(
        Rule::new("bedrock-runtime", "")
            .model("claude-2")
            .aws_error(
                400,
                "ValidationException",
                "The provided model identifier is invalid.",
            ),
    );
    let mut machine = machine(&world);
    machine.env("ANTHROPIC_DEFAULT_OPUS_MODEL", "claude-2");
    let checkup = checkup(&machine);
    let root = checkup.one_root(
        1,
        "model-id-well-formed",
        "anthropic-short-id-sent-to-bedrock",
    );
    assert_owner(root, "you");
    assert!(
        root["what"]
            .as_str()
            .unwrap()
            .contains("ANTHROPIC_DEFAULT_OPUS_MODEL"),
        "{root}"
    );
    assert!(!commands(root).is_empty(), "{root}");
}

#[test]
fn a_model_of_somebody_else_is_told_as_such() {
    let world = World::healthy();
    refuse(
        &world,
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
    );
    let checkup = checkup(&pinned(&world, "gpt-4"));
    let root = checkup.one_root(1, "model-id-well-formed", "model-id-malformed");
    assert_owner(root, "you");
    assert!(root["what"].as_str().unwrap().contains("`gpt-4`"), "{root}");
    assert!(
        root["what"].as_str().unwrap().contains("ANTHROPIC_MODEL"),
        "{root}"
    );
}

#[test]
fn a_refused_background_model_is_told_with_the_main_model_as_the_way_out() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").model(HAIKU).aws_error(
        403,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ));
    let mut machine = pinned(&world, MAIN);
    machine.env("ANTHROPIC_DEFAULT_HAIKU_MODEL", HAIKU);
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, "model-access-granted", "background-model-not-enabled");
    assert_owner(root, "you");
    assert_reported(root, "You don't have access");
    assert_fix(
        root,
        &format!("export ANTHROPIC_DEFAULT_HAIKU_MODEL={MAIN}"),
    );
}

/// The pretend AWS calls the agreement of every model this.
fn agreement(world: &World, status: &str) {
    let body = json!({
        "modelId": "anthropic.claude-sonnet-4-6",
        "agreementAvailability": {"status": status},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    });
    world.rule(
        Rule::new("bedrock", "/foundation-model-availability/").respond(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        ),
    );
}

#[test]
fn a_model_without_an_agreement_is_not_invoked() {
    let world = World::healthy();
    agreement(&world, "NOT_AVAILABLE");
    let checkup = checkup(&pinned(&world, MAIN));
    let root = checkup.one_root(2, "model-access-granted", "model-access-not-granted");
    assert_owner(root, "account-admin");
    assert_fix_says(root, "invoke the model once as an administrator");
    assert_eq!(root["evidence"]["basis"], "inferred");
    assert_eq!(invocations(&world), Vec::<String>::new());
}

#[test]
fn an_agreement_that_is_under_way_leaves_the_invocation_open() {
    let world = World::healthy();
    agreement(&world, "PENDING");
    let checkup = checkup(&pinned(&world, MAIN));
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    let warning = checkup.finding("model-access-granted", "warn");
    assert_eq!(warning["code"], "subscription-propagation");
    assert_owner(warning, "you");
    assert_fix_says(warning, "15 minutes");
    checkup.finding("invocation-allowed", "cannot-tell");
    assert_eq!(invocations(&world), Vec::<String>::new());
}

/// The pretend AWS says this of the agreement of one model.
fn availability_of(world: &World, base: &str, change: &[(&str, &str)]) {
    let mut body = json!({
        "modelId": base,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    });
    for (pointer, value) in change {
        *body.pointer_mut(pointer).unwrap() = json!(value);
    }
    let path = format!("/foundation-model-availability/{base}");
    let json = [("content-type", "application/json")];
    world.rule(Rule::new("bedrock", &path).respond(200, &json, body.to_string()));
}

/// The pretend AWS says this of the life of one model.
fn life_of(world: &World, base: &str, lifecycle: &Value) {
    let body = json!({"modelDetails": {
        "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{base}"),
        "modelId": base,
        "modelLifecycle": lifecycle,
    }});
    let path = format!("/foundation-models/{base}");
    let json = [("content-type", "application/json")];
    world.rule(Rule::new("bedrock", &path).respond(200, &json, body.to_string()));
}

#[test]
fn agreement_authorization_entitlement_and_region_are_told_apart() {
    for (change, exit, code, owner, words) in [
        (
            ("/agreementAvailability/status", "NOT_AVAILABLE"),
            2,
            "model-access-not-granted",
            "account-admin",
            "has no agreement",
        ),
        (
            ("/entitlementAvailability", "NOT_AVAILABLE"),
            2,
            "model-access-not-granted",
            "account-admin",
            "but not the entitlement",
        ),
        (
            ("/authorizationStatus", "NOT_AUTHORIZED"),
            2,
            "account-not-authorized",
            "account-admin",
            "is not authorized",
        ),
        (
            ("/regionAvailability", "NOT_AVAILABLE"),
            1,
            "model-not-in-region",
            "you",
            "`us-east-1` does not offer",
        ),
    ] {
        let world = World::healthy();
        availability_of(&world, "anthropic.claude-sonnet-4-6", &[change]);
        // Where a trial is made, AWS does not say why it refuses.
        refuse(&world, 403, "AccessDeniedException", "No.");
        let checkup = checkup(&pinned(&world, MAIN));
        let root = checkup.one_root(exit, "model-access-granted", code);
        assert_owner(root, owner);
        let what = root["what"].as_str().unwrap();
        assert!(what.contains(words), "{what}");
        assert!(!root["fix"].as_array().unwrap().is_empty(), "{root}");
    }
}

#[test]
fn the_words_of_a_failed_agreement_name_the_payment_method() {
    let world = World::healthy();
    let body = json!({
        "modelId": "anthropic.claude-sonnet-4-6",
        "agreementAvailability": {
            "status": "ERROR",
            "errorMessage": "INVALID_PAYMENT_INSTRUMENT: A valid payment instrument must be provided.",
        },
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "NOT_AVAILABLE",
        "regionAvailability": "AVAILABLE",
    });
    world.rule(
        Rule::new("bedrock", "/foundation-model-availability/").respond(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        ),
    );
    let checkup = checkup(&pinned(&world, MAIN));
    let root = checkup.one_root(2, "model-access-granted", "payment-instrument-invalid");
    assert_owner(root, "account-admin");
    assert_fix_says(root, "payment method");
    assert_eq!(invocations(&world), Vec::<String>::new());
}

#[test]
fn a_legacy_model_is_a_warning_with_its_dates() {
    let world = World::healthy();
    life_of(
        &world,
        "anthropic.claude-sonnet-4-6",
        &json!({
            "status": "LEGACY",
            "legacyTime": "2024-01-05T00:00:00Z",
            "publicExtendedAccessTime": "2024-06-05T00:00:00Z",
            "endOfLifeTime": "2099-01-08T00:00:00Z",
        }),
    );
    let checkup = checkup(&pinned(&world, MAIN));
    assert_eq!(checkup.run.code, 0, "{}", checkup.open());
    let warning = checkup.finding("model-lifecycle-active", "warn");
    assert_eq!(warning["code"], "model-end-of-life");
    assert_owner(warning, "you");
    let what = warning["what"].as_str().unwrap();
    for date in ["2024-01-05", "2024-06-05", "2099-01-08"] {
        assert!(what.contains(date), "{what}");
    }
    assert_fix_says(warning, "choose a current model");
}

#[test]
fn a_legacy_model_in_extended_access_is_told_from_a_restricted_account() {
    let world = World::healthy();
    life_of(
        &world,
        "anthropic.claude-sonnet-4-6",
        &json!({"status": "LEGACY", "publicExtendedAccessTime": "2024-06-05T00:00:00Z"}),
    );
    refuse(&world, 400, "ValidationException", "Operation not allowed");
    let checkup = checkup(&pinned(&world, MAIN));
    let root = checkup.one_root(1, "model-lifecycle-active", "legacy-model-inactive-account");
    assert_owner(root, "you");
    assert_reported(root, "Operation not allowed");
    assert_fix_says(root, "choose a current model");
}

#[test]
fn models_that_are_pinned_are_looked_at_and_not_tried() {
    let world = World::healthy();
    let (opus, sonnet, subagent) = (
        "us.anthropic.claude-opus-4-7",
        "us.anthropic.claude-sonnet-5",
        "us.anthropic.claude-opus-5",
    );
    let mut machine = pinned(&world, MAIN);
    machine
        .env("ANTHROPIC_DEFAULT_OPUS_MODEL", opus)
        .env("ANTHROPIC_DEFAULT_SONNET_MODEL", sonnet)
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", MAIN)
        .env("CLAUDE_CODE_SUBAGENT_MODEL", subagent);
    world.inference_profiles(&[MAIN, opus, sonnet, subagent]);
    let good = checkup(&machine);
    good.healthy();
    assert_eq!(invocations(&world).len(), 2, "{:?}", invocations(&world));
    let told = good.finding("model-access-granted", "not-applicable");
    assert!(
        told["what"].as_str().unwrap().contains("no proof"),
        "{told}"
    );
    assert_fix(told, &format!("bedrock-doctor check --model {subagent}"));

    availability_of(
        &world,
        "anthropic.claude-opus-4-7",
        &[("/regionAvailability", "NOT_AVAILABLE")],
    );
    life_of(
        &world,
        "anthropic.claude-sonnet-5",
        &json!({"status": "LEGACY", "endOfLifeTime": "2024-06-05T00:00:00Z"}),
    );
    let told = checkup(&machine);
    assert_eq!(told.run.code, 0, "{}", told.open());
    let warning = told.finding("model-access-granted", "warn");
    assert_eq!(warning["subject"], opus);
    assert_eq!(warning["code"], "model-not-in-region");
    let warning = told.finding("model-lifecycle-active", "warn");
    assert_eq!(warning["subject"], sonnet);
    assert!(
        warning["why"].as_str().unwrap().contains("/model sonnet"),
        "{warning}"
    );
}

#[test]
fn a_subagent_model_that_is_not_offered_is_a_failure() {
    let world = World::healthy();
    let mut machine = pinned(&world, MAIN);
    machine.env("CLAUDE_CODE_SUBAGENT_MODEL", "us.anthropic.claude-opus-4-7");
    availability_of(
        &world,
        "anthropic.claude-opus-4-7",
        &[("/regionAvailability", "NOT_AVAILABLE")],
    );
    let checkup = checkup(&machine);
    let root = checkup.one_root(1, "model-access-granted", "model-not-in-region");
    assert_owner(root, "you");
    assert!(
        root["what"].as_str().unwrap().contains("subagent model"),
        "{root}"
    );
}

#[test]
fn pins_cost_nothing_where_the_account_may_not_look() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "/foundation-model").aws_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: \
         bedrock:GetFoundationModelAvailability because no identity-based policy allows it",
    ));
    let mut machine = pinned(&world, MAIN);
    machine.env(
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "us.anthropic.claude-opus-5-5",
    );
    checkup(&machine).healthy();
}

#[test]
fn an_application_profile_works_and_is_asked_for_its_model() {
    let world = World::healthy();
    world.application_profile("abcdef123456", "anthropic.claude-sonnet-4-6");
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456";
    let checkup = checkup(&pinned(&world, arn));
    checkup.healthy();
    assert!(
        world
            .operations()
            .contains(&"bedrock:GetInferenceProfile".to_owned())
    );
    let asked: Vec<Option<String>> = world
        .requests()
        .into_iter()
        .filter(|request| request.operation == "bedrock:GetFoundationModelAvailability")
        .map(|request| request.model)
        .collect();
    assert_eq!(asked, [Some("anthropic.claude-sonnet-4-6".to_owned())]);
}

#[test]
fn a_data_retention_mode_that_rules_a_model_out_is_told_as_such() {
    let checkup = refused(
        400,
        "ValidationException",
        "data retention mode 'default' is not available for this model",
    );
    let root = checkup.one_root(2, "model-access-granted", "data-retention-mode");
    assert_owner(root, "account-admin");
    assert_reported(root, "data retention mode");
    assert_fix_says(root, "another model");
    assert_fix(
        root,
        "aws bedrock get-account-data-retention --region us-east-1",
    );
    assert_hand_off(root);
}

#[test]
fn an_unsupported_country_is_told_as_such() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "Access to Anthropic models is not allowed from unsupported countries, regions, or territories. Please refer \
         to https://www.anthropic.com/supported-countries for more information on the countries and regions Anthropic \
         currently supports.",
    );
    let root = checkup.one_root(1, "model-access-granted", "unsupported-country");
    assert_owner(root, "you");
    assert_reported(root, "unsupported countries");
    assert_fix_says(root, "https://www.anthropic.com/supported-countries");
}

#[test]
fn an_account_that_may_do_nothing_belongs_to_aws_support() {
    let checkup = refused(400, "ValidationException", "Operation not allowed");
    let root = checkup.one_root(2, "model-access-granted", "operation-not-allowed");
    assert_owner(root, "aws-support");
    assert_reported(root, "Operation not allowed");
    assert_fix_says(root, "support case");
    assert_hand_off(root);
}

#[test]
fn a_model_that_is_not_for_this_account_belongs_to_aws_support() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "anthropic.claude-opus-5-5 is not available for this account. You can explore other available models on \
         Amazon Bedrock. For additional access options, contact AWS Sales at https://aws.amazon.com/contact-us/sales-support/",
    );
    let root = checkup.one_root(2, "model-access-granted", "model-not-available-for-account");
    assert_owner(root, "aws-support");
    assert_fix_says(root, "ask AWS Support or AWS Sales");
    assert_hand_off(root);
}

#[test]
fn a_subscription_that_was_just_made_is_told_with_the_time_to_wait() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is \
         still being processed",
    );
    let root = checkup.one_root(1, "model-access-granted", "subscription-propagation");
    assert_owner(root, "you");
    assert_reported(root, "still being processed");
    assert_fix_says(root, "15 minutes");
}

#[test]
fn an_account_without_authorization_in_the_region_is_told_with_the_region() {
    let checkup = refused(
        400,
        "ValidationException",
        "Your account is not authorized to invoke this API operation.",
    );
    let root = checkup.one_root(2, "model-access-granted", "account-not-authorized");
    assert_owner(root, "account-admin");
    assert_reported(root, "not authorized to invoke");
    assert!(
        root["what"].as_str().unwrap().contains("us-east-1"),
        "{root}"
    );
    assert_fix_says(root, "use the Region in which access was granted");
    assert_hand_off(root);
}

#[test]
fn an_account_that_aws_has_restricted_belongs_to_aws_support() {
    let checkup = refused(
        403,
        "AccessDeniedException",
        "Error 002: Access to Bedrock models is not allowed for this account",
    );
    let root = checkup.one_root(2, "model-access-granted", "account-under-verification");
    assert_owner(root, "aws-support");
    assert_fix_says(root, "support case");
    assert_hand_off(root);
}

#[test]
fn a_govcloud_account_is_sent_to_its_standard_account() {
    let world = World::healthy();
    world.inference_profiles(&["us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"]);
    refuse(
        &world,
        403,
        "AccessDeniedException",
        "The GovCloud account 123456789012 cannot perform this operation. You must use your associated standard AWS \
         account to establish a model access agreement or view the EULA in either us-east-1 or us-west-2 regions",
    );
    let mut machine = pinned(&world, "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0");
    machine.env("AWS_REGION", "us-gov-west-1");
    let checkup = checkup(&machine);
    let root = checkup.one_root(2, "model-access-granted", "govcloud-model-agreement");
    assert_owner(root, "account-admin");
    assert_fix_says(root, "in the linked standard account");
    assert!(root["hand_off"].is_string(), "{root}");
}

#[test]
fn a_reseller_s_account_is_sent_to_its_reseller() {
    let checkup = refused(
        400,
        "ValidationException",
        "Access to this model is not available for channel program accounts. Reach out to your AWS Solution Provider \
         or AWS Distributor for more information.",
    );
    let root = checkup.one_root(2, "model-access-granted", "channel-program-account");
    assert_owner(root, "account-admin");
    assert_reported(root, "channel program");
    assert_fix_says(root, "AWS Solution Provider");
    assert_hand_off(root);
}

#[test]
fn a_daily_quota_is_told_from_one_per_minute() {
    let checkup = refused(
        429,
        "ThrottlingException",
        "Too many tokens per day, please wait before trying again.",
    );
    let warning = checkup.finding("requests-not-throttled", "warn");
    assert_eq!(warning["code"], "tokens-per-day-exceeded");
    assert_owner(warning, "account-admin");
    assert!(!warning["fix"].as_array().unwrap().is_empty(), "{warning}");
}

#[test]
fn throttling_is_a_warning_and_what_depends_on_it_could_not_be_told() {
    let checkup = refused(
        429,
        "ThrottlingException",
        "Too many tokens, please wait before trying again.",
    );
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    assert!(checkup.roots().is_empty(), "{}", checkup.open());
    let warning = checkup.finding("requests-not-throttled", "warn");
    assert_eq!(warning["code"], "tokens-per-minute-throttled");
    assert_owner(warning, "account-admin");
    assert_reported(warning, "Too many tokens");
    assert_fix_says(warning, "wait a minute");
    // Both models got the same answer: that is said once.
    assert_eq!(checkup.findings("invocation-allowed").len(), 1);
    assert_untold(
        &checkup,
        &[
            "invocation-allowed",
            "model-access-granted",
            "model-id-accepted",
        ],
    );
}

#[test]
fn a_throttled_list_of_profiles_keeps_nothing_else_from_being_told() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock", "/inference-profiles").aws_error(
        429,
        "ThrottlingException",
        "Too many requests",
    ));
    let checkup = checkup(&machine(&world));
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    checkup.finding("requests-not-throttled", "warn");
    checkup.finding("invocation-allowed", "pass");
    assert_untold(&checkup, &["profile-listing-allowed"]);
}

#[test]
fn a_service_that_fails_belongs_to_aws() {
    let checkup = refused(
        503,
        "ServiceUnavailableException",
        "The service is temporarily unable to handle the request.",
    );
    let root = checkup.one_root(2, "service-available", "bedrock-503");
    assert_owner(root, "aws-support");
    assert_reported(root, "temporarily unable");
    assert_fix_says(root, "https://health.aws.amazon.com/health/status");
    assert_hand_off(root);
    assert_untold(
        &checkup,
        &[
            "invocation-allowed",
            "model-access-granted",
            "model-id-accepted",
        ],
    );
}

#[test]
fn a_refusal_that_nobody_knows_is_no_pass() {
    let checkup = refused(
        400,
        "ValidationException",
        "The flux capacitor is not charged.",
    );
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    assert!(checkup.roots().is_empty(), "{}", checkup.open());
    assert_untold(
        &checkup,
        &[
            "invocation-allowed",
            "model-access-granted",
            "model-id-accepted",
        ],
    );
    let told = checkup.finding("invocation-allowed", "cannot-tell");
    assert!(
        told["what"].as_str().unwrap().contains("flux capacitor"),
        "{told}"
    );
    assert!(told["request_id"].is_string(), "{told}");
}

#[test]
fn a_forbidden_answer_that_nobody_knows_is_no_pass() {
    let checkup = refused(403, "AccessDeniedException", "No.");
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    assert_untold(
        &checkup,
        &[
            "invocation-allowed",
            "model-access-granted",
            "model-id-accepted",
        ],
    );
}

#[test]
fn invoke_makes_one_real_request_of_one_token_per_model() {
    let world = World::healthy();
    let mut machine = pinned(&world, MAIN);
    machine.env("ANTHROPIC_DEFAULT_HAIKU_MODEL", HAIKU);
    let checkup = checkup_with(&machine, &["--invoke"]);
    checkup.healthy();
    let requests = world.requests();
    let mut models: Vec<&str> = Vec::new();
    for request in requests
        .iter()
        .filter(|request| request.service == "bedrock-runtime")
    {
        assert_eq!(request.operation, STREAM);
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["max_tokens"], 1);
        assert_eq!(body["messages"][0]["role"], "user");
        assert_eq!(body["bedrock_doctor_probe"], Value::Null);
        models.push(request.model.as_deref().unwrap());
    }
    models.sort_unstable();
    assert_eq!(models, [HAIKU, MAIN]);
    let pass = checkup.finding("invocation-allowed", "pass");
    assert_eq!(pass["evidence"]["basis"], "observed");
}

#[test]
fn a_stream_that_stalls_ends_in_a_time_out() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").stall_after(150));
    let checkup = checkup_with(&pinned(&world, MAIN), &["--invoke", "--timeout", "4"]);
    let root = checkup.one_root(2, "endpoints-reachable", "request-timeout-or-stall");
    assert_owner(root, "network-team");
    assert!(
        root["what"].as_str().unwrap().contains("timed out"),
        "{root}"
    );
    assert!(checkup.run.seconds < 15.0, "{}", checkup.run.seconds);
}

#[test]
fn a_stream_that_ends_in_throttling_is_a_warning() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").stream_error(
        "throttlingException",
        "Too many tokens, please wait before trying again.",
    ));
    let checkup = checkup_with(&pinned(&world, MAIN), &["--invoke"]);
    assert_eq!(checkup.run.code, 3, "{}", checkup.open());
    assert!(checkup.roots().is_empty(), "{}", checkup.open());
    let warning = checkup.finding("requests-not-throttled", "warn");
    assert_eq!(warning["code"], "tokens-per-minute-throttled");
}
