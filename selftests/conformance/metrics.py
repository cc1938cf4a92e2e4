# SPDX-License-Identifier: GPL-2.0
"""What an administrator says of a route, ip-route(8): windows, timers, the algorithm; and what a
program says of timers itself."""
import contextlib
import errno
import select
import socket
import subprocess
import time

from fastopen import DATA, Server, cookie_of, listen
from options import behind_a_gap, far_away
from peer import (ANY, MSS, ORACLE, SYSCTL, Skip, check, equal, near, option, pattern, poll_events, raises,
		  rows, setopt, slow, tcp_info, write)

SIZE = 1000
OFFER = (('MSS', SIZE),)
SCALED = (('MSS', SIZE), ('NOP', None), ('WScale', 7))


def kernel():
	with open('/proc/sys/kernel/osrelease') as f:
		return tuple(int(n) for n in f.read().split('-')[0].split('.')[:2])


@contextlib.contextmanager
def known_to_tcp(p):
	"""TCP heeds these only of a host that it has kept the metrics of before."""
	if ORACLE:
		write(SYSCTL + 'no_metrics_save', 0)
		p.time_wait()
	try:
		yield
	finally:
		if ORACLE:
			write(SYSCTL + 'no_metrics_save', 1)


def algorithm(s, name=None):
	if name is not None:
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name)
	return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b'\0')


def value(s, option):
	return s.getsockopt(socket.IPPROTO_TCP, option)


def burst(c, segments=40):
	"""How many segments leave at once."""
	c.write(pattern(SIZE * segments))
	return len(c.drain())


@rows('6928-1')
def initcwnd(p):
	"""The initial window, of who calls and of who is called."""
	for segments in 3, 20:
		with p.route('initcwnd', segments):
			for active in False, True:
				c = p.established(active, options=OFFER, nodelay=1)
				equal(tcp_info(c.sock).cwnd, segments, 'cwnd')
				equal(burst(c), segments, 'segments in the first window')


@rows('5681-10')
def initcwnd_after_a_pause(p):
	"""The restart window is no more than the initial one."""
	with p.route('initcwnd', 4, 'rto_min', '50ms'):
		c = p.established(options=OFFER, nodelay=1)
		data = pattern(SIZE * 30)
		c.write(data)
		c.expect_data(data)
		check(tcp_info(c.sock).cwnd >= 16, 'cwnd has grown')
		time.sleep(1.2)
		equal(burst(c), 4, 'segments after a pause')


@rows('5681-1')
def cwnd_locked(p):
	"""The most that cwnd may be, at the start too."""
	for metrics, first in (('initcwnd', 3), 3), ((), 5):
		with p.route('cwnd', 'lock', 5, *metrics), known_to_tcp(p):
			for name in b'reno', b'cubic', b'bbr':
				c = p.established(options=OFFER, nodelay=1)
				try:
					algorithm(c.sock, name)
				except FileNotFoundError:
					continue		# the host may not have it
				c.write(pattern(SIZE * 40))
				seen = len(c.burst())
				equal(seen, first, 'segments in the first window')
				while seen < 40:
					c.send('A')
					got = len(c.burst())
					check(got <= 5, f'{got} segments at once')
					seen += got
				c.send('A')
				equal(tcp_info(c.sock).cwnd, 5, f'cwnd by {name}')


@rows('5681-1')
def cwnd_unlocked(p):
	"""Without its lock it is but a guess of the host's, and no limit."""
	with p.route('cwnd', 5):
		c = p.established(options=OFFER, nodelay=1)
		equal(burst(c), 10, 'segments in the first window')


@rows('6928-4')
def initrwnd(p):
	"""The first window that is offered: 2 segments of ours, or as many as there are with more."""
	for offer in OFFER, SCALED:
		with p.route('initrwnd', 2):
			c = p.syn_received(options=offer)
			equal(c.syn.window, 2 * MSS, 'window of the SYN,ACK')
			c = p.syn_sent()
			equal(c.syn.window, 2 * MSS, 'window of the SYN')
			c.send('SA', options=offer)
			scale = option(c.syn, 'WScale') if offer == SCALED else 0
			window = c.expect('A').window << scale
			check(2 * MSS <= window < 2 * MSS + (1 << scale), f'first window {window}')
			c.send('PA', pattern(SIZE))
			c.send('PA', pattern(SIZE, SIZE))
			check(c.expect_ack().window << scale > 2 * MSS, 'it never opens')
	usual = p.syn_received().syn.window
	with p.route('initrwnd', 1000):
		equal(p.syn_received().syn.window, usual, 'window of the SYN,ACK without need')


