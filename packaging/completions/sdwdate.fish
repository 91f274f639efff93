# fish completion for sdwdate, sdwdated, sdwdate-clock-jump, unixtime-to-chrony-socket and url_to_unixtime.
#
# fish finds it by the command's name: install it as /usr/share/fish/vendor_completions.d/sdwdate.fish, with links to it
# that have the other commands' names.

# Net options, for the command $argv[1] under the condition $argv[2].
function __sdwdate_net_options
    complete -c $argv[1] -n $argv[2] -l proxy -x -a 'socks5h://' -d 'Ask over this SOCKS5 proxy'
    complete -c $argv[1] -n $argv[2] -l direct -d 'Ask without a proxy'
    complete -c $argv[1] -n $argv[2] -l ca-file -r -F -d 'Trust these certificates instead'
    complete -c $argv[1] -n $argv[2] -l requests -x -d 'Most requests to each source'
    complete -c $argv[1] -n $argv[2] -l timeout -x -d 'Longest time for each source, in seconds'
    complete -c $argv[1] -n $argv[2] -l resolve -x -d 'HOST:PORT:ADDRESS to use for a name'
end

function __sdwdate_output_options
    complete -c $argv[1] -n $argv[2] -l json -d 'Print the result as JSON'
    complete -c $argv[1] -n $argv[2] -s v -l verbose -d 'Say more'
end

function __sdwdate_common_options
    complete -c $argv[1] -f
    complete -c $argv[1] -s h -l help -d 'Print a summary of the options'
    complete -c $argv[1] -l version -d 'Print the version'
end

__sdwdate_common_options sdwdate
__sdwdate_common_options sdwdated
__sdwdate_common_options unixtime-to-chrony-socket
__sdwdate_common_options url_to_unixtime

complete -c sdwdate -n __fish_use_subcommand -a query -d 'Measure the given web servers'
complete -c sdwdate -n __fish_use_subcommand -a sync -d 'Do one configured round and feed chrony'
complete -c sdwdate -n __fish_use_subcommand -a rough -d 'Hand chrony a rough time where the clock is too wrong for Tor'
complete -c sdwdate -n __fish_use_subcommand -a floor -d 'Say which time is held to be past, or change that'
complete -c sdwdate -n '__fish_seen_subcommand_from floor' -l set -x -d 'Hold this time to be past'
complete -c sdwdate -n '__fish_seen_subcommand_from floor' -l reset -d 'Forget what was saved'
complete -c sdwdate -n __fish_use_subcommand -a survey -d 'Measure every source of whole pools'
complete -c sdwdate -n '__fish_seen_subcommand_from survey' -F
complete -c sdwdate -n '__fish_seen_subcommand_from survey' -l at-once -x -d 'So many at a time'
complete -c sdwdate -n '__fish_seen_subcommand_from survey' -l csv -d 'Print a line for each source'
complete -c sdwdate -n '__fish_seen_subcommand_from rough' -l dry-run -d 'Only say what Tor knows of the time'
__sdwdate_net_options sdwdate '__fish_seen_subcommand_from query sync rough survey'
__sdwdate_output_options sdwdate '__fish_seen_subcommand_from query sync rough survey'
complete -c sdwdate -n '__fish_seen_subcommand_from query' -l plot -d 'Draw how the bounds closed in'
complete -c sdwdate -n '__fish_seen_subcommand_from sync rough floor survey doctor status' -l config -r -F \
    -d 'Read only this configuration file'

complete -c sdwdate -n __fish_use_subcommand -a status -d 'What the daemon last did, and what chronyd makes of it'
complete -c sdwdate -n __fish_use_subcommand -a doctor -d 'Check that all is well'
complete -c sdwdate -n __fish_use_subcommand -a chrony -d 'Run chronyd offline, for us alone'
complete -c sdwdate -n '__fish_seen_subcommand_from doctor status floor' -l json -d 'Print the findings as JSON'

complete -c sdwdate -n __fish_use_subcommand -a import -d 'Print the old configuration as a new one'
complete -c sdwdate -n '__fish_seen_subcommand_from import' -x -a '(__fish_complete_directories)'

set -l chrony '__fish_seen_subcommand_from chrony; and not __fish_seen_subcommand_from enable disable status'
complete -c sdwdate -n $chrony -a enable -d 'Run chronyd without a network'
complete -c sdwdate -n $chrony -a disable -d 'Undo that'
complete -c sdwdate -n $chrony -a status -d 'Show how chronyd runs'
complete -c sdwdate -n '__fish_seen_subcommand_from enable' -l serve -x -d 'Serve the time to this network'
complete -c sdwdate -n '__fish_seen_subcommand_from enable' -l nts-certificate -r -F -d 'Serve over NTS with this'
complete -c sdwdate -n '__fish_seen_subcommand_from enable' -l nts-key -r -F -d 'Its key'
set -l change '__fish_seen_subcommand_from enable disable'
complete -c sdwdate -n $change -l no-restart -d 'Leave a running chronyd as it is'
complete -c sdwdate -n $change -l root -r -F -d 'Change the files below this folder'
complete -c sdwdate -n $change -l systemctl -r -F -d 'Ask systemd with this command'

__sdwdate_net_options sdwdated true
__sdwdate_output_options sdwdated true
complete -c sdwdated -l config -r -F -d 'Read only this configuration file'
complete -c sdwdated -l once -d 'Do one round and exit'

__sdwdate_output_options unixtime-to-chrony-socket true
complete -c unixtime-to-chrony-socket -l socket -r -F -d 'Socket of chronyd'

complete -c sdwdate-clock-jump -f

complete -c url_to_unixtime -n 'test (count (commandline -opc)) -eq 1' -a 127.0.0.1 -d 'Address of the SOCKS5 proxy'
complete -c url_to_unixtime -n 'test (count (commandline -opc)) -eq 2' -a 9050 -d 'Its port'
complete -c url_to_unixtime -n 'test (count (commandline -opc)) -eq 4' -a 'true false' -d 'Say more on standard error'
