//! Made-up configurations: what people do to their machines, in combinations that nobody has tried.
//!
//! Each ingredient is left out more often than not, so that the others can show.

mod aws_files;
mod settings;

use serde_json::{Value, json};

use super::dice::Dice;
use crate::recording::Row;

const REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "us-gov-west-1",
    "cn-north-1",
];

/// What stands in the place of a Region when it does not work.
const ODD_REGIONS: &[&str] = &[
    "",
    " eu-west-1",
    "eu-west-1 ",
    "EU-WEST-1",
    "us east 1",
    "us-east-1a",
    "us-east-1/",
    "us-east-1.example",
    "xx-nowhere-1",
    "useast1",
    "eu_west_1",
    "\"eu-west-1\"",
    "${MY_REGION}",
    "null",
    "us-east-1,us-west-2",
    "aws-global",
    "us-iso-east-1",
    "eu-west-1;",
    "-",
    "ü",
];

const FLAGS: &[&str] = &[
    "true", "TRUE", "True", "yes", "Yes", "on", "ON", "1", " 1", "1 ", "0", "false", "False", "no",
    "off", "2", "", "y", "enabled",
];

const MODELS: &[&str] = &[
    "opus",
    "sonnet",
    "haiku",
    "opusplan",
    "best",
    "fable",
    "default",
    "Opus",
    " sonnet",
    "sonnet ",
    "sonnet[1m]",
    "opus[1m]",
    "us.anthropic.claude-opus-4-8",
    "us.anthropic.claude-sonnet-4-6[1m]",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-sonnet-5",
    "claude-sonnet-4-6",
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-opus-5-5",
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5",
    "claude-3-7-sonnet-20250219",
    "claude-sonnet-9",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-8",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gpt-4",
    "\"us.anthropic.claude-opus-4-8\"",
    "us.anthropic.claude-nothing-1-v1:0",
    "",
    " ",
];

const PREFIXES: &[&str] = &[
    "us", "eu", "apac", "jp", "au", "global", "US", "us.", "xx", "",
];

const VALID: &str = "2099-01-01T00:00:00Z";
/// Against the time of recording: an hour ago, three minutes left, four hours left.
const EXPIRIES: &[&str] = &[
    VALID,
    "2026-11-22T16:42:27Z",
    "2026-11-22T17:45:27Z",
    "2026-11-22T21:42:27Z",
];

/// The row that follows from a seed.
pub(super) fn row(version: &str, dice: Dice) -> Row {
    let mut maker = Maker {
        row: Row {
            version: version.to_owned(),
            name: format!("random-{}", dice.seed),
            ..Row::default()
        },
        dice,
    };
    maker.provider();
    maker.region();
    maker.environment_credentials();
    maker.aws_files();
    maker.models();
    maker.network();
    maker.settings();
    maker.account();
    maker.row.args.extend(["-p".to_owned(), "ping".to_owned()]);
    maker.row
}

/// A row in the making.
struct Maker {
    dice: Dice,
    row: Row,
}

impl Maker {
    fn env(&mut self, name: &str, value: &str) {
        self.row.env.insert(name.to_owned(), Some(value.to_owned()));
    }

    fn file(&mut self, name: &str, content: impl Into<Value>) {
        self.row.files.insert(name.to_owned(), content.into());
    }

    fn provider(&mut self) {
        if self.dice.chance(85) {
            return;
        }
        let flag = self.dice.pick(FLAGS);
        self.env("CLAUDE_CODE_USE_BEDROCK", flag);
        if self.dice.chance(50) {
            let other = self.dice.pick(&[
                "CLAUDE_CODE_USE_MANTLE",
                "CLAUDE_CODE_USE_VERTEX",
                "CLAUDE_CODE_USE_FOUNDRY",
                "CLAUDE_CODE_USE_ANTHROPIC_AWS",
            ]);
            let flag = self.dice.pick(FLAGS);
            self.env(other, flag);
            if other.ends_with("_AWS") && self.dice.chance(80) {
                self.env("ANTHROPIC_AWS_WORKSPACE_ID", "ws1");
            }
        }
    }

