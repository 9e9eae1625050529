//! The I/O around [`View`]: gathers what happens, lets the view decide, does what it says.

use std::collections::{HashMap, VecDeque};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::asker::Asker;
use super::printer::Printer;
use super::view::{Act, Ending, View};
use crate::cli::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::session::quoted;
use crate::cli::text;
use crate::error::{Error, Kind, Result};
use crate::ipc::reconnect::Reconnecting;
use crate::ipc::{Accepted, HostFrame, Push, Request, Response, Selector, SendPrompt};
use crate::model::{ApprovalId, Decision};

/// Connections that may be lost one after the other without any event in between.
const MAX_LOST: u32 = 5;

const GONE: &str = "the host has gone away";

/// Who an answer from a shell is by.
pub(crate) const BY: &str = "shell";

/// What the terminal tells by signals.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    resumed: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Ctrl-C.
    Interrupt,
    /// The shell has brought us back after Ctrl-Z.
    Resumed,
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Self> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::failed(format!("cannot listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, resumed: listen(continued())? })
    }

    /// Ctrl-C. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        self.interrupt.recv().await;
    }

    /// Whoever does not want to wait for the work is let go: None. A new host, for example, may take its time.
    async fn unless_left<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // What needs no waiting is done.
            biased;
            done = work => Some(done),
            () = self.next() => None,
        }
    }

    /// Cancel-safe.
    async fn any(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Interrupt,
            _ = self.resumed.recv() => Told::Resumed,
        }
    }
}

fn continued() -> SignalKind {
    SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())
}

/// A connection that starts a host where none is up, and another one where that is lost.
pub(crate) async fn connect(ctx: &Ctx) -> Result<Reconnecting> {
    Reconnecting::start(ctx.starter()?).await
}

/// What was asked of the host without waiting for the answer.
#[derive(Debug)]
enum Asked {
    Answer,
    Stop,
    TakeBack,
    Check,
}

enum Happening {
    Frame(Option<Box<HostFrame>>),
    Line(Option<String>),
    Told(Told),
}

/// What a person gets to see beside the reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    /// Thinking and subagents.
    pub(crate) verbose: bool,
    /// Everything, and nothing else, as JSON.
    pub(crate) json: bool,
    /// Which session it goes to.
    pub(crate) name: bool,
    /// It waits for a person to release a held queue.
    pub(crate) patient: bool,
}

/// One prompt until its turn ends.
pub(crate) struct Drive {
    link: Reconnecting,
    request: Request,
    session: Selector,
    name: String,
    view: View,
    printer: Printer,
    subscription: u64,
    asked: HashMap<u64, Asked>,
    todo: VecDeque<Act>,
    lost: u32,
}

impl Drive {
    /// Returns once the prompt is stored.
    pub(crate) async fn start(
        ctx: &Ctx,
        prompt: SendPrompt,
        Shown { verbose, json, name, patient }: Shown,
    ) -> Result<Self, Stop> {
        let mut link = connect(ctx).await?;
        let mut request = Request::Send(prompt);
        let accepted = send(&mut link, &request).await?;
        let session = Selector::Exact(accepted.session.to_string());
        if let Request::Send(prompt) = &mut request {
            // By the time it is sent again another session may be current, or have the name.
            prompt.session = session.clone();
        }
        let mut printer = Printer::new(ctx.screen, json);
        if json {
            printer.json(&accepted_json(&accepted))?;
        } else if name {
            ctx.screen.note(&format!("→ {}", text::one_line(&accepted.name)));
        }
        let view = View::new(&accepted, verbose, patient);
        Ok(Self {
            link,
            request,
            session,
            todo: view.accepted(&accepted).into(),
            name: accepted.name,
            view,
            printer,
            subscription: 0,
            asked: HashMap::new(),
            lost: 0,
        })
    }

    pub(crate) async fn run(mut self, asker: &mut Asker, interrupts: &mut Interrupts) -> Finish {
        self.subscribe().await?;
        loop {
            while let Some(act) = self.todo.pop_front() {
                match interrupts.unless_left(self.act(act, asker)).await {
                    Some(done) => {
                        if let Some(finish) = done? {
                            return finish;
                        }
                    }
                    None => return self.detach(),
                }
            }
            if asker.is_asking() && self.printer.at_margin() {
                asker.again();
                self.printer.take_line(true);
            }
            let happening = tokio::select! {
                frame = self.link.client().next() => Happening::Frame(frame?.map(Box::new)),
                line = asker.line() => Happening::Line(line?),
                told = interrupts.any() => Happening::Told(told),
            };
            match happening {
                Happening::Frame(Some(frame)) => self.frame(*frame, asker)?,
                Happening::Frame(None) => self.todo.push_front(Act::Reconnect(GONE.to_owned())),
                Happening::Line(line) => {
                    self.printer.take_line(false);
                    if let Some((approval, decision)) = asker.typed(line) {
                        let answered = self.answer(approval, decision, asker);
                        match interrupts.unless_left(answered).await {
                            Some(answered) => answered?,
                            None => return self.detach(),
                        }
                    }
                    self.printer.take_line(asker.is_asking());
                }
                Happening::Told(Told::Interrupt) => {
                    self.printer.interrupted();
                    self.todo.extend(self.view.interrupt());
                }
                Happening::Told(Told::Resumed) => self.printer.take_line(false),
            }
        }
    }

