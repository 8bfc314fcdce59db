//! `~/.aws`: profiles of every kind, and the ways people spell them.

#![expect(
    clippy::format_push_string,
    reason = "the text of a file grows line by line, and nobody waits for it"
)]

use serde_json::json;

use super::{EXPIRIES, Maker, VALID, prints};

const NAMES: &[&str] = &["default", "work", "dev"];
const ROLE: &str = "arn:aws:iam::123456789012:role/R";
const START_URL: &str = "https://acme.awsapps.com/start";
/// The names of cached tokens: SHA-1 of the session `acme` and of the start URL.
const SESSION_TOKEN: &str = "~/.aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json";
const URL_TOKEN: &str = "~/.aws/sso/cache/40169cea58ca6cbf23fb27b2542923fb5f524af0.json";
const LOGIN_SESSION: &str = "arn:aws:iam::123456789012:user/me";
const LOGIN_TOKEN: &str =
    "~/.aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json";

impl Maker {
    pub(super) fn aws_files(&mut self) {
        if self.dice.chance(45) {
            let name = self.dice.pick(&[
                "work", "work", "work", "dev", "dev", "default", "missing", "", " work", "Work",
            ]);
            self.env("AWS_PROFILE", name);
        }
        if self.dice.chance(5) {
            let name = self.dice.pick(NAMES);
            self.env("AWS_DEFAULT_PROFILE", name);
        }
        if self.dice.chance(25) {
            return;
        }
        let (mut config, mut credentials) = (String::new(), String::new());
        for name in NAMES {
            if self.dice.chance(55) {
                self.profile(name, &mut config, &mut credentials);
            }
        }
        if config.contains("sso_session = acme") && self.dice.chance(90) {
            config += &format!("[sso-session acme]\nsso_start_url = {START_URL}\n");
            if self.dice.chance(93) {
                config += "sso_region = eu-west-1\n";
            }
            config += "sso_registration_scopes = sso:account:access\n";
        }
        let files = [
            (
                "~/.aws/config",
                "AWS_CONFIG_FILE",
                "@HOME@/other/config",
                config,
            ),
            (
                "~/.aws/credentials",
                "AWS_SHARED_CREDENTIALS_FILE",
                "@HOME@/other/credentials",
                credentials,
            ),
        ];
        for (place, variable, elsewhere, text) in files {
            if text.is_empty() {
                continue;
            }
            let text = if self.dice.chance(20) {
                self.odd(&text)
            } else {
                text
            };
            if self.dice.chance(5) {
                self.env(variable, elsewhere);
                let place = if self.dice.chance(80) {
                    elsewhere.replace("@HOME@", "~")
                } else {
                    place.to_owned()
                };
                self.file(&place, text);
            } else {
                self.file(place, text);
            }
        }
    }

