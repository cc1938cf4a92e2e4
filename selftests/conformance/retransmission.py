# SPDX-License-Identifier: GPL-2.0
"""Retransmission and its timers: RFC 6298, RFC 5681, RFC 9293 §3.8.1 to §3.8.4."""
import errno
import socket
import struct
import time

from peer import (SYSCTL, Skip, ahead, check, connect_error, equal, near, option, pattern, poll_events,
		  raises, rows, seq32, slow, snmp, tcp_info, until)

SIZE = 1000		# our MSS here: round numbers in the traces
OFFER = (('MSS', SIZE),)

SO_TIMESTAMPING = 37
TX_ACK, SOFTWARE = 1 << 9, 1 << 4	# SOF_TIMESTAMPING_


def warm_up(c, segments=40):
	"""Acknowledge so much that the congestion window is far above what the test needs."""
	data = pattern(SIZE * segments)
	c.write(data)
	c.expect_data(data)


def flight(p, segments, **opts):
	"""A connection with so many full segments on the way; the sequence number of the first."""
	c = p.established(options=OFFER, nodelay=1, **opts)
	warm_up(c)
	first = c.ack
	c.write(pattern(SIZE * segments))
	sent = c.drain()
	equal([len(s.data) for s in sent], [SIZE] * segments, 'segments in flight')
	return c, first


@slow(7)
@rows('9293-EV-34', '9293-MUST-18', '9293-MUST-19', '6298-8', '6298-10', '6298-11')
def timeout_doubles(p):
	"""The same segment again and again, each time after twice as long."""
	c = p.syn_received()
	time.sleep(0.25)		# RTO is 0.75 s, or 1 s: long beside what a busy machine adds
	c.opened()
	c.sock.send(b'hello')
	last = c.expect('A', b'hello').at
	first = seq32(c.ack - 5)
	gaps = []
	for _ in range(3):
		again = c.expect('A', b'hello', seq=first, within=12)
		gaps.append(again.at - last)
		last = again.at
	check(0.7 <= gaps[0] <= 1.4, f'first timeout after {gaps[0]:.3f} s')
	for a, b in zip(gaps, gaps[1:]):
		near(b / a, 2, low=0.4, high=0.4, what=f'ratio of the intervals {gaps}')
	c.send('A')
	c.quiet(0.5)
	c.alive()


@rows('6298-11')
def timeout_of_thin_streams(p):
	"""thin_linear_timeouts: with little in flight it does not double at once."""
	with p.sysctl('thin_linear_timeouts', '1'):
		c = p.established()
		c.sock.send(b'hello')
		last = c.expect('A', b'hello').at
		first, gaps = seq32(c.ack - 5), []
		for _ in range(4):
			again = c.expect('A', b'hello', seq=first, within=12)
			gaps.append(again.at - last)
			last = again.at
		for gap in gaps[1:]:
			near(gap, gaps[0], low=0.1, high=0.1, what=f'one of {gaps}')
		c.send('A')
		c.alive()


@slow(4)
@rows('6298-4')
def timeout_of_one_second(p):
	"""RFC 6298 rounds a shorter timeout up to a second. Linux takes 200 ms, and so do we."""
	c = p.established()
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	check(again.at - sent > 0.19, f'retransmitted after {again.at - sent:.3f} s')


@slow(4)
@rows('6298-2', '9293-MUST-18')
def timeout_from_first_sample(p):
	"""Handshake in R = 0.5 s: SRTT = R, RTTVAR = R/2, RTO = R + 4 * R/2 = 1.5 s."""
	c = p.syn_received()
	time.sleep(0.5)
	rtt = time.monotonic() - c.syn.at
	c.opened()
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	near(again.at - sent, 3 * rtt, low=0.1, high=0.4)


@slow(4)
@rows('6298-3', '6298-7')
def timeout_from_later_samples(p):
	"""The same R again and again: RTTVAR shrinks, and RTO with it, but never below SRTT."""
	c = p.syn_received()
	time.sleep(0.4)
	c.opened()
	for _ in range(8):
		c.sock.send(b'x')
		c.expect('A', b'x')
		time.sleep(0.4)
		c.send('A')
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	rto = again.at - sent
	# By the formulas 0.4 + 4 * 0.2 * 0.75^8 = 0.48; Linux lets RTTVAR fall more slowly.
	check(0.41 <= rto <= 1.0, f'RTO {rto:.3f} s')


