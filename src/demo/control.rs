//! Control requests: the questions and orders that come beside the conversation.

use serde_json::{Value, json};

use super::agent::{Agent, Cut, Phase};
use super::outside::Outside;
use super::{slash, wire};

impl<O: Outside> Agent<O> {
    pub(super) fn control(&mut self, id: &Value, request: &Value) -> Result<(), Cut> {
        match request["subtype"].as_str().unwrap_or_default() {
            "interrupt" => return self.interrupt(id, request["cancel_queued"] == true),
            "cancel_async_message" => self.take_back(id, &request["message_uuid"]),
            "set_permission_mode" => {
                self.set_permission_mode(id, request["mode"].as_str().unwrap_or("default"));
            }
            "rename_session" => self.rename(id, &request["title"])?,
            other => match self.plain_answer(other, request) {
                Some(answer) => self.send_raw(&wire::success(id, answer)),
                None => {
                    let error = format!("Unsupported control request subtype: {other}");
                    self.send_raw(&wire::failure(id, &error, "unsupported_request"));
                }
            },
        }
        Ok(())
    }

    /// The answers that are no more than an answer. None: unknown.
    fn plain_answer(&mut self, subtype: &str, request: &Value) -> Option<Value> {
        Some(match subtype {
            "initialize" => wire::initialized(&self.settings.permission_mode, slash::COMMANDS),
            "set_model" => {
                request["model"].as_str().unwrap_or("demo").clone_into(&mut self.settings.model);
                json!({"model": self.settings.model})
            }
            "set_max_thinking_tokens" => Value::Null,
            "get_context_usage" => self.context_usage(),
            "get_session_cost" => json!({"text": self.cost_text()}),
            "get_usage" => json!({
                "session": {"total_cost_usd": 0, "model_usage": {}}, "subscription_type": null,
                "rate_limits_available": false, "rate_limits": null,
            }),
            "get_settings" => json!({
                "effective": {"permissions": {"allow": self.settings.rules}}, "sources": [],
                "applied": {"model": self.settings.model, "effort": null},
            }),
            "mcp_status" => json!({"mcpServers": []}),
            _ => return None,
        })
    }

    /// Idle, it is only acknowledged. What is queued stays, unless it is to go too.
    fn interrupt(&mut self, id: &Value, cancel_queued: bool) -> Result<(), Cut> {
        self.void_request();
        let mut answer = json!({});
        if cancel_queued {
            let cancelled: Vec<String> = self.queue.drain(..).map(|queued| queued.uuid).collect();
            for uuid in &cancelled {
                self.send(wire::lifecycle(uuid, "cancelled"));
            }
            answer["cancelled"] = json!(cancelled);
        }
        answer["still_queued"] = self.queue.iter().map(|queued| queued.uuid.as_str()).collect();
        self.send_raw(&wire::success(id, answer));
        if self.phase == Phase::Idle { Ok(()) } else { Err(Cut::Interrupt) }
    }

    fn take_back(&mut self, id: &Value, uuid: &Value) {
        let Some(index) = self.queue.iter().position(|queued| *uuid == queued.uuid.as_str()) else {
            self.send_raw(&wire::success(id, json!({"cancelled": false})));
            return;
        };
        let taken = self.queue.remove(index);
        self.send(wire::lifecycle(&taken.uuid, "cancelled"));
        self.send_raw(&wire::success(id, json!({"cancelled": true, "message_uuid": taken.uuid})));
    }

    fn set_permission_mode(&mut self, id: &Value, mode: &str) {
        if mode == "bypassPermissions" && !self.settings.may_bypass {
            let error = "Cannot set permission mode to bypassPermissions because the session was not launched with \
                         --dangerously-skip-permissions";
            self.send_raw(&wire::failure(id, error, "bypass_not_launched"));
            return;
        }
        self.send_raw(&wire::success(id, json!({"mode": mode})));
        self.enter_mode(mode);
    }

    pub(super) fn enter_mode(&mut self, mode: &str) {
        mode.clone_into(&mut self.settings.permission_mode);
        self.send(json!({"type": "system", "subtype": "status", "status": null, "permissionMode": mode}));
    }

    fn rename(&mut self, id: &Value, title: &Value) -> Result<(), Cut> {
        self.note(json!({"type": "custom-title", "customTitle": title}))?;
        self.send(json!({"type": "system", "subtype": "session_title_changed", "title": title}));
        self.send_raw(&wire::success(id, Value::Null));
        Ok(())
    }

    fn context_usage(&self) -> Value {
        let (used, free) = self.context_tokens();
        json!({
            "categories": [
                {"id": "messages", "name": "Messages", "tokens": used, "kind": "used"},
                {"id": "free_space", "name": "Free space", "tokens": free, "kind": "free"},
            ],
            "totalTokens": used, "maxTokens": wire::CONTEXT_WINDOW, "rawMaxTokens": wire::CONTEXT_WINDOW,
            "percentage": used * 100 / wire::CONTEXT_WINDOW, "model": self.settings.model,
        })
    }
}