    fn profile(&mut self, name: &str, config: &mut String, credentials: &mut String) {
        let head = match name {
            "default" => format!(
                "[{}]\n",
                self.dice
                    .pick(&["default", "default", "default", "profile default"])
            ),
            name => {
                let form = self.dice.pick(&[
                    "[profile N]",
                    "[profile N]",
                    "[profile N]",
                    "[profile N]",
                    "[profile N]",
                    "[profile N]",
                    "[profile  N]",
                    "[ profile N ]",
                    "[N]",
                    "[profile \"N\"]",
                    "[profile\tN]",
                    "[profile 'N']",
                ]);
                form.replace('N', name) + "\n"
            }
        };
        let mut lines = String::new();
        if self.dice.chance(35) {
            let region = self.region_value();
            lines += &format!("region = {region}\n");
        }
        let keys = |name: &str| {
            let name = name.to_uppercase();
            format!("aws_access_key_id = AKIA{name}\naws_secret_access_key = sk-{name}\n")
        };
        match self.dice.below(14) {
            0 | 1 => {
                let token = if self.dice.chance(30) {
                    "aws_session_token = tok\n"
                } else {
                    ""
                };
                let body = keys(name) + token;
                if self.dice.chance(60) {
                    *credentials += &format!("[{name}]\n{body}");
                    if self.dice.chance(20) {
                        let region = self.region_value();
                        *credentials += &format!("region = {region}\n");
                    }
                } else {
                    lines += &body;
                }
                if self.dice.chance(20) {
                    lines += &self.sso(name);
                }
            }
            2 => {
                let half = self.dice.pick(&[
                    "aws_access_key_id = AKIAHALF\n",
                    "aws_secret_access_key = sk\n",
                ]);
                if self.dice.chance(50) {
                    *credentials += &format!("[{name}]\n{half}");
                } else {
                    lines += half;
                }
            }
            3 | 4 => {
                lines += &format!("role_arn = {ROLE}\n");
                match self.dice.below(8) {
                    0 => {}
                    1..=4 => {
                        let source = self.dice.pick(&["default", "work", "dev", "nobody"]);
                        lines += &format!("source_profile = {source}\n");
                        if self.dice.chance(10) {
                            lines += "mfa_serial = arn:aws:iam::123456789012:mfa/me\n";
                        }
                    }
                    5 | 6 => {
                        let source = self.dice.pick(&[
                            "Environment",
                            "Environment",
                            "Ec2InstanceMetadata",
                            "EcsContainer",
                            "environment",
                            "Nothing",
                        ]);
                        lines += &format!("credential_source = {source}\n");
                    }
                    _ => {
                        lines += "source_profile = default\ncredential_source = Environment\n";
                    }
                }
                if self.dice.chance(15) {
                    lines += "external_id = x\nrole_session_name = me\n";
                }
                if self.dice.chance(15) {
                    lines += &keys(name);
                }
            }
            5 => {
                lines += &format!("role_arn = {ROLE}\nweb_identity_token_file = @HOME@/tok\n");
                if self.dice.chance(90) {
                    self.file("~/tok", "jwt");
                }
            }
            6 | 7 => lines += &self.process(name),
            8..=10 => lines += &self.sso(name),
            11 => lines += &self.login(),
            12 => {
                lines += &self.process(name);
                lines += &self.sso(name);
            }
            // A Region, an output format: nothing to sign with.
            _ => lines += "output = json\n",
        }
        if self.dice.chance(4) {
            lines += "endpoint_url = https://profile.example.com\n";
        }
        if self.dice.chance(3) {
            lines += "use_fips_endpoint = true\n";
        }
        *config += &head;
        *config += &lines;
    }

    fn process(&mut self, name: &str) -> String {
        let script = format!("~/{name}.sh");
        let good = json!({"Version": 1, "AccessKeyId": format!("ASIAPROC{}", name.to_uppercase()), "SecretAccessKey": "sk", "SessionToken": "t"});
        let mut answer = good.clone();
        match self.dice.below(12) {
            0 => answer["Version"] = json!(2),
            1 => answer["Version"] = json!("1"),
            2 => answer["Expiration"] = json!("2020-01-01T00:00:00Z"),
            3 => answer["Expiration"] = json!(VALID),
            4 => {
                answer.as_object_mut().unwrap().remove("SessionToken");
            }
            5 => {
                answer.as_object_mut().unwrap().remove("SecretAccessKey");
            }
            6 => answer["Expiration"] = json!("tomorrow"),
            _ => {}
        }
        match self.dice.below(12) {
            0 => self.file(&script, "#!/bin/sh\nexit 3\n"),
            1 => self.file(&script, prints(&format!("signing in…\n{answer}"))),
            2 => {}
            3 => self.file(&script, format!("#!/bin/sh\necho '{answer}'\nexit 1\n")),
            4 => self.file(
                &script,
                format!("#!/bin/sh\necho warning >&2\necho '{answer}'\n"),
            ),
            _ => self.file(&script, prints(&answer.to_string())),
        }
        let form = self
            .dice
            .pick(&["S", "S", "S", "S --for me", "\"S\"", "sh S"]);
        let command = form.replace('S', &format!("@HOME@/{name}.sh"));
        format!("credential_process = {command}\n")
    }

    fn sso(&mut self, _name: &str) -> String {
        let role = match self.dice.below(10) {
            0 => "sso_account_id = 123456789012\n",
            1 => "sso_role_name = Dev\n",
            _ => "sso_account_id = 123456789012\nsso_role_name = Dev\n",
        };
        if self.dice.chance(65) {
            self.token(SESSION_TOKEN);
            let inline = if self.dice.chance(12) {
                "sso_start_url = https://other.awsapps.com/start\nsso_region = us-east-2\n"
            } else {
                ""
            };
            let session = self
                .dice
                .pick(&["acme", "acme", "acme", "acme", "acme", "nowhere"]);
            return format!("sso_session = {session}\n{role}{inline}");
        }
        self.token(URL_TOKEN);
        let region = if self.dice.chance(92) {
            "sso_region = eu-west-1\n"
        } else {
            ""
        };
        format!("sso_start_url = {START_URL}\n{region}{role}")
    }

