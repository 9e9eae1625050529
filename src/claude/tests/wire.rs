use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{RELEASES, fixtures};
use crate::claude::wire::{
    Answer, Ask, Block, BlockStart, Content, Delta, Event, Incoming, LifecycleState, Notice, Outgoing,
    PermissionUpdate, Priority, PromptBlock, Request, parse,
};

/// Every recorded line: transcript, direction, text.
fn recorded(release: &str) -> Vec<(String, char, String)> {
    let mut files: Vec<_> =
        fs::read_dir(fixtures(release)).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "jsonl"));
    files.sort();
    assert!(!files.is_empty());
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&file).unwrap().lines() {
            let (direction, text) = line.split_at_checked(2).unwrap();
            lines.push((name.clone(), direction.chars().next().unwrap(), text.to_owned()));
        }
    }
    lines
}

/// What the process said in one transcript.
fn said(release: &str, transcript: &str) -> Vec<Incoming> {
    let lines = recorded(release).into_iter();
    let lines = lines.filter(|(name, direction, _)| name == transcript && *direction == '<');
    lines.map(|(_, _, text)| parse(text.as_bytes())).collect()
}

/// The name of a variant, with what is inside where that has variants too.
fn kind(message: &Incoming) -> String {
    let head = |debug: String| debug.split([' ', '(', '{']).next().unwrap().to_owned();
    let inner = match message {
        Incoming::System(system) => match &system.notice {
            Notice::Other { subtype, .. } => format!("Other {subtype}"),
            notice => head(format!("{notice:?}")),
        },
        Incoming::Stream(stream) => match &stream.event {
            Event::Delta { delta, .. } => format!("Delta {}", head(format!("{delta:?}"))),
            event => head(format!("{event:?}")),
        },
        Incoming::ControlRequest(request) => match &request.ask {
            Ask::Other { subtype, .. } => format!("Other {subtype}"),
            ask => head(format!("{ask:?}")),
        },
        Incoming::Unknown { kind, .. } => kind.clone(),
        Incoming::Malformed { .. } => String::new(),
        other => return head(format!("{other:?}")),
    };
    format!("{} {inner}", head(format!("{message:?}")))
}

#[test]
fn every_recorded_line_is_understood() {
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (column, release) in RELEASES.iter().enumerate() {
        for (name, direction, text) in recorded(release) {
            if direction == '<' {
                let message = parse(text.as_bytes());
                assert!(!matches!(message, Incoming::Malformed { .. }), "{release}/{name}: {message:?}");
                counts.entry(kind(&message)).or_default()[column] += 1;
            }
        }
    }
    let table: Vec<String> = counts.iter().map(|(kind, [old, new])| format!("{kind}: {old} {new}")).collect();
    // No line says `Unknown` or `Other` but for deltas that hold nothing to show (signatures).
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn what_we_wrote_in_the_transcripts_is_what_we_write() {
    let written: Vec<Value> = recorded("2.1.330")
        .into_iter()
        .filter(|(_, direction, _)| *direction == '>')
        .filter_map(|(_, _, text)| serde_json::from_str(&text).ok())
        .collect();
    let id = |n: u128| Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + n);
    let ours = [
        Outgoing::prompt(id(1), ["hello".into()], None),
        Outgoing::prompt(id(2), ["instead of that".into()], Some(Priority::Now)),
        Outgoing::request("int_1", &Request::Interrupt { cancel_queued: false }),
        Outgoing::request("req_2", &Request::SetModel(Some("opus".to_owned()))),
        Outgoing::request("req_4", &Request::SetPermissionMode("acceptEdits".to_owned())),
        Outgoing::request("req_6", &Request::SetMaxThinkingTokens(Some(2000))),
        Outgoing::request("req_7", &Request::GetContextUsage),
        Outgoing::request("req_8", &Request::GetSessionCost),
        Outgoing::request("req_9", &Request::McpStatus),
        Outgoing::request("req_10", &Request::GetSettings),
        Outgoing::request("req_11", &Request::RenameSession("Disk clean-up".to_owned())),
        Outgoing::request("req_2", &Request::CancelAsyncMessage(id(5))),
    ];
    for message in ours {
        let bytes = message.as_bytes();
        assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1));
        let value: Value = serde_json::from_slice(bytes).unwrap();
        assert!(written.contains(&value), "never recorded: {value}");
    }
}

/// What a message is on the wire.
fn json_of(message: &Outgoing) -> Value {
    serde_json::from_slice(message.as_bytes()).unwrap()
}

