# SPDX-License-Identifier: GPL-2.0
"""Resets: RFC 9293 §3.5.2, §3.5.3 and §3.10.7.1, RFC 5961 §3 and §4."""
import errno
import select
import socket
import threading
import time

from peer import ANY, MSS, SUT, check, equal, poll_events, raises, rows, tcp_info

CONNECTED = ('established', 'fin_wait_1', 'fin_wait_2', 'close_wait', 'closing', 'last_ack')


def closed_port(p):
	s = p.socket()
	s.bind((SUT, 0))
	port = s.getsockname()[1]		# bound, not listening: as closed as can be
	return p.conn(port)


@rows('9293-EV-01')
def closed_port_without_ack(p):
	"""<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; SYN and FIN count."""
	c = closed_port(p)
	for flags, data in (('S', b''), ('S', b'text'), ('F', b''), ('', b''), ('P', b'text'),
			    ('SF', b''), ('FPU', b'text')):
		c.send(flags, data, seq=1000)
		size = len(data) + ('S' in flags) + ('F' in flags)
		c.expect('RA', seq=0, ack=1000 + size)


@rows('9293-EV-01')
def closed_port_with_ack(p):
	"""<SEQ=SEG.ACK><CTL=RST>."""
	c = closed_port(p)
	for flags, data in (('A', b''), ('SA', b''), ('FA', b''), ('PA', b'text'), ('FPUA', b'x')):
		c.send(flags, data, seq=1000, ack=0xabcdef01)
		c.expect('R', seq=0xabcdef01, ack=ANY)


@rows('9293-EV-02')
def closed_port_rst(p):
	c = closed_port(p)
	c.send('R', seq=1)
	c.send('RA', seq=1, ack=2)
	c.send('RS', seq=1)
	c.send('R', b'text', seq=1)
	c.quiet()


@rows('9293-EV-01')
def unused_port(p):
	"""A port that nobody has ever bound."""
	c = p.conn(9)
	c.send('S')
	c.expect('RA', seq=0)


@rows('5961-2', '9293-EV-17', '9293-MUST-12')
def exact(p):
	"""At RCV.NXT: the connection is gone, the reader told."""
	c = p.established()
	c.send('R')
	c.quiet()
	c.expect_state('CLOSED')
	raises(errno.ECONNRESET, c.sock.recv, 1)
	equal(c.sock.recv(1), b'', 'read after the error was told')
	raises(errno.EPIPE, c.sock.send, b'x', socket.MSG_NOSIGNAL)


@rows('9293-EV-17', '9293-MUST-12')
def poll_after_reset(p):
	c = p.established()
	c.send('RA')
	p.barrier()
	events = poll_events(c.sock)
	check(events & select.POLLERR and events & select.POLLHUP and events & select.POLLIN,
	      f'events {events:#x}')
	equal(c.error(), errno.ECONNRESET, 'SO_ERROR')
	equal(c.error(), 0, 'SO_ERROR, again')


@rows('9293-EV-17')
def wakes_a_blocked_reader(p):
	c = p.established()
	got = []

	def read():
		try:
			c.sock.recv(1)
		except OSError as e:
			got.append(e.errno)
	reader = threading.Thread(target=read)
	reader.start()
	c.send('R')
	reader.join(5)
	equal(got, [errno.ECONNRESET], 'error of recv()')


@rows('9293-EV-17')
def drops_what_is_queued(p):
	"""Unsent data goes with the connection; a write says so."""
	c = p.established(win=0)
	c.sock.send(b'unsent')
	c.drain()
	c.send('R')
	c.expect_state('CLOSED')
	raises(errno.ECONNRESET, c.sock.send, b'x', socket.MSG_NOSIGNAL)
	c.send('A', win=65535)
	c.expect('R', seq=c.ack, ack=ANY)


@rows('9293-SHLD-2')
def with_data(p):
	"""A reset with text in it is a reset; the text is not delivered."""
	c = p.established()
	c.send('RA', b'because I say so')
	c.quiet()
	raises(errno.ECONNRESET, c.sock.recv, 100)
	c.expect_state('CLOSED')


@rows('5961-2')
def with_any_ack(p):
	"""What a reset acknowledges makes no difference in a synchronized state."""
	for ack in (0, 1, 0x80000000):
		c = p.established()
		c.send('RA', ack=ack)
		c.quiet()
		c.expect_state('CLOSED')


