//! Tool calls: the approval, the work, the result, and the prompts that are handed over after it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::{Agent, Cut, Phase, Priority};
use super::outside::Outside;
use super::script::{self, Step};
use super::tools::{self, Outcome, Tool};
use super::turn::Turn;
use super::wire;

/// A tool is never so quick that nothing can come meanwhile.
const LISTING: Duration = Duration::from_millis(30);

const REJECTED: &str = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was \
                        a file edit, the new_string was NOT written to the file). STOP what you are doing and wait \
                        for the user to tell you how to proceed.";

/// How a tool's use came out, and what becomes of the turn.
struct Used {
    outcome: Outcome,
    cut: Option<Cut>,
}

impl<O: Outside> Agent<O> {
    /// Uses a tool, tells how it came out, and adds what follows to the steps.
    pub(super) fn use_tool(
        &mut self,
        turn: &mut Turn,
        tool: &Tool,
        steps: &mut VecDeque<Step>,
    ) -> Result<(), Cut> {
        let id = wire::vendor_id("toolu");
        let input = tool.input();
        self.begin_block(turn, json!({"type": "tool_use", "id": id, "name": tool.name(), "input": {}}));
        self.block_delta(turn, json!({"type": "input_json_delta", "partial_json": input.to_string()}));
        self.end_block(turn, json!({"type": "tool_use", "id": id, "name": tool.name(), "input": input}));
        self.store_message(turn, Some("tool_use"))?;
        let asks = tool.asks() && (tool.needs_a_person() || !self.may_list());
        self.phase = if asks { self.ask(turn, tool, &id) } else { self.close_before_tool(turn) };
        let used = self.await_tool(tool, &id)?;
        self.send_result(turn, tool, &id, &used)?;
        if let Some(cut) = used.cut {
            return Err(cut);
        }
        self.phase = Phase::Working;
        if self.queue.iter().any(|queued| queued.priority == Priority::Now) {
            return Err(Cut::Now);
        }
        let mut following = script::after(tool, &used.outcome);
        script::append(&mut following, steps.drain(..).collect());
        script::append(&mut following, self.inject(turn)?);
        steps.extend(following);
        Ok(())
    }

    /// Sends the request, in the middle of the message's end as Claude does, and says how it is named.
    fn ask(&mut self, turn: &Turn, tool: &Tool, tool_use: &str) -> Phase {
        let id = Uuid::new_v4().to_string();
        let request = json!({"type": "control_request", "request_id": id, "request": tool.request(tool_use)});
        self.answer = None;
        if tool.needs_a_person() {
            self.send_raw(&request);
            self.stop_block(turn);
            self.send_delta(turn, Some("tool_use"));
        } else {
            self.stop_block(turn);
            self.send_delta(turn, Some("tool_use"));
            self.send_raw(&request);
        }
        self.send_stop(turn);
        Phase::Asking(id)
    }

    fn close_before_tool(&mut self, turn: &Turn) -> Phase {
        self.stop_block(turn);
        self.send_delta(turn, Some("tool_use"));
        self.send_stop(turn);
        Phase::Working
    }

    /// A cut is part of the result: the call still needs one.
    fn await_tool(&mut self, tool: &Tool, tool_use: &str) -> Result<Used, Cut> {
        match self.carry_out(tool, tool_use) {
            Ok(outcome) => Ok(Used { outcome, cut: None }),
            Err(Cut::Exit(code)) => Err(Cut::Exit(code)),
            Err(cut) => Ok(Used { outcome: Outcome::Denied(REJECTED.to_owned()), cut: Some(cut) }),
        }
    }