#[test]
fn what_no_transcript_has_is_written_as_the_typings_say() {
    let uuid = Uuid::from_u128(7);
    let image = PromptBlock::Image { media_type: "image/png", data: vec![0, 255, 62, 1] };
    let prompt = Outgoing::prompt(uuid, ["see\n\"it\"".into(), image], Some(Priority::Later));
    assert_eq!(prompt.prompt_uuid(), Some(uuid));
    let prompt = json_of(&prompt);
    assert_eq!(prompt["priority"], "later");
    assert_eq!(
        prompt["message"]["content"],
        json!([
            {"type": "text", "text": "see\n\"it\""},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AP8+AQ=="}},
        ])
    );

    let request = |request: Request| json_of(&Outgoing::request("r", &request))["request"].clone();
    assert_eq!(
        request(Request::Initialize { mcp_servers: vec!["claudebot".to_owned()] }),
        json!({"subtype": "initialize", "hooks": null, "systemPromptSnapshot": false, "sdkMcpServers": ["claudebot"]})
    );
    assert_eq!(
        request(Request::Interrupt { cancel_queued: true }),
        json!({"subtype": "interrupt", "cancel_queued": true})
    );
    assert_eq!(request(Request::GetUsage), json!({"subtype": "get_usage"}));

    let answer = |answer: Answer| json_of(&Outgoing::answer("a", &answer))["response"].clone();
    assert_eq!(
        answer(Answer::Deny { message: "no".to_owned(), interrupt: true })["response"],
        json!({"behavior": "deny", "message": "no", "interrupt": true})
    );
    assert_eq!(answer(Answer::Mcp(json!({"id": 1})))["response"], json!({"mcp_response": {"id": 1}}));
    assert_eq!(
        answer(Answer::Error("unknown request".to_owned())),
        json!({"subtype": "error", "request_id": "a", "error": "unknown request"})
    );
}

