//! How one `claude` process is started: argv, environment, and where the program is.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use uuid::Uuid;

/// The oldest release this was tried with. Older ones may work, and are warned about.
pub(crate) const MINIMUM_VERSION: Version = Version { major: 2, minor: 1, patch: 197 };

/// What makes `claude` a resident process that speaks JSON in both directions and asks us for permissions.
const RESIDENT: [&str; 10] = [
    "-p",
    "--verbose",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--include-partial-messages",
    "--replay-user-messages",
    "--permission-prompt-tool",
    "stdio",
];

/// Which conversation the process is to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversation {
    /// One that does not exist yet, under this id.
    New(Uuid),
    /// One that is stored.
    Resume(Uuid),
}

/// Everything that decides what a process is started with.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// Before everything else: a subcommand, where the program is not Claude Code itself.
    pub(crate) leading_args: Vec<OsString>,
    /// After everything else, from the user's configuration; they win over ours.
    pub(crate) extra_args: Vec<String>,
    pub(crate) conversation: Conversation,
    pub(crate) cwd: PathBuf,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) permission_mode: Option<String>,
    /// Appended to Claude's own. A file, because argv is short and public. That a change applies to a
    /// conversation that is resumed takes [`wire::Request::Initialize`](super::wire::Request::Initialize).
    pub(crate) system_prompt_file: Option<PathBuf>,
    /// Settings over those of the user and the project.
    pub(crate) settings_file: Option<PathBuf>,
    /// As a person writes them: a comma or a parenthesis inside a rule may end it. What comes from elsewhere is not
    /// for this list, but for the settings.
    pub(crate) allowed_tools: Vec<String>,
    pub(crate) disallowed_tools: Vec<String>,
    pub(crate) add_dirs: Vec<PathBuf>,
    pub(crate) mcp_config: Vec<String>,
    pub(crate) name: Option<String>,
    /// The whole environment: nothing is inherited beside it.
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Launch {
    /// A launch with nothing but the necessary.
    #[cfg(test)]
    pub(crate) fn new(program: PathBuf, conversation: Conversation, cwd: PathBuf) -> Self {
        Self {
            program,
            leading_args: Vec::new(),
            extra_args: Vec::new(),
            conversation,
            cwd,
            model: None,
            effort: None,
            permission_mode: None,
            system_prompt_file: None,
            settings_file: None,
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            add_dirs: Vec::new(),
            mcp_config: Vec::new(),
            name: None,
            env: Vec::new(),
        }
    }

    /// The arguments after the program's name.
    pub(crate) fn argv(&self) -> Vec<OsString> {
        let mut argv = self.leading_args.clone();
        argv.extend(RESIDENT.map(OsString::from));
        argv.extend(self.options());
        argv
    }

    /// The arguments of a process that a person talks to in a terminal.
    pub(crate) fn interactive_argv(&self) -> Vec<OsString> {
        self.options()
    }

    fn options(&self) -> Vec<OsString> {
        let mut argv = Vec::new();
        let (flag, id) = match self.conversation {
            Conversation::New(id) => ("--session-id", id),
            Conversation::Resume(id) => ("--resume", id),
        };
        argv.extend([flag.into(), id.to_string().into()]);
        push_option(&mut argv, "--model", self.model.as_ref());
        push_option(&mut argv, "--effort", self.effort.as_ref());
        push_option(&mut argv, "--permission-mode", self.permission_mode.as_ref());
        push_option(&mut argv, "--append-system-prompt-file", self.system_prompt_file.as_ref());
        push_option(&mut argv, "--settings", self.settings_file.as_ref());
        push_option(&mut argv, "--name", self.name.as_ref());
        push_list(&mut argv, "--allowedTools", &self.allowed_tools);
        push_list(&mut argv, "--disallowedTools", &self.disallowed_tools);
        push_list(&mut argv, "--add-dir", &self.add_dirs);
        push_list(&mut argv, "--mcp-config", &self.mcp_config);
        argv.extend(self.extra_args.iter().map(OsString::from));
        argv
    }

    /// The command, ready to be spawned: pipes, a process group of its own, and nothing inherited.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(self.argv())
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(false);
        command
    }
}

