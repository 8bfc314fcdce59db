//! A machine of one's own: a network, mount and process namespace where nothing but loopback exists and `/etc` is a
//! made-up folder. Nothing is written to the real one.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

/// Set for the test that runs inside.
const INSIDE: &str = "BEDROCK_DOCTOR_IN_NAMESPACE";
/// Set where a skipped test is a failed one.
const REQUIRED: &str = "BEDROCK_DOCTOR_REQUIRE_PEERS";

/// An address as in a VPC; in the namespace it is this machine.
pub(crate) const PRIVATE: [u8; 4] = [10, 20, 30, 40];
/// An address as of the internet; in the namespace it is this machine.
pub(crate) const PUBLIC: [u8; 4] = [203, 0, 113, 7];

/// Brings loopback up with what the system has, gives it the link-local addresses where AWS's credential endpoints
/// stand, [`PRIVATE`] and [`PUBLIC`], puts the folder `$1` in the place of `/etc`, and runs the rest.
const ENTER: &str = r#"
up='
import fcntl, socket, struct
s = socket.socket()
for i, a in enumerate(["169.254.169.254", "169.254.170.2", "10.20.30.40", "203.0.113.7"]):
    fcntl.ioctl(s, 0x8916, struct.pack("16sH2x4s8x", b"lo:%d" % (i + 1), 2, socket.inet_aton(a)))
fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x49))
'
{
    ip link set lo up &&
        for a in 169.254.169.254 169.254.170.2 10.20.30.40 203.0.113.7; do ip addr add $a/32 dev lo || exit; done
} 2>/dev/null ||
    python3 -c "$up" || exit 90
mount --bind "$1" /etc || exit 91
shift
exec "$@"
"#;

/// The ways into a namespace: as root, and as anybody.
const WAYS: [&[&str]; 2] = [
    &["--net", "--mount", "--pid", "--fork", "--kill-child"],
    &[
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
    ],
];

/// Whether this process is inside.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The way into a namespace that this machine permits.
pub(crate) struct Way(&'static [&'static str]);

impl Way {
    /// Finds one, or says that `what` is skipped.
    pub(crate) fn find(what: &str) -> Option<Self> {
        let etc = etc(&[]);
        let permitted = |way: &&[&str]| {
            let tried = run(way, etc.path(), &["true"], &[]);
            tried.is_ok_and(|it| it.status.success())
        };
        let found = WAYS.into_iter().find(permitted);
        if found.is_none() {
            skip(
                what,
                "this machine permits no namespace (unshare), or cannot bring up loopback in it (ip, python3)",
            );
        }
        found.map(Self)
    }

    /// Runs the test of that full name in a namespace with this folder as `/etc` and these variables.
    pub(crate) fn run_test(&self, test: &str, etc: &Path, variables: &[(&str, &str)]) -> Output {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let arguments = [program, "--exact", test, "--nocapture", "--include-ignored"];
        run(self.0, etc, &arguments, variables).unwrap()
    }
}

/// Runs the case of the test of that full name in a namespace with these files in `/etc`.
pub(crate) fn alone(test: &str, files: &[(&str, &str)], case: impl FnOnce()) {
    if is_inside() {
        return case();
    }
    let Some(way) = Way::find(test) else { return };
    let output = way.run_test(test, etc(files).path(), &[]);
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{} in the namespace\n{stdout}\n{stderr}",
        output.status
    );
}

fn run(
    way: &[&str],
    etc: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> std::io::Result<Output> {
    Command::new("unshare")
        .args(way)
        .args(["sh", "-c", ENTER, "sh"])
        .arg(etc)
        .args(arguments)
        .env(INSIDE, "1")
        .envs(variables.iter().copied())
        .output()
}

/// Says that something is skipped; fails where it is required.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn skip(what: &str, why: &str) {
    assert!(
        std::env::var_os(REQUIRED).is_none_or(|it| it != "1"),
        "{what} is required, but: {why}"
    );
    println!("skipped: {what}: {why}");
}

