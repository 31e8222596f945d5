# shellcheck shell=sh
# What the setup scripts say, and how. Everything goes to stderr. Source it.

# say WORDS...: one line.
say() { printf '%s\n' "$*" >&2; }

# give_up WORDS...: one line on what is missing and what to do, and the exit code for "no engine".
give_up() {
    say "setup: $*"
    exit 3
}

# live TITLE COMMAND...: run a command that may take long. On a terminal one line lives, with the seconds and the
# command's latest output; elsewhere a line every ten seconds. Should it fail: the end of what it printed.
live() {
    title=$1
    shift
    output=$(mktemp)
    began=$(date +%s)
    "$@" >"$output" 2>&1 </dev/null &
    while kill -0 $! 2>/dev/null; do
        still_alive "$title" "$(($(date +%s) - began))" "$output"
        sleep 1
    done
    wait $! && status=0 || status=$?
    end_of_line
    if [ "$status" -eq 0 ]; then
        say "$title: done in $(($(date +%s) - began)) s"
    else
        say "$title: failed with exit code $status; its last lines:"
        tail -n 12 "$output" | sed 's/^/    /' >&2
    fi
    rm -f "$output"
    return "$status"
}

# still_alive TITLE SECONDS FILE: FILE's last line beside the title.
still_alive() {
    if [ -t 2 ]; then
        latest=$(tail -c 400 "$3" | tr '\r\t' '\n ' | grep -v '^ *$' | tail -n 1 | cut -c 1-60)
        printf '\r\033[K%s  %s s  %s' "$1" "$2" "$latest" >&2
    elif [ $(($2 % 10)) -eq 9 ]; then
        say "$1: $2 s"
    fi
}

end_of_line() {
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# install_packages NAME...: from the machine's own package source. Debian and Ubuntu, as root.
install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    live "reading the package lists" apt-get update -q -o Acquire::Retries=5 &&
        live "installing $*" apt-get install -q -y -o Acquire::Retries=5 --no-install-recommends "$@"
}
