//! Claude Code's settings files, at every level and with every mistake.

use serde_json::{Map, Value, json};

use super::{FLAGS, MODELS, Maker, PREFIXES, prints};

const LEVELS: &[(&str, usize)] = &[
    ("~/.claude/settings.json", 30),
    (".claude/settings.json", 15),
    (".claude/settings.local.json", 15),
    ("/etc/claude-code/managed-settings.json", 8),
    ("/etc/claude-code/managed-settings.d/10-a.json", 4),
    ("/etc/claude-code/managed-settings.d/20-b.json", 3),
    ("~/.claude.json", 5),
    ("../.claude/settings.json", 2),
    ("--settings", 6),
];

impl Maker {
    pub(super) fn settings(&mut self) {
        if self.dice.chance(6) {
            let folder = self
                .dice
                .pick(&["@HOME@/claude", "@HOME@/nowhere", "", "@CWD@/.claude"]);
            self.env("CLAUDE_CONFIG_DIR", folder);
            if self.dice.chance(80) {
                let document = self.document();
                let text = self.spelled(document);
                self.file("~/claude/settings.json", text);
            }
        }
        for (place, percent) in LEVELS {
            if !self.dice.chance(*percent) {
                continue;
            }
            let document = self.document();
            if *place == "--settings" {
                let argument = if self.dice.chance(50) {
                    self.file("~/cli.json", document);
                    "@HOME@/cli.json".to_owned()
                } else {
                    document.to_string()
                };
                self.row.args.extend(["--settings".to_owned(), argument]);
            } else {
                let text = self.spelled(document);
                self.file(place, text);
            }
        }
    }

    fn document(&mut self) -> Value {
        let mut document = Map::new();
        if self.dice.chance(80) {
            let mut env = Map::new();
            for _ in 0..=self.dice.below(3) {
                let (name, value) = self.variable();
                env.insert(name.to_owned(), value);
            }
            let env = match self.dice.below(30) {
                0 => json!(["AWS_REGION=eu-west-1"]),
                1 => json!("AWS_REGION=eu-west-1"),
                2 => Value::Null,
                _ => Value::Object(env),
            };
            document.insert("env".to_owned(), env);
        }
        if self.dice.chance(25) {
            let model = self.dice.pick(MODELS);
            document.insert("model".to_owned(), json!(model));
        }
        if self.dice.chance(8) {
            let key = self.dice.pick(&[
                "claude-opus-5-5",
                "claude-sonnet-4-5-20250929",
                "claude-sonnet-4-6",
                "claude-haiku-4-5-20251001",
                "opus",
                "us.anthropic.claude-opus-5-5",
            ]);
            let target = self.dice.pick(&[
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/override",
                "us.anthropic.claude-opus-4-8",
                "",
            ]);
            document.insert("modelOverrides".to_owned(), json!({key: target}));
        }
        if self.dice.chance(12) {
            self.export(&mut document);
        }
        if self.dice.chance(4) {
            document.insert("awsAuthRefresh".to_owned(), json!("echo ran >> @HOME@/ran"));
        }
        if self.dice.chance(15) {
            let (key, value) = [
                ("permissions", json!("all")),
                ("awsAuthRefresh", json!(5)),
                ("model", json!(5)),
                ("model", Value::Null),
                ("unknownKey", json!({"a": 1})),
                ("permissions", json!({"allow": ["Bash(ls:*)"]})),
                ("permissions", json!({"allow": "Bash"})),
                ("hooks", json!([])),
                ("hooks", json!({})),
                ("cleanupPeriodDays", json!("30")),
                ("includeCoAuthoredBy", json!("yes")),
                ("apiKeyHelper", json!(["x"])),
                ("modelOverrides", json!("x")),
                ("awsCredentialExport", json!({})),
                ("statusLine", json!("x")),
                ("enabledPlugins", json!([])),
                ("outputStyle", json!(1)),
                ("alwaysThinkingEnabled", json!("true")),
                ("availableModels", json!("opus")),
                ("$schema", json!(5)),
            ][self.dice.below(20)]
            .clone();
            document.insert(key.to_owned(), value);
        }
        Value::Object(document)
    }

