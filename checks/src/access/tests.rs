use super::*;
use crate::facts::{InferenceProfile, Observed};
use crate::sample::{BACKGROUND, MAIN, configured, healthy, variable};

const ACCOUNT: &str = "123456789012";
const BASE: &str = "anthropic.claude-opus-5-5";
const APPLICATION: &str =
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";

fn known(facts: &Facts) -> Known<'_> {
    Known::of(facts.configuration.known().unwrap(), facts)
}

fn access(facts: &Facts) -> Access {
    known(facts).access()
}

/// The healthy machine whose one model is this.
fn with_model(model: &str) -> Facts {
    configured(|it| {
        it.models.main.value = model.to_owned();
        it.models.background.value = model.to_owned();
    })
}

fn resources(access: &Access, action: &str) -> Vec<String> {
    let of_action = |it: &&Permission| it.action == action;
    let found = access.permissions.iter().find(of_action);
    found.map_or_else(Vec::new, |permission| permission.resources.clone())
}

/// What is not for the checkup only.
fn of_claude_code(access: &Access) -> Vec<&'static str> {
    let permissions = access.permissions.iter();
    permissions
        .filter(|it| it.needed != Needed::Checkup)
        .map(|it| it.action)
        .collect()
}

const STREAM: &str = "bedrock:InvokeModelWithResponseStream";

#[test]
fn a_profile_needs_itself_and_its_model_in_every_destination() {
    let access = access(&healthy());
    let of = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/{BASE}");
    let found = resources(&access, STREAM);
    assert_eq!(
        found[..4],
        [
            format!("arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{MAIN}"),
            of("us-east-1"),
            of("us-east-2"),
            of("us-west-2"),
        ]
    );
    assert!(found[4].ends_with(BACKGROUND));
    assert_eq!(found.len(), 8);
    assert_eq!(resources(&access, "bedrock:InvokeModel"), found);
    assert_eq!(resources(&access, "bedrock:ListInferenceProfiles"), ["*"]);
    assert_eq!(access.open, [""; 0]);
    assert_eq!(
        of_claude_code(&access),
        [
            STREAM,
            "bedrock:InvokeModel",
            "bedrock:ListInferenceProfiles"
        ]
    );
}

#[test]
fn unknown_destinations_and_accounts_are_wildcards_and_said() {
    let mut facts = with_model(MAIN);
    facts.inference_profiles = Observed::default();
    facts.caller_identity = Observed::default();
    let access = access(&facts);
    assert_eq!(
        resources(&access, STREAM),
        [
            format!("arn:aws:bedrock:us-east-1:*:inference-profile/{MAIN}"),
            format!("arn:aws:bedrock:*::foundation-model/{BASE}"),
        ]
    );
    assert_eq!(access.open.len(), 2, "{:?}", access.open);
}

#[test]
fn a_global_profile_needs_the_model_without_a_region_too() {
    let model = format!("global.{BASE}");
    let wanted = [
        format!("arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{model}"),
        format!("arn:aws:bedrock:us-east-1::foundation-model/{BASE}"),
        format!("arn:aws:bedrock:::foundation-model/{BASE}"),
    ];
    let mut facts = with_model(&model);
    let unlisted = access(&facts);
    assert_eq!(resources(&unlisted, STREAM), wanted);
    assert_eq!(unlisted.open, [""; 0]);
    facts.inference_profiles = Observed::Known(InferenceProfiles {
        profiles: vec![InferenceProfile {
            id: model,
            model_arns: vec![wanted[1].clone()],
        }],
    });
    assert_eq!(resources(&access(&facts), STREAM), wanted);
}

#[test]
fn other_kinds_of_ids() {
    for (model, wanted) in [
        (
            BASE,
            vec![format!(
                "arn:aws:bedrock:us-east-1::foundation-model/{BASE}"
            )],
        ),
        (
            // A prefix that nobody here knows yet.
            "ca.anthropic.claude-x",
            vec![
                format!(
                    "arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/ca.anthropic.claude-x"
                ),
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-x".to_owned(),
            ],
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/x",
            vec!["arn:aws:bedrock:us-east-1:123456789012:provisioned-model/x".to_owned()],
        ),
        (
            "arn:aws:bedrock:us-east-1:210987654321:inference-profile/eu.anthropic.x",
            vec![
                "arn:aws:bedrock:us-east-1:210987654321:inference-profile/eu.anthropic.x"
                    .to_owned(),
                "arn:aws:bedrock:*::foundation-model/anthropic.x".to_owned(),
            ],
        ),
        (
            APPLICATION,
            vec![
                APPLICATION.to_owned(),
                "arn:aws:bedrock:*::foundation-model/anthropic.*".to_owned(),
            ],
        ),
    ] {
        assert_eq!(resources(&access(&with_model(model)), STREAM), wanted);
    }
}