@rows('9293-SHLD-14')
def window(p):
	"""The largest window ever, unless the program has set one."""
	with p.route('window', 10000):
		for active in False, True:
			c = p.established(active)
			limit = c.syn.window
			check(8000 < limit <= 10000, f'first window {limit}')
			data = pattern(40000)
			for i in range(0, len(data), MSS):
				c.send('PA', data[i:i + MSS])
				ack = c.expect_ack()
				equal(c.recv(min(MSS, len(data) - i)), data[i:i + MSS], 'data read')
				check(ack.window <= 10000, f'window {ack.window}')
			equal(value(c.sock, socket.TCP_WINDOW_CLAMP), 10000, 'TCP_WINDOW_CLAMP')
		for c in p.syn_sent(clamp=20000), p.syn_received(clamp=20000):
			check(10000 < c.syn.window <= 20000, f'window {c.syn.window} of a program with 20000')


def timeout(c):
	"""How long one segment waits for an ACK before it is sent again, twice."""
	c.sock.send(b'hello')
	times = [c.expect('A', b'hello').at]
	for _ in range(3):
		times.append(c.expect('A', b'hello', seq=c.ack - 5).at)
	c.send('A')
	return [b - a for a, b in zip(times, times[1:])]


@rows('6298-4')
def rto_min(p):
	"""The least variation of the round trip, where nothing is known yet and later."""
	usual = timeout(p.established())
	near(usual[1], 0.2, low=0.1, high=0.35, what=f'second of {usual}')
	with p.route('rto_min', '600ms'):
		for active in False, True:
			c = p.established(active)
			check(0.6 <= tcp_info(c.sock).rto <= 0.7, f'RTO {tcp_info(c.sock).rto}')
			near(timeout(c)[0], 0.6, low=0.01, high=0.1)
	with p.route('rto_min', '40ms'):
		for active in False, True:
			c = p.established(active)
			for _ in range(12):		# a path that is known well
				c.alive()
			check(0.04 <= tcp_info(c.sock).rto <= 0.1, f'RTO {tcp_info(c.sock).rto}')
			near(timeout(c)[0], 0.05, low=0.02, high=0.05)


@rows('6298-4', '9293-SHLD-11')
def rto_min_does_not_shorten_r2(p):
	"""R2 is a time: who sends again sooner does not give up sooner."""
	with p.sysctl('retries2', 3), p.route('rto_min', '20ms'):
		c = p.established()
		for _ in range(12):
			c.alive()
		c.sock.send(b'hello')
		start = c.expect('A', b'hello')
		while not poll_events(c.sock) & select.POLLERR:
			check(time.monotonic() - start.at < 15, 'not given up')
			time.sleep(0.05)
		check(time.monotonic() - start.at > 0.4 + 0.8 + 1.6, 'given up too soon')


@rows('9293-MUST-58')
def rto_min_and_our_acks(p):
	"""The peer's patience is thought to be as ours: TCP does so from Linux 6.7 on."""
	if ORACLE and kernel() < (6, 7):
		raise Skip('TCP does so from Linux 6.7 on')
	with p.route('rto_min', '20ms'):
		c = conversation(p)
		c.send('PA', b'x')
		sent = time.monotonic()
		near(c.expect_ack().at - sent, 0.016, low=0.008, high=0.008, what='delay of the ACK')


def conversation(p, active=False, **opts):
	"""A connection that has come to talk by turns: its ACKs wait for answers."""
	c = p.established(active, nodelay=1, **opts)
	for _ in range(20):
		c.send('PA', b'ping')
		equal(c.recv(4), b'ping', 'data read')
		c.sock.send(b'pong')
		c.drain()			# the first are quick ACKs
		c.send('A')
	return c


