# cenote: SPDX-License-Identifier: MIT
# Completion of the command line of cenote for fish.

complete -c cenote -n __fish_use_subcommand -f -a record -d 'Run a program and record every allocation it makes'
complete -c cenote -n __fish_use_subcommand -f -a replay -d 'Replay a recording and compare allocators'
complete -c cenote -s h -l help -d 'Print the help'
complete -c cenote -n __fish_use_subcommand -l version -d 'Print the version'

complete -c cenote -n '__fish_seen_subcommand_from record' -s o -l output -r -F -d 'The recording to write'
complete -c cenote -n '__fish_seen_subcommand_from record' -l spool -x -a '(__fish_complete_directories)' \
    -d 'The folder for temporary files'
complete -c cenote -n '__fish_seen_subcommand_from record' -s q -l quiet -d 'Say nothing unless something is wrong'

complete -c cenote -n '__fish_seen_subcommand_from replay' -l rounds -x -d 'How often each contender is timed'
complete -c cenote -n '__fish_seen_subcommand_from replay' -l process -x -d 'The process id to replay'
complete -c cenote -n '__fish_seen_subcommand_from replay' -l threads -x -a 'one recorded' -d 'How many workers'
complete -c cenote -n '__fish_seen_subcommand_from replay' -l json -r -F -d 'Write the numbers to a file, too'
complete -c cenote -n '__fish_seen_subcommand_from replay' -l whole -d 'Replay all of a long recording'