@rows('5961-3')
def inside_the_window(p):
	"""Inside, not at RCV.NXT: a challenge ACK, and life goes on."""
	c = p.established()
	for offset in (1, 2, 1000, c.syn.window // 2, c.syn.window - 1):
		c.send('R', seq=c.seq + offset)
		c.expect('A')
		c.send('RA', seq=c.seq + offset)
		c.expect('A')
	c.alive()


@rows('5961-1')
def outside_the_window(p):
	"""Below or beyond: silence."""
	c = p.established()
	c.alive()				# move RCV.NXT away from where it began
	for offset in (-1, -4, -100000, 0x100000, 0x7ffffff0):
		c.send('R', seq=c.seq + offset)
		c.send('RA', seq=c.seq + offset)
	c.quiet()
	c.alive()


@rows('5961-1', '9293-EV-12')
def at_the_right_edge(p):
	"""The window ends before its right edge."""
	c = p.established()
	c.send('R', seq=c.seq + c.syn.window)
	c.quiet()
	c.alive()


@rows('5961-2', '5961-3', '9293-EV-17', '9293-EV-18', '5961-1')
def in_every_state(p):
	"""Outside nothing, inside a challenge ACK, exact the end."""
	for state in CONNECTED:
		c = getattr(p, state)()
		before = c.state()
		c.send('R', seq=c.seq - 10, ack=0)
		c.quiet()
		c.send('R', seq=c.seq + 10)
		c.expect('A')
		equal(c.state(), before, 'state')
		c.send('R')
		c.quiet()
		c.expect_state('CLOSED')


@rows('9293-EV-17', '9293-MUST-12')
def error_in_every_state(p):
	"""The reader of a half-closed connection is told, too; after an orderly end nobody is."""
	for state in ('established', 'fin_wait_1', 'fin_wait_2'):
		c = getattr(p, state)()
		c.send('R')
		p.barrier()
		raises(errno.ECONNRESET, c.sock.recv, 1)
	c = p.close_wait()
	c.send('R')
	p.barrier()
	equal(c.error(), errno.EPIPE, 'SO_ERROR in CLOSE_WAIT')


@rows('5961-5', '9293-EV-19')
def syn_in_every_state(p):
	"""Whatever its number: a challenge ACK, no reset, no new connection."""
	for state in CONNECTED:
		c = getattr(p, state)()
		before = c.state()
		for offset in (0, 1, 5000, -1, -100000, 0x10000000):
			for flags in ('S', 'SA'):
				c.send(flags, seq=c.seq + offset)
				c.expect('A')
		equal(c.state(), before, 'state')


@rows('5961-5', '9293-EV-19')
def syn_with_data_in_window(p):
	"""Nothing of such a segment is used."""
	c = p.established()
	c.send('S', b'text', seq=c.seq)
	c.expect('A')
	c.nothing_to_read()
	c.alive()


@rows('5961-6', '9293-EV-35', '5961-5')
def peer_restarts(p):
	"""The peer has lost its memory: SYN, challenge ACK, its reset, and then a new connection."""
	c = p.established()
	again = p.conn(c.sut_port, c.port, iss=c.iss + 123456789)
	again.ack = c.ack
	again.send('S', options=[('MSS', MSS)])
	challenge = again.expect('A', ack=c.seq)
	again.send('R', seq=challenge.ack)
	raises(errno.ECONNRESET, c.sock.recv, 1)
	again.seq, again.ack = again.iss, None
	again.send('S', options=[('MSS', MSS)])
	again.expect('SA')
	again.opened(c.listener)
	again.alive()


@rows('9293-EV-35')
def half_open(p):
	"""The peer that lost its memory answers data with a reset."""
	c = p.established()
	c.sock.send(b'are you there?')
	segment = c.expect('A', b'are you there?')
	c.send('R', seq=segment.ack)
	raises(errno.ECONNRESET, c.sock.recv, 1)


@rows('5961-9', '5961-10')
def challenges_are_limited(p):
	"""A flood is answered by a few ACKs only; the interval is the administrator's."""
	with p.sysctl('invalid_ratelimit', 500):
		c = p.established()
		start = time.monotonic()
		for _ in range(100):
			c.send('R', seq=c.seq + 10)
		answers = len(c.drain())
		allowed = 10 + 2 * (time.monotonic() - start)
		check(1 <= answers <= allowed, f'{answers} challenge ACKs, {allowed:.0f} allowed')
	with p.sysctl('invalid_ratelimit', 0):
		c = p.established()
		for _ in range(30):
			c.send('R', seq=c.seq + 10)
		equal(len(c.drain()), 30, 'challenge ACKs without a limit')


@rows('5961-11')
def challenge_limits_are_not_shared(p):
	"""What one connection used up does not show on another."""
	with p.sysctl('invalid_ratelimit', 500):
		c, other = p.established(), p.established()
		for _ in range(50):
			c.send('R', seq=c.seq + 10)
		c.drain()
		other.send('R', seq=other.seq + 10)
		other.expect('A')


@rows('5961-9', '5961-10', '5961-11')
def challenges_of_all_are_limited(p):
	"""challenge_ack_limit: of all connections together so many a second, or half as many, or half
	as many again: what an attacker uses up does not tell him what others did."""
	counts = []
	with p.sysctl('challenge_ack_limit', 20):
		conns = [p.established() for _ in range(4)]
		for _ in range(8):
			time.sleep(1.05)
			for c in conns * 20:
				c.send('R', seq=c.seq + 10)
			counts.append(sum(len(c.drain()) for c in conns))
	check(all(10 <= n < 60 for n in counts), f'challenge ACKs in a second: {counts}')
	check(len(set(counts)) > 1, f'as many each second: {counts}')
	check(min(counts) < 30, f'not one second under the limit: {counts}')


@rows('9293-EV-13')
def no_reply_to_a_reset(p):
	"""An unacceptable segment is answered by an ACK, but never if it is a reset."""
	c = p.established()
	c.alive()
	c.send('A', seq=c.seq - 2)
	c.expect('A')
	c.send('RA', seq=c.seq - 2)
	c.quiet()


@rows('9293-EV-02', '5961-1')
def reset_of_another_connection(p):
	"""The same numbers on another port are another connection's."""
	c = p.established()
	other = p.conn(c.sut_port)
	other.send('R', seq=c.seq)
	c.quiet()
	c.alive()


@rows('9293-EV-17', '9293-MUST-12')
def of_the_fins_number(p):
	"""macOS aborts by a FIN and a reset that has the FIN's number."""
	for state in ('close_wait', 'closing', 'last_ack'):
		c = getattr(p, state)()
		c.send('R', seq=c.seq - 1)
		c.quiet()
		c.expect_state('CLOSED')
	for state in ('established', 'fin_wait_1', 'fin_wait_2'):
		c = getattr(p, state)()
		before = c.state()
		c.send('R', seq=c.seq - 1)
		c.quiet()
		equal(c.state(), before, 'state')


@rows('9293-EV-17')
def before_accept(p):
	"""Reset while it waits to be accepted: accept() still gives it, and it tells the error."""
	c = p.syn_received()
	c.send('A')
	p.barrier()
	c.send('R')
	c.quiet()
	c.sock = p.accept(c.listener)
	raises(errno.ECONNRESET, c.sock.recv, 1)


@rows('9293-EV-17', '9293-MUST-12')
def after_data(p):
	"""Data before the reset may be read or be gone, but the error is told."""
	c = p.established()
	c.send('PA', b'data')
	c.expect_ack()
	c.send('R')
	p.barrier()
	try:
		equal(c.sock.recv(10), b'data', 'data read')
	except ConnectionResetError:
		return
	raises(errno.ECONNRESET, c.sock.recv, 10)


def ended_amid(p):
	"""A connection that a reset ends while a byte is in flight; what it had sent before."""
	c = p.established()
	data = b'x' * (4 * MSS)
	c.sock.send(data)
	c.expect_data(data)
	check(tcp_info(c.sock).delivery_rate, 'no delivery rate')
	c.sock.send(b'y')
	c.expect('A', b'y')
	c.send('R')
	p.barrier()
	return c, data


@rows('9293-EV-17')
def told_afterwards(p):
	"""TCP_INFO still says how it went."""
	c, data = ended_amid(p)
	info = tcp_info(c.sock)
	check(info.delivery_rate, 'the delivery rate is forgotten')
	equal((info.unacked, info.bytes_sent), (0, len(data) + 1), 'segments in flight, bytes sent')


@rows('9293-EV-17')
def time_stands_still(p):
	"""There is nothing to send any more, and no time in which there is (TCP_INFO)."""
	c, _ = ended_amid(p)
	busy = tcp_info(c.sock).busy_time
	time.sleep(0.2)
	equal(tcp_info(c.sock).busy_time, busy, 'busy time')
