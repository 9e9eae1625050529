//! claudebot with the real CLI: everything goes through the real binary, or through the host's socket where
//! no command asks for it. The model behind the CLI is scripted (`support::messages_api`).
//!
//! The talks are functions of the release; which of them run with which release is the list below.

mod adopting;
mod approvals;
mod archives;
mod background;
mod commands;
mod deaths;
mod deliveries;
mod desk;
mod files;
mod interrupts;
mod lending;
mod memory;
mod moving;
mod prompts;
mod retention;
mod searching;
mod settings;
mod wire;

macro_rules! talks {
    ($release:expr, $($room:ident: $($talk:ident),+ $(,)?;)+) => {
        $(
            mod $room {
                use crate::support::claude::Release;

                $(
                    #[test]
                    fn $talk() {
                        crate::real::$room::$talk($release);
                    }
                )+
            }
        )+
    };
}

mod real_330 {
    talks!(
        Release::Newest,
        memory: streams_while_the_api_holds, remembers_over_every_kind_of_end;
        approvals: allowed_once_then_denied, allowed_for_the_session, allowed_always, a_kept_rule_allows_nothing_else,
            answered_on_another_terminal,
            the_terminal_wins_or_loses, two_answers_at_once, question, plan;
        interrupts: ctrl_c_ends_the_turn, a_second_ctrl_c_detaches, ctrl_c_takes_a_waiting_prompt_back,
            a_stop_from_elsewhere_holds_the_queue, a_held_queue_can_be_dropped;
        deliveries: queued, now_during_text, now_during_a_tool, instead, instead_of_what_was_sent_now,
            anything_while_idle;
        background: a_task_begins_a_turn, a_prompt_meets_a_turn_of_claudes_own, a_subagent_is_not_the_reply;
        commands: clear, answered_by_claude_code_itself, listed, compact, api_errors, a_cut_connection, not_logged_in;
        deaths: a_killed_child, a_killed_host_whose_child_works_on, everything_killed_in_a_turn,
            a_host_stopped_in_a_turn, continued_after_an_interruption, a_lost_conversation;
        moving: to_another_home;
        files: sent_by_claude, what_lies_outside_is_not_sent, sent_after_a_sleep;
        prompts: attachments, pictures_are_shown, pictures_survive_a_kill, large, two_at_once, followed_elsewhere, as_json;
        retention: old_conversations;
        lending: said_there_and_taken_back, cleared_there, hosts_come_and_go, its_terminal_is_lost, begun_there,
            after_a_turn, suspended_and_brought_back;
        adopting: goes_on_where_it_was, open_elsewhere, goes_on_elsewhere;
        searching: plain_conversations;
        settings: model_and_mode_of_a_live_session, a_changed_persona;
        archives: what_claude_has_lost_comes_back, another_machine_goes_on;
    );
}

mod real_197 {
    talks!(
        Release::Older,
        memory: streams_while_the_api_holds, remembers_over_every_kind_of_end;
        approvals: allowed_once_then_denied, allowed_for_the_session, a_kept_rule_allows_nothing_else, plan;
        interrupts: ctrl_c_ends_the_turn, a_stop_from_elsewhere_holds_the_queue;
        deliveries: queued, now_during_text, now_during_a_tool, instead;
        background: a_task_begins_a_turn, a_subagent_is_not_the_reply;
        commands: clear, answered_by_claude_code_itself, listed, api_errors;
        deaths: a_killed_child, a_killed_host_whose_child_works_on;
        moving: to_another_home;
        files: sent_by_claude, what_lies_outside_is_not_sent;
        prompts: pictures_are_shown, pictures_survive_a_kill;
        retention: old_conversations;
        lending: said_there_and_taken_back, cleared_there, hosts_come_and_go, its_terminal_is_lost, begun_there,
            after_a_turn, suspended_and_brought_back;
        adopting: goes_on_where_it_was, open_elsewhere, goes_on_elsewhere;
        searching: plain_conversations;
        settings: a_changed_persona;
        archives: what_claude_has_lost_comes_back, another_machine_goes_on;
    );
}