@slow(4)
@rows('6298-3', '6298-7')
def many_samples_in_a_round_trip(p):
	"""Ten segments leave at once, each of their ACKs is a sample of the same R: RTTVAR falls as by one."""
	c = p.syn_received(options=OFFER)
	time.sleep(0.4)
	c.opened()
	for _ in range(2):
		c.write(pattern(SIZE * 10))
		sent = c.drain()
		equal([len(s.data) for s in sent], [SIZE] * 10, 'segments in flight')
		time.sleep(0.4 - (time.monotonic() - sent[0].at))
		for segment in sent:
			c.send('A', ack=segment.seq + SIZE)
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	# RFC 6298 with a sample a round trip: 0.4 + 4 * 0.2 * 0.75^2 = 0.85; with one a segment 0.6, as
	# of 4 * RTTVAR no less than 0.2 counts (Linux's minimum). Linux lets RTTVAR fall later.
	near(again.at - sent, 0.85, low=0.1, high=0.4, what='RTO')


@slow(4)
@rows('6298-6', '6298-13', '9293-MUST-18')
def karn(p):
	"""The ACK of a retransmitted segment is no sample: the doubled timeout stays."""
	c = p.syn_received()
	time.sleep(0.25)
	c.opened()
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	rto = again.at - sent
	c.send('A')
	c.sock.send(b'world')
	sent = c.expect('A', b'world').at
	again = c.expect('A', b'world', seq=c.ack - 5)
	near((again.at - sent) / rto, 2, low=0.4, high=0.5, what='timeout after a retransmission')


@slow(4)
@rows('6298-12')
def timeout_after_a_lost_syn(p):
	"""No sample from a handshake that was retransmitted: 3 s for the first data."""
	c = p.syn_sent()
	c.expect('S', seq=c.syn.seq, ack=0)
	c.send('SA')
	c.expect('A')
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5, within=6)
	near(again.at - sent, 3, low=0.2, high=0.6)


@slow(2)
@rows('6298-6')
def timestamp_of_a_handshake_that_was_sent_again(p):
	"""It says which SYN,ACK came, and how long ago that went: a sample."""
	c = p.syn_received(options=[*OFFER, ('Timestamp', (1, 0))])
	again = c.expect('SA', seq=c.syn.seq, within=2)
	time.sleep(0.1)
	c.tsval, c.tsecr = 2, option(again, 'Timestamp')[0]
	c.opened()
	near(tcp_info(c.sock).rto, 0.3, low=0.05, high=0.1, what='timeout')


@slow(4)
@rows('6298-9')
def timer_restarts(p):
	"""An ACK of new data starts the timer anew; with all acknowledged it stops."""
	c, first = flight(p, 2)
	start = time.monotonic()
	time.sleep(0.12)
	c.send('A', ack=first + SIZE)
	acked = time.monotonic()
	again = c.next(3, 'the second segment again')
	equal(again.seq, seq32(first + SIZE), 'sequence number')
	check(again.at - acked > 0.18, f'retransmitted {again.at - acked:.3f} s after the ACK')
	check(acked - start > 0.1, 'the ACK was too early')
	c.send('A')
	c.quiet(1.5)


@slow(4)
@rows('6298-9')
def though_an_acknowledgement_is_told(p):
	"""SOF_TIMESTAMPING_TX_ACK of a byte in the midst of a write: what the error queue has of it until
	somebody reads there does not keep the rest from being sent again."""
	c = p.established(options=OFFER, nodelay=1)
	warm_up(c)
	first, data = c.ack, pattern(SIZE * 5)
	c.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, SOFTWARE)
	c.sock.sendmsg([data[:100]], [(socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack('I', TX_ACK))],
		       socket.MSG_MORE)
	c.write(data[100:])
	equal([len(s.data) for s in c.drain()], [SIZE] * 5, 'segments in flight')
	c.send('A', ack=first + SIZE)
	c.expect('A', data[SIZE:2 * SIZE], seq=first + SIZE)
	c.send('A')
	check(c.sock.recvmsg(2 * SIZE, 200, socket.MSG_ERRQUEUE)[1], 'nothing is told')
	c.alive()


