# SPDX-License-Identifier: GPL-2.0
"""Loss recovery with SACK: RFC 6675, RFC 8985 (RACK-TLP), RFC 6937 and 9937 (PRR), RFC 2883."""
import socket
import time

from peer import (ahead, check, equal, near, netstat, option, ORACLE, pattern, rows, seq32, snmp,
		  tcp_info)

SIZE = 1000
RTT = 0.16		# of the connections here, as far as the other side can tell
OFFER = (('MSS', SIZE), ('SAckOK', b''))
OPEN, RECOVERY, LOSS = 0, 3, 4		# tcpi_ca_state


def connection(p, rtt=RTT, **opts):
	c = p.syn_received(options=OFFER, nodelay=1, sndbuf=1 << 20, **opts)
	time.sleep(rtt)
	c.opened()
	return c


def flight(c, segments, rtt=RTT):
	"""Write so many, and let the time pass until they can be there; the first's number."""
	first = c.ack
	for i in range(segments):
		c.sock.send(pattern(SIZE, i), socket.MSG_EOR)	# or Linux joins them
	sent = c.drain()
	equal(len(sent), segments, 'segments in flight')
	time.sleep(max(0, sent[0].at + rtt - time.monotonic()))
	return first


def window(c, segments, more=100):
	"""Open cwnd to so many segments, have them all in flight, and more waiting; the first's
	number, and what is in flight."""
	c.sock.send(bytes(SIZE * (2 * segments + more)))
	sent = c.drain()
	acked = sent[0].seq
	time.sleep(RTT)
	while len(sent) < segments:
		acked = seq32(acked + SIZE)
		c.send('A', ack=acked)
		sent = sent[1:] + c.drain()
	time.sleep(RTT)
	return acked, len(sent)


def sack(first, *blocks):
	edges = [seq32(first + int(SIZE * edge)) for block in blocks for edge in block]
	return [('NOP', None), ('NOP', None), ('SAck', tuple(edges))]


