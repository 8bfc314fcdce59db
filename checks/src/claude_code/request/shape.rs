//! What a request carries beside the conversation: the betas, and the members that came with some version.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::environment::Environment;
use super::super::provider::is_on;
use super::super::versions::{Rules, Version};
use crate::facts::InvokeOperation;
use crate::models::model_name;

/// A recorded shape; the members are described in `data/request-shapes.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    since: String,
    api: String,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    header: Vec<String>,
    #[serde(default)]
    body: Vec<String>,
    effort: Option<String>,
    #[serde(default)]
    eager_tools: bool,
    #[serde(default)]
    system_turn: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shapes {
    experimental: Vec<String>,
    shape: Vec<Shape>,
}

// A test keeps the file readable; a broken one knows no shape.
static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../data/request-shapes.toml")).unwrap_or_default()
});

impl Shape {
    /// The shape of the requests for a model; without betas where that version or that model was not recorded.
    ///
    /// `model`: an id, or the id of the model behind the ARN of an application inference profile.
    pub fn of(
        environment: &Environment,
        rules: Rules,
        operation: InvokeOperation,
        model: &str,
    ) -> Self {
        let name = model_name(model);
        let holds = |shape: &&Self| {
            shape.api == api(operation)
                && (shape.models.is_empty() || shape.models.iter().any(|known| known == name))
                && Version::parse(&shape.since).is_some_and(|since| since <= rules.version)
        };
        let mut shape = SHAPES
            .shape
            .iter()
            .rev()
            .find(holds)
            .cloned()
            .unwrap_or_default();
        let is_set = |name: &str| environment.get(name).is_some_and(is_on);
        if is_set("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS") {
            let known = |beta: &String| SHAPES.experimental.contains(beta);
            shape.header.retain(|beta| !known(beta));
            shape.body.retain(|beta| !known(beta));
            shape.eager_tools = false;
        }
        if is_set("DISABLE_INTERLEAVED_THINKING") {
            let interleaved = |beta: &String| beta.starts_with("interleaved-thinking-");
            shape.header.retain(|beta| !interleaved(beta));
            shape.body.retain(|beta| !interleaved(beta));
        }
        // Without any of its own the body has those of the header field (seen, 2.1.330).
        if shape.body.is_empty() && !operation.is_messages_api() {
            shape.body.clone_from(&shape.header);
        }
        shape
    }

    /// The betas in the header field `anthropic-beta`.
    pub fn betas(&self) -> Option<String> {
        (!self.header.is_empty()).then(|| self.header.join(","))
    }

    /// All betas, each once; none where that version or that model was not recorded.
    pub fn all_betas(&self) -> Vec<String> {
        let mut all = self.header.clone();
        all.extend(
            self.body
                .iter()
                .filter(|beta| !self.header.contains(beta))
                .cloned(),
        );
        all
    }

    /// A request for one token, with every member of Claude Code's that such a request can have.
    pub fn real_body(
        &self,
        environment: &Environment,
        operation: InvokeOperation,
        model: &str,
    ) -> Value {
        let mut system = json!({"type": "text", "text": "This is a test of the connection."});
        if !environment.get("DISABLE_PROMPT_CACHING").is_some_and(is_on) {
            system["cache_control"] = json!({"type": "ephemeral"});
        }
        let mut tool = json!({
            "name": "nothing",
            "description": "Does nothing.",
            "input_schema": {"type": "object", "properties": {}},
        });
        if self.eager_tools {
            tool["eager_input_streaming"] = json!(true);
        }
        let said = |role: &str, text: &str| json!({"role": role, "content": [{"type": "text", "text": text}]});
        let mut messages = vec![said("user", "ping")];
        if self.system_turn {
            messages.push(said("system", "Answer with one word."));
        }
        let mut body = Map::from_iter([
            ("max_tokens".to_owned(), json!(1)),
            ("messages".to_owned(), json!(messages)),
            ("system".to_owned(), json!([system])),
            ("tools".to_owned(), json!([tool])),
            ("metadata".to_owned(), json!({"user_id": "bedrock-doctor"})),
        ]);
        let effort = environment
            .get("CLAUDE_CODE_EFFORT_LEVEL")
            .or(self.effort.as_deref());
        if let Some(effort) = effort.filter(|_| self.effort.is_some()) {
            body.insert("output_config".to_owned(), json!({"effort": effort}));
        }
        if !self.body.is_empty() {
            body.insert("anthropic_beta".to_owned(), json!(self.body));
        }
        addressed(body, operation, model)
    }
}

/// A request that every model must refuse, and that could not start one: no message, no token to write, and a member
/// that does not exist (`docs/invocation-probe.md`).
pub fn refused_body(operation: InvokeOperation, model: &str) -> Value {
    let body = Map::from_iter([
        ("max_tokens".to_owned(), json!(0)),
        ("messages".to_owned(), json!([])),
        ("bedrock_doctor_probe".to_owned(), json!(true)),
    ]);
    addressed(body, operation, model)
}