/// Environments hold keys, so only the names are shown.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&OsString> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Launch")
            .field("program", &self.program)
            .field("argv", &self.argv())
            .field("cwd", &self.cwd)
            .field("env", &names)
            .finish()
    }
}

fn push_option(argv: &mut Vec<OsString>, flag: &str, value: Option<&impl AsRef<OsStr>>) {
    if let Some(value) = value {
        argv.extend([flag.into(), value.as_ref().to_owned()]);
    }
}

/// One `--flag=value` each: these options take any number of values, so a detached one would swallow what
/// follows, and a value that begins with a dash would be an option.
fn push_list(argv: &mut Vec<OsString>, flag: &str, values: &[impl AsRef<OsStr>]) {
    for value in values {
        let mut argument = OsString::from(flag);
        argument.push("=");
        argument.push(value);
        argv.push(argument);
    }
}

/// The environment of a child: the host's, less what belongs to the host's own surroundings, then each layer
/// over the one before, and last the name of the session.
pub(crate) fn child_env<'l, H, K, V>(
    host: H,
    layers: impl IntoIterator<Item = &'l BTreeMap<String, String>>,
    session: &str,
) -> Vec<(OsString, OsString)>
where
    H: IntoIterator<Item = (K, V)>,
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let mut env: BTreeMap<OsString, OsString> = host
        .into_iter()
        .filter(|(name, _)| !belongs_to_host(name.as_ref()))
        .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
        .collect();
    for layer in layers {
        env.extend(layer.iter().map(|(name, value)| (name.into(), value.into())));
    }
    env.insert("CLAUDEBOT_SESSION".into(), session.into());
    env.into_iter().collect()
}

/// Variables that describe where the host was started, which is not where the child is.
fn belongs_to_host(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let prefixes: [&[u8]; 4] = [b"CLAUDEBOT_", b"TMUX", b"DIRENV_", b"WATCHDOG_"];
    let names: [&[u8]; 4] = [b"CLAUDECODE", b"CLAUDE_CODE_ENTRYPOINT", b"VIRTUAL_ENV", b"NOTIFY_SOCKET"];
    names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Finds the program as a shell would: a name in the PATH, or a path with a slash as it is. The result is
/// absolute, because the child runs in another directory.
pub(crate) fn locate(program: &Path, path_var: Option<&OsStr>) -> Option<PathBuf> {
    if program.as_os_str().as_encoded_bytes().contains(&b'/') {
        return std::path::absolute(program).ok().filter(|path| is_executable(path));
    }
    std::env::split_paths(path_var?)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(program))
        .find(|path| is_executable(path))
}

/// A file with an executable bit that this user may use.
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A release of Claude Code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    /// Reads `2.1.330 (Claude Code)` and the like.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        // A pre-release's suffix does not matter here.
        let numbers = word.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(str::parse);
        let version =
            Self { major: parts.next()?.ok()?, minor: parts.next()?.ok()?, patch: parts.next()?.ok()? };
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a program's release is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VersionError {
    #[error("cannot run {program}: {source}", program = .program.display())]
    Run { program: PathBuf, source: std::io::Error },
    #[error("{program} --version did not answer within {} s", .timeout.as_secs_f32(), program = .program.display())]
    Timeout { program: PathBuf, timeout: Duration },
    #[error("{program} --version answered with no version: {output:?}", program = .program.display())]
    NoVersion { program: PathBuf, output: String },
}

/// Asks the program for its release.
pub(crate) async fn version(
    program: &Path,
    env: &[(OsString, OsString)],
    timeout: Duration,
) -> Result<Version, VersionError> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let program = program.to_owned();
    let output = match tokio::time::timeout(timeout, command.output()).await {
        Err(_) => return Err(VersionError::Timeout { program, timeout }),
        Ok(Err(source)) => return Err(VersionError::Run { program, source }),
        Ok(Ok(output)) => output,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Version::parse(&text).ok_or_else(|| {
        let words =
            if text.trim().is_empty() { String::from_utf8_lossy(&output.stderr) } else { text.clone() };
        VersionError::NoVersion { program, output: words.trim().chars().take(200).collect() }
    })
}
