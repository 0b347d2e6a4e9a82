#!/usr/bin/env bash
# A real Apache Kafka broker (KRaft, one node, loopback only) for tests and for people.
#
#   kafka.sh install                     get the broker into the parts cache (once; later a no-op)
#   kafka.sh start   [--dir DIR] [--port N] [--sasl] [--until PID]
#   kafka.sh stop    [--dir DIR] [--kill9]
#   kafka.sh restart [--dir DIR] [--kill9]   same port, same data
#
#   --dir DIR    where this broker lives: data, settings, server.log, pid, bootstrap
#                (default: run/kafka in the parts cache). One broker a folder; any number of folders.
#   --port N     default: the folder's port of last time, else 9092; 0 = a free one
#   --sasl       SASL_PLAINTEXT with mechanism PLAIN, user `hansard`, password `hansard-secret`
#   --until PID  the broker is killed when that process is gone (for tests)
#   HANSARD_KAFKA_HEAP   the broker's heap, default 512m
#
# Guarantees: `start` returns only when the broker gives out producer ids and consumer groups, so a
# client's first call needs no retry; it then prints host:port as the last line of standard output
# and has it in DIR/bootstrap. Starting what runs already prints its address. Data survive
# stop, --kill9 and restart (the process's death, not the machine's: one replica, no fsync).
# Nothing expires (log.retention.ms=-1), topics are never made by accident
# (auto.create.topics.enable=false); one node's replication and quick restarts aside, everything
# else is Kafka's default.
# Fails with one line that says what is missing and what to do; a broker that dies on the way up
# leaves its reason in DIR/server.log, whose end is shown.
set -euo pipefail
# shellcheck source=tests/parts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=4.1.1
LIBS=$PARTS/kafka-$VERSION
SASL_USER=hansard
SASL_PASSWORD=hansard-secret
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

java_major() { java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1; }

need_java() {
    command -v java >/dev/null || need_packages "Java 17 or newer" default-jdk-headless
    [ "$(java_major)" -ge 17 ] 2>/dev/null ||
        die "Kafka $VERSION needs Java 17 or newer and 'java -version' says otherwise; install one and put it first in PATH"
}

install() {
    need_java
    [ -d "$LIBS" ] || locked kafka _install
}
_install() {
    local new=$LIBS.new
    [ ! -d "$LIBS" ] || return 0
    command -v mvn >/dev/null || need_packages "Maven" maven
    say "getting Apache Kafka $VERSION (43 MB, once)"
    rm -rf "$new"
    run_quiet "mvn dependency:copy-dependencies" "check that Maven reaches its repository, then run this again" \
        mvn -q -B -f "$HERE/kafka-pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new"
    mv "$new" "$LIBS"
}

