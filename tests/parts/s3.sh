#!/usr/bin/env bash
# A real S3 server over a directory (versitygw, loopback only) for tests and for people.
#
#   s3.sh install                     build the server into the parts cache (once, about 2 minutes)
#   s3.sh start   [--dir DIR] [--port N] [--until PID]
#   s3.sh stop    [--dir DIR] [--kill9]
#   s3.sh restart [--dir DIR] [--kill9]   same port, same data
#
#   --dir DIR    where this server lives: data, settings, server.log, pid, endpoint
#                (default: run/s3 in the parts cache). One server a folder; any number of folders.
#   --port N     default: the folder's port of last time, else 7070; 0 = a free one
#   --until PID  the server is killed when that process is gone (for tests)
#
# Region `us-east-1`, access key `hansard`, secret key `hansard-secret`, path-style addresses, and a
# bucket `hansard`. `start` writes DIR/env with the AWS_* variables that clients read:
#   set -a; . DIR/env; set +a
#
# Guarantees: `start` returns only when the server answers S3; it then prints the endpoint's URL as
# the last line of standard output and has it in DIR/endpoint. Starting what runs already prints its
# URL. Data survive stop, --kill9 and restart (the process's death, not the machine's).
# Conditional PUT (If-None-Match: *) has one winner.
# Fails with one line that says what is missing and what to do; a server that dies on the way up
# leaves its reason in DIR/server.log, whose end is shown.
set -euo pipefail
# shellcheck source=tests/parts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=v1.8.0
NEEDS_GO=25 # of Go 1.x
BINARY=$PARTS/versitygw-$VERSION
ACCESS_KEY=hansard
SECRET_KEY=hansard-secret
BUCKET=hansard

install() { [ -x "$BINARY" ] || locked s3 _install; }
_install() {
    local minor new=$PARTS/versitygw.new
    [ ! -x "$BINARY" ] || return 0
    command -v go >/dev/null || need_packages "Go 1.$NEEDS_GO or newer" golang-go
    minor=$(cd / && GOTOOLCHAIN=local go version | sed -nE 's/.* go1\.([0-9]+).*/\1/p')
    # From 1.21 on an older Go gets the one that a module asks for, unless GOTOOLCHAIN forbids it.
    [ "${minor:-0}" -ge "$NEEDS_GO" ] || export GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
    [ "${minor:-0}" -ge 21 ] ||
        die "versitygw $VERSION needs Go 1.$NEEDS_GO and this Go is 1.${minor:-?}; put a newer one first in PATH (go.dev/dl, or your Debian's backports) and run this again"
    say "building versitygw $VERSION (about 2 minutes, once)"
    rm -rf "$new"
    run_quiet "go install versitygw" "check that go reaches its module proxy and that its version is 1.$NEEDS_GO or newer, then run this again" \
        env -C / GOBIN="$new" GOFLAGS= go install "github.com/versity/versitygw/cmd/versitygw@$VERSION"
    mv "$new/versitygw" "$BINARY"
    rmdir "$new"
}

# ready PORT: it answers, and in S3's terms. (In a subshell, and the connection with it.)
ready() (
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || exit 1
    printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
    timeout 5 cat <&3 | grep -q '<Code>AccessDenied</Code>'
) 2>/dev/null