@rows('9293-MUST-58', '9293-SHLD-18')
def quickack(p):
	"""All is acknowledged at once, where it would wait for an answer of the program's."""
	for metrics, soon in ((), False), (('quickack', 1), True):
		with p.route(*metrics):
			for active in False, True:
				c = conversation(p, active)
				for _ in range(3):
					c.send('PA', b'ping')
					acks = c.drain()
					equal(len(acks), int(soon), f'ACKs at once with {metrics}')
					if not soon:
						c.expect_ack()
					equal(c.recv(4), b'ping', 'data read')


@rows('9293-MUST-58')
def quickack_behind_a_gap(p):
	"""Nothing is held back to be one ACK with others (comp_sack_delay_ns)."""
	with p.sysctl('comp_sack_delay_ns', 10**10):
		for metrics in (), ('quickack', 1):
			with p.route(*metrics):
				c = far_away(p)
				behind_a_gap(c, 0, 8)
				acks = len(c.drain())
				check(acks == 8 if metrics else acks < 8, f'{acks} ACKs at once with {metrics}')


@rows('5681-1')
def congctl(p):
	"""The algorithm, before what the program chose when it did not know the route; then it may."""
	with p.route('congctl', 'cubic'):
		for active in False, True:
			c = p.established(active)
			equal(algorithm(c.sock), b'cubic', 'algorithm by route')
			equal(algorithm(c.sock, b'reno'), b'reno', 'algorithm of the program')
			c = p.established(active, congestion=b'reno')
			equal(algorithm(c.sock), b'cubic', 'algorithm by route, another chosen before')
	equal(algorithm(p.established().sock), b'reno', 'algorithm without')


@rows('5681-1')
def congctl_locked(p):
	with p.route('congctl', 'lock', 'cubic'):
		for active in False, True:
			c = p.established(active)
			raises(errno.EPERM, algorithm, c.sock, b'reno')
			raises(errno.EPERM, algorithm, c.sock, b'cubic')
			equal(algorithm(c.sock), b'cubic', 'algorithm by route')


@rows('3168-1', '3168-15')
def congctl_wants_ecn(p):
	"""DCTCP by route asks for ECN, and grants it, whatever the setting is, and SYNs that are ECN-capable
	themselves."""
	with p.sysctl('ecn', 0):
		try:
			way = p.route('congctl', 'dctcp')
			way.__enter__()
		except subprocess.CalledProcessError:
			raise Skip('the host has no DCTCP')
		with contextlib.ExitStack() as stack:
			stack.push(way)
			p.syn_sent(flags='SEC')
			listener = p.listen()
			c = p.conn(listener)
			c.send('SEC', options=OFFER, tos=2)
			c.expect('SAE')
			c.send('A')
			equal(algorithm(p.accept(listener)), b'dctcp', 'algorithm by route')


@rows('7413-1')
def fastopen_no_cookie(p):
	"""Fast Open without cookies, to and from the peer."""
	with p.route('fastopen_no_cookie', 1):
		listener = listen(p)
		c = p.conn(listener)
		c.send('S', DATA, options=[('MSS', MSS)])
		c.expect('SA')
		c.sock = p.accept(listener)
		equal(c.recv(len(DATA)), DATA, 'data read')
		c = Server(p).send(early=DATA)
		equal(cookie_of(c.syn), None, 'the option')
	c = p.conn(listener)
	c.send('S', DATA, options=[('MSS', MSS)])
	c.expect('SA', ack=c.iss + 1)


RTO_MAX_MS, RTO_MIN_US, DELACK_MAX_US = 44, 45, 46


def timer_options(p):
	"""TCP has them from Linux 6.15 on."""
	try:
		setopt(p.socket(), rto_max=1000)
	except OSError as e:
		if not ORACLE or e.errno != errno.ENOPROTOOPT:
			raise
		raise Skip('TCP has no TCP_RTO_MAX_MS')


def gaps(c, flags, data, seq, n):
	"""The times between the first of a segment, which has come, and n more of it."""
	times = [c.seen[seq]]
	for _ in range(n):
		times.append(c.expect(flags, data, seq=seq, ack=ANY).at)
	return [round(b - a, 3) for a, b in zip(times, times[1:])]


def grows_to_a_second(waits, first):
	near(waits[0], first, low=0.05, high=0.1, what=f'the first of {waits}')
	check(any(0.95 < wait < 1.1 for wait in waits) and all(wait < 1.1 for wait in waits),
	      f'grows to one second, and no further: {waits}')


