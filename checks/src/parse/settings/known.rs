//! The keys of a settings file whose type decides whether the file counts.

use serde_json::value::RawValue;

use super::super::json::{self, Kind, Member};

/// A known key with a value of another type than it must have.
pub(super) struct WrongType<'a> {
    /// The key, with those around it: `permissions.defaultMode`.
    pub(super) path: String,
    /// The key as a slice of the text.
    pub(super) raw_key: &'a str,
    /// What is the matter, without the value.
    pub(super) what: String,
}

/// Returns the known keys with a value of the wrong type, in the order of the text.
pub(super) fn wrong_types<'a>(members: &[Member<'a>]) -> Vec<WrongType<'a>> {
    let mut found = Vec::new();
    look(members, "", &mut found);
    found
}

/// What a known key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    TextOrNull,
    TextOrTexts,
    Texts,
    TextMap,
    Truth,
    TruthOrNull,
    Number,
    PositiveWhole,
    Object,
    ObjectOrTruth,
    List,
    Objects,
    ObjectsOrNull,
}

/// The keys and their types.
///
/// Each was given values of every type, and Claude Code 2.1.330 either took the file or dropped it
/// whole. Left out is what it never minds (most of `hooks`, `theme`, `editorMode` …), and so are the
/// words a text is chosen from, which grow with every version: no good file is called bad.
#[rustfmt::skip]
const KNOWN: &[(Type, &[&str])] = &[
    (Type::Text, &[
        "$schema", "advisorModel", "agent", "apiKeyHelper", "attribution.commit",
        "attribution.pr", "autoMemoryDirectory", "autoUpdatesChannel", "awsAuthRefresh",
        "awsCredentialExport", "claudeMd", "defaultShell", "gcpAuthRefresh", "language",
        "minimumVersion", "model", "otelHeadersHelper", "outputStyle",
        "parentSettingsBehavior", "permissions.defaultMode",
        "permissions.disableBypassPermissionsMode", "plansDirectory", "pluginTrustMessage",
        "prUrlTemplate", "processWrapper", "remote.defaultEnvironmentId",
        "requiredMaximumVersion", "requiredMinimumVersion", "tui", "workflowSizeGuideline",
        "worktree.baseRef",
    ]),
    (Type::TextOrNull, &[
        "disableAutoMode", "disableDeepLinkRegistration",
    ]),
    (Type::TextOrTexts, &[
        "disabledMcpjsonServers", "enabledMcpjsonServers", "forceLoginOrgUUID",
    ]),
    (Type::Texts, &[
        "allowedHttpHookUrls", "availableModels", "claudeMdExcludes", "companyAnnouncements",
        "fallbackModel", "httpHookAllowedEnvVars", "permissions.additionalDirectories",
        "pluginSuggestionMarketplaces", "sandbox.excludedCommands",
        "sandbox.filesystem.allowRead", "sandbox.filesystem.allowWrite",
        "sandbox.filesystem.denyRead", "sandbox.filesystem.denyWrite",
        "sandbox.network.allowMachLookup", "sandbox.network.allowUnixSockets",
        "sandbox.network.allowedDomains", "sandbox.network.deniedDomains",
        "worktree.sparsePaths", "worktree.symlinkDirectories",
    ]),
    (Type::TextMap, &[
        "modelOverrides", "skillOverrides",
    ]),
    (Type::Truth, &[
        "agentPushNotifEnabled", "allowAllClaudeAiMcps", "alwaysThinkingEnabled",
        "attribution.sessionUrl", "autoCompactEnabled", "autoMemoryEnabled",
        "autoMode.classifyAllShell", "autoScrollEnabled", "awaySummaryEnabled",
        "axScreenReader", "disableAllHooks", "emojiCompletionEnabled", "fastMode",
        "fileCheckpointingEnabled", "forceRemoteSettingsRefresh", "includeCoAuthoredBy",
        "includeGitInstructions", "inputNeededNotifEnabled", "prefersReducedMotion",
        "promptSuggestionEnabled", "respectGitignore", "respondToBashCommands",
        "sandbox.allowAppleEvents", "sandbox.allowUnsandboxedCommands",
        "sandbox.autoAllowBashIfSandboxed", "sandbox.credentials.allowPlaintextInject",
        "sandbox.enableWeakerNestedSandbox", "sandbox.enableWeakerNetworkIsolation",
        "sandbox.enabled", "sandbox.failIfUnavailable",
        "sandbox.filesystem.allowManagedReadPathsOnly", "sandbox.filesystem.disabled",
        "sandbox.network.allowAllUnixSockets", "sandbox.network.allowLocalBinding",
        "sandbox.network.allowManagedDomainsOnly", "sandbox.network.strictAllowlist",
        "showClearContextOnPlanAccept", "showThinkingSummaries", "showTurnDuration",
        "spinnerTipsEnabled", "switchModelsOnFlag", "syntaxHighlightingDisabled",
        "terminalProgressBarEnabled", "terminalTitleFromRename", "verbose", "voiceEnabled",
        "wheelScrollAccelerationEnabled", "workflowKeywordTriggerEnabled",
        "wslInheritsWindowsSettings",
    ]),
    (Type::TruthOrNull, &[
        "allowManagedHooksOnly", "allowManagedMcpServersOnly",
        "allowManagedPermissionRulesOnly", "channelsEnabled", "disableAgentView",
        "disableArtifact", "disableBundledSkills", "disableClaudeAiConnectors",
        "disableCommandPluginSources", "disableRemoteControl", "disableSideloadFlags",
        "disableSkillShellExecution", "disableWorkflows", "enableAllProjectMcpServers",
        "enableArtifact", "enableWorkflows", "enforceAvailableModels",
        "fastModePerSessionOptIn", "isolatePeerMachines", "remoteControlAtStartup",
        "skipAutoPermissionPrompt", "skipDangerousModePermissionPrompt",
        "skipWebFetchPreflight", "syncClaudeAiSkills", "useAutoModeDuringPlan",
    ]),
    (Type::Number, &[
        "feedbackSurveyRate", "sandbox.network.httpProxyPort",
        "sandbox.network.socksProxyPort", "skillListingBudgetFraction",
        "skillListingMaxDescChars",
    ]),
    (Type::PositiveWhole, &[
        "cleanupPeriodDays",
    ]),
    (Type::Object, &[
        "autoMode", "enabledPlugins", "env", "fileSuggestion", "permissions", "pluginConfigs",
        "sandbox", "sandbox.credentials", "sandbox.credentials.sigv4", "sandbox.filesystem",
        "sandbox.ignoreViolations", "sandbox.network", "sandbox.network.tlsTerminate",
        "sandbox.ripgrep", "spinnerVerbs", "statusLine", "voice", "worktree",
    ]),
    (Type::ObjectOrTruth, &[
        "attribution",
    ]),
    (Type::List, &[
        "permissions.allow", "permissions.ask", "permissions.deny",
    ]),
    (Type::Objects, &[
        "allowedChannelPlugins", "sandbox.credentials.awsPairs",
        "sandbox.credentials.envVars", "sandbox.credentials.files", "sshConfigs",
    ]),
    (Type::ObjectsOrNull, &[
        "blockedMarketplaces", "hooks.PermissionRequest", "hooks.PreToolUse",
        "strictKnownMarketplaces",
    ]),
];