# try_start DIR PORT: 0 = up, 1 = dead, and 2 = dead because the port was taken.
try_start() {
    local dir=$1 port=$2 metadata=() pid
    mkdir -p "$dir/data/$BUCKET"
    # Where the file system has no extended attributes the objects' metadata lie beside the data.
    [ ! -d "$dir/metadata" ] || metadata=(--sidecar "$dir/metadata")
    : >"$dir/server.log"
    # A session of its own: an interrupt at the terminal, or the end of the shell, is not for it.
    ROOT_ACCESS_KEY=$ACCESS_KEY ROOT_SECRET_KEY=$SECRET_KEY setsid "$BINARY" --quiet \
        --port "127.0.0.1:$port" posix "${metadata[@]}" "$dir/data" \
        </dev/null >>"$dir/server.log" 2>&1 9>&- &
    pid=$!
    echo "$pid" >"$dir/pid"
    disown
    for _ in $(seq 300); do
        if ready "$port"; then
            running "$dir" "$dir/data" && return 0
        fi
        # Not `running`: between fork and exec it still has this script's command line.
        ! gone "$pid" || {
            rm -f "$dir/pid"
            grep -q 'address already in use' "$dir/server.log" && return 2
            [ ! -d "$dir/metadata" ] && grep -q 'xattr' "$dir/server.log" || return 1
            mkdir "$dir/metadata"
            try_start "$dir" "$port"
            return
        }
        sleep 0.1
    done
    stop_process "$dir" "$dir/data" 1
    return 1
}

start() {
    local dir=$DIR port=$PORT any=0 outcome
    if running "$dir" "$dir/data"; then
        say "already running in $dir"
        cat "$dir/endpoint"
        return
    fi
    [ -n "$port" ] || port=$(cat "$dir/port" 2>/dev/null || echo 7070)
    [ "$port" != 0 ] || any=1
    for _ in 1 2 3 4 5; do
        [ "$any" = 0 ] || port=$(pick_port)
        ! listening "$port" || [ "$any" = 1 ] ||
            die "port $port of 127.0.0.1 is taken by another program; say --port 0 for a free one"
        outcome=0
        try_start "$dir" "$port" || outcome=$?
        case $outcome in
        0)
            echo "$port" >"$dir/port"
            cat >"$dir/env" <<END
AWS_ENDPOINT_URL=http://127.0.0.1:$port
AWS_ALLOW_HTTP=true
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=$ACCESS_KEY
AWS_SECRET_ACCESS_KEY=$SECRET_KEY
END
            echo "http://127.0.0.1:$port" >"$dir/endpoint"
            [ -z "$UNTIL" ] || stop_with "$UNTIL" "$dir" "$dir/data"
            cat "$dir/endpoint"
            return
            ;;
        2) [ "$any" = 1 ] || break ;;
        *) break ;;
        esac
    done
    tail -n 20 "$dir/server.log" >&2
    die "the server did not come up within 30 s; its log is $dir/server.log (end shown above)"
}

usage() { sed -n '2,/^set -euo/{s/^# \{0,1\}//;/^set -euo/d;p}' "${BASH_SOURCE[0]}" >&2; }

verb=${1:-help}
[ $# = 0 ] || shift
DIR=$PARTS/run/s3 PORT='' UNTIL='' KILL9=0
while [ $# -gt 0 ]; do
    case $1 in
    --dir | --port | --until)
        [ $# -ge 2 ] || die "$1 needs a value; see '$NAME help'"
        case $1 in --dir) DIR=$2 ;; --port) PORT=$2 ;; --until) UNTIL=$2 ;; esac
        shift 2
        ;;
    --kill9) KILL9=1; shift ;;
    *) die "unknown option $1; see '$NAME help'" ;;
    esac
done
case $PORT in *[!0-9]*) die "--port takes a number, not '$PORT'" ;; esac

case $verb in
install) install ;;
start | stop | restart)
    [ "$verb" = stop ] || install
    mkdir -p "$DIR" || die "cannot make $DIR; give a folder you can write with --dir"
    DIR=$(cd "$DIR" && pwd)
    (
        flock -w 120 9 || die "another $NAME has been busy with $DIR for two minutes; end it, then run this again"
        [ "$verb" = start ] || stop_process "$DIR" "$DIR/data" "$KILL9"
        [ "$verb" = stop ] || start
    ) 9>"$DIR/lock"
    ;;
help | --help | -h) usage ;;
*) usage; die "unknown verb '$verb'" ;;
esac
