//! What conversations there are, each in a few facts.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::{Line, What};

/// A conversation as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overview {
    pub(crate) id: Uuid,
    pub(crate) file: PathBuf,
    /// Where it was begun.
    pub(crate) dir: Option<PathBuf>,
    /// As Claude or a person has named it.
    pub(crate) title: Option<String>,
    pub(crate) first_prompt: Option<String>,
    /// How many things a person has said.
    pub(crate) prompts: u32,
    pub(crate) bytes: u64,
    pub(crate) last: Timestamp,
}

/// Every conversation that a person has said something in and that `wanted` asks for, in no particular order. What
/// cannot be read is passed over: it can be neither shown nor resumed.
pub(crate) fn all(config_dir: &Path, wanted: impl Fn(&Uuid) -> bool) -> io::Result<Vec<Overview>> {
    let mut found: Vec<Overview> = Vec::new();
    for project in entries(&config_dir.join("projects"))? {
        for file in entries(&project).unwrap_or_default() {
            let Some(id) = id_of(&file).filter(&wanted) else { continue };
            let Ok(Some(overview)) = overview(id, &file) else { continue };
            match found.iter_mut().find(|other| other.id == id) {
                // The one that is written goes on.
                Some(other) if other.last < overview.last => *other = overview,
                Some(_) => {}
                None => found.push(overview),
            }
        }
    }
    Ok(found)
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => Ok(entries?.flatten().map(|entry| entry.path()).collect()),
    }
}

fn id_of(file: &Path) -> Option<Uuid> {
    if file.extension()? != "jsonl" {
        return None;
    }
    file.file_stem()?.to_str()?.parse().ok()
}

/// One conversation; None if nobody has said anything in it.
pub(crate) fn overview(id: Uuid, file: &Path) -> io::Result<Option<Overview>> {
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    let modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
    let mut about = Overview {
        id,
        file: file.to_owned(),
        dir: None,
        title: None,
        first_prompt: None,
        prompts: 0,
        bytes: metadata.len(),
        last: Timestamp::default(),
    };
    let mut titles = Titles::default();
    let mut lines = BufReader::with_capacity(256 << 10, opened);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if let Ok(line) = serde_json::from_slice::<Line<'_>>(&line) {
            titles.take(&line);
            about.take(&line);
        }
        line.clear();
    }
    if about.last == Timestamp::default() {
        about.last = modified;
    }
    about.title = titles.best();
    Ok((about.prompts > 0).then_some(about))
}

impl Overview {
    fn take(&mut self, line: &Line<'_>) {
        if line.is_sidechain {
            return;
        }
        if self.dir.is_none() {
            self.dir = line.cwd.as_ref().map(|dir| PathBuf::from(&**dir));
        }
        if !matches!(&*line.kind, "user" | "assistant" | "attachment") {
            return;
        }
        self.last = self.last.max(line.at().unwrap_or_default());
        let injected = || line.kind == "attachment";
        if line.kind == "user" || injected() {
            self.prompted(line.what());
        }
    }

    fn prompted(&mut self, what: Option<What>) {
        let Some(What::Prompt { text, .. }) = what else { return };
        self.prompts += 1;
        // What a command is about, its name does not say.
        let is_better = self.first_prompt.as_ref().is_none_or(|first| first.starts_with('/'));
        if is_better && !text.trim().is_empty() {
            self.first_prompt = Some(text);
        }
    }
}

/// The names that a conversation was given, the last of each kind.
#[derive(Default)]
struct Titles {
    custom: Option<String>,
    ai: Option<String>,
    summary: Option<String>,
}

impl Titles {
    fn take(&mut self, line: &Line<'_>) {
        let (place, title) = match &*line.kind {
            "custom-title" => (&mut self.custom, &line.custom_title),
            "ai-title" => (&mut self.ai, &line.ai_title),
            "summary" => (&mut self.summary, &line.summary),
            _ => return,
        };
        let title = title.as_ref().map(|title| title.trim().to_owned());
        // Without words it takes the name away.
        *place = title.filter(|title| !title.is_empty());
    }

    fn best(self) -> Option<String> {
        self.custom.or(self.ai).or(self.summary)
    }
}