    fn variable(&mut self) -> (&'static str, Value) {
        let text = |text: &str| json!(text);
        match self.dice.below(20) {
            0..=6 => ("AWS_REGION", text(self.region_value())),
            7 => (
                "AWS_PROFILE",
                text(self.dice.pick(&["work", "dev", "missing", ""])),
            ),
            8 => {
                let value = match self.dice.below(6) {
                    0 => json!(true),
                    1 => json!(1),
                    2 => json!(0),
                    3 => json!(false),
                    4 => Value::Null,
                    _ => text(self.dice.pick(FLAGS)),
                };
                ("CLAUDE_CODE_USE_BEDROCK", value)
            }
            9..=11 => ("ANTHROPIC_MODEL", text(self.dice.pick(MODELS))),
            12 => (
                "ANTHROPIC_DEFAULT_SONNET_MODEL",
                text(self.dice.pick(MODELS)),
            ),
            13 => ("AWS_ACCESS_KEY_ID", text("AKIASETTINGS")),
            14 => ("AWS_SECRET_ACCESS_KEY", text("sk")),
            15 => (
                "AWS_BEARER_TOKEN_BEDROCK",
                text(self.dice.pick(&["ABSKset", ""])),
            ),
            16 => ("AWS_DEFAULT_REGION", text(self.region_value())),
            17 => (
                "ANTHROPIC_BEDROCK_REGION_PREFIX",
                text(self.dice.pick(PREFIXES)),
            ),
            18 => (
                "AWS_REGION",
                [
                    json!(5),
                    Value::Null,
                    json!(true),
                    json!({"a": 1}),
                    json!(["us-west-2"]),
                ][self.dice.below(5)]
                .clone(),
            ),
            _ => match self.dice.below(4) {
                0 => (
                    "ANTHROPIC_BEDROCK_BASE_URL",
                    text("https://gw.example.com/set"),
                ),
                1 => ("HTTPS_PROXY", text("@PROXY@")),
                2 => ("AWS_ENDPOINT_URL", text("https://ep.example.com")),
                _ => ("NO_PROXY", text("amazonaws.com")),
            },
        }
    }

    fn export(&mut self, document: &mut Map<String, Value>) {
        let keys =
            json!({"AccessKeyId": "ASIAEXPORT", "SecretAccessKey": "sk", "SessionToken": "t"});
        let mut flat = keys.clone();
        flat["Version"] = json!(1);
        let answer = match self.dice.below(9) {
            0 => json!("garbage").to_string(),
            1 => flat.to_string(),
            2 => json!({"Credentials": {"AccessKeyId": "ASIAEXPORT", "SecretAccessKey": "sk"}})
                .to_string(),
            3 => keys.to_string(),
            4 => format!("signing in\n{}", json!({"Credentials": keys})),
            5 => {
                let mut expired = keys.clone();
                expired["Expiration"] = json!("2020-01-01T00:00:00Z");
                json!({"Credentials": expired}).to_string()
            }
            6 => String::new(),
            _ => json!({"Credentials": keys}).to_string(),
        };
        self.file("~/export.sh", prints(&answer));
        let command = self.dice.pick(&[
            "@HOME@/export.sh",
            "@HOME@/export.sh",
            "@HOME@/export.sh",
            "sh @HOME@/export.sh",
            "@HOME@/nothing.sh",
            "@HOME@/export.sh; exit 3",
            "",
        ]);
        document.insert("awsCredentialExport".to_owned(), json!(command));
    }

    /// The document as people write it: mostly right.
    fn spelled(&mut self, document: Value) -> Value {
        let text = serde_json::to_string_pretty(&document).unwrap();
        match self.dice.below(24) {
            0 => json!(format!("// mine\n{text}")),
            1 => json!(text.trim_end_matches('}').trim_end().to_owned() + ",\n}"),
            2 => json!(format!("\u{feff}{text}")),
            3 => json!(text.replace('\n', "\r\n")),
            // The same key twice: the last one counts.
            4 => json!(
                text.trim_end_matches('}').trim_end().to_owned()
                    + ",\n  \"env\": {\"AWS_REGION\": \"ap-southeast-2\"}\n}"
            ),
            5 => json!(""),
            6 => json!("[]"),
            7 => json!("null"),
            8 => json!(text.replace('"', "'")),
            _ => document,
        }
    }
}