    fn region_value(&mut self) -> &'static str {
        if self.dice.chance(70) {
            self.dice.pick(REGIONS)
        } else {
            self.dice.pick(ODD_REGIONS)
        }
    }

    fn region(&mut self) {
        for (name, percent) in [
            ("AWS_REGION", 60),
            ("AWS_DEFAULT_REGION", 25),
            ("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION", 5),
        ] {
            if self.dice.chance(percent) {
                let value = self.region_value();
                self.env(name, value);
            }
        }
    }

    fn environment_credentials(&mut self) {
        let kind = self.dice.below(10);
        if kind < 5 {
            self.env("AWS_ACCESS_KEY_ID", "AKIAENV");
        }
        if !matches!(kind, 3 | 6..) {
            self.env("AWS_SECRET_ACCESS_KEY", "sk");
        }
        match kind {
            0 => self.env("AWS_SESSION_TOKEN", "session-token"),
            2 => self.env("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z"),
            9 => self.env("AWS_SECRET_ACCESS_KEY", ""),
            _ => {}
        }
        if self.dice.chance(8) {
            let token = self.dice.pick(&[
                "ABSKtoken",
                " ABSKtoken ",
                "",
                "ABSKtoken\n",
                "\"ABSKquoted\"",
            ]);
            self.env("AWS_BEARER_TOKEN_BEDROCK", token);
        }
        if self.dice.chance(5) {
            let flag = self.dice.pick(FLAGS);
            self.env("CLAUDE_CODE_SKIP_BEDROCK_AUTH", flag);
        }
        if self.dice.chance(5) {
            let (name, value) = [
                ("ANTHROPIC_AUTH_TOKEN", "auth-token"),
                ("ANTHROPIC_API_KEY", "sk-ant-key"),
                ("AWS_BEARER_TOKEN", "other-token"),
                ("ANTHROPIC_BASE_URL", "https://proxy.example.com"),
            ][self.dice.below(4)];
            self.env(name, value);
        }
        if self.dice.chance(6) {
            self.env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Web");
            self.env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/tok");
            if self.dice.chance(80) {
                self.file("~/tok", "jwt");
            }
        }
        if self.dice.chance(5) {
            let (name, value) = [
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds"),
                (
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "http://169.254.170.2/creds",
                ),
                (
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "http://creds.example.com/creds",
                ),
                (
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "https://creds.example.com/creds",
                ),
            ][self.dice.below(4)];
            self.env(name, value);
        }
        if self.dice.chance(10) {
            let value = self.dice.pick(&["true", "false", "1", "TRUE", ""]);
            self.env("AWS_EC2_METADATA_DISABLED", value);
        }
        self.row.aws.instance_role = self.dice.chance(10);
    }

    fn models(&mut self) {
        for (name, percent) in [
            ("ANTHROPIC_MODEL", 30),
            ("ANTHROPIC_DEFAULT_OPUS_MODEL", 8),
            ("ANTHROPIC_DEFAULT_SONNET_MODEL", 8),
            ("ANTHROPIC_DEFAULT_HAIKU_MODEL", 5),
            ("ANTHROPIC_DEFAULT_MODEL", 5),
            ("ANTHROPIC_SMALL_FAST_MODEL", 3),
        ] {
            if self.dice.chance(percent) {
                let model = self.dice.pick(MODELS);
                self.env(name, model);
            }
        }
        if self.dice.chance(6) {
            let prefix = self.dice.pick(PREFIXES);
            self.env("ANTHROPIC_BEDROCK_REGION_PREFIX", prefix);
        }
        if self.dice.chance(6) {
            let model = self.dice.pick(MODELS);
            self.row
                .args
                .extend(["--model".to_owned(), model.to_owned()]);
        }
    }

    fn network(&mut self) {
        if self.dice.chance(6) {
            let url = self.dice.pick(&[
                "https://gw.example.com/bedrock",
                "https://gw.example.com/bedrock/",
                "https://gw.example.com",
                "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
                "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                "http://gw.example.com:80/x",
                "",
            ]);
            self.env("ANTHROPIC_BEDROCK_BASE_URL", url);
        }
        if self.dice.chance(8) {
            let name = self.dice.pick(&[
                "AWS_ENDPOINT_URL",
                "AWS_ENDPOINT_URL_BEDROCK",
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
                "AWS_ENDPOINT_URL_STS",
                "AWS_ENDPOINT_URL_SSO",
            ]);
            self.env(name, "https://ep.example.com");
            if self.dice.chance(15) {
                self.env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
            }
        }
        if self.dice.chance(6) {
            let name = self
                .dice
                .pick(&["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"]);
            let flag = self.dice.pick(&["true", "TRUE", "1", "false", ""]);
            self.env(name, flag);
        }
        if self.dice.chance(8) {
            let name = self.dice.pick(&[
                "HTTPS_PROXY",
                "https_proxy",
                "HTTP_PROXY",
                "http_proxy",
                "ALL_PROXY",
                "all_proxy",
            ]);
            // One that refuses costs the whole time limit.
            let url = if self.dice.chance(85) {
                "@PROXY@"
            } else {
                "http://127.0.0.1:9"
            };
            self.env(name, url);
            if self.dice.chance(40) {
                let name = self.dice.pick(&["NO_PROXY", "no_proxy"]);
                let hosts = self.dice.pick(&[
                    "amazonaws.com",
                    ".amazonaws.com",
                    "*.amazonaws.com",
                    "*",
                    "localhost,.example.com",
                    "bedrock.us-east-1.amazonaws.com",
                    "sts.us-east-1.amazonaws.com",
                    "portal.sso.eu-west-1.amazonaws.com",
                    "ep.example.com",
                    "localhost, .amazonaws.com",
                    "AMAZONAWS.COM",
                    "localhost .amazonaws.com",
                    "",
                ]);
                self.env(name, hosts);
            }
        }
        if self.dice.chance(4) {
            self.row.env.insert("NODE_EXTRA_CA_CERTS".to_owned(), None);
            let name = self
                .dice
                .pick(&["SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]);
            self.env(name, "@DIR@/ca.pem");
        }
        if self.dice.chance(3) {
            let flag = self.dice.pick(FLAGS);
            self.env("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", flag);
        }
    }

    fn account(&mut self) {
        if self.dice.chance(10) {
            let profiles: &[&str] = self.dice.pick(&[
                &[
                    "global.anthropic.claude-opus-5-5",
                    "global.anthropic.claude-opus-4-8",
                    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                ][..],
                &[
                    "eu.anthropic.claude-opus-5-5",
                    "us.anthropic.claude-opus-5-5",
                ],
                &[],
            ]);
            self.row.aws.inference_profiles =
                Some(profiles.iter().map(|id| (*id).to_owned()).collect());
        }
    }
}

/// A script that prints this.
fn prints(text: &str) -> Value {
    json!(format!("#!/bin/sh\ncat <<'X'\n{text}\nX\n"))
}