@rows('5681-4', '6928-3', '9293-MUST-19', '6298-10')
def one_segment_after_timeout(p):
	"""After a timeout one segment leaves, and two at most for each that is acknowledged."""
	c, first = flight(p, 8)
	again = c.next(3, 'the first segment again')
	equal((again.seq, len(again.data)), (first, SIZE), 'retransmission')
	c.quiet()
	again, acks = 1, 0
	while again < 8:			# acknowledge only what came again
		acks += 1
		c.send('A', ack=first + acks * SIZE)
		more = c.drain()
		again += len(more)
		equal([ahead(s.seq, first) // SIZE for s in more],
		      list(range(again - len(more), again)), 'segments sent again')
		check(len(more) <= 2, f'{len(more)} segments after one ACK')
		check(again > acks, 'nothing more came')
	c.send('A')
	c.quiet()
	c.alive()


@rows('5681-7', '9293-MUST-19', '8985-1')
def fast_retransmit(p):
	"""At the third duplicate ACK, not before: the first segment, at once."""
	c, first = flight(p, 8)
	for _ in range(2):
		c.send('A', ack=first)
		c.quiet()
	c.send('A', ack=first)
	again = c.drain()
	equal([s.seq for s in again], [first], 'retransmitted')
	equal(again[0].data, pattern(SIZE), 'data')
	c.send('A')
	c.quiet()
	c.alive()


@rows('5681-7')
def duplicates_are_a_setting(p):
	"""reordering: so many duplicates, where there is no SACK."""
	with p.sysctl('reordering', 6):
		c, first = flight(p, 8)
		for _ in range(5):
			c.send('A', ack=first)
			c.quiet()
		c.send('A', ack=first)
		equal([s.seq for s in c.drain()], [first], 'retransmitted')


@rows('3042-1')
def limited_transmit(p):
	"""The first two duplicate ACKs release one new segment each."""
	c = p.established(options=OFFER, nodelay=1, sndbuf=1 << 18)
	for _ in range(40):
		c.sock.send(pattern(SIZE), socket.MSG_EOR)	# or Linux waits to send more at once
	sent = c.drain()
	first = sent[0].seq
	for i in range(2):
		c.send('A', ack=first)
		more = c.drain()
		equal([s.seq for s in more], [seq32(first + SIZE * (len(sent) + i))], 'new segments')
	c.send('A', ack=first)
	check(first in [s.seq for s in c.drain()], 'no fast retransmit at the third')


@rows('5681-7', '5681-11', '6298-8')
def partial_ack(p):
	"""Two segments are lost: the ACK up to the second brings it at once (RFC 6582)."""
	c, first = flight(p, 8)
	for _ in range(5):
		c.send('A', ack=first)
	equal([s.seq for s in c.drain()], [first], 'retransmitted')
	c.send('A', ack=first + SIZE * 4)
	again = c.drain()
	equal([s.seq for s in again][:1], [seq32(first + SIZE * 4)], 'retransmitted')
	c.send('A')
	c.quiet()
	c.alive()


@rows('5681-7')
def not_a_duplicate_ack(p):
	"""ACKs that carry data, or another window, are not counted as duplicates."""
	c, first = flight(p, 4, win=50000)
	for i in range(1, 5):
		c.send('A', ack=first, win=50000 + i * 100)
	c.quiet()
	for _ in range(4):
		c.send('PA', b'x', ack=first)
	check(first not in [s.seq for s in c.drain() if s.data], 'retransmitted')


@rows('9293-EV-22')
def old_acks_bring_nothing(p):
	"""ACKs of what was acknowledged long ago are no duplicates either."""
	c, first = flight(p, 4)
	for _ in range(5):
		c.send('A', ack=first - SIZE)
	c.quiet()
	c.send('A')
	c.alive()


@rows('6928-1', '5681-5')
def initial_window(p):
	"""At most 10 segments, or 14600 bytes, or two."""
	for mss in (536, 1460):
		c = p.established(options=[('MSS', mss)])
		c.write(pattern(50000))
		size = sum(len(s.data) for s in c.drain())
		check(mss <= size <= min(10 * mss, max(2 * mss, 14600)), f'{size} bytes, MSS {mss}')


@rows('5681-2', '5681-6', '9293-MUST-19')
def slow_start(p):
	"""Each ACK of a segment brings two at most, and the window does grow."""
	c = p.established(options=OFFER)
	c.write(pattern(SIZE * 200))
	sent = c.drain()
	first, initial = sent[0].seq, len(sent)
	total = initial
	for i in range(1, 31):
		c.send('A', ack=first + i * SIZE)
		total += len(c.drain())
		check(total - initial <= 2 * i, f'{total - initial} segments after {i} ACKs')
	check(total - 30 >= initial + 20, f'window after 30 ACKs: {total - 30}, at first {initial}')


@rows('5681-2', '9293-MUST-19')
def slow_start_uses_twice_what_was_used(p):
	"""Eight of ten segments are used: each ACK of one may let cwnd grow while it is less than 2 * 8, the
	last ACKs as well, when little is in flight any more (RFC 7661 §3; Linux)."""
	c = p.established(options=OFFER, nodelay=1)
	equal(tcp_info(c.sock).cwnd, 10, 'cwnd at first')
	for used, cwnd in (8, 16), (7, 16), (9, 18):
		c.write(pattern(SIZE * used))
		sent = c.drain()
		equal([len(s.data) for s in sent], [SIZE] * used, 'segments in flight')
		for segment in sent:
			c.send('A', ack=segment.seq + SIZE)
		c.quiet()
		equal(tcp_info(c.sock).cwnd, cwnd, f'cwnd after {used} segments')


@rows('5681-3', '5681-7')
def congestion_avoidance(p):
	"""After a loss the window is half, and grows by a segment for each round at most."""
	c = p.established(options=OFFER, nodelay=1)
	c.write(pattern(SIZE * 160))

	def round_trip():
		sent = c.drain()
		for segment in sent:
			c.send('A', ack=segment.seq + SIZE)
		return len(sent)
	round_trip()
	sent = c.drain()
	for _ in range(3):
		c.send('A', ack=sent[0].seq)
	c.drain()
	c.send('A')
	rounds = [round_trip() for _ in range(5)]
	check(rounds[0] <= 0.7 * len(sent) + 3, f'{rounds[0]} segments after a loss of {len(sent)}')
	check(all(b - a <= 2 for a, b in zip(rounds, rounds[1:])), f'segments a round: {rounds}')
	check(rounds[-1] > rounds[0], f'no growth: {rounds}')


@slow(4)
@rows('6928-2', '5681-5')
def initial_window_after_a_lost_syn(p):
	"""One lost SYN alone does not make the first window one segment."""
	c = p.syn_sent()
	c.expect('S', seq=c.syn.seq, ack=0)
	c.send('SA', options=OFFER)
	c.expect('A')
	c.write(pattern(SIZE * 30))
	check(2 <= len(c.drain()) <= 10, 'initial window')


@slow(6)
@rows('5681-5')
def initial_window_after_two_lost_syns(p):
	"""Two do."""
	c = p.syn_sent()
	for _ in range(2):
		c.expect('S', seq=c.syn.seq, ack=0)
	c.send('SA', options=OFFER)
	c.expect('A')
	c.write(pattern(SIZE * 30))
	equal([len(s.data) for s in c.drain()], [SIZE], 'initial window')


@rows('5681-2')
def divided_acks(p):
	"""Ten ACKs for one segment do not open the window ten times."""
	c = p.established(options=OFFER)
	c.write(pattern(SIZE * 200))
	first = c.drain()[0].seq
	more = 0
	for i in range(1, 11):
		c.send('A', ack=first + i * SIZE // 10)
		more += len(c.drain())
	check(more <= 3, f'{more} segments after one was acknowledged in ten parts')


@slow(4)
@rows('5681-10')
def restart_after_idle(p):
	"""After a long pause no more than an initial window leaves at once."""
	c = p.established(options=OFFER)
	warm_up(c, 120)
	time.sleep(2)
	c.write(pattern(SIZE * 60))
	check(len(c.drain()) <= 10, 'more than an initial window')


@slow(4)
@rows('9293-MUST-21', '9293-EV-33', '9293-MUST-20')
def user_timeout(p):
	"""TCP_USER_TIMEOUT: the connection is given up, the application told."""
	c = p.established(user_timeout=2000)
	c.sock.send(b'hello')
	start = c.expect('A', b'hello').at
	until(lambda: poll_events(c.sock) & 8, 'not given up', within=8)
	near(time.monotonic() - start, 2, low=0.2, high=1.5, what='given up after')
	raises(errno.ETIMEDOUT, c.sock.recv, 1)
	c.expect_state('CLOSED')
	c.drain()
	c.send('A')
	c.expect('R', seq=c.ack, ack=c.ack and 0)


@slow(3)
@rows('9293-EV-33')
def user_timeout_of_an_attempt(p):
	"""A SYN that nobody answers is data that nobody acknowledges."""
	c = p.syn_sent(user_timeout=1500)
	start = time.monotonic()
	connect_error(c.sock, errno.ETIMEDOUT)
	near(time.monotonic() - start, 1.5, low=0.2, high=1.5, what='given up after')
	equal([s.names for s in c.drain()], ['S'], 'SYNs after the first')


@rows('9293-SHLD-10', '9293-SHLD-11', '9293-MUST-20')
def retries(p):
	"""R1 is at least 3 retransmissions, R2 at least 100 s: as set."""
	def setting(name):
		try:
			with open(SYSCTL + name) as f:
				return int(f.read())
		except FileNotFoundError:
			raise Skip(f'no sysctl {SYSCTL + name}') from None
	check(sum(min(0.2 * 2 ** i, 120) for i in range(setting('retries2') + 1)) >= 100, 'R2')
	check(setting('retries1') >= 3, 'R1')


@slow(4)
@rows('9293-MUST-5', '9293-EV-34')
def retransmission_acknowledges(p):
	"""What is sent again carries the acknowledgement of now, not of then."""
	c = p.established()
	c.sock.send(b'hello')
	c.expect('A', b'hello')
	c.send('PA', b'more', ack=c.ack - 5)
	c.expect_ack()
	c.expect('A', b'hello', seq=c.ack - 5)
	c.send('A')


@slow(4)
@rows('6298-10', '9293-EV-34', '6298-13')
def all_lost(p):
	"""A whole window is lost: it comes again from the front, and nothing is left out."""
	c, first = flight(p, 6)
	data = pattern(SIZE * 6)
	got = {}
	end = time.monotonic() + 8
	c.ack = first
	while c.ack != seq32(first + len(data)):
		check(time.monotonic() < end, 'it takes too long')
		for segment in c.burst():
			got[ahead(segment.seq, first)] = segment.data
		have = 0
		while have in got and have < len(data):
			have += len(got[have])
		c.ack = seq32(first + have)
		c.send('A')
	equal(b''.join(got[i] for i in sorted(got)), data, 'data')
	c.alive()


def sack_connection(p, segments):
	c = p.established(options=(('MSS', SIZE), ('SAckOK', b'')), nodelay=1)
	if option(c.syn, 'SAckOK') is None:
		raise Skip('no SACK')
	warm_up(c)
	first = c.ack
	c.write(pattern(SIZE * segments))
	# A tail loss probe may have joined them.
	equal(len({s.seq for s in c.drain()}), segments, 'segments in flight')
	return c, first


def sent_again(c, first, segments):
	"""Which segments come now, in order, but for probes of the last one."""
	again = [ahead(s.seq, first) // SIZE for s in c.drain()]
	return [i for i in again if i != segments - 1]


def sack(first, *blocks):
	edges = [seq32(first + SIZE * edge) for block in blocks for edge in block]
	return [('NOP', None), ('NOP', None), ('SAck', tuple(edges))]


@rows('6675-2', '6675-3', '2018-8')
def sack_three_segments(p):
	"""One ACK that shows three segments above a hole: the hole is filled at once."""
	c, first = sack_connection(p, 8)
	c.send('A', ack=first, options=sack(first, (1, 4)))
	equal(sent_again(c, first, 8), [0], 'segments retransmitted')


@rows('6675-5')
def sack_two_holes(p):
	"""Both holes, in order, each once."""
	c, first = sack_connection(p, 10)
	for blocks in (((1, 2),), ((1, 3),), ((1, 3), (4, 5)), ((1, 3), (4, 6)), ((1, 3), (4, 7)),
		       ((1, 3), (4, 8)), ((1, 3), (4, 9)), ((1, 3), (4, 10))):
		c.send('A', ack=first, options=sack(first, *blocks))
	equal(sent_again(c, first, 10), [0, 3], 'segments retransmitted')


@rows('3042-2')
def sack_bare_duplicates(p):
	"""With SACK agreed a duplicate ACK that reports nothing releases nothing."""
	c, first = sack_connection(p, 4)
	c.write(pattern(SIZE * 100))
	c.drain()
	for _ in range(6):
		c.send('A', ack=first)
	out = [ahead(s.seq, first) // SIZE for s in c.drain()]
	check(len(out) <= 1 and 0 not in out, f'segments sent: {out}')	# a tail loss probe may be among them


@slow(4)
@rows('2018-7', '2018-8', '6675-1')
def sack_reneging(p):
	"""Everything but the first was reported; after the timeout the first is sent all the same,
	and what turns out to be gone is sent again."""
	c, first = sack_connection(p, 4)
	c.send('A', ack=first, options=sack(first, (1, 4)))
	end = time.monotonic() + 10
	seen = {}
	while len(seen) < 4:
		check(time.monotonic() < end, f'only segments {sorted(seen)} came again')
		for segment in c.burst():
			seen.setdefault(ahead(segment.seq, first) // SIZE, segment.at)
		if 0 in seen:
			c.send('A', ack=first + SIZE * min(i for i in range(5) if i not in seen))
	check(seen[2] - seen[1] < 0.15, f'each waited for a timeout: {seen}')
	c.send('A')
	c.drain()
	c.alive()


@rows('2018-10')
def sack_nonsense(p):
	"""Blocks that make no sense are not believed."""
	c, first = sack_connection(p, 6)
	for blocks in (((4, 2),), ((100, 103),), ((-50, -47),), ((6, 9),), ((1, 1),), ((4, 9),)):
		c.send('A', ack=first, options=sack(first, *blocks), win=65535)
		equal(tcp_info(c.sock).ca_state, 0, f'state after {blocks}')
	for bad in (b'\x05\x0b' + bytes(9) + b'\0', b'\x05\x02\x01\x01', b'\x05\x06\0\0\0\1\1\1'):
		c.send('A', ack=c.ack, options=bad)
	c.drain()
	c.alive()


@rows('6298-10')
def counted_apart(p):
	"""OutSegs are without those of only retransmitted octets, which are RetransSegs (RFC 4022)."""
	c = p.established()
	again = snmp('RetransSegs')
	for _ in range(3):		# connections of earlier tests may still have something to say
		out = snmp('OutSegs')
		c.sock.send(b'text')
		first = c.expect('A', b'text')
		c.expect('A', b'text', seq=first.seq)
		c.send('A')
		p.barrier()
		out = snmp('OutSegs') - out
		if out == 1:
			break
	equal(out, 1, 'OutSegs')
	check(snmp('RetransSegs') > again, 'RetransSegs does not count')


@slow(9)
@rows('9293-MUST-24', '9293-MUST-25', '9293-MUST-26', '9293-MUST-27', '9293-MUST-29', '9293-KA-1',
      '9293-SHLD-12', '9293-MAY-5')
def keepalive(p):
	"""An idle connection is probed with SEQ = SND.NXT - 1 and no data; an answer starts anew."""
	c = p.established(keepalive=1, keepidle=1, keepintvl=1, keepcnt=3)
	last = time.monotonic()
	for answer in (True, False, False, True):	# two in a row unanswered are not yet three
		probe = c.expect('A', seq=c.ack - 1, within=3)
		near(probe.at - last, 1, low=0.3, high=0.7, what='interval of the probes')
		last = probe.at
		if answer:
			c.send('A')
			last = time.monotonic()
	c.send('PA', b'busy')
	c.expect_ack()
	c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
	c.quiet(1.6)
	equal(c.recv(4), b'busy', 'data read')


@slow(4)
@rows('9293-KA-2', '9293-EV-33')
def keepalive_unanswered(p):
	"""KEEPCNT probes, and the connection is dead."""
	c = p.established(keepalive=1, keepidle=1, keepintvl=1, keepcnt=2)
	for n in 1, 2:
		c.expect('A', seq=c.ack - 1, within=3)
		equal(tcp_info(c.sock).probes, n, 'probes that TCP_INFO tells')
	until(lambda: poll_events(c.sock) & 8, 'not given up', within=4)
	raises(errno.ETIMEDOUT, c.sock.recv, 1)
	c.expect('RA')


@slow(4)
@rows('9293-KA-4')
def keepalive_answered_by_reset(p):
	c = p.established(keepalive=1, keepidle=1, keepintvl=1, keepcnt=3)
	c.expect('A', seq=c.ack - 1, within=3)
	c.send('R')
	p.barrier()
	raises(errno.ECONNRESET, c.sock.recv, 1)


@rows('9293-MUST-25', '9293-MUST-27', '9293-MUST-28')
def keepalive_defaults(p):
	s = p.socket()
	equal(s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 0, 'SO_KEEPALIVE')
	check(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) >= 7200, 'TCP_KEEPIDLE')


@rows('9293-KA-3', '9293-MAY-6')
def keepalive_received(p):
	"""A probe, empty or with a garbage byte, is acknowledged; nothing is delivered."""
	c = p.established()
	c.alive()
	for data in (b'', b'\0'):
		c.send('A', data, seq=c.seq - 1)
		c.expect('A')
	c.nothing_to_read()


@rows('9293-MAY-18')
def congestion_control_by_name(p):
	s = p.socket()
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b'reno')
	equal(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).strip(b'\0'), b'reno', 'name')
	raises(errno.ENOENT, s.setsockopt, socket.IPPROTO_TCP, socket.TCP_CONGESTION, b'no such')