    /// Waits for the person, if one is asked, and then does what the tool does.
    fn carry_out(&mut self, tool: &Tool, tool_use: &str) -> Result<Outcome, Cut> {
        let mut answer = Value::Null;
        if matches!(self.phase, Phase::Asking(_)) {
            self.await_answer()?;
            self.phase = Phase::Working;
            answer = match self.answer.take() {
                None => return Ok(Outcome::Unheard),
                Some(answer) if answer["interrupt"] == true => return Err(Cut::Interrupt),
                Some(answer) if answer["behavior"] != "allow" => {
                    return Ok(Outcome::Denied(
                        answer["message"].as_str().unwrap_or("The user said no.").to_owned(),
                    ));
                }
                Some(answer) => answer,
            };
            self.keep_grants(&answer)?;
        }
        Ok(match tool {
            Tool::List => {
                self.pause(self.outside.now() + LISTING)?;
                Outcome::Done(tools::list(&self.conversation.cwd))
            }
            Tool::Wait(time) => {
                self.pause(self.outside.now().saturating_add(*time))?;
                Outcome::Done("(Bash completed with no output)".to_owned())
            }
            Tool::Background(time) => {
                let id = self.begin_task(tool_use, *time);
                Outcome::Done(format!(
                    "Command running in background with ID: {id}. You will be notified when it completes."
                ))
            }
            Tool::Ask => Outcome::Answered(tools::answers(&answer["updatedInput"]["answers"])),
            Tool::Plan => {
                if self.settings.permission_mode == "plan" {
                    self.enter_mode("default");
                }
                Outcome::Done("User has approved exiting plan mode. You can now proceed.".to_owned())
            }
        })
    }

    fn await_answer(&mut self) -> Result<(), Cut> {
        while self.answer.is_none() && !self.input_over {
            self.listen(None)?;
        }
        Ok(())
    }

    /// Rules and a permission mode may come with an answer.
    fn keep_grants(&mut self, answer: &Value) -> Result<(), Cut> {
        for (rule, lasting) in tools::granted(answer) {
            if lasting {
                let kept = self.conversation.keep_rule(&rule);
                self.or_exit(kept)?;
            }
            self.settings.rules.push(rule);
        }
        if let Some(mode) = tools::granted_mode(answer) {
            self.enter_mode(&mode);
        }
        Ok(())
    }

    fn may_list(&self) -> bool {
        self.settings.permission_mode == "bypassPermissions" || tools::allows_listing(&self.settings.rules)
    }

    fn send_result(&mut self, turn: &mut Turn, tool: &Tool, id: &str, used: &Used) -> Result<(), Cut> {
        let denied = matches!(used.outcome, Outcome::Denied(_) | Outcome::Unheard);
        let text = match &used.outcome {
            _ if used.cut == Some(Cut::Now) => "Tool permission request aborted".to_owned(),
            outcome => tools::result_text(outcome),
        };
        let mut message = wire::user(json!([
            {"type": "tool_result", "tool_use_id": id, "content": text, "is_error": denied},
        ]));
        message["tool_use_result"] = if denied {
            turn.denials
                .push(json!({"tool_name": tool.name(), "tool_use_id": id, "tool_input": tool.input()}));
            json!(format!("Error: {text}"))
        } else {
            json!({"stdout": text, "stderr": "", "interrupted": false})
        };
        self.store(json!({
            "type": "user", "message": message["message"], "uuid": message["uuid"],
            "toolUseResult": message["tool_use_result"],
        }))?;
        self.send(message);
        Ok(())
    }

    /// Hands over what came during the tool: each prompt keeps its own uuid.
    fn inject(&mut self, turn: &mut Turn) -> Result<Vec<Step>, Cut> {
        let (taken, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|queued| queued.priority == Priority::Next && !queued.is_command());
        self.queue = rest;
        for queued in &taken {
            let at = self.outside.wall();
            let stored = self.conversation.injected(&queued.uuid, &queued.content, at);
            self.or_exit(stored)?;
            self.note(json!({
                "type": "queue-operation", "operation": "remove", "content": queued.text,
                "reason": "absorbed_mid_turn", "commandUuid": queued.uuid,
            }))?;
            self.send(wire::replay(&queued.uuid, &queued.content));
        }
        let mut steps = Vec::new();
        for queued in taken {
            self.send(wire::lifecycle(&queued.uuid, "started"));
            script::append(
                &mut steps,
                script::answer(std::slice::from_ref(&queued.text), &self.conversation.prompts),
            );
            self.conversation.prompts.push(queued.text);
            turn.uuids.push(queued.uuid.clone());
            turn.injected.push(queued.uuid);
        }
        Ok(steps)
    }
}
