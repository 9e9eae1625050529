//! An agent that answers at once and says when: each text carries the time at which it left, the first one also
//! when the prompt's last byte came.
//!
//! It speaks as much of stream-json as a turn takes. A prompt is `PAUSE COUNT`: so many milliseconds from the first
//! output to the first text, and so many texts.

use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{now, pass};

const SESSION: &str = "5e551000-0000-4000-8000-000000000001";

pub(crate) fn run() -> ExitCode {
    if std::env::args().any(|argument| argument == "--version") {
        println!("2.1.330 (a stub)");
        return ExitCode::SUCCESS;
    }
    // Not `stdin()`, whose lock and buffer would stand between the pipe and the clock.
    let mut lines = BufReader::with_capacity(1 << 20, std::io::stdin().lock());
    let mut line = String::new();
    loop {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return ExitCode::SUCCESS,
        }
        let arrived = now();
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        if message["type"] == "control_request" {
            let response =
                json!({ "subtype": "success", "request_id": message["request_id"], "response": {} });
            say(&json!({ "type": "control_response", "response": response }));
        } else if message["type"] == "user" {
            turn(&message, arrived);
        }
    }
}

fn turn(prompt: &Value, arrived: u64) {
    let text = prompt["message"]["content"].as_str().unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    let (pause, count) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
    let uuid = &prompt["uuid"];
    say(
        &json!({ "type": "command_lifecycle", "command_uuid": uuid, "state": "started", "session_id": SESSION }),
    );
    say(&json!({ "type": "system", "subtype": "init", "session_id": SESSION }));
    say(&json!({ "type": "user", "uuid": uuid, "isReplay": true, "session_id": SESSION,
        "message": { "role": "user", "content": text } }));
    if pause > 0 {
        pass(Duration::from_millis(pause));
    }
    let block = json!({ "type": "text", "text": "" });
    stream(&json!({ "type": "content_block_start", "index": 0, "content_block": block }));
    let mut whole = String::new();
    for number in 0..count {
        let words =
            if number == 0 { format!("in={arrived} out={}\n", now()) } else { format!("out={}\n", now()) };
        let delta = json!({ "type": "text_delta", "text": words });
        stream(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }));
        whole.push_str(&words);
    }
    say(&json!({ "type": "assistant", "session_id": SESSION,
        "message": { "role": "assistant", "content": [{ "type": "text", "text": whole }] } }));
    stream(&json!({ "type": "content_block_stop", "index": 0 }));
    say(
        &json!({ "type": "result", "subtype": "success", "is_error": false, "result": whole, "session_id": SESSION,
        "terminal_reason": "completed", "total_cost_usd": 0.0 }),
    );
}

/// In the order of the real one: the host tells these lines by their beginning.
fn stream(event: &Value) {
    let line = format!(
        r#"{{"type":"stream_event","event":{event},"session_id":"{SESSION}","parent_tool_use_id":null}}"#
    );
    write(line);
}

fn say(message: &Value) {
    write(message.to_string());
}

/// A reader that is gone is the end, which stdin shows too.
fn write(mut line: String) {
    line.push('\n');
    std::io::stdout().write_all(line.as_bytes()).and_then(|()| std::io::stdout().flush()).ok();
}
