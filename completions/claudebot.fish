complete --keep-order --exclusive --command claudebot --arguments "(_CLAUDEBOT_COMPLETE=fish claudebot -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
