
set edit:completion:arg-completer[claudebot] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) _CLAUDEBOT_COMPLETE="elvish" claudebot -- $@words) | to-lines
}