#[test]
fn a_turn_is_read_to_its_reply() {
    for release in RELEASES {
        let messages = said(release, "01-two-turns");
        let streamed: String = messages
            .iter()
            .filter_map(|message| match message {
                Incoming::Stream(stream) => match &stream.event {
                    Event::Delta { delta: Delta::Text(text), .. } => Some(text.as_str()),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let results: Vec<_> = messages
            .iter()
            .filter_map(|message| match message {
                Incoming::Result(result) => Some(result.as_ref()),
                _ => None,
            })
            .collect();
        assert!(results.iter().all(|result| !result.is_error && !result.was_cut_off()), "{release}");
        assert!(streamed.contains(results[0].result.as_deref().unwrap()), "{release}");
        assert!(results[0].total_cost_usd > 0.0 && results[0].context_window() >= 200_000);
        assert!(results[0].usage.output_tokens > 0);
        let echoes =
            messages.iter().filter(|message| matches!(message, Incoming::User(user) if user.is_replay));
        assert_eq!(echoes.count(), results.len(), "{release}");
    }
}

#[test]
fn settings_of_the_process_are_read() {
    for release in RELEASES {
        let init = said(release, "01-two-turns").into_iter().find_map(|message| match message {
            Incoming::System(system) => match system.notice {
                Notice::Init(init) => Some((system.session_id, init)),
                _ => None,
            },
            _ => None,
        });
        let (session, init) = init.unwrap();
        assert!(session.is_some());
        assert_eq!(init.permission_mode, "default");
        assert_eq!(init.claude_code_version, release);
        assert!(init.tools.iter().any(|tool| tool == "Bash"));
        assert!(init.slash_commands.iter().any(|command| command == "compact"));
        assert_eq!(init.cancels_queued(), release == "2.1.330");
    }
}

#[test]
fn a_permission_request_is_read_and_its_rules_are_named() {
    for release in RELEASES {
        let asks: Vec<_> = said(release, "02-permission-allow-deny")
            .into_iter()
            .filter_map(|message| match message {
                Incoming::ControlRequest(request) => Some(request),
                _ => None,
            })
            .collect();
        let Ask::CanUseTool(ask) = &asks[0].ask else { panic!("{:?}", asks[0]) };
        assert_eq!(ask.tool_name, "Bash");
        assert!(ask.tool_use_id.is_some() && ask.blocked_path.is_some());
        assert_eq!(ask.input["command"], "mkdir build && echo made");
        let phrases: Vec<String> =
            ask.permission_suggestions.iter().flat_map(PermissionUpdate::phrases).collect();
        assert!(phrases.iter().any(|phrase| phrase.starts_with("Bash(mkdir")), "{phrases:?}");
        assert!(phrases.contains(&"mode acceptEdits".to_owned()), "{phrases:?}");

        let odd =
            json!({"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "echo \")\\ (\""}]});
        let odd: PermissionUpdate = serde_json::from_value(odd).unwrap();
        assert_eq!(odd.phrases(), [r#"Bash(echo "\)\\ \("))"#.replace("))", ")")]);
        let lasting = ask.permission_suggestions[0].to_destination("session");
        assert_eq!((lasting.kind(), lasting.destination()), ("addRules", "session"));
        let answer = Answer::Allow { input: ask.input.clone(), updates: vec![lasting] };
        let answer = json_of(&Outgoing::answer(&asks[0].request_id, &answer));
        assert_eq!(answer["response"]["request_id"], asks[0].request_id);
        assert_eq!(answer["response"]["response"]["updatedPermissions"][0]["destination"], "session");
    }
}

#[test]
fn api_errors_and_cut_off_turns_are_told_apart() {
    for release in RELEASES {
        let failed = said(release, "07-api-errors").into_iter().find_map(|message| match message {
            Incoming::Assistant(assistant) => Some(assistant),
            _ => None,
        });
        let failed = failed.unwrap();
        assert!(failed.error.is_some() && failed.is_synthetic(), "{failed:?}");

        let cut = said(release, "04-interrupt").into_iter().find_map(|message| match message {
            Incoming::Result(result) if result.was_cut_off() => Some(result),
            _ => None,
        });
        let cut = cut.unwrap();
        assert_eq!(cut.subtype, "error_during_execution");
        assert!(cut.error_text().is_some());
    }
    let dropped = said("2.1.330", "19-priority-and-cancel").into_iter().find_map(|message| match message {
        Incoming::Result(result) if result.was_cut_off() => Some(result),
        _ => None,
    });
    assert!(!dropped.unwrap().is_error, "a turn dropped for another is no error");
}

#[test]
fn tools_subagents_and_local_commands_are_read() {
    for release in RELEASES {
        let messages = said(release, "14-subagent");
        let from_subagent = messages.iter().any(|message| match message {
            Incoming::Assistant(assistant) => assistant.parent.is_some(),
            Incoming::User(user) => user.parent.is_some(),
            _ => false,
        });
        assert!(from_subagent, "{release}");
        let results = messages.iter().filter_map(|message| match message {
            Incoming::User(user) => Some(user.content.blocks()),
            _ => None,
        });
        assert!(results.flatten().any(|block| matches!(block, Block::ToolResult { .. })), "{release}");
    }
    let compacted = said("2.1.330", "10-slash-commands").into_iter().find_map(|message| match message {
        Incoming::User(user) => user.local_output().map(str::to_owned),
        _ => None,
    });
    assert_eq!(compacted.as_deref(), Some("Compacted"));
}

#[test]
fn a_stream_event_is_read_wherever_its_type_stands() {
    let event = json!({"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "hi\n\"ü"}});
    let usual =
        format!(r#"{{"type":"stream_event","event":{event},"parent_tool_use_id":"toolu_1","new":[1]}}"#);
    let turned = format!(r#"{{"event":{event},"parent_tool_use_id":"toolu_1","type":"stream_event"}}"#);
    assert_eq!(parse(usual.as_bytes()), parse(turned.as_bytes()));
    let Incoming::Stream(stream) = parse(usual.as_bytes()) else { panic!("no stream event") };
    assert_eq!(stream.parent.as_deref(), Some("toolu_1"));
    assert_eq!(stream.event, Event::Delta { index: 3, delta: Delta::Text("hi\n\"ü".to_owned()) });

    let tool = br#"{"type":"stream_event","event":{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"Bash","input":{}}}}"#;
    let Incoming::Stream(stream) = parse(tool) else { panic!("no stream event") };
    let block = BlockStart::ToolUse { id: "t".to_owned(), name: "Bash".to_owned() };
    assert_eq!(stream.event, Event::BlockStart { index: 1, block });
}

#[test]
fn what_is_new_is_kept_and_what_is_broken_says_why() {
    let unknown = |line: &str| match parse(line.as_bytes()) {
        Incoming::Unknown { kind, raw } => assert!(raw == line && line.contains(&kind)),
        other => panic!("{other:?}"),
    };
    unknown(r#"{"type":"tool_progress","elapsed":3}"#);
    unknown(r#"{"type":"stream_event","event":{"type":"brand_new"}}"#);
    let other = parse(br#"{"type":"system","subtype":"brand_new","a":1}"#);
    assert!(
        matches!(other, Incoming::System(system) if matches!(&system.notice, Notice::Other { raw, .. } if raw["a"] == 1))
    );
    let block = parse(br#"{"type":"assistant","message":{"content":[{"type":"brand_new"}]}}"#);
    assert!(matches!(block, Incoming::Assistant(message) if matches!(message.blocks[..], [Block::Other(_)])));

    for line in [
        "",
        "garbage",
        "[]",
        "{}",
        r#"{"type":3}"#,
        r#"{"type":"assistant"}"#,
        r#"{"type":"assistant","message":{"content":7}}"#,
        r#"{"type":"stream_event"}"#,
        r#"{"type":"stream_event","event":{"type":"content_block_delta"}}"#,
        r#"{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta"}}}"#,
        r#"{"type":"system","subtype":"task_started"}"#,
        r#"{"type":"command_lifecycle","command_uuid":"no","state":"queued"}"#,
        r#"{"type":"rate_limit_event"}"#,
        r#"{"type":"control_request"}"#,
        "{\"type\":\"user\",\"message\":{\"content\":\"half a l",
    ] {
        match parse(line.as_bytes()) {
            Incoming::Malformed { line: kept, error } => assert!(kept == line && !error.is_empty()),
            other => panic!("{line}: {other:?}"),
        }
    }
    assert!(matches!(parse(b"{\"type\":\"x\xff\"}"), Incoming::Malformed { .. }));
}

#[test]
fn a_request_in_an_unknown_shape_can_still_be_answered() {
    for request in [json!({"subtype": "elicitation"}), json!({"subtype": "can_use_tool"}), json!(5)] {
        let line = json!({"type": "control_request", "request_id": "r9", "request": request}).to_string();
        let Incoming::ControlRequest(request) = parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(request.request_id, "r9");
        assert!(matches!(request.ask, Ask::Other { .. }));
    }
}

#[test]
fn messages_that_are_only_known_from_the_typings() {
    let line = br#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795377968,"rateLimitType":"five_hour","utilization":1.0},"uuid":"x","session_id":"y"}"#;
    let Incoming::RateLimit(limit) = parse(line) else { panic!("no limit") };
    assert!(limit.is_rejected() && limit.resets_at == Some(1_795_377_968));

    let line = br#"{"type":"control_request","request_id":"h","request":{"subtype":"hook_callback","callback_id":"c","input":{"a":1}}}"#;
    assert!(
        matches!(parse(line), Incoming::ControlRequest(request) if matches!(request.ask, Ask::HookCallback { .. }))
    );

    let line = br#"{"type":"command_lifecycle","command_uuid":"00000000-0000-4000-8000-000000000001","state":"brand_new"}"#;
    assert!(
        matches!(parse(line), Incoming::Lifecycle(lifecycle) if lifecycle.state == LifecycleState::Other)
    );

    // A null where a list or a number was, a float where a whole number was.
    let line = br#"{"type":"result","subtype":"success","is_error":null,"errors":null,"duration_ms":1.5,"usage":null,"modelUsage":null,"permission_denials":null,"session_id":"no-uuid"}"#;
    let Incoming::Result(result) = parse(line) else { panic!("{:?}", parse(line)) };
    assert_eq!((result.duration_ms, result.session_id), (1, None));

    // Whatever a release makes of the other fields, a turn must end.
    let line = br#"{"type":"result","subtype":1,"is_error":true,"result":{"a":1},"errors":"no","total_cost_usd":"free","usage":[],"modelUsage":7,"permission_denials":[3],"duration_ms":"2","stop_reason":{},"terminal_reason":"aborted_tools","user_message_uuids":{}}"#;
    let Incoming::Result(result) = parse(line) else { panic!("{:?}", parse(line)) };
    assert!(result.is_error && result.was_cut_off() && result.result.is_none());

    let line =
        br#"{"type":"user","message":{"content":[{"type":"text","text":"[Request interrupted by user]"}]}}"#;
    let Incoming::User(user) = parse(line) else { panic!("no user") };
    assert!(user.is_interrupt_mark());
    assert_eq!(user.content, Content::Blocks(vec![Block::Text("[Request interrupted by user]".to_owned())]));
}
