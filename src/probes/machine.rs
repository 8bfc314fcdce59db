//! The machine itself.

use bedrock_doctor_checks::facts::Machine;

use crate::world::{FileText, World};

/// Looks at the machine.
pub(super) fn observe(world: &World) -> Machine {
    let kernel = match world.read(&world.system("proc/sys/kernel/osrelease")) {
        FileText::Text(text) => text.to_ascii_lowercase(),
        FileText::Absent | FileText::Unreadable(_) => String::new(),
    };
    let set = |name: &str| world.variable(name).is_some_and(|value| !value.is_empty());
    Machine {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        home: world.home().map(|home| home.display().to_string()),
        wsl: kernel.contains("microsoft") || set("WSL_DISTRO_NAME"),
        container: world.exists(&world.system(".dockerenv"))
            || world.exists(&world.system("run/.containerenv"))
            || set("KUBERNETES_SERVICE_HOST"),
        ssh: set("SSH_CONNECTION"),
        ci: set("CI"),
    }
}