    fn frame(&mut self, frame: HostFrame, asker: &mut Asker) -> Result<(), Stop> {
        match frame {
            HostFrame::Push { id, push } if id == self.subscription => {
                self.show(&push)?;
                if matches!(push, Push::Event(_)) {
                    self.lost = 0;
                }
                self.todo.extend(self.view.push(push));
            }
            HostFrame::Ok { id, response } => self.answered(id, Ok(response), asker),
            HostFrame::Error { id, error } => self.answered(id, Err(error), asker),
            HostFrame::Push { .. } => {}
        }
        Ok(())
    }

    /// Everything exactly as it came, for `--json`. An event that comes again after a lost connection does not.
    fn show(&mut self, push: &Push) -> Result<(), Stop> {
        match push {
            Push::Event(event) if event.seq > self.view.last_seq() => self.printer.json(event),
            Push::Live(live) => self.printer.json(live),
            _ => Ok(()),
        }
    }

    async fn act(&mut self, act: Act, asker: &mut Asker) -> Result<Option<Finish>, Stop> {
        match act {
            Act::Reply(text) => self.printer.reply(&text)?,
            Act::Note(line) => self.printer.note(&line),
            Act::Ask(approval) => {
                let before = asker.is_asking();
                if !before {
                    self.printer.margin();
                }
                if let Some((approval, decision)) = asker.ask(*approval) {
                    self.answer(approval, decision, asker).await?;
                }
                self.printer.take_line(before || asker.is_asking());
            }
            Act::Settled { approval, decision, by } => {
                self.printer.margin();
                asker.settled(approval, decision.as_ref(), &by);
                self.printer.take_line(asker.is_asking());
            }
            Act::Check => self.post(self.request.clone(), Asked::Check, asker).await?,
            Act::Resubscribe => self.resubscribe(asker).await?,
            Act::Reconnect(why) => match self.reconnect(&why, asker).await {
                Err(Stop::Error(error)) if error.kind == Kind::NotFound => {
                    let gone = Error::new(Kind::Denied, why).hint("what was asked went with it");
                    return Ok(Some(Err(gone.into())));
                }
                connected => connected?,
            },
            Act::StopTurn(turn) => {
                self.printer.note("stopping; Ctrl-C again leaves it running");
                let request = Request::SessionStop { session: self.session.clone(), turn };
                self.post(request, Asked::Stop, asker).await?;
            }
            Act::TakeBack(prompt) => {
                self.printer.note("taking the prompt back; Ctrl-C again leaves it waiting");
                self.post(Request::PromptTakeBack { prompt }, Asked::TakeBack, asker).await?;
            }
            Act::Detach => return Ok(Some(self.detach())),
            Act::End(ending) => {
                self.printer.margin();
                return Ok(Some(end(ending, &self.name)));
            }
        }
        Ok(None)
    }

    fn answered(&mut self, id: u64, answer: Result<Response>, asker: &mut Asker) {
        let Some(asked) = self.asked.remove(&id) else { return };
        match (asked, answer) {
            (Asked::Answer, Err(error)) => {
                self.printer.margin();
                asker.refused(&error);
            }
            (Asked::Stop, Ok(Response::Stopped { held, .. })) if held > 0 => {
                let waiting = text::count(u64::from(held), "prompt");
                let name = quoted(&self.name);
                self.printer
                    .note(&format!("{waiting} held: claudebot session queue {name} --run or --clear"));
            }
            (Asked::Stop, Err(error)) => self.printer.note(&error.message),
            (Asked::TakeBack, Ok(_)) => {
                self.todo.push_back(Act::End(Ending::Interrupted("the prompt was taken back".to_owned())));
            }
            (Asked::TakeBack, Err(_)) => self.todo.extend(self.view.not_taken_back()),
            (Asked::Check, Ok(Response::Accepted(accepted))) => {
                self.todo.extend(self.view.accepted(&accepted));
            }
            _ => {}
        }
    }

    async fn answer(&mut self, id: ApprovalId, decision: Decision, asker: &mut Asker) -> Result<(), Stop> {
        let request = Request::Answer { approval: id, decision, by: BY.to_owned() };
        self.post(request, Asked::Answer, asker).await
    }

