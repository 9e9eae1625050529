//! Claude Code as a program: how it is started, what it says, how it is stopped, and what it stores.
//!
//! This room is a leaf. It knows argv, the stream-json and control protocol, one child process and the files
//! Claude keeps; it knows nothing of sessions, prompts, approvals or any other word of ours, and its errors
//! are its own. `host::translate` is the only place where the two vocabularies meet.
//!
//! | file | what it is for |
//! |---|---|
//! | [`command`] | argv and environment of one process, where the program is, which release it is |
//! | [`wire`] | the messages in both directions, as typed values |
//! | [`process`] | one running child: pipes, exit, stop with grace |
//! | [`tree`] | processes by pid *and* start time; the descendants of one |
//! | [`files`] | where Claude keeps what belongs to a conversation |
//! | [`conversation`] | the conversation files Claude itself writes |
//! | [`history`] | a whole conversation, as a person would tell it |
//! | [`holder`] | which processes have a conversation open |
//! | [`copy`] | a copy of a conversation, which goes on by itself |
//! | [`said`] | prompts and replies in all those files, for an index |
//! | [`mcp`] | what an MCP server of ours is asked through the pipe, and the answers |
//! | [`project`] | where it keeps what was allowed for a project |
//! | [`retention`] | how long it keeps conversations, and the setting for that |
//! | [`login`] | whether somebody seems to be logged in |
//!
//! # How releases differ (2.1.197 and 2.1.330 were tried)
//!
//! - **Echo of a prompt.** 2.1.330: `command_lifecycle` queued and started, then `init`, `status`, the echo
//!   (`user`, `isReplay`), then `message_start`. 2.1.197 has no `command_lifecycle`, and holds the echo back
//!   until the first content block is finished or the turn ends: `init`, `status`, `message_start`, deltas,
//!   the echo, `assistant`. So the echo is no sign that a turn begins; `init` is, in both.
//! - **Prompts injected during a tool** are echoed after the tool's result and before the next
//!   `message_start`, without a new `init`, by both. 2.1.330 reports them `completed` before the `result` and
//!   the turn's first prompt after it.
//! - **Joined prompts**: all but the last are echoed right after the previous `result`; the last one, with
//!   the joined text, where any echo stands.
//! - **Priority `now`**, while text streams: both finish the text so far as an `assistant` message and a
//!   `result` with `subtype: success`, `is_error: false`, no `stop_reason` and `terminal_reason:
//!   aborted_streaming`; then the new turn begins. During a Bash call both let the call end first, and the
//!   dropped turn's `result` says `aborted_tools`. An interrupt kills the call at once. See
//!   [`wire::TurnResult::was_cut_off`].
//! - **`interrupt` with `cancel_queued`** is obeyed by 2.1.330 (the answer lists `cancelled` and
//!   `still_queued`) and ignored by 2.1.197, which runs the queued messages next. Both know
//!   `cancel_async_message`. [`wire::Init::cancels_queued`] tells them apart.
//! - **A message that was taken back** (by `cancel_async_message` or `cancel_queued`) and is sent again under the
//!   same uuid is only echoed by that process, in both; another process runs it.
//! - **An interrupt while idle** is answered with success and does nothing else, in both.
//! - **A kill at the first prompt's storing** can leave a file that names no message: `--resume` does not find it,
//!   `--session-id` finds it in use, in both.
//! - **A start without login** is no failure: the process waits, answers `initialize`, and every prompt ends
//!   at once in an `assistant` message with `error: authentication_failed` and a `result` with `is_error`
//!   ("Not logged in · Please run /login"). Only when its stdin closes it exits, with code 1.
//! - **stdin closed while a permission is asked**: the tool is refused, Claude makes one more request to the
//!   API with that refusal, and exits 0 when the turn ends. To end a turn, interrupt it before closing.
//! - **What was allowed for a project** is written to `.claude/settings.local.json` of the working directory by
//!   2.1.197, of the repository's root (a worktree's main one) by 2.1.330.
//! - **`--allowedTools`** takes a list apart at commas and spaces outside of parentheses and knows no escapes, in both:
//!   a rule such as `Bash(echo ") Bash (")` allows all of Bash. `--settings` takes each rule as it is.
//! - **A copy of a conversation's file** under another id, with that id for each `sessionId` in it, is a conversation of
//!   its own: `--resume` goes on with it and the original stays as it is, in both.
//! - **Old conversations** (`cleanupPeriodDays`, 30 by default; by the time of the last change) are removed by every
//!   process, resident ones too, some seconds after its start and at most once a day (`.last-cleanup`): the file and
//!   the directory beside it, in both. A `cleanupPeriodDays` in `--settings` counts instead of the user's.
//! - **Local commands** (`/context`, `/compact`, `/clear` …): 2.1.330 echoes and stores them under the
//!   prompt's uuid, 2.1.197 neither echoes them nor stores that uuid.

pub(crate) mod command;
pub(crate) mod conversation;
pub(crate) mod copy;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod holder;
pub(crate) mod login;
pub(crate) mod mcp;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod retention;
pub(crate) mod said;
pub(crate) mod tree;
pub(crate) mod wire;

#[cfg(test)]
mod tests;
