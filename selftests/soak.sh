#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A soak, in a guest: for HOURS, rounds of tests side by side, over IPv4 and IPv6 in turn, each of which
# compares the bytes that it carries, and then of the module's life. After each, sockets, objects and
# memory are as they were. A line a round.
#
#	HOURS=0.5 selftests/soak.sh yoke.ko
set -u

ko=$1
programs='stress lossy netns dgram fuzz_calls fuzz_packets upheaval'
export LIFE_CYCLES=5 YOKE_SLOW=8 YOKE_IP FUZZ_SEED
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

uptime() { cut -d. -f1 /proc/uptime; }	# the clock is set to and fro

held() {	# references to the module and objects of its slabs
	for slab in /sys/kernel/slab/{YOKE,yoke}*; do
		echo 1 >"$slab/shrink"
	done 2>/dev/null
	awk 'FILENAME ~ /refcnt/ { n += $1 } /^(YOKE|yoke)/ { n += $2 } END { print n }' \
		/sys/module/yoke/refcnt /proc/slabinfo
}

available() {	# MiB
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

run() {		# name, command...: in a network and among processes of its own
	local log=$logs/$1
	shift
	unshare --net --pid --fork --kill-child --mount-proc sh -c 'ip link set lo up; "$@"; exit $?' - "$@" \
		&>"$log" || { touch "$logs/failed"; grep -v '^#  *\(RUN\|OK\) ' "$log"; }
}

end=$(awk -v hours="${HOURS:-1}" '{ print int($1 + hours * 3600) }' /proc/uptime)
round=0 failed=0 first=''
while
	round=$((round + 1)) begin=$(uptime)
	YOKE_IP=$((round % 2 ? 4 : 6)) FUZZ_SEED=$round
	for program in $programs; do
		run "$program" "build/selftests/$program" &
	done
	wait
	for ((i = 0; i < 120; i++)); do
		left=$(held)
		[ "$left" != 0 ] || break
		sleep 1
	done
	run life selftests/life.sh "$ko"
	ok=$(cat "$logs"/* | grep -c '^ok')
	memory=$(available)
	first=${first:-$memory}
	echo "round $round, IPv$YOKE_IP, $(($(uptime) - begin)) s: $ok ok, $left objects left, $memory MiB available"
	[ ! -e "$logs/failed" ] && [ "$left" = 0 ] || failed=1
	rm -f "$logs"/*
	[ "$(uptime)" -lt "$end" ]
do :; done
# What the first round made is there to stay.
[ "$memory" -gt $((first - 64)) ] || { echo "$((first - memory)) MiB are gone"; failed=1; }
exit $failed
