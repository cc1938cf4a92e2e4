#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module's life: loading, refusing to go, going without a trace, again and
# again. Says so in TAP.
#
#	selftests/life.sh [yoke.ko]		default: $YOKE_KO
#
# LIFE_CYCLES is how often it is loaded and unloaded under traffic (20). The
# module is loaded again at the end if it was in the beginning.
#
# ok() calls all these functions by name:
# shellcheck disable=SC2317
set -u

ko=${1:-${YOKE_KO:-}}
cycles=${LIFE_CYCLES:-20}
tests=15 number=0 failed=0

if [ "${YOKE_ORACLE:-0}" = 1 ]; then
	echo "1..0 # SKIP the host's own transport is no module"
	exit
elif [ -z "$ko" ]; then
	echo "1..0 # SKIP no yoke.ko: give it, or set YOKE_KO"
	exit
fi

# A process that holds sockets for us: each line we write is a statement to it,
# answered with "ok" or the name of the errno.
coproc PYTHON { exec /usr/bin/python3 -uc '
import ctypes, errno, os, select, signal, sys
from socket import *

libc = ctypes.CDLL(None, use_errno=True)
family = 18

def make(kind):
	"""Python does not know the family, but its addresses."""
	fd = libc.socket(family, kind, 0)
	if fd < 0:
		raise OSError(ctypes.get_errno(), "socket")
	return socket(AF_INET, kind, 0, fd)

def stream():
	return make(SOCK_STREAM)

def dgram():
	return make(SOCK_DGRAM)

def pair():
	l = stream()
	l.bind(("127.0.0.1", 0))
	l.listen()
	a = stream()
	a.settimeout(30)
	a.connect(l.getsockname())
	b, _ = l.accept()
	b.settimeout(30)
	return a, b

def talk():
	"""Leaves what a program leaves that ends: a TIME-WAIT."""
	a, b = pair()
	a.sendall(b"x" * 5000)
	assert len(b.recv(5000, MSG_WAITALL)) == 5000
	a.close()
	assert b.recv(1) == b""
	b.close()
	d, e = dgram(), dgram()
	d.bind(("127.0.0.1", 0))
	d.settimeout(30)
	e.sendto(b"x", d.getsockname())
	assert d.recv(9) == b"x"

def talk_elsewhere():
	"""... in a network namespace that dies with it."""
	pid = os.fork()
	if pid == 0:
		try:
			libc.unshare(0x40000000)	# CLONE_NEWNET
			os.system("ip link set lo up")
			talk()
			os._exit(0)
		finally:
			os._exit(1)
	assert os.waitpid(pid, 0)[1] == 0

def traffic():
	"""Until killed: SYNs and datagrams for nobody, whether the module is there or not."""
	pid = os.fork()
	if pid:
		return pid
	raw = {proto: socket(AF_INET, SOCK_RAW, proto) for proto in (253, 254)}
	syn = bytes.fromhex("0fa0 0fa1 00000001 00000000 5002 ffff 0000 0000")
	parent = os.getppid()
	while os.getppid() == parent:
		for proto, sock in raw.items():
			try:
				sock.sendto(syn, ("127.0.0.1", 0))
			except OSError:
				pass	# a refusal for the one before
		select.select([], [], [], 0.001)
	os._exit(0)

for line in sys.stdin:
	try:
		exec(line)
		print("ok")
	except OSError as e:
		print(errno.errorcode.get(e.errno, e))
	except Exception as e:
		print(repr(e))
'; }

python() {
	echo "$1" >&"${PYTHON[1]}"
	read -r answer <&"${PYTHON[0]}"
	[ "$answer" = ok ] || { echo "# python: $1: $answer"; false; }
}

ok() {		# name, then a command that tells
	local name=$1
	shift
	number=$((number + 1))
	echo "# RUN life.$name ..."
	if "$@"; then
		echo "ok $number life.$name"
	else
		echo "not ok $number life.$name"
		failed=1
	fi
}

loaded() { [ -d /sys/module/yoke ]; }

load() {
	loaded || insmod "$ko" "$@" 2>&1 | sed 's/^/# /'
	loaded
}

# Something that was closed a moment ago may still be on its way out.
unload() {
	local said end=$((SECONDS + 60))
	while [ "$SECONDS" -lt "$end" ]; do
		loaded || return 0
		said=$(rmmod yoke 2>&1) && return 0
		sleep 0.02
	done
	echo "# $said; references: $(cat /sys/module/yoke/refcnt)"
	return 1
}

refuses_to_go() {	# while this lives
	load && python "$1" || return
	if rmmod yoke 2>/dev/null; then
		echo "# it went, in spite of: $1"
		return 1
	fi
	python "$2" && unload
}

# Nothing of that name is anywhere in the kernel. (A slab cache that the kernel
# merged with others leaves a link, which means nothing.)
no_trace() {
	local left
	left=$(ls -d /proc/net/yoke /proc/sys/net/yoke /sys/module/yoke 2>/dev/null
	       grep -i yoke /proc/slabinfo /proc/net/protocols /proc/net/ptype 2>/dev/null
	       find /sys/kernel/slab -type d -iname '*yoke*' 2>/dev/null)
	if [ -n "$left" ]; then
		echo "# left behind: ${left//$'\n'/, }"
		return 1
	fi
	if python 'stream()' >/dev/null || [ "$answer" != EAFNOSUPPORT ]; then
		echo "# socket() says $answer"
		return 1
	fi
}

gone_without_a_trace() { unload && load && python 'talk()' && unload && no_trace; }

# Its socket has gone, but a packet is still in a queue of the host's.
packet_in_a_queue() {
	local went=
	load && python 'a, b = pair(); a.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)' || return
	tc qdisc add dev lo root tbf rate 800bit burst 2k limit 1m 2>/dev/null ||
		{ echo "# no tbf"; python 'a.close(); b.close()'; unload; return; }
	python 'for i in range(8): a.send(b"x" * 1000)'
	python 'for s in (a, b): s.setsockopt(SOL_SOCKET, SO_LINGER, b"\1\0\0\0\0\0\0\0"); s.close()'
	rmmod yoke 2>/dev/null && went=1
	tc qdisc del dev lo root
	[ -z "$went" ] || { echo "# it went, with a packet on the way"; return 1; }
	unload && no_trace
}

time_wait_does_not_hold_it() {
	load && python 'talk()' || return
	grep -q ' 06 ' /proc/net/yoke/stream || { echo "# no TIME-WAIT to begin with"; return 1; }
	unload && no_trace
}

dying_namespace() {
	load && python 'talk_elsewhere()' && unload && no_trace
}

# With its tracepoints on, and what they said unread.
traced() {
	local events=/sys/kernel/tracing/events/yoke
	load && echo 1 >$events/enable && python 'talk()' || return
	grep -q yoke_state /sys/kernel/tracing/trace || { echo "# nothing was traced"; return 1; }
	unload && no_trace || return
	[ ! -e $events ] || { echo "# $events is left behind"; return 1; }
}

# A number that is taken: insmod fails, and the kernel's log says which one.
taken() {	# parameter, number
	local said
	unload || return
	dmesg -C
	if said=$(insmod "$ko" "$1=$2" 2>&1); then
		echo "# loaded, with $1=$2"
		unload
		return 1
	fi
	dmesg | grep -q "yoke: .*\\b$2\\b" ||
		{ echo "# insmod said: $said; the kernel:"; dmesg | sed 's/^/# /'; return 1; }
	no_trace
}

other_numbers() {
	load family=19 stream_proto=200 dgram_proto=201 &&
		python 'family = 19' && python 'talk()'
	[ "$answer" = ok ] && python 'family = 18' && unload
}

cycle() {
	local i
	python 'noise = traffic()' || return
	for ((i = 0; i < cycles; i++)); do
		if ! { load && python 'talk()' && unload; }; then
			echo "# cycle $i"
			break
		fi
	done
	python 'os.kill(noise, signal.SIGKILL); os.waitpid(noise, 0)'
	[ "$i" = "$cycles" ] && no_trace
}

# Loaded so often, it had better be small.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
strip -g -o "$dir/yoke.ko" "$ko" 2>/dev/null && ko=$dir/yoke.ko

was_loaded=
loaded && was_loaded=1
echo "1..$tests"
ok alias			grep -q net-pf-18 <(modinfo -F alias "$ko")
ok no_trace			gone_without_a_trace
ok held_by_a_stream		refuses_to_go 's = stream()' 's.close()'
ok held_by_a_datagram_socket	refuses_to_go 's = dgram(); s.bind(("", 0))' 's.close()'
ok held_by_a_listener		refuses_to_go 's = stream(); s.listen()' 's.close()'
ok held_by_a_connection		refuses_to_go 'a, b = pair()' 'a.close(); b.close()'
ok held_by_a_packet		packet_in_a_queue
ok time_wait			time_wait_does_not_hold_it
ok dying_namespace		dying_namespace
ok traced			traced
ok family_taken			taken family 2
ok stream_proto_taken		taken stream_proto 6
ok dgram_proto_taken		taken dgram_proto 17
ok other_numbers		other_numbers
ok cycles			cycle
[ -z "$was_loaded" ] || load
exit $failed