# --- the wire: enough of Kafka's protocol to ask "are you ready?" without a second JVM ----------
# A request is 4 bytes length, then api key, version, correlation id (1), client id (null), body;
# everything here is hex. An answer is 4 bytes length, correlation id, body.
hex_of() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
ask() { # API-KEY VERSION BODY-HEX -> the answer's body as hex, from file descriptor 3
    local message length
    message=$(printf '%04x%04x00000001ffff%s' "$1" "$2" "$3")
    message=$(printf '%08x%s' $((${#message} / 2)) "$message")
    # shellcheck disable=SC2001
    printf '%b' "$(sed 's/../\\x&/g' <<<"$message")" >&3
    length=$((16#$(timeout 5 head -c 4 <&3 | od -An -v -tx1 | tr -d ' \n')))
    [ "$length" -gt 4 ] && [ "$length" -lt 100000 ] || return 1
    timeout 5 head -c "$length" <&3 | od -An -v -tx1 | tr -d ' \n' | cut -c9-
}
text() { printf '%04x%s' ${#1} "$(hex_of "$1")"; }

# ready PORT SASL: it lets us in, gives out producer ids, and finds the coordinator of a group.
# (In a subshell, and the connection with it.)
ready() (
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || exit 1
    if [ "$2" = 1 ]; then
        local token
        token=00$(hex_of "$SASL_USER")00$(hex_of "$SASL_PASSWORD")
        [[ $(ask 17 1 "$(text PLAIN)") == 0000* ]] || exit 1                             # SaslHandshake
        [[ $(ask 36 0 "$(printf '%08x' $((${#token} / 2)))$token") == 0000* ]] || exit 1  # SaslAuthenticate
    fi
    [[ $(ask 22 0 ffff0000ea60) == 000000000000* ]] || exit 1       # InitProducerId: throttle, error 0
    [[ $(ask 10 0 "$(text hansard-ready)") == 0000* ]] || exit 1    # FindCoordinator: error 0
) 2>/dev/null

write_settings() { # DIR PORT CONTROLLER-PORT SASL
    local dir=$1 port=$2 controller=$3 protocol=PLAINTEXT
    [ "$4" = 0 ] || protocol=SASL_PLAINTEXT
    cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
listeners=CLIENTS://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=CLIENTS://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
listener.security.protocol.map=CLIENTS:$protocol,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
log.retention.ms=-1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
END
    [ "$4" = 0 ] || cat >>"$dir/server.properties" <<END
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  username="$SASL_USER" password="$SASL_PASSWORD" user_$SASL_USER="$SASL_PASSWORD";
END
}

JAVA=(java -Xmx"${HANSARD_KAFKA_HEAP:-512m}" -cp "$LIBS/*"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS')

# try_start DIR PORT CONTROLLER-PORT SASL: 0 = up, 1 = dead, and 2 = dead because a port was taken.
try_start() {
    local dir=$1 port=$2 pid
    write_settings "$@"
    if [ ! -f "$dir/data/meta.properties" ]; then
        rm -rf "$dir/data"
        run_quiet "formatting $dir/data" "look at $dir/server.properties" \
            "${JAVA[@]}" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --standalone \
            -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | sed 's/==$//')" -c "$dir/server.properties"
    fi
    : >"$dir/server.log"
    # A session of its own: an interrupt at the terminal, or the end of the shell, is not for it.
    setsid "${JAVA[@]}" kafka.Kafka "$dir/server.properties" </dev/null >>"$dir/server.log" 2>&1 9>&- &
    pid=$!
    echo "$pid" >"$dir/pid"
    disown
    for _ in $(seq 600); do
        if ready "$port" "$4"; then
            # Somebody else's broker on our port must not pass for ours.
            running "$dir" "$dir/server.properties" && return 0
        fi
        # Not `running`: between fork and exec it still has this script's command line.
        ! gone "$pid" || {
            rm -f "$dir/pid"
            grep -q 'Address already in use' "$dir/server.log" && return 2
            return 1
        }
        sleep 0.1
    done
    stop_process "$dir" "$dir/server.properties" 1
    return 1
}

start() {
    local dir=$DIR port=$PORT sasl=$SASL any=0 controller
    mkdir -p "$dir"
    if running "$dir" "$dir/server.properties"; then
        say "already running in $dir"
        cat "$dir/bootstrap"
        return
    fi
    if [ -f "$dir/settings" ]; then
        local LAST_PORT LAST_CONTROLLER LAST_SASL
        # shellcheck source=/dev/null
        . "$dir/settings"
        [ -n "$port" ] || port=$LAST_PORT
        [ -n "$sasl" ] || sasl=$LAST_SASL
        controller=$LAST_CONTROLLER
    else
        controller=$(pick_port)
    fi
    [ -n "$port" ] || port=9092
    [ -n "$sasl" ] || sasl=0
    [ "$port" != 0 ] || any=1
    for _ in 1 2 3 4 5; do
        [ "$any" = 0 ] || port=$(pick_port)
        ! listening "$port" || [ "$any" = 1 ] ||
            die "port $port of 127.0.0.1 is taken by another program; say --port 0 for a free one"
        local outcome=0
        try_start "$dir" "$port" "$controller" "$sasl" || outcome=$?
        case $outcome in
        0)
            printf 'LAST_PORT=%s\nLAST_CONTROLLER=%s\nLAST_SASL=%s\n' "$port" "$controller" "$sasl" >"$dir/settings"
            echo "127.0.0.1:$port" >"$dir/bootstrap"
            [ -z "$UNTIL" ] || stop_with "$UNTIL" "$dir" "$dir/server.properties"
            cat "$dir/bootstrap"
            return
            ;;
        2)
            # The controller's port is part of nothing on disk (voters are named by bootstrap
            # servers, not by a fixed list): another does as well.
            controller=$(pick_port)
            ;;
        *) break ;;
        esac
    done
    tail -n 20 "$dir/server.log" >&2
    die "the broker did not come up within 60 s; its log is $dir/server.log (end shown above)"
}

usage() { sed -n '2,/^set -euo/{s/^# \{0,1\}//;/^set -euo/d;p}' "${BASH_SOURCE[0]}" >&2; }

verb=${1:-help}
[ $# = 0 ] || shift
DIR=$PARTS/run/kafka PORT='' SASL='' UNTIL='' KILL9=0
while [ $# -gt 0 ]; do
    case $1 in
    --dir | --port | --until)
        [ $# -ge 2 ] || die "$1 needs a value; see '$NAME help'"
        case $1 in --dir) DIR=$2 ;; --port) PORT=$2 ;; --until) UNTIL=$2 ;; esac
        shift 2
        ;;
    --sasl) SASL=1; shift ;;
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
        [ "$verb" = start ] || stop_process "$DIR" "$DIR/server.properties" "$KILL9"
        [ "$verb" = stop ] || start
    ) 9>"$DIR/lock"
    ;;
help | --help | -h) usage ;;
*) usage; die "unknown verb '$verb'" ;;
esac
