# Shared by kafka.sh, s3.sh and the oracles' set-up scripts; to be sourced, not run.
#
# Guarantees: what is installed lies in $PARTS (`HANSARD_PARTS`, else `.cache/parts` of the
# checkout, which git ignores), appears there whole or not at all, and is installed by one
# process at a time. Every failure ends the script with one line "NAME: what; what to do".
# Progress goes to stderr; stdout carries only what a caller may want to read.

# shellcheck shell=bash
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PARTS=${HANSARD_PARTS:-$REPO/.cache/parts}
NAME=$(basename "$0")
if ! mkdir -p "$PARTS" 2>/dev/null || [ ! -w "$PARTS" ]; then
    echo "$NAME: cannot write to $PARTS; set HANSARD_PARTS to a folder that you can write to" >&2
    exit 1
fi
PARTS=$(cd "$PARTS" && pwd)

say() { echo "$NAME: $*" >&2; }
die() { echo "$NAME: $*" >&2; exit 1; }

# run_quiet WHAT NEXT-STEP COMMAND...: silent when it succeeds; else its last lines and what to do.
run_quiet() {
    local what=$1 next=$2 out
    shift 2
    out=$(mktemp)
    if ! "$@" >"$out" 2>&1; then
        tail -n 20 "$out" >&2
        rm -f "$out"
        die "$what failed (its last lines stand above); $next"
    fi
    rm -f "$out"
}

# need_packages WHAT PACKAGE...: installs Debian packages when we may, else says what to install.
need_packages() {
    local what=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        die "$what is missing; install it (on Debian, as root: apt-get install $*) and run this again"
    fi
    say "installing $* with apt-get"
    apt_get update
    apt_get install --no-install-recommends "$@"
}
apt_get() {
    run_quiet "apt-get $*" "run it by hand to see why, then run this again" \
        env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@"
}

# locked NAME COMMAND...: one process at a time; the lock goes with the process, however it ends.
locked() {
    local file=$PARTS/$1.lock
    shift
    (
        flock -w 900 9 || die "another process has held $file for 15 minutes; end it, then run this again"
        "$@"
    ) 9>"$file"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# pick_port: a port that nothing listens on and that no other start from this cache took in the
# last minutes, below the range from which the kernel gives out ports of its own accord.
# A race with a stranger is still possible; the starts notice it and take another.
pick_port() { locked ports _pick_port; }
_pick_port() {
    local port
    mkdir -p "$PARTS/ports"
    find "$PARTS/ports" -type f -mmin +10 -delete
    for _ in $(seq 200); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if [ ! -e "$PARTS/ports/$port" ] && ! listening "$port"; then
            : >"$PARTS/ports/$port"
            echo "$port"
            return
        fi
    done
    die "found no free port from 20000 to 31999; stop servers that are no longer needed"
}

# running DIR MARK: true when DIR/pid names a living process with MARK on its command line.
running() {
    local pid
    [ -s "$1/pid" ] || return 1
    pid=$(cat "$1/pid")
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# gone PID: the process has ended and its sockets are closed. (While it ends, its command line is
# empty already; and where nobody collects dead processes it stays behind as a zombie.)
gone() {
    [ -d "/proc/$1" ] || return 0
    [ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)" = Z ] &&
        [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -le 1 ]
}

# stop_process DIR MARK KILL9: ends what `running` knows, and returns only when it is gone.
stop_process() {
    local dir=$1 mark=$2 kill9=$3 pid
    if ! running "$dir" "$mark"; then
        rm -f "$dir/pid"
        say "nothing runs in $dir"
        return
    fi
    pid=$(cat "$dir/pid")
    if [ "$kill9" = 1 ]; then kill -9 "$pid" 2>/dev/null || true; else kill "$pid" 2>/dev/null || true; fi
    for _ in $(seq 600); do
        ! gone "$pid" || { rm -f "$dir/pid"; return; }
        sleep 0.05
    done
    say "process $pid did not end within 30 s of being asked; killing it"
    kill -9 "$pid" 2>/dev/null || true
    while ! gone "$pid"; do sleep 0.05; done
    rm -f "$dir/pid"
}

# stop_with PID DIR MARK: a watcher that ends the server soon after PID has ended, so that a
# killed test leaves no server behind.
stop_with() {
    local watched=$1 dir=$2 mark=$3 pid
    pid=$(cat "$dir/pid")
    (
        trap '' HUP
        while kill -0 "$watched" 2>/dev/null && kill -0 "$pid" 2>/dev/null; do sleep 0.5; done
        if [ "$(cat "$dir/pid" 2>/dev/null)" = "$pid" ] && running "$dir" "$mark"; then kill -9 "$pid"; fi
    ) </dev/null >/dev/null 2>&1 9>&- &
    disown
}