/// The members that say for which API a body is: in Bedrock's own the path names the model and the operation.
fn addressed(mut body: Map<String, Value>, operation: InvokeOperation, model: &str) -> Value {
    if operation.is_messages_api() {
        body.insert("model".to_owned(), json!(model));
        body.insert("stream".to_owned(), json!(true));
    } else {
        let version = json!("bedrock-2023-05-31");
        body.insert("anthropic_version".to_owned(), version);
    }
    Value::Object(body)
}

fn api(operation: InvokeOperation) -> &'static str {
    match operation {
        InvokeOperation::InvokeModel | InvokeOperation::InvokeModelWithResponseStream => "bedrock",
        InvokeOperation::MantleCreateInference => "mantle",
        InvokeOperation::AnthropicAwsCreateInference => "anthropic-aws",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const STREAM: InvokeOperation = InvokeOperation::InvokeModelWithResponseStream;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let shell: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Environment::merge(&shell, &[])
    }

    fn body(version: &str, model: &str, variables: &[(&str, &str)]) -> Value {
        let environment = environment(variables);
        let rules = Rules::of(Version::parse(version));
        Shape::of(&environment, rules, STREAM, model).real_body(&environment, STREAM, model)
    }

    #[test]
    fn the_file_is_readable_and_in_order() {
        let text = include_str!("../../../data/request-shapes.toml");
        let shapes: Shapes = toml::from_str(text).unwrap();
        let versions: Vec<Version> = shapes
            .shape
            .iter()
            .map(|shape| Version::parse(&shape.since).unwrap())
            .collect();
        assert!(versions.is_sorted());
        for shape in &shapes.shape {
            assert!(["bedrock", "mantle", "anthropic-aws"].contains(&&*shape.api));
        }
        let sent = |beta: &String| {
            shapes
                .shape
                .iter()
                .any(|shape| shape.header.contains(beta) || shape.body.contains(beta))
        };
        assert!(shapes.experimental.iter().all(sent));
    }

    #[test]
    fn the_newest_recorded_shape_that_is_not_too_new_holds() {
        let flags = |version: &str| {
            body(version, "us.anthropic.claude-opus-5-5", &[])["anthropic_beta"].to_string()
        };
        assert!(flags("2.1.305").contains("dangerous-tool-use"));
        assert!(flags("2.1.330").contains("thinking-binding-controls"));
        assert!(!flags("2.1.330").contains("dangerous-tool-use"));
        // Nobody recorded it.
        assert_eq!(flags("2.0.76"), "null");
    }

    #[test]
    fn a_model_is_known_by_its_name_whatever_stands_around_it() {
        for id in [
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ] {
            assert_eq!(
                body("2.1.330", id, &[])["anthropic_beta"],
                json!(["tool-search-tool-2025-10-19"]),
                "{id}"
            );
        }
        assert_eq!(body("2.1.330", "gpt-4", &[])["anthropic_beta"], Value::Null);
    }

    #[test]
    fn variables_take_members_away() {
        let model = "us.anthropic.claude-sonnet-4-6";
        let all = body("2.1.330", model, &[]);
        assert_eq!(all["tools"][0]["eager_input_streaming"], true);
        assert_eq!(all["system"][0]["cache_control"]["type"], "ephemeral");
        let less = body(
            "2.1.330",
            model,
            &[
                ("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "1"),
                ("DISABLE_PROMPT_CACHING", "1"),
                ("CLAUDE_CODE_EFFORT_LEVEL", "low"),
            ],
        );
        assert_eq!(
            less["anthropic_beta"],
            json!(["interleaved-thinking-2025-05-14"])
        );
        assert_eq!(less["tools"][0].get("eager_input_streaming"), None);
        assert_eq!(less["system"][0].get("cache_control"), None);
        assert_eq!(less["output_config"]["effort"], "low");
    }

    #[test]
    fn the_messages_api_has_the_model_in_the_body() {
        let operation = InvokeOperation::MantleCreateInference;
        let (nothing, rules) = (environment(&[]), Rules::of(Version::parse("2.1.330")));
        let shape = Shape::of(&nothing, rules, operation, "anthropic.claude-opus-5-5");
        let body = shape.real_body(&nothing, operation, "anthropic.claude-opus-5-5");
        assert_eq!(
            (&body["model"], &body["stream"]),
            (&json!("anthropic.claude-opus-5-5"), &json!(true))
        );
        assert_eq!(
            (body.get("anthropic_version"), body.get("anthropic_beta")),
            (None, None)
        );
        assert!(
            shape
                .betas()
                .unwrap()
                .contains("context-management-2025-06-27")
        );
        let refused = refused_body(operation, "m");
        assert_eq!(
            (&refused["max_tokens"], &refused["messages"]),
            (&json!(0), &json!([]))
        );
    }
}