#[test]
fn an_application_profile_brings_its_models_and_is_asked_for() {
    let mut facts = with_model(APPLICATION);
    let destination = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.x".to_owned();
    if let Observed::Known(models) = &mut facts.model_availability {
        models[0].model = APPLICATION.to_owned();
        models[0].model_arns = vec![destination.clone()];
    }
    let access = access(&facts);
    assert_eq!(
        resources(&access, STREAM),
        [APPLICATION.to_owned(), destination]
    );
    assert_eq!(
        resources(&access, "bedrock:GetInferenceProfile"),
        [APPLICATION]
    );
    assert_eq!(
        resources(&access, "bedrock:GetFoundationModel"),
        ["arn:aws:bedrock:us-east-1::foundation-model/anthropic.x"]
    );
    assert_eq!(access.open, [""; 0]);
}

/// A wildcard in a model's id would allow more than that model.
#[test]
fn what_is_no_id_is_not_allowed() {
    for model in ["*", "us.anthropic.*", "a b", "${aws:username}", "a\"b", ""] {
        let access = access(&with_model(model));
        assert_eq!(resources(&access, STREAM), [""; 0], "{model}");
        assert!(access.open[0].contains("nothing is allowed"), "{model}");
    }
}

#[test]
fn what_is_answered_in_the_place_of_aws_widens_nothing() {
    let mut facts = with_model(MAIN);
    facts.inference_profiles = Observed::Known(InferenceProfiles {
        profiles: vec![InferenceProfile {
            id: MAIN.to_owned(),
            model_arns: vec!["*".to_owned(), "arn:aws:bedrock:*".to_owned()],
        }],
    });
    facts.caller_identity = Observed::Known(CallerIdentity {
        account: "?".to_owned(),
        arn: "arn:aws:iam::?:user/*".to_owned(),
    });
    let access = access(&facts);
    let anywhere = format!("arn:aws:bedrock:*::foundation-model/{BASE}");
    assert_eq!(resources(&access, STREAM)[1..], [anywhere]);
    assert_eq!(resources(&access, "iam:SimulatePrincipalPolicy"), [""; 0]);
    assert_eq!(access.open.len(), 2, "{:?}", access.open);
}

#[test]
fn what_is_no_region_allows_nothing() {
    let access = access(&configured(|it| it.region.value = "us-*".to_owned()));
    assert_eq!(access.permissions, []);
    assert_eq!(access.open, ["`us-*` is no Region, so nothing is allowed"]);
}

#[test]
fn one_wildcard_stands_for_several_regions() {
    let found = resources(&access(&with_model(MAIN)), STREAM);
    assert_eq!(
        shortened(&found),
        [
            found[0].clone(),
            format!("arn:aws:bedrock:*::foundation-model/{BASE}")
        ]
    );
}

#[test]
fn the_partition_is_that_of_the_region() {
    let mut facts = with_model("us-gov.anthropic.claude-x");
    if let Observed::Known(configuration) = &mut facts.configuration {
        configuration.region.value = "us-gov-west-1".to_owned();
    }
    for resource in resources(&access(&facts), STREAM) {
        assert!(
            resource.starts_with("arn:aws-us-gov:bedrock:"),
            "{resource}"
        );
    }
}

#[test]
fn the_background_model_has_a_region_of_its_own() {
    let facts = configured(|it| {
        let mut region = it.region.clone();
        region.value = "eu-west-1".to_owned();
        it.background_region = Some(region);
        it.models.background.value = "anthropic.claude-haiku".to_owned();
    });
    let found = resources(&access(&facts), STREAM);
    let wanted = "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-haiku";
    assert_eq!(found.last().unwrap(), wanted);
    let found = known(&facts).resources_of("anthropic.claude-haiku");
    assert_eq!(found, [wanted]);
}

