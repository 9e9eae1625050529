//! The reference of all keys, made from their table: a commented file to begin with, and to document.

use super::keys::{self, PROJECTS, SECTIONS};
use super::types::Config;
use crate::paths::Paths;

impl Config {
    /// A configuration file in which every key stands with its default, commented out.
    pub(crate) fn reference(paths: &Paths) -> String {
        let mut defaults = Self::defaults(paths);
        let mut text = "# claudebot's configuration. Every key here has its default value; a command line\n\
             # and the variable behind each key win over this file.\n"
            .to_owned();
        for section in SECTIONS {
            text.push_str(&format!("\n[{section}]\n"));
            if section == PROJECTS {
                text.push_str("# NAME = \"DIR\": short names for directories.  $CLAUDEBOT_PROJECTS_NAME\n");
            }
            for key in keys::of_section(section) {
                let shown = key.slot.literal(&mut defaults);
                let (doc, kind, variable) = (key.doc, key.slot.kind(), key.variable());
                text.push_str(&format!("# {doc} ({kind})  ${variable}\n#{} = {shown}\n", key.name));
            }
        }
        text
    }
}