    /// Asks without waiting; the answer comes with the stream.
    async fn post(&mut self, request: Request, asked: Asked, asker: &mut Asker) -> Result<(), Stop> {
        match self.link.client().send(request).await {
            Ok(id) => {
                self.asked.insert(id, asked);
                Ok(())
            }
            Err(error) if error.kind == Kind::Unavailable => self.reconnect(&error.message, asker).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn subscribe(&mut self) -> Result<()> {
        let since = self.view.last_seq();
        loop {
            let request = Request::Subscribe { session: self.session.clone(), since };
            match self.link.client().subscribe(request).await {
                Ok((id, _)) => {
                    self.subscription = id;
                    return Ok(());
                }
                Err(error) if error.kind == Kind::Unavailable && self.lost < MAX_LOST => {
                    self.lost += 1;
                    self.link.reconnect().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// We were too slow; the connection is fine.
    async fn resubscribe(&mut self, asker: &mut Asker) -> Result<(), Stop> {
        match self.subscribe().await {
            Ok(()) => Ok(()),
            Err(error) if error.kind == Kind::Unavailable => self.reconnect(&error.message, asker).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The prompt goes to the next host under its key, so it stays one prompt; what was printed stays printed.
    async fn reconnect(&mut self, why: &str, asker: &mut Asker) -> Result<(), Stop> {
        self.lost += 1;
        asker.reset();
        if self.lost > MAX_LOST {
            let error = Error::unavailable(format!("the connection was lost {MAX_LOST} times: {why}"))
                .hint(format!("the prompt is kept: claudebot log {} --follow", quoted(&self.name)));
            return Err(error.into());
        }
        self.printer.note(&format!("{why}; connecting again"));
        self.link.reconnect().await?;
        self.asked.clear();
        self.todo.clear();
        self.view.reconnected();
        let accepted = send(&mut self.link, &self.request).await?;
        self.todo.extend(self.view.accepted(&accepted));
        Ok(self.subscribe().await?)
    }

    fn detach(&mut self) -> Finish {
        let follow = format!("claudebot log {} --follow", quoted(&self.name));
        let error = Error::new(Kind::Denied, "left; it goes on without you").hint(follow);
        self.printer.margin();
        Err(error.into())
    }
}

fn end(ending: Ending, name: &str) -> Finish {
    let name = quoted(name);
    match ending {
        Ending::Done => Ok(DONE),
        Ending::Failed(why) => Err(Error::failed(why).into()),
        Ending::Interrupted(why) => Err(Error::new(Kind::Denied, why).into()),
        Ending::Waits(why) => {
            let hint = format!(
                "the prompt is kept and runs once that is mended: claudebot session queue {name} --run (or --clear)"
            );
            Err(Error::unavailable(why).hint(hint).into())
        }
        Ending::Held(why) => {
            let hint = format!(
                "the prompt is kept: claudebot session queue {name} shows what waits, --run sends it, --clear drops it"
            );
            Err(Error::new(Kind::Denied, why).hint(hint).into())
        }
        Ending::NoLogin(why) => {
            let hint = "run `claude` and type /login, or set ANTHROPIC_API_KEY; then send it again";
            Err(Error::unavailable(why).hint(hint).into())
        }
    }
}

async fn send(link: &mut Reconnecting, request: &Request) -> Result<Accepted, Stop> {
    match link.call_with_retry(request).await? {
        Response::Accepted(accepted) => Ok(accepted),
        other => Err(ask::unexpected(&other)),
    }
}

/// What `--json` says first.
pub(crate) fn accepted_json(accepted: &Accepted) -> serde_json::Value {
    let mut json = serde_json::json!({ "type": "accepted" });
    if let (Some(object), Ok(serde_json::Value::Object(fields))) =
        (json.as_object_mut(), serde_json::to_value(accepted))
    {
        object.extend(fields);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PromptId, PromptStatus, SessionId};

    #[test]
    fn the_first_json_line_says_what_it_is() {
        let accepted = Accepted {
            prompt: PromptId::random(),
            session: SessionId::random(),
            name: "work".to_owned(),
            status: PromptStatus::Queued,
            seq: 7,
            repeated: false,
            reason: None,
        };
        let json = accepted_json(&accepted);
        assert_eq!(
            (&json["type"], &json["name"], &json["seq"]),
            (&"accepted".into(), &"work".into(), &7.into())
        );
    }

    #[test]
    fn endings_have_their_exit_codes() {
        let code = |ending| match end(ending, "work") {
            Ok(code) => code,
            Err(Stop::Error(error)) => error.kind.exit_code(),
            Err(Stop::Closed) => panic!("not closed"),
        };
        assert_eq!(code(Ending::Done), 0);
        assert_eq!(code(Ending::Failed("x".to_owned())), 1);
        assert_eq!(code(Ending::Interrupted("x".to_owned())), 6);
        assert_eq!(code(Ending::Waits("x".to_owned())), 5);
        assert_eq!(code(Ending::NoLogin("x".to_owned())), 5);
        assert_eq!(code(Ending::Held("x".to_owned())), 6);
    }
}
