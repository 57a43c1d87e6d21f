# cenote: SPDX-License-Identifier: MIT
# Completion of the command line of cenote for bash.

_cenote() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} i
    local what=(-W 'record replay -h --help --version')
    if [ "$COMP_CWORD" -gt 1 ]; then
        case $command:$before in
        record:--spool) what=(-d) ;;
        record:-o | record:--output | replay:--json) what=(-f) ;;
        replay:--threads) what=(-W 'one recorded') ;;
        replay:--rounds | replay:--process) what=(-W '') ;;
        record:*) what=(-W '-h --help -o --output --spool -q --quiet --') ;;
        replay:*)
            what=(-W '-h --help --rounds --process --threads --json --whole')
            [[ $word = -* ]] || what=(-f)
            ;;
        *) what=(-W '') ;;
        esac
    fi
    # What follows `record … --` is a command line of its own.
    for ((i = 2; i < COMP_CWORD; i++)); do
        [ "$command ${COMP_WORDS[i]}" = 'record --' ] || continue
        what=(-c)
        [ "$COMP_CWORD" = $((i + 1)) ] || what=(-f)
        if declare -F _command_offset >/dev/null; then
            _command_offset $((i + 1))
            return
        fi
        break
    done
    mapfile -t COMPREPLY < <(compgen "${what[@]}" -- "$word")
}

complete -o filenames -F _cenote cenote