/// A folder in the place of `/etc`, with a resolver that asks loopback.
pub(crate) fn etc(files: &[(&str, &str)]) -> TempDir {
    let etc = TempDir::with_prefix("etc-").unwrap();
    let always = [
        ("passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("group", "root:x:0:\n"),
        ("hosts", "127.0.0.1 localhost\n"),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
        ("resolv.conf", "nameserver 127.0.0.1\n"),
    ];
    for (name, text) in always.iter().chain(files) {
        let path = etc.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    etc
}

/// What the DNS server on loopback does with a question.
#[derive(Clone)]
pub(crate) enum Dns {
    /// There is no such name.
    NoSuchName,
    /// Every name has this address.
    Address([u8; 4]),
    /// Every name has this IPv6 address and no other.
    V6Address([u8; 16]),
    /// Names that begin with these labels have these addresses; there are no others.
    Names(Vec<(&'static str, [u8; 4])>),
    /// Every name but these is this machine.
    ThisMachine { unknown: Vec<String> },
    /// Nothing.
    Silence,
}

/// Starts a DNS server that lives as long as the process. Returns the names it is asked for.
pub(crate) fn serve(dns: Dns) -> Arc<Mutex<Vec<String>>> {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Some(question) = Question::read(&buffer[..length]) else {
                continue;
            };
            {
                let mut names = names.lock().unwrap();
                if !names.contains(&question.name) {
                    names.push(question.name.clone());
                }
            }
            if let Some(answer) = question.answer(&dns) {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
    asked
}

/// A question for one name.
struct Question<'a> {
    id: &'a [u8],
    whole: &'a [u8],
    name: String,
    asks_for_v4: bool,
    asks_for_v6: bool,
}

impl<'a> Question<'a> {
    fn read(query: &'a [u8]) -> Option<Self> {
        const HEADER: usize = 12;
        let mut labels = Vec::new();
        let mut rest = query.get(HEADER..)?;
        while let [length, tail @ ..] = rest {
            let length = usize::from(*length);
            if length == 0 {
                rest = tail;
                break;
            }
            labels.push(String::from_utf8_lossy(tail.get(..length)?).into_owned());
            rest = &tail[length..];
        }
        let end = query.len() - rest.len() + 4;
        let whole = query.get(HEADER..end)?;
        Some(Self {
            id: &query[..2],
            name: labels.join("."),
            asks_for_v4: whole.ends_with(&[0, 1, 0, 1]),
            asks_for_v6: whole.ends_with(&[0, 28, 0, 1]),
            whole,
        })
    }

    fn answer(&self, dns: &Dns) -> Option<Vec<u8>> {
        const THIS_MACHINE: [u8; 4] = [127, 0, 0, 1];
        let (status, address): (u8, Option<&[u8]>) = match dns {
            Dns::Silence => return None,
            Dns::NoSuchName => (3, None),
            Dns::ThisMachine { unknown } if unknown.contains(&self.name) => (3, None),
            Dns::ThisMachine { .. } => (0, Some(&THIS_MACHINE)),
            Dns::Address(address) => (0, Some(address)),
            Dns::V6Address(address) => (0, Some(address)),
            Dns::Names(names) => {
                let begins = |labels: &str| self.name.starts_with(&format!("{labels}."));
                match names.iter().find(|(labels, _)| begins(labels)) {
                    Some((_, address)) => (0, Some(address)),
                    None => (3, None),
                }
            }
        };
        let address = address.filter(|address| match address.len() {
            4 => self.asks_for_v4,
            _ => self.asks_for_v6,
        });
        let answers = u8::from(address.is_some());
        let mut out = self.id.to_vec();
        out.extend([0x81, 0x80 | status, 0, 1, 0, answers, 0, 0, 0, 0]);
        out.extend(self.whole);
        if let Some(address) = address {
            // The name of the question, type A or AAAA, class IN, one minute, the address.
            let (kind, length) = if address.len() == 4 { (1, 4) } else { (28, 16) };
            out.extend([0xC0, 0x0C, 0, kind, 0, 1, 0, 0, 0, 60, 0, length]);
            out.extend(address);
        }
        Some(out)
    }
}
