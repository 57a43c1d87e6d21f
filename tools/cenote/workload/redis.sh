#!/bin/sh
# cenote: SPDX-License-Identifier: MIT
#
# redis.sh [COMMAND…]: runs a redis-server of its own, with several threads, behind COMMAND, loads it and ends it. To
# record it at work:
#     redis.sh cenote record -o redis.trace --
# It listens on a socket in a folder of its own, keeps nothing on disk, and nothing of it is left afterwards. Its
# threads read the requests and allocate what the main thread stores and frees; a background thread frees all at the end.
# Needs redis-server and redis-benchmark, both in Debian's and Ubuntu's package redis-tools.
# REQUESTS=…: of each kind (default 5,000).
set -eu

# Without the package redis-server, which would start a service, the server is there by another name.
server=$(command -v redis-server || command -v redis-check-rdb) || server=
if [ -z "$server" ] || ! command -v redis-benchmark >/dev/null; then
    echo "redis.sh: redis-server or redis-benchmark is missing; install redis-tools" >&2
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/cenote-redis-XXXXXX")
socket=$folder/socket
running=
ask() { redis-cli -s "$socket" "$@" 2>/dev/null; }
finish() {
    if [ -n "$running" ]; then
        ask shutdown nosave >/dev/null || kill "$running" 2>/dev/null || true
        wait "$running" || true
    fi
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# A thread that reads requests spins while it waits, so there is one for each processor but that of the clients.
threads=$(nproc)
if [ "$threads" -gt 2 ]; then threads=$((threads - 1)); fi
if [ "$threads" -gt 4 ]; then threads=4; fi

ln -s "$(readlink -f "$server")" "$folder/redis-server"
"$@" "$folder/redis-server" --port 0 --unixsocket "$socket" --dir "$folder" --logfile "$folder/log" --save '' \
    --appendonly no --daemonize no --io-threads "$threads" --io-threads-do-reads yes &
running=$!
tries=0
until [ "$(ask ping)" = PONG ]; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ] || ! kill -0 "$running" 2>/dev/null; then
        echo "redis.sh: redis-server did not start; its last words:" >&2
        tail -n 5 "$folder/log" >&2 || true
        exit 1
    fi
    sleep 0.1
done

timeout 120 redis-benchmark -s "$socket" -q -c 400 -n "${REQUESTS:-5000}" -r 20000 -d 300 \
    -t set,get,incr,lpush,lpop,sadd,hset,zadd,mset >"$folder/benchmark" || {
    echo "redis.sh: redis-benchmark did not finish within two minutes" >&2
    exit 1
}
ask flushall async >/dev/null
ask shutdown nosave >/dev/null || true
status=0
wait "$running" || status=$?
running=
tr '\r' '\n' <"$folder/benchmark" | grep 'requests per second'
exit $status
