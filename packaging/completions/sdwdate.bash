# bash completion for sdwdate, sdwdated, sdwdate-clock-jump, unixtime-to-chrony-socket and url_to_unixtime.
#
# bash-completion finds it by the command's name: install it as
# /usr/share/bash-completion/completions/sdwdate, with links to it that have the other commands' names.
# It works without bash-completion too: source it.

_sdwdate_net_options='--proxy --direct --ca-file --requests --timeout --resolve'
_sdwdate_output_options='--json --verbose --help --version'

# Offers the words of $1 that begin with $2.
_sdwdate_offer() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# Offers the files, and folders on the way to them, that begin with $1.
_sdwdate_offer_files() {
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# For `sdwdate chrony`, whose own subcommand is the word $1; offers what begins with $2.
_sdwdate_chrony() {
    local change='--no-restart --root --systemctl --help'
    if (($1 == COMP_CWORD)); then
        _sdwdate_offer 'enable disable status --help' "$2"
        return
    fi
    case ${COMP_WORDS[$1]} in
        enable) _sdwdate_offer "--serve --nts-certificate --nts-key $change" "$2" ;;
        disable) _sdwdate_offer "$change" "$2" ;;
        status) _sdwdate_offer '--config --json --help' "$2" ;;
    esac
}

# The same with folders alone.
_sdwdate_offer_folders() {
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

_sdwdate() {
    local command=${COMP_WORDS[0]##*/} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local -i first=1
    COMPREPLY=()

    # "--option=value" arrives as three words.
    if [[ $word == '=' ]]; then
        word=''
    elif [[ $before == '=' ]] && ((COMP_CWORD >= 2)); then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    case $before in
        --config | --ca-file | --socket | --nts-certificate | --nts-key | --root | --systemctl)
            _sdwdate_offer_files "$word"
            return
            ;;
        --proxy)
            # A colon divides words for readline: only the scheme can be completed.
            compopt -o nospace 2> /dev/null
            _sdwdate_offer 'socks5h://' "$word"
            return
            ;;
        --at-once | --requests | --timeout | --resolve | --serve | --set)
            return
            ;;
    esac

    case $command in
        sdwdate)
            while ((first < COMP_CWORD)) && [[ ${COMP_WORDS[first]} == -* ]]; do first+=1; done
            if ((first == COMP_CWORD)); then
                _sdwdate_offer 'query sync rough floor survey status doctor chrony import --help --version' "$word"
                return
            fi
            case ${COMP_WORDS[first]} in
                query) _sdwdate_offer "--plot $_sdwdate_net_options $_sdwdate_output_options" "$word" ;;
                sync) _sdwdate_offer "--config $_sdwdate_net_options $_sdwdate_output_options" "$word" ;;
                rough) _sdwdate_offer "--dry-run --config $_sdwdate_net_options $_sdwdate_output_options" "$word" ;;
                floor) _sdwdate_offer '--set --reset --config --json --help --version' "$word" ;;
                survey)
                    _sdwdate_offer_files "$word"
                    [[ $word != -* ]] ||
                        _sdwdate_offer "--at-once --config --csv $_sdwdate_net_options $_sdwdate_output_options" "$word"
                    ;;
                status | doctor) _sdwdate_offer '--config --json --help --version' "$word" ;;
                chrony) _sdwdate_chrony "$((first + 1))" "$word" ;;
                import)
                    _sdwdate_offer_folders "$word"
                    [[ $word != -* ]] || _sdwdate_offer '--help' "$word"
                    ;;
            esac
            ;;
        sdwdated)
            _sdwdate_offer "--config --once $_sdwdate_net_options $_sdwdate_output_options" "$word"
            ;;
        unixtime-to-chrony-socket)
            _sdwdate_offer "--socket $_sdwdate_output_options" "$word"
            ;;
        url_to_unixtime)
            # A URL is several words for readline.
            case $COMP_CWORD in
                1) _sdwdate_offer '127.0.0.1 --help --version' "$word" ;;
                2) _sdwdate_offer '9050' "$word" ;;
                3) ;;
                *) _sdwdate_offer 'true false' "$word" ;;
            esac
            ;;
    esac
}

complete -F _sdwdate sdwdate sdwdated sdwdate-clock-jump unixtime-to-chrony-socket url_to_unixtime