#[test]
fn an_api_key_needs_an_action_of_its_own() {
    let key = |it: &mut Configuration| {
        it.variables
            .push(variable("AWS_BEARER_TOKEN_BEDROCK", "key"));
    };
    let access = access(&configured(key));
    assert_eq!(resources(&access, "bedrock:CallWithBearerToken"), ["*"]);
    assert_eq!(
        resources(&access, "bedrock-mantle:CallWithBearerToken"),
        [""; 0]
    );
}

#[test]
fn marketplace_only_while_an_agreement_is_missing() {
    let mut facts = healthy();
    let via = |facts: &Facts| {
        let access = access(facts);
        let of_marketplace = access.permissions.into_iter();
        of_marketplace
            .filter(|it| it.action.starts_with("aws-marketplace:"))
            .map(|it| (it.via, it.needed))
            .collect::<Vec<_>>()
    };
    assert_eq!(via(&facts), []);
    if let Observed::Known(models) = &mut facts.model_availability
        && let Observed::Known(availability) = &mut models[0].availability
    {
        availability.agreement = "NOT_AVAILABLE".to_owned();
    }
    let wanted = (Some("bedrock.amazonaws.com"), Needed::FirstUse);
    assert_eq!(via(&facts), [wanted, wanted]);
    // Nobody subscribes to a model that is only pinned.
    if let Observed::Known(models) = &mut facts.model_availability {
        models[0].part = "opus model".to_owned();
    }
    assert_eq!(via(&facts), []);
}

#[test]
fn mantle_and_claude_platform_have_actions_of_their_own() {
    let of = |provider| configured(|it: &mut Configuration| it.provider.value = provider);
    let actions = |facts: &Facts| -> Vec<&str> { of_claude_code(&access(facts)) };
    assert_eq!(
        actions(&of(Provider::Mantle)),
        ["bedrock-mantle:CreateInference"]
    );
    let mut platform = of(Provider::AnthropicAws);
    if let Observed::Known(configuration) = &mut platform.configuration {
        configuration
            .variables
            .push(variable("ANTHROPIC_AWS_WORKSPACE_ID", "wrkspc_1"));
    }
    assert_eq!(
        resources(&access(&platform), "aws-external-anthropic:CreateInference"),
        ["arn:aws:aws-external-anthropic:us-east-1:123456789012:workspace/wrkspc_1"]
    );
    assert_eq!(access(&of(Provider::Vertex)), Access::default());
    let mut apart = of(Provider::Mantle);
    if let Observed::Known(configuration) = &mut apart.configuration {
        let mut region = configuration.region.clone();
        region.value = "eu-west-1".to_owned();
        configuration.background_region = Some(region);
    }
    assert_eq!(
        resources(&access(&apart), "bedrock-mantle:CreateInference").len(),
        2
    );
    // Both endpoints: each model where its id belongs.
    let mut both = of(Provider::BedrockAndMantle);
    if let Observed::Known(configuration) = &mut both.configuration {
        configuration.models.background.value = "anthropic.claude-sonnet-5".to_owned();
    }
    let both = access(&both);
    assert_eq!(resources(&both, STREAM).len(), 4);
    assert_eq!(
        resources(&both, "bedrock-mantle:CreateInference"),
        ["arn:aws:bedrock-mantle:us-east-1:123456789012:project/default"]
    );
}

#[test]
fn the_simulator_is_asked_about_the_caller() {
    for (caller, wanted) in [
        (
            "arn:aws:iam::123456789012:user/team/alice",
            &["arn:aws:iam::123456789012:user/team/alice"][..],
        ),
        (
            "arn:aws:sts::123456789012:assumed-role/dev/alice@example.com",
            &[
                "arn:aws:iam::123456789012:role/dev",
                "arn:aws:iam::123456789012:role/*/dev",
            ],
        ),
        ("arn:aws:iam::123456789012:root", &[]),
        ("arn:aws:sts::123456789012:federated-user/bob", &[]),
        ("", &[]),
    ] {
        assert_eq!(principals(caller), wanted, "{caller}");
    }
}
