//! What a check is: documentation, needs, and a pure function from facts to findings.

use crate::facts::{Absence, Facts, Observed, Provider};
use crate::finding::{Finding, Status};
use crate::probe::ProbeId;

/// What people read about a check.
pub struct Meta {
    /// Kebab-case: subject, then state. For ever.
    pub id: &'static str,
    /// What the user can fix.
    pub family: Family,
    /// The healthy condition: true under ✓, false under ✗.
    pub title: &'static str,
    /// Where the check is written.
    pub file: &'static str,
    /// Markdown with the three fixed headings.
    pub docs: &'static str,
}

/// The families of checks, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Variables and settings files.
    Configuration,
    /// Where the credentials come from.
    Credentials,
    /// IAM Identity Center.
    Sso,
    /// Whom AWS sees.
    Identity,
    /// Host names, proxies, certificates, clock.
    Network,
    /// The Region in use.
    Region,
    /// Model ids and access to models.
    Models,
    /// IAM.
    Permissions,
    /// How much may be asked.
    Quotas,
    /// The version of Claude Code.
    ClaudeCode,
}

impl Family {
    /// Every family, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Configuration,
        Self::Credentials,
        Self::Sso,
        Self::Network,
        Self::Identity,
        Self::Region,
        Self::Models,
        Self::Permissions,
        Self::Quotas,
        Self::ClaudeCode,
    ];

    /// The name in the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Credentials => "credentials",
            Self::Sso => "sso",
            Self::Identity => "identity",
            Self::Network => "network",
            Self::Region => "region",
            Self::Models => "models",
            Self::Permissions => "permissions",
            Self::Quotas => "quotas",
            Self::ClaudeCode => "claude-code",
        }
    }

    /// The heading in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Credentials => "Credentials",
            Self::Sso => "IAM Identity Center (SSO)",
            Self::Identity => "Identity",
            Self::Network => "Network",
            Self::Region => "Region",
            Self::Models => "Models",
            Self::Permissions => "Permissions",
            Self::Quotas => "Quotas",
            Self::ClaudeCode => "Claude Code version",
        }
    }
}

/// A check: one file, one question.
pub trait Check {
    /// What people read about it.
    const META: &'static Meta;

    /// The facts it reads. The probes to run are computed from this.
    type Needs<'a>: Needs<'a>;

    /// Judges. One finding per subject, never none: a pass is said aloud.
    fn run(needs: Self::Needs<'_>) -> Vec<Finding>;
}

/// Something a check can ask for in its [`Check::Needs`].
pub trait Need<'a>: Sized {
    /// The probe that delivers it; none for what is always there.
    const PROBE: Option<ProbeId>;

    /// Takes it out of the facts, or says why it is not there.
    fn take(facts: &'a Facts) -> Result<Self, Finding>;
}

/// A tuple of [`Need`]s.
pub trait Needs<'a>: Sized {
    /// The probes to run.
    const PROBES: &'static [Option<ProbeId>];

    /// Takes all, or says why one is not there.
    fn take(facts: &'a Facts) -> Result<Self, Finding>;
}

macro_rules! needs {
    ($($need:ident),+) => {
        impl<'a, $($need: Need<'a>),+> Needs<'a> for ($($need,)+) {
            const PROBES: &'static [Option<ProbeId>] = &[$($need::PROBE),+];

            fn take(facts: &'a Facts) -> Result<Self, Finding> {
                Ok(($($need::take(facts)?,)+))
            }
        }
    };
}
needs!(A);
needs!(A, B);
needs!(A, B, C);
needs!(A, B, C, D);
needs!(A, B, C, D, E);
needs!(A, B, C, D, E, F);

/// A fact as a probe left it, for checks that judge the refusal itself.
pub struct Seen<'a, T>(pub &'a Observed<T>);

/// The finding for a fact that is not there.
pub fn absent<T>(probe: ProbeId, observed: &Observed<T>) -> Finding {
    let name = probe.name();
    match observed {
        Observed::Known(_) => Finding::cannot_tell(format!("`{name}` is known but was not used")),
        Observed::Failed(failure) => {
            Finding::cannot_tell(format!("could not tell: {}", failure.words()))
                .request_id(failure.request_id.clone())
                .missing(probe)
        }
        Observed::NotCollected(why) => not_collected(probe, why),
    }
}

/// The finding of a check about Bedrock's own API, where requests go elsewhere.
pub fn not_for(provider: Provider) -> Finding {
    Finding::not_applicable(format!(
        "does not apply: requests go to {}",
        provider.words()
    ))
}

/// The finding for a fact that nobody collected.
pub fn not_collected(probe: ProbeId, why: &Absence) -> Finding {
    let name = probe.name();
    match why {
        Absence::Offline => Finding::left_out("left out: --offline asks nobody"),
        Absence::NotSelected => Finding::left_out(format!("left out: `{name}` was not selected")),
        Absence::DoesNotApply { because } => Finding::not_applicable(because.clone()),
        Absence::Needs { probe: needed } => Finding::cannot_tell(format!(
            "could not tell: `{}` came to nothing",
            needed.name()
        ))
        .missing(*needed),
        Absence::NotInReport => {
            Finding::cannot_tell(format!("`{name}` was not collected")).missing(probe)
        }
    }
}

/// One line of the registry.
pub struct Entry {
    /// What people read about the check.
    pub meta: &'static Meta,
    /// The probes it needs.
    pub probes: &'static [Option<ProbeId>],
    run: fn(&Facts) -> Vec<Finding>,
}

impl Entry {
    /// The entry of a check.
    pub const fn of<C: Check>() -> Self {
        Self {
            meta: C::META,
            probes: <C::Needs<'static> as Needs<'static>>::PROBES,
            run: run::<C>,
        }
    }

    /// Runs the check and signs its findings.
    ///
    /// A panic is a defect of the tool: it becomes `cannot-tell`, and the other checks still run.
    pub fn run(&self, facts: &Facts) -> (Vec<Finding>, Panicked) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.run)(facts)));
        let (mut findings, panicked) = match outcome {
            Ok(findings) => (findings, Panicked(false)),
            Err(_) => (
                vec![Finding::cannot_tell(
                    "internal error: this check panicked, which is a defect of bedrock-doctor",
                )],
                Panicked(true),
            ),
        };
        for finding in &mut findings {
            self.meta.id.clone_into(&mut finding.id);
            self.meta.family.name().clone_into(&mut finding.family);
            self.meta.title.clone_into(&mut finding.title);
        }
        (findings, panicked)
    }

    /// The probes it needs.
    pub fn needed_probes(&self) -> impl Iterator<Item = ProbeId> {
        self.probes.iter().copied().flatten()
    }
}

/// Whether a check panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked(pub bool);

fn run<C: Check>(facts: &Facts) -> Vec<Finding> {
    match C::Needs::take(facts) {
        Ok(needs) => C::run(needs),
        Err(missing) => {
            debug_assert_ne!(missing.status, Status::Pass);
            vec![missing]
        }
    }
}