/// Returns what the key at a path takes.
fn type_of(path: &str) -> Option<Type> {
    KNOWN
        .iter()
        .find_map(|(of, paths)| paths.contains(&path).then_some(*of))
}

/// Returns whether the table goes on below a path.
fn has_children(path: &str) -> bool {
    let below = |other: &&str| {
        other
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    KNOWN.iter().any(|(_, paths)| paths.iter().any(below))
}

fn look<'a>(members: &[Member<'a>], around: &str, found: &mut Vec<WrongType<'a>>) {
    for member in members {
        // A dot in a key does not make it a path.
        if member.key.contains('.') {
            continue;
        }
        let path = match around {
            "" => member.key.clone(),
            _ => format!("{around}.{}", member.key),
        };
        if let Some(of) = type_of(&path)
            && let Err(got) = of.take(member.value)
        {
            let what = format!("`{path}` must be {}, is {got}", of.phrase());
            found.push(WrongType {
                path,
                raw_key: member.raw_key,
                what,
            });
        } else if has_children(&path)
            && let Some(children) = json::members(member.value)
        {
            look(&children, &path, found);
        }
    }
}

impl Type {
    /// Accepts a value or says what it is.
    fn take(self, value: &RawValue) -> Result<(), &'static str> {
        let kind = json::kind(value);
        let fits = match self {
            Self::Text => kind == Kind::Text,
            Self::TextOrNull => matches!(kind, Kind::Text | Kind::Null),
            Self::TextOrTexts => matches!(kind, Kind::Text | Kind::List),
            Self::Texts | Self::List | Self::Objects => kind == Kind::List,
            Self::TextMap | Self::Object => kind == Kind::Object,
            Self::Truth => kind == Kind::Truth,
            Self::TruthOrNull => matches!(kind, Kind::Truth | Kind::Null),
            Self::Number | Self::PositiveWhole => kind == Kind::Number,
            Self::ObjectOrTruth => matches!(kind, Kind::Object | Kind::Truth),
            Self::ObjectsOrNull => matches!(kind, Kind::List | Kind::Null),
        };
        if !fits {
            return Err(kind.phrase());
        }
        let all = |of: Kind| {
            let mut elements = json::elements(value).unwrap_or_default().into_iter();
            elements.all(|element| json::kind(element) == of)
        };
        let good = match self {
            Self::Texts | Self::TextOrTexts => all(Kind::Text),
            Self::Objects | Self::ObjectsOrNull => all(Kind::Object),
            Self::TextMap => json::members(value)
                .unwrap_or_default()
                .iter()
                .all(|member| json::kind(member.value) == Kind::Text),
            Self::PositiveWhole => value
                .get()
                .parse::<f64>()
                .is_ok_and(|number| number >= 1.0 && number.fract() == 0.0),
            _ => true,
        };
        match kind {
            _ if good => Ok(()),
            Kind::List => Err("a list that holds something else"),
            Kind::Object => Err("an object that holds something else"),
            _ => Err("another number"),
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Text | Self::TextOrNull => "text",
            Self::TextOrTexts => "text or a list of texts",
            Self::Texts => "a list of texts",
            Self::TextMap => "an object with texts",
            Self::Truth | Self::TruthOrNull => "true or false",
            Self::Number => "a number",
            Self::PositiveWhole => "a whole number from 1 up",
            Self::Object => "an object",
            Self::ObjectOrTruth => "an object or true or false",
            Self::List => "a list",
            Self::Objects | Self::ObjectsOrNull => "a list of objects",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::KNOWN;

    #[test]
    fn every_key_stands_there_once_and_sorted() {
        let mut seen = BTreeSet::new();
        for (of, paths) in KNOWN {
            assert!(paths.is_sorted(), "{of:?}");
            for path in *paths {
                assert!(seen.insert(path), "{path}");
            }
        }
    }
}