def numbers(first, segments):
	return [ahead(s.seq, first) // SIZE for s in segments]


def hole(c, first, *blocks):
	"""Report these: which come again, after how long."""
	c.send('A', ack=first, options=sack(first, *blocks))
	start = time.monotonic()
	segment = c.next(2, 'what was lost')
	equal(segment.seq, first, 'retransmitted')
	return segment.at - start


@rows('8985-2', '8985-5')
def reordering_window(p):
	"""One segment above the hole: a quarter of the RTT later the hole is filled, unasked."""
	c = connection(p)
	first = flight(c, 3)
	c.send('A', ack=first, options=sack(first, (1, 2)))
	start = time.monotonic()
	c.quiet()
	segment = c.next(2)
	equal(segment.seq, first, 'retransmitted')
	near(segment.at - start, RTT / 4, low=0.02, high=0.04)
	c.quiet()


def reorder(c):
	"""Show that this path reorders: the first is late, but is not lost."""
	first = flight(c, 3)
	c.send('A', ack=first, options=sack(first, (1, 2)))
	c.send('A', ack=first + 2 * SIZE)
	c.send('A')
	c.quiet()


def recoveries():
	return netstat('TCPSackRecovery') if ORACLE else snmp('Recoveries')


@rows('8985-2')
def each_recovery_counts(p):
	"""One that begins with time, too; and one that begins with the ACK that ends another."""
	before = recoveries()
	c = connection(p)
	first = flight(c, 3)
	near(hole(c, first, (1, 2)), RTT / 4, low=0.02, high=0.04)
	equal(recoveries() - before, 1, 'recoveries')
	c = connection(p)
	first = flight(c, 7)
	hole(c, first, (1, 7))
	for i in range(4):
		c.sock.send(pattern(SIZE, i), socket.MSG_EOR)
	equal(len(c.drain()), 4, 'segments of new data')
	time.sleep(RTT)
	hole(c, first + 7 * SIZE, (1, 4))
	equal(recoveries() - before, 3, 'recoveries')


@rows('8985-3')
def three_segments_or_time(p):
	"""Three segments above the hole are enough, but not where reordering was seen."""
	c = connection(p)
	check(hole(c, flight(c, 5), (1, 4)) < 0.02, 'it waited')
	c = connection(p)
	reorder(c)
	near(hole(c, flight(c, 5), (1, 4)), RTT / 4, low=0.02, high=0.04)


@rows('8985-3')
def how_many_segments_is_a_setting(p):
	"""reordering: as many as that are enough, fewer take time."""
	with p.sysctl('reordering', 6):
		c = connection(p)
		near(hole(c, flight(c, 7), (1, 6)), RTT / 4, low=0.02, high=0.04)
		c = connection(p)
		check(hole(c, flight(c, 8), (1, 7)) < 0.02, 'it waited')


@rows('8985-3')
def segments_may_count_for_nothing(p):
	"""recovery, its third bit: however many there are above the hole, it takes time."""
	with p.sysctl('recovery', 5):
		c = connection(p)
		near(hole(c, flight(c, 8), (1, 7)), RTT / 4, low=0.02, high=0.04)


@rows('8985-3')
def reordering_seen_has_a_bound(p):
	"""The last of eight is there first: so many may overtake one, but not more than max_reordering."""
	for most, want in ((300, 8), (5, 5)):
		with p.sysctl('max_reordering', most):
			c = connection(p)
			first = flight(c, 8)
			c.send('A', ack=first, options=sack(first, (7, 8)))
			c.send('A')
			c.quiet()
			equal(tcp_info(c.sock).reordering, want, f'reordering, at most {most}')


@rows('8985-4')
def reordering_window_may_stay(p):
	"""recovery, its second bit: no D-SACK widens it."""
	with p.sysctl('recovery', 3):
		c = connection(p)
		reorder(c)
		for _ in range(3):
			first = flight(c, 5)
			near(hole(c, first, (1, 4)), RTT / 4, low=0.02, high=0.04)
			c.send('A', options=sack(first, (0, 1)))
			c.quiet()


@rows('8985-4')
def reordering_window_grows(p):
	"""A D-SACK a round widens it by a quarter of the RTT, up to SRTT; sixteen recoveries
	without one bring it back."""
	c = connection(p)
	reorder(c)

	def delay(needless):
		for _ in range(6):
			if tcp_info(c.sock).cwnd < 6:		# what a recovery took
				flight(c, tcp_info(c.sock).cwnd)
				c.send('A')
		first = flight(c, 5)
		late = hole(c, first, (1, 4))
		c.send('A', options=sack(first, (0, 1)) if needless else ())
		c.quiet()
		return late
	for want in (1, 2, 3, 4, 4, 4):
		near(delay(True), RTT * want / 4, low=0.02, high=0.06, what=f'{want} quarters')
	for _ in range(15):
		check(delay(False) > RTT * 0.8, 'narrower too soon')
	delay(False)
	near(delay(False), RTT / 4, low=0.02, high=0.04, what='at last')


@rows('8985-6')
def lost_retransmission(p):
	"""What was sent after the retransmission arrives: it is lost, too, and no timer is waited for."""
	c = connection(p)
	first, n = window(c, 20)
	c.send('A', ack=first, options=sack(first, (1, 4)))
	sent = c.drain()
	for i in range(5, n + 1):
		c.send('A', ack=first, options=sack(first, (1, i)))
		sent += c.drain()
	equal(numbers(first, sent).count(0), 1, 'retransmissions at first')
	last = numbers(first, sent)[-1]
	check(last > n, 'no new data')
	time.sleep(RTT / 2)
	c.send('A', ack=first, options=sack(first, (1, last + 1)))
	equal(numbers(first, c.drain()).count(0), 1, 'retransmissions of the retransmission')


@rows('6675-5')
def half_a_segment_sacked(p):
	"""A report that ends amid a segment, and then beyond it: that one does not come again."""
	c = connection(p)
	first = flight(c, 5)
	c.send('A', ack=first, options=sack(first, (1, 2.5)))
	c.send('A', ack=first, options=sack(first, (1, 5)))
	equal(set(numbers(first, c.drain())), {0}, 'retransmitted')


@rows('8985-7', '8985-11', '6298-8')
def timeout_spares_the_young(p):
	"""A timeout takes for lost what was sent long ago, not what left a moment before; and that
	did not put the timeout off."""
	c = connection(p)
	first = seq32(flight(c, 6) + SIZE)
	c.send('A', ack=first)
	rto = tcp_info(c.sock).rto
	probe = c.next(2, 'the tail loss probe')
	time.sleep(max(0, probe.at + rto - 0.06 - time.monotonic()))
	for i in range(3):
		c.sock.send(pattern(SIZE), socket.MSG_EOR)
	sent = c.drain()
	equal(numbers(first, sent), [5, 6, 7], 'new data')
	head = c.next(2, 'the first again')
	equal(head.seq, first, 'retransmitted')
	near(head.at - probe.at, rto, low=0.02, high=0.06, what='timeout')
	again = []
	for i in range(1, 5):
		c.send('A', ack=first + SIZE * i)
		again += numbers(first, c.drain())
	equal(sorted(set(again)), [1, 2, 3, 4], 'retransmitted')


@rows('8985-8', '8985-10', '8985-9', '8985-11')
def tail_loss_probe(p):
	"""Nothing is heard for two RTTs: the last segment again, and the next is the timeout's."""
	c = connection(p)
	first = flight(c, 5, 0)
	sent = time.monotonic()
	rto = tcp_info(c.sock).rto
	probe = c.next(2, 'the probe')
	equal(numbers(first, [probe]), [4], 'probe')
	near(probe.at - sent, 2 * RTT, low=0.02, high=0.04, what='probe after')
	head = c.next(2, 'the first again')
	equal(head.seq, first, 'after the probe')
	near(head.at - probe.at, rto, low=0.02, high=0.06, what='timeout after the probe')


@rows('8985-8', '8985-9')
def tail_loss_probe_of_one(p):
	"""Where the timeout would be first the probe goes in its place, and is no reason to slow down."""
	c = connection(p)
	first = flight(c, 1, 0)
	equal(numbers(first, [c.next(2, 'the probe')]), [0], 'probe')
	equal(tcp_info(c.sock).ca_state, OPEN, 'state')


@rows('8985-8')
def tail_loss_probe_after_reordering(p):
	"""RACK waited for one that was late only: what is behind it has its probe all the same."""
	c = connection(p)
	first = flight(c, 5)
	c.send('A', ack=first, options=sack(first, (1, 2)))
	c.send('A', ack=first + 2 * SIZE)
	equal(numbers(first, [c.next(2, 'the probe')]), [4], 'probe')


@rows('8985-8')
def tail_loss_probe_may_be_off(p):
	"""early_retrans 0: it is the timeout's."""
	with p.sysctl('early_retrans', '0'):
		c = connection(p)
		first = flight(c, 5, 0)
		sent, rto = time.monotonic(), tcp_info(c.sock).rto
		head = c.next(2, 'the first again')
		equal(head.seq, first, 'sent again')
		near(head.at - sent, rto, low=0.02, high=0.06, what='timeout')


@rows('8985-10')
def tail_loss_probe_of_new_data(p):
	"""One segment more than cwnd, if there is data that was never sent."""
	c = connection(p)
	c.sock.send(bytes(SIZE * 30))
	sent = c.drain()
	probe = c.next(2, 'the probe')
	equal(numbers(sent[0].seq, [probe]), [len(sent)], 'probe')
	equal(len(probe.data), SIZE, 'length of the probe')


@rows('8985-9')
def no_second_probe(p):
	"""None without a new sample of the RTT since the last one."""
	c = connection(p)
	first = flight(c, 5, 0)
	probe = c.next(2, 'the probe')
	equal(numbers(first, [probe]), [4], 'probe')
	c.send('A', ack=first + SIZE)		# it was on its way; the probe is still out
	again = c.next(2, 'the next')
	check(numbers(first, [again]) != [4], 'a second probe')


@rows('8985-12')
def probe_repairs_a_loss(p):
	"""The probe filled the hole at the end, so there was congestion; not if it came twice."""
	for needless in (False, True):
		c = connection(p)
		first = flight(c, 5)
		c.send('A', ack=first + SIZE * 3)	# with one in flight the timeout would be first
		before = tcp_info(c.sock).ssthresh
		equal(numbers(first, [c.next(2, 'the probe')]), [4], 'probe')
		time.sleep(RTT)
		c.send('A')
		if needless:
			c.send('A', options=sack(first, (4, 5)))
		flight(c, 1)
		c.send('A')
		c.expect_state('ESTABLISHED')
		after = tcp_info(c.sock)
		equal(after.ssthresh < before, not needless, f'ssthresh was reduced ({after})')
		equal(after.ca_state, OPEN, 'state at last')


@rows('6937-1', '6675-4', '6675-6', '9937-3')
def proportional_rate(p):
	"""One lost of twenty: what is sent keeps to the share of what arrives, all the time."""
	c = connection(p)
	first, n = window(c, 20)
	sent = []
	for i in range(2, n + 1):
		c.send('A', ack=first, options=sack(first, (1, i)))
		came = c.drain()
		if i >= 4:
			sent += came
			# ssthresh is half, or what limited transmit made of it
			share = (i - 1) * 0.5
			check(share - 4 <= len(sent) <= share + 2,
			      f'{len(sent)} sent when {i - 1} of {n} had arrived')
		for _ in range(2):		# and again, with nothing new in it
			c.send('A', ack=first, options=sack(first, (1, i)))
		equal(c.drain(), [], 'sent for an ACK that says nothing')
	sent = numbers(first, sent)
	equal(sent[0], 0, 'the first sent')
	check(all(s >= n for s in sent[1:]), f'not new: {sent}')


@rows('6937-2', '9937-1', '9937-2', '8985-13', '6675-4')
def heavy_loss(p):
	"""Fifteen of twenty are lost: never more leaves than arrived, until what is sent again is
	acknowledged, and then by one for each ACK."""
	c = connection(p)
	first, n = window(c, 20)
	arrived, sent, more = 0, 0, 0
	for i in range(n - 15, n):
		arrived += 1
		c.send('A', ack=first, options=sack(first, (n - 5, n - 5 + arrived)))
		sent += len(c.drain())
		check(sent <= arrived + 1, f'{sent} sent when {arrived} had arrived')
		if arrived == 5:
			break
	check(sent >= 1, 'no fast retransmit')
	for i in range(1, 8):
		c.send('A', ack=first + SIZE * i, options=sack(first, (n - 5, n)))
		arrived, more = arrived + 1, more + 1
		sent += len(c.drain())
		check(sent <= arrived + more + 1, f'{sent} sent when {arrived} had arrived')
	check(sent >= arrived, f'no growth: {sent} sent when {arrived} had arrived')


@rows('6675-8', '6937-3', '9937-4')
def recovery_ends(p):
	"""Partial ACKs don't end it; the ACK of all that was out when it began does, and leaves
	cwnd at ssthresh."""
	c = connection(p)
	first, n = window(c, 20)
	before = tcp_info(c.sock)
	c.send('A', ack=first, options=sack(first, (1, 4), (5, 9)))
	c.drain()
	during = tcp_info(c.sock)
	equal((before.ca_state, during.ca_state), (OPEN, RECOVERY), 'state')
	near(during.ssthresh, before.cwnd / 2, low=2, high=1, what='ssthresh')
	for partial in (1, 4, 5, n - 1):
		c.send('A', ack=first + SIZE * partial, options=sack(first, (n - 1, n)))
		equal(tcp_info(c.sock).ca_state, RECOVERY, f'state after {partial}')
	c.drain()
	c.send('A', ack=first + SIZE * n)
	after = tcp_info(c.sock)
	c.drain()
	equal(after.ca_state, OPEN, 'state at last')
	check(during.ssthresh <= after.cwnd <= during.ssthresh + 1, f'at last {after}')


@rows('6675-9')
def timeout_in_recovery(p):
	"""A timeout ends recovery, and no other begins before all is acknowledged that was out."""
	c = connection(p)
	first, n = window(c, 20)
	c.send('A', ack=first, options=sack(first, (1, 4)))
	c.drain()
	reduced = tcp_info(c.sock).ssthresh
	until = time.monotonic() + 3
	while tcp_info(c.sock).ca_state != LOSS:
		check(time.monotonic() < until, 'no timeout')
		time.sleep(0.02)
	c.drain()
	for i in range(5, 12):
		c.send('A', ack=first, options=sack(first, (1, i)))
	state = tcp_info(c.sock)
	equal(state.ca_state, LOSS, 'state')
	check(state.ssthresh >= reduced / 2, f'reduced again and again: {state}, before {reduced}')
	c.drain()
	c.send('A')
	equal(tcp_info(c.sock).ca_state, OPEN, 'state at last')


@rows('2883-6', '9438-10')
def needless_recovery_is_undone(p):
	"""D-SACKs for all that was sent again: cwnd is what it was."""
	c = connection(p)
	first, n = window(c, 20)
	before = tcp_info(c.sock)
	c.send('A', ack=first, options=sack(first, (2, 6)))
	sent = numbers(first, c.drain())
	equal(sorted(set(sent) & {0, 1}), [0, 1], 'retransmitted')
	equal(tcp_info(c.sock).ca_state, RECOVERY, 'state')
	c.send('A', ack=first + SIZE * 6)
	c.send('A', ack=first + SIZE * 6, options=sack(first, (0, 1)))
	c.send('A', ack=first + SIZE * 6, options=sack(first, (1, 2)))
	after = tcp_info(c.sock)
	check(after.cwnd >= before.cwnd, f'{after}, before {before}')
	check(after.ssthresh >= before.cwnd, f'{after}, before {before}')


@rows('2883-6')
def doubled_by_the_network(p):
	"""D-SACKs of what never went again do not prove needless what did."""
	c = connection(p)
	first, n = window(c, 20)
	c.send('A', ack=first, options=sack(first, (1, 5)))
	equal(numbers(first, c.drain())[0], 0, 'retransmitted')
	reduced = tcp_info(c.sock).ssthresh
	c.send('A', ack=first, options=sack(first, (1, 5), (1, 5)))
	c.drain()
	after = tcp_info(c.sock)
	equal((after.ca_state, after.ssthresh), (RECOVERY, reduced), 'state and ssthresh')


@rows('2883-6', '9438-10')
def late_originals_are_told_by_timestamps(p):
	"""The ACK of what was sent again echoes the original: cwnd is what it was, also the next time,
	though there are gaps all the while and the state is never open in between."""
	size = SIZE - 12
	c = p.syn_received(options=OFFER + (('Timestamp', (1000, 0)),), nodelay=1, sndbuf=1 << 20)
	if option(c.syn, 'Timestamp') is None:
		return
	c.tsval, c.tsecr = 1001, option(c.syn, 'Timestamp')[0]
	time.sleep(RTT)
	c.opened()

	def write(segments):
		for i in range(segments):
			c.sock.send(pattern(size, i), socket.MSG_EOR)
		sent = c.drain()
		equal(len(sent), segments, 'segments sent')
		return sent[0].seq, option(sent[0], 'Timestamp')[0]

	def answer(ack, stamp, *block):
		c.tsval, c.tsecr = c.tsval + 1, stamp
		edges = tuple(seq32(first + size * edge) for edge in block)
		c.send('A', ack=seq32(first + size * ack), options=c.timestamp() +
		       ([('NOP', None), ('NOP', None), ('SAck', edges)] if edges else []))

	first, stamp = write(10)
	before = tcp_info(c.sock)
	time.sleep(RTT)
	answer(0, stamp, 1, 4)
	equal(c.next(2, 'what was lost').seq, first, 'retransmitted')
	c.drain()
	time.sleep(0.01)
	answer(4, stamp, 5, 6)
	check(tcp_info(c.sock).ssthresh >= before.cwnd, f'not undone: {tcp_info(c.sock)}')
	_, later = write(4)
	equal(c.next(2, 'the next one').seq, seq32(first + size * 4), 'retransmitted')
	answer(10, stamp, 11, 12)
	sent = c.drain()
	check(tcp_info(c.sock).ssthresh >= before.cwnd, f'not undone again: {tcp_info(c.sock)}')
	time.sleep(RTT)
	answer(10, stamp, 11, 13)
	time.sleep(RTT / 2)
	sent += c.drain()
	check(seq32(first + size * 10) in [s.seq for s in sent], 'the last one did not come again')
	answer(14, later)
	after = tcp_info(c.sock)
	check(after.ca_state != RECOVERY, f'state: {after}')
	check(after.cwnd >= before.cwnd and after.ssthresh >= before.cwnd, f'{after}, before {before}')


@rows('2883-5')
def late_sack_is_no_dsack(p):
	"""A block above its own ACK reports no duplicate, though SND.UNA has passed it since."""
	c = connection(p)
	first, n = window(c, 20)
	c.send('A', ack=first, options=sack(first, (1, 5)))
	equal(numbers(first, c.drain())[0], 0, 'retransmitted')
	reduced = tcp_info(c.sock).ssthresh
	c.send('A', ack=first + SIZE * 5)
	c.drain()
	c.send('A', ack=first - SIZE, options=sack(first, (0, 1)))		# overtaken on its way
	c.drain()
	equal(tcp_info(c.sock).ssthresh, reduced, 'ssthresh')


@rows('2018-9')
def sack_under_pressure(p):
	"""Whatever is thrown away for want of memory, the last report holds: what it names is there."""
	c = p.established(options=OFFER, rcvbuf=8192)
	room = min(c.syn.window, 3000)
	for at in range(1, room, 2):
		c.send('A', b'x', seq=c.seq + at)
	last = c.drain()[-1]
	edges = option(last, 'SAck')
	check(edges, 'no SACK')
	held = {at for left, right in zip(edges[::2], edges[1::2])
		for at in range(ahead(left, c.seq), ahead(right, c.seq))}
	c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)		# and no more pressure
	for at in range(max(held) + 1):
		if at not in held:
			c.send('A', b'x', seq=c.seq + at)
	answer = c.drain()[-1]
	check(ahead(answer.ack, c.seq) > max(held),
	      f'acknowledged {ahead(answer.ack, c.seq)} of {max(held) + 1}')