@slow(10)
@rows('6298-5', '6298-11')
def rto_max(p):
	"""TCP_RTO_MAX_MS ends the doubling: of data, of a SYN, and of a listener's SYN,ACKs."""
	timer_options(p)
	for active in False, True:
		c = p.established(active, rto_max=1000)
		equal(value(c.sock, RTO_MAX_MS), 1000, 'TCP_RTO_MAX_MS')
		c.sock.send(b'hello')
		first = c.ack
		c.expect('A', b'hello')
		grows_to_a_second(gaps(c, 'A', b'hello', first, 6), 0.2)
	c = p.syn_sent(rto_max=1000)
	grows_to_a_second(gaps(c, 'S', b'', c.syn.seq, 3), 1)
	c = p.syn_received(rto_max=1000)
	grows_to_a_second(gaps(c, 'SA', b'', c.syn.seq, 3), 1)


@rows('6298-5', '6298-11')
def rto_max_of_the_namespace(p):
	with p.sysctl('rto_max_ms', 1000):
		for active in False, True:
			c = p.established(active)
			equal(value(c.sock, RTO_MAX_MS), 1000, 'TCP_RTO_MAX_MS')
			c2 = p.established(active, rto_max=2000)
			equal(value(c2.sock, RTO_MAX_MS), 2000, 'TCP_RTO_MAX_MS of the program')
		for wrong in 999, 120001:
			raises(errno.EINVAL, write, SYSCTL + 'rto_max_ms', wrong)
	c.sock.send(b'hello')
	first = c.ack
	c.expect('A', b'hello')
	check(max(gaps(c, 'A', b'hello', first, 6)) < 1.1, 'it grows no further')


@rows('6298-4')
def rto_min_of_the_program(p):
	"""TCP_RTO_MIN_US; what the route says goes before."""
	timer_options(p)
	for active in False, True:
		c = p.established(active, rto_min=40000)
		equal(value(c.sock, RTO_MIN_US), 40000, 'TCP_RTO_MIN_US')
		for _ in range(12):
			c.alive()
		check(0.04 <= tcp_info(c.sock).rto <= 0.1, f'RTO {tcp_info(c.sock).rto}')
		near(timeout(c)[0], 0.05, low=0.02, high=0.05)
	with p.route('rto_min', '600ms'):
		c = p.established(rto_min=40000)
		equal(value(c.sock, RTO_MIN_US), 40000, 'TCP_RTO_MIN_US')
		check(0.6 <= tcp_info(c.sock).rto <= 0.7, f'RTO {tcp_info(c.sock).rto} by route')
		setopt(c.sock, rto_min=20000)
		c.alive()
		check(0.6 <= tcp_info(c.sock).rto <= 0.7, f'RTO {tcp_info(c.sock).rto} by route')
	c = p.established()
	c.alive()
	check(0.2 <= tcp_info(c.sock).rto <= 0.3, f'RTO {tcp_info(c.sock).rto}')
	setopt(c.sock, rto_min=40000)
	for _ in range(12):
		c.alive()
	check(0.04 <= tcp_info(c.sock).rto <= 0.1, f'RTO {tcp_info(c.sock).rto}')


@rows('6298-4')
def rto_min_of_the_namespace(p):
	with p.sysctl('rto_min_us', 40000):
		for active in False, True:
			c = p.established(active)
			for _ in range(12):
				c.alive()
			check(0.04 <= tcp_info(c.sock).rto <= 0.1, f'RTO {tcp_info(c.sock).rto}')
		raises(errno.EINVAL, write, SYSCTL + 'rto_min_us', 0)


@rows('9293-MUST-58')
def delack_max(p):
	"""TCP_DELACK_MAX_US, of the listener and of the connection."""
	timer_options(p)
	usual = conversation(p)
	ours = conversation(p)
	setopt(ours.sock, delack_max=8000)
	for c, delay in (usual, 0.04), (ours, 0.008), (conversation(p, delack_max=12000), 0.012):
		most = 200000 if c == usual else int(delay * 1e6)
		equal(value(c.sock, DELACK_MAX_US), most, 'TCP_DELACK_MAX_US')
		sent = time.monotonic()
		c.send('PA', b'x')
		near(c.expect_ack().at - sent, delay, low=0.006, high=0.01, what='delay of the ACK')
