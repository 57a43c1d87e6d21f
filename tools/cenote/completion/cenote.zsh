#compdef cenote
# cenote: SPDX-License-Identifier: MIT
# Completion of the command line of cenote for zsh.

_cenote() {
    local state
    _arguments -C \
        '(-h --help)'{-h,--help}'[print the help]' \
        '--version[print the version]' \
        '1:command:((record\:"run a program and record every allocation it makes"
                     replay\:"replay a recording and compare allocators"))' \
        '*::argument:->arguments'
    [[ $state = arguments ]] || return
    case $words[1] in
    record)
        _arguments \
            '(-h --help)'{-h,--help}'[print the help]' \
            '(-o --output)'{-o,--output}'[the recording to write]:file:_files' \
            '--spool[the folder for temporary files]:folder:_files -/' \
            '(-q --quiet)'{-q,--quiet}'[say nothing unless something is wrong]' \
            '*::program:_normal'
        ;;
    replay)
        _arguments \
            '(-h --help)'{-h,--help}'[print the help]' \
            '--rounds[how often each contender is timed]:number:' \
            '--process[the process id to replay]:process id:' \
            '--threads[with one worker or with the recorded threads]:threads:(one recorded)' \
            '--json[write the numbers to a file, too]:file:_files' \
            '--whole[replay all of a long recording]' \
            '1:recording:_files'
        ;;
    esac
}

_cenote "$@"