def timed_out(p, segments, more):
	"""A window of which nothing is heard until the timer fires: its first number, its size."""
	c = connection(p)
	first, n = window(c, segments, more)
	end = time.monotonic() + 3
	while tcp_info(c.sock).ca_state != LOSS:
		check(time.monotonic() < end, 'no timeout')
		time.sleep(0.01)
	check(first in [s.seq for s in c.drain()], 'the first was not sent again')
	return c, first, n


@rows('5682-1', '5682-2', '5682-4', '5682-5')
def needless_timeout(p):
	"""The ACKs were only late: new data after the first, and after the second all is as before."""
	c, first, n = timed_out(p, 10, 100)
	c.send('A', ack=first + SIZE)
	sent = numbers(first, c.drain())
	check(1 <= len(sent) <= 2 and min(sent) >= n, f'after the first ACK {sent}')
	c.send('A', ack=first + SIZE * 2)
	sent = numbers(first, c.drain())
	check(all(s >= n for s in sent), f'after the second ACK {sent}')
	equal(tcp_info(c.sock).ca_state, OPEN, 'state')


@rows('5682-3')
def true_timeout(p):
	"""A duplicate ACK for the new data: it was a loss, and what is old comes again."""
	c, first, n = timed_out(p, 10, 100)
	c.send('A', ack=first + SIZE)
	sent = numbers(first, c.drain())
	check(sent and min(sent) >= n, f'after the first ACK {sent}')
	c.send('A', ack=first + SIZE, options=sack(first, (sent[-1], sent[-1] + 1)))
	equal(numbers(first, c.drain())[:1], [1], 'retransmitted')
	equal(tcp_info(c.sock).ca_state, LOSS, 'state')


