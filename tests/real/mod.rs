//! claudebot with the real CLI: everything goes through the real binary, or through the host's socket where
//! no command asks for it. The model behind the CLI is scripted (`support::messages_api`).
//!
//! The talks are functions of the release; which of them run with which release is the list below.

mod approvals;
mod background;
mod commands;
mod deaths;
mod deliveries;
mod desk;
mod interrupts;
mod memory;
mod prompts;
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
        approvals: allowed_once_then_denied, allowed_for_the_session_and_always, answered_on_another_terminal,
            the_terminal_wins_or_loses, two_answers_at_once, question, plan;
        interrupts: ctrl_c_ends_the_turn, a_second_ctrl_c_detaches, ctrl_c_takes_a_waiting_prompt_back,
            a_stop_from_elsewhere_holds_the_queue, a_held_queue_can_be_dropped;
        deliveries: queued, now_during_text, now_during_a_tool, instead, anything_while_idle;
    );
}

mod real_197 {
    talks!(
        Release::Older,
        memory: streams_while_the_api_holds, remembers_over_every_kind_of_end;
    );
}