    fn token(&mut self, place: &str) {
        if self.dice.chance(12) {
            return;
        }
        let mut token = json!({
            "startUrl": START_URL,
            "region": "eu-west-1",
            "accessToken": "acc",
            "expiresAt": if self.dice.chance(50) { VALID } else { self.dice.pick(EXPIRIES) },
        });
        if self.dice.chance(70) {
            token["clientId"] = json!("cid");
            token["clientSecret"] = json!("csec");
            token["refreshToken"] = json!("ref");
            if self.dice.chance(80) {
                token["registrationExpiresAt"] = json!(
                    self.dice
                        .pick(&["2027-01-03T09:42:27Z", "2026-11-01T00:00:00Z"])
                );
            }
        }
        match self.dice.below(25) {
            0 => {
                token.as_object_mut().unwrap().remove("accessToken");
            }
            1 => {
                token.as_object_mut().unwrap().remove("refreshToken");
            }
            2 => token["expiresAt"] = json!("2099-01-01T00:00:00UTC"),
            3 => return self.file(place, "{broken"),
            4 => {
                token.as_object_mut().unwrap().remove("expiresAt");
            }
            5 => return self.file(place, ""),
            _ => {}
        }
        self.file(place, token.to_string());
    }

    fn login(&mut self) -> String {
        if self.dice.chance(75) {
            let mut token = json!({
                "accessToken": {"accessKeyId": "ASIALOGIN", "secretAccessKey": "sk", "sessionToken": "t", "accountId": "123456789012", "expiresAt": VALID},
                "tokenType": "aws_sigv4", "refreshToken": "r", "idToken": "i",
                "clientId": "arn:aws:signin:::devtools/same-device",
                "dpopKey": "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA==\n-----END EC PRIVATE KEY-----\n"
            });
            match self.dice.below(8) {
                0 => {
                    token.as_object_mut().unwrap().remove("refreshToken");
                }
                1 => {
                    token.as_object_mut().unwrap().remove("accessToken");
                }
                2 => {
                    return {
                        self.file(LOGIN_TOKEN, "{");
                        format!("login_session = {LOGIN_SESSION}\n")
                    };
                }
                _ => {}
            }
            self.file(LOGIN_TOKEN, token.to_string());
        }
        format!("login_session = {LOGIN_SESSION}\n")
    }

    /// The text as editors, copy and paste and good intentions leave it.
    fn odd(&mut self, text: &str) -> String {
        match self.dice.below(14) {
            0 => text.replace('\n', "\r\n"),
            1 => format!("\u{feff}{text}"),
            2 => text.replace("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
            3 => text.replace(" = ", "="),
            4 => text.replace(" = ", " : "),
            5 => text
                .lines()
                .map(|line| {
                    if line.starts_with('[') {
                        format!("{line}\n")
                    } else {
                        format!("    {line}\n")
                    }
                })
                .collect(),
            6 => format!("# made by hand\n; and by me\n\n{text}"),
            7 => text.replace('\n', " # here\n"),
            8 => text
                .lines()
                .map(|line| {
                    if line.starts_with('[') {
                        format!("{line}\n")
                    } else {
                        format!("{line};x\n")
                    }
                })
                .collect(),
            9 => format!("stray line\nregion = us-west-1\n{text}"),
            10 => text
                .lines()
                .map(|line| match line.split_once(" = ") {
                    Some((key, value)) => format!("{key} = \"{value}\"\n"),
                    None => format!("{line}\n"),
                })
                .collect(),
            11 => format!("{text}{text}"),
            12 => text.replace('\n', "\n\n").trim_end().to_owned(),
            _ => text
                .lines()
                .map(|line| {
                    if line.starts_with('[') {
                        format!("  {line}\n")
                    } else {
                        format!("{line}   \n")
                    }
                })
                .collect(),
        }
    }
}