@rows('5682-6')
def timeout_without_new_data(p):
	"""Nothing new to send, or no window for it: the old comes again at once."""
	c = connection(p)
	first = flight(c, 8)
	end = time.monotonic() + 3
	while tcp_info(c.sock).ca_state != LOSS:
		check(time.monotonic() < end, 'no timeout')
		time.sleep(0.01)
	c.drain()
	c.send('A', ack=first + SIZE)
	check(1 in numbers(first, c.drain()), 'the second did not come again')


@rows('6298-5')
def timeout_has_a_bound(p):
	"""It doubles, but not beyond two minutes: no less than one is allowed."""
	c = p.syn_received(options=[('MSS', SIZE), ('NOP', None), ('NOP', None), ('Timestamp', (1, 0))])
	c.tsval, c.tsecr = 2, option(c.syn, 'Timestamp')[0]
	c.opened()
	for _ in range(5):			# very late ACKs, whose timestamps are those of the first
		c.sock.send(b'x')
		sent = c.expect('A', b'x')
		stamp = option(sent, 'Timestamp')[0]
		time.sleep(25)
		c.drain()
		c.tsecr = stamp
		c.send('A')
	c.sock.send(b'y')
	times = [c.next(5).at]
	for _ in range(4):
		times.append(c.next(200, 'a retransmission').at)
	gaps = [b - a for a, b in zip(times, times[1:])]
	# At 120 s the timer wheel's step is 4.1 s, with 1000 ticks a second.
	near(gaps[-1], 120, low=2, high=4.2, what=f'at last, of {gaps}')
	check(gaps[0] < 100, f'no doubling: {gaps}')


@rows('9293-EV-33')
def longer_than_the_user_timeout(p):
	"""... which is for data that nobody acknowledges: a recovery that goes on may take its time."""
	c = connection(p, rtt=0.6, user_timeout=2000)
	first = flight(c, 10)
	for end in 8, 9, 10:
		c.send('A', ack=first, options=sack(first, (7, end)))
	for acked in range(1, 7):
		time.sleep(0.5)
		c.send('A', ack=first + acked * SIZE, options=sack(first, (7, 10)))
		equal(tcp_info(c.sock).ca_state, RECOVERY, f'state when {acked} are acknowledged')
	c.drain()
	c.send('A', ack=first + 10 * SIZE)
	c.alive()
