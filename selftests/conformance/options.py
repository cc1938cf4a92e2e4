# SPDX-License-Identifier: GPL-2.0
"""TCP options: RFC 9293 §3.1 and §3.2, RFC 7323, RFC 2018, RFC 2883."""
import errno
import struct
import time

from peer import (MSS, Peer, Skip, ahead, check, equal, later, near, option, pattern, poll_events,
		  raises, rows, seq32, slow, tcp_info, until)

MSS_1000 = b'\x02\x04\x03\xe8'


def largest(c):
	"""The size of the segments that come: what the other side made of our MSS."""
	data = pattern(6000)
	c.write(data)
	return max(len(s.data) for s in c.expect_data(data))


def opened_with(p, options):
	listener = p.listen()
	c = p.conn(listener)
	c.send('S', options=options)
	c.syn = c.expect('SA')
	c.opened()
	return c


@rows('9293-MUST-4', '9293-MUST-14')
def padding(p):
	"""MSS after, before and between NOPs, with an end-of-list after it."""
	for options in (b'\1\1\1\1' + MSS_1000, MSS_1000 + b'\1\1\1\1', b'\1' + MSS_1000 + b'\1\1\0',
			MSS_1000 + b'\0\0\0\0', b'\1\1' + MSS_1000 + b'\0\0'):
		equal(largest(opened_with(p, options)), 1000, f'segments with {options.hex()}')


@rows('9293-MUST-4')
def nothing_after_the_end(p):
	"""What follows the end of the list is not an option."""
	equal(largest(opened_with(p, b'\0\0\0\0' + MSS_1000)), 536, 'segment size')


@rows('9293-MUST-64')
def unaligned(p):
	"""MSS, window scale, SACK-permitted and timestamps packed without a NOP."""
	options = b'\3\3\7' + MSS_1000 + b'\4\2' + b'\x08\x0a' + struct.pack('!II', 1000, 0) + b'\1'
	c = opened_with(p, options)
	if option(c.syn, 'Timestamp') is not None:
		c.tsval = 1001
	size = 1000 - (12 if c.tsval else 0)
	equal(largest(c), size, 'segment size')


@rows('9293-MUST-6', '9293-MUST-5')
def unknown_kinds(p):
	"""Kinds nobody knows are stepped over, on a SYN and on data."""
	for kind in (9, 70, 200, 252, 253, 254, 255):
		unknown = bytes([kind, 6, 0xde, 0xad, 0xbe, 0xef])
		c = opened_with(p, unknown + MSS_1000 + b'\0\0')
		equal(largest(c), 1000, f'segment size after kind {kind}')
		c.send('PA', b'data', options=unknown + b'\1\1')
		c.expect_ack()
		equal(c.recv(4), b'data', 'data read')


@rows('9293-MUST-5')
def on_every_segment(p):
	"""NOPs and the like on data, ACK, FIN and RST: each is processed."""
	extra = b'\1\1\1\1' + bytes([200, 4, 1, 2])
	c = p.established()
	c.send('PA', b'data', options=extra)
	c.expect_ack()
	equal(c.recv(4), b'data', 'data read')
	c.sock.send(b'data')
	c.expect('A', b'data')
	c.send('A', options=extra)
	c.send('FA', options=extra)
	c.expect_ack()
	c.expect_state('CLOSE_WAIT')
	d = p.established()
	d.send('R', options=extra)
	raises(errno.ECONNRESET, d.sock.recv, 1)


BAD = (b'\2\0\0\0', b'\2\1\0\0', b'\2\5\3\xe8', b'\2\xff\3\xe8', b'\1\1\1\2', b'\3\1\1\1', b'\3\0\0\0',
       b'\x08\0\0\0', b'\x08\x0a\0\0', b'\x05\1\0\0', b'\x05\x0a\0\0', b'\xc8\0\0\0', b'\xc8\1\0\0',
       b'\xc8\xff\0\0', b'\1\1\1\xc8', b'\4\0\0\0', b'\4\1\0\0', b'\4\x28\0\0', b'\x22\0\0\0',
       b'\x22\1\0\0', b'\x1d\0\0\0', b'\x13\1\0\0')


@rows('9293-MUST-7')
def bad_lengths_on_syn(p):
	"""Survived: the SYN is answered, refused or dropped, and the next good one opens."""
	listener = p.listen(backlog=64)
	for bad in BAD:
		c = p.conn(listener)
		c.send('S', options=bad)
		for answer in c.drain():
			check(answer.names in ('SA', 'RA'), f'answer {answer.names} to {bad.hex()}')
			c.send('R')
		good = p.syn_received(listener=listener)
		good.send('R')


@rows('9293-MUST-7')
def bad_lengths_on_data(p):
	"""Survived: the text may be taken, dropped or answered by a reset; here it is dropped or taken."""
	for bad in BAD:
		c = p.established()
		c.send('PA', b'text', seq=c.seq, options=bad)
		p.barrier()
		if c.state() == 'CLOSED':
			continue
		c.drain()
		c.send('PA', b'text')
		c.drain()
		equal(c.recv(4), b'text', f'data read after {bad.hex()}')
		c.alive()


@rows('9293-MUST-7', '9293-MUST-5')
def bad_lengths_on_rst(p):
	for bad in BAD:
		c = p.established()
		c.send('R', seq=c.seq, options=bad)
		p.barrier()
		if c.state() != 'CLOSED':
			c.send('R')
		c.expect_state('CLOSED')


@rows('9293-MUST-65')
def mss_without_syn(p):
	"""Not on a SYN, it says nothing."""
	c = p.established()
	c.send('A', options=b'\2\4\0\x64')
	c.send('PA', b'x', options=b'\2\4\0\x64')
	c.expect_ack()
	equal(largest(c), MSS, 'segment size')


@rows('9293-MUST-7', '9293-MUST-15')
def mss_of_a_wrong_length(p):
	"""An MSS option of three or six bytes is none."""
	equal(largest(opened_with(p, b'\2\3\3\1')), 536, 'segment size')
	equal(largest(opened_with(p, b'\2\6\3\xe8\0\0\1\1')), 536, 'segment size')


@rows('9293-MUST-7')
def mss_of_nothing(p):
	"""An absurd MSS makes no absurd segments: data still arrives, whole."""
	for mss in (0, 1, 12, 40):
		c = p.established(options=[('MSS', mss)])
		c.write(pattern(200))
		c.expect_data(pattern(200))


@rows('7323-2', '7323-3')
def window_scale_only_if_offered(p):
	"""The answer carries it only if the SYN did; no answer, no scaling."""
	c = p.syn_received()
	equal(option(c.syn, 'WScale'), None, 'window scale that was not asked for')
	equal(option(c.syn, 'Timestamp'), None, 'timestamps that were not asked for')
	equal(option(c.syn, 'SAckOK'), None, 'SACK that was not asked for')
	c = p.syn_sent()
	c.win = 3000
	c.send('SA', options=[('MSS', 1000)])		# no window scale: 3000 means 3000
	c.expect('A')
	c.write(pattern(10000))
	size = sum(len(s.data) for s in c.drain())
	check(2000 <= size <= 3000, f'{size} bytes in flight')


def scaled(p, shift, win, **opts):
	c = p.syn_received(options=[('MSS', 1000), ('NOP', None), ('WScale', shift)], win=win, **opts)
	if option(c.syn, 'WScale') is None:
		raise Skip('no window scaling')
	c.opened()
	return c


@rows('7323-5', '7323-3')
def window_scale_of_the_peer(p):
	"""20 << 7 is 2560; in the SYN the window was meant literally."""
	c = scaled(p, 7, 20)
	c.write(pattern(10000))
	size = sum(len(s.data) for s in c.drain())
	check(2000 <= size <= 2560, f'{size} bytes in flight')


@rows('7323-3')
def window_of_a_second_syn(p):
	"""Both open, and the other side's SYN comes again with its ACK: still meant literally."""
	c = p.syn_sent()
	c.win = 2000
	options = [('MSS', 1000), ('NOP', None), ('WScale', 7)]
	c.send('S', options=options)
	c.expect('SA', seq=c.syn.seq)
	c.send('SA', seq=c.iss, options=options)
	c.drain()
	c.write(pattern(10000))
	size = sum(len(s.data) for s in c.drain())
	check(1000 <= size <= 2000, f'{size} bytes in flight')


@rows('7323-4')
def window_scale_too_large(p):
	"""Fifteen and more are taken for fourteen: 1 << 14 is 16384."""
	for shift in (15, 255):
		c = scaled(p, shift, 1)
		c.write(pattern(100000))
		segments = c.drain()
		first, acked, most = segments[0].seq, 0, 0
		while acked < 30000:
			most = max(most, max(ahead(s.seq, first) + len(s.data) for s in segments) - acked)
			acked += 1000
			c.send('A', ack=first + acked, win=1)
			segments += c.drain()
		check(10000 < most <= 16384, f'{most} bytes in flight with shift {shift}')


@rows('7323-1')
def window_scale_without_syn(p):
	c = p.established(win=2500, options=[('MSS', 1000)])
	c.send('A', options=b'\3\3\7\1')
	c.write(pattern(10000))
	check(sum(len(s.data) for s in c.drain()) <= 2500, 'more than the window')


@rows('7323-5', '9293-REC-1')
def window_scale_of_the_sut(p):
	"""The windows told are those of the buffer, shifted: never beyond what can be taken."""
	c = scaled(p, 7, 65535)
	shift = option(c.syn, 'WScale')
	check(0 <= shift <= 14, f'shift {shift}')
	c.send('PA', b'x')
	ack = c.expect_ack()
	check(1000 <= ack.window << shift <= 1 << 30, f'window {ack.window} << {shift}')


def stamped(p, **opts):
	listener = p.listen(**opts)
	c = p.conn(listener)
	c.tsval = 100000
	c.send('S', options=[('MSS', MSS)] + c.timestamp())
	c.syn = c.expect('SA')
	if option(c.syn, 'Timestamp') is None:
		raise Skip('no timestamps')
	equal(option(c.syn, 'Timestamp')[1], 100000, 'TSecr of the SYN,ACK')
	c.tsval += 1
	c.opened()
	return c


def echo(segment):
	stamp = option(segment, 'Timestamp')
	check(stamp is not None, f'no timestamp on {segment.names}')
	return stamp[1]


@rows('7323-7', '7323-8')
def timestamps_on_everything(p):
	"""Data, ACK, FIN: each carries one, and echoes a recent one of ours."""
	c = stamped(p)
	for _ in range(3):
		c.tsval += 10
		c.send('PA', b'data')
		equal(echo(c.expect_ack()), c.tsval, 'TSecr')
		c.sock.send(b'answer')
		equal(echo(c.expect('A', b'answer')), c.tsval, 'TSecr')
		c.tsval += 1
		c.send('A')
	c.recv(12)
	c.sock.close()
	equal(echo(c.expect('FA')), c.tsval, 'TSecr of the FIN')


@rows('7323-7')
def timestamp_of_a_syn_echoes_nothing(p):
	"""TSecr of a SYN is not valid, as it has no ACK."""
	listener = p.listen()
	c = p.conn(listener)
	c.tsval, c.tsecr = 5, 0xdeadbeef
	c.send('S', options=[('MSS', MSS)] + c.timestamp())
	c.expect('SA')


@rows('7323-13')
def paws(p):
	"""An old timestamp: the segment is dropped and an ACK sent, though its number is next."""
	c = stamped(p)
	c.tsval += 100
	c.send('PA', b'new')
	c.expect_ack()
	equal(c.recv(3), b'new', 'data read')
	now, c.tsval = c.tsval, c.tsval - 50
	c.send('PA', b'old', seq=c.seq)
	equal(echo(c.expect('A')), now, 'TSecr')
	c.nothing_to_read()
	c.tsval = now
	c.alive()


@rows('7323-9')
def round_trip_without_echoes(p):
	"""Timestamps in the SYN only, or that echo nothing, or always the same, long ago: the reader's round
	trip is a window's."""
	for options in (), *((('NOP', None), ('NOP', None), ('Timestamp', (200000, echo))) for echo in (0, 1)):
		c = stamped(p, rcvbuf=8192)
		for _ in range(40):
			c.send('PA', pattern(500), options=options)
			c.recv(500)
		check(tcp_info(c.sock).rcv_rtt > 0, 'none is known: the receive buffer would never grow')


@rows('7323-14')
def paws_of_long_ago(p):
	"""After 24 days of silence the timestamp of before says nothing."""
	c = stamped(p)
	c.tsval += 100
	c.send('PA', b'new')
	c.expect_ack()
	equal(c.recv(3), b'new', 'data read')
	c.tsval -= 50
	with later(24 * 86400 - 3600):
		c.send('PA', b'old', seq=c.seq)
		c.expect('A')
		c.nothing_to_read()
	with later(24 * 86400 + 3600):
		c.send('PA', b'old')
		c.expect_ack()
		equal(c.recv(3), b'old', 'data read')
		c.alive()


@rows('7323-12')
def paws_spares_resets(p):
	c = stamped(p)
	c.tsval += 100
	c.send('PA', b'new')
	c.expect_ack()
	c.recv(3)
	c.tsval -= 90
	c.send('R')
	raises(errno.ECONNRESET, c.sock.recv, 1)


@rows('7323-11')
def timestamp_echo_out_of_order(p):
	"""A duplicate ACK echoes the last in order; filling the hole, the filler is echoed."""
	c = stamped(p)
	c.tsval += 1
	c.send('A', pattern(100))
	c.expect_ack()
	last = c.tsval
	c.tsval += 10
	c.send('A', pattern(100), seq=c.seq + 100)
	equal(echo(c.expect('A')), last, 'TSecr of the duplicate ACK')
	c.tsval -= 5			# the filler was sent before
	c.send('A', pattern(100), seq=c.seq)
	filler = c.tsval
	c.seq = seq32(c.seq + 200)
	equal(echo(c.expect('A')), filler, 'TSecr after the hole')


@rows('7323-9')
def timestamps_not_agreed(p):
	"""Without agreement they are ignored, and the segment is processed."""
	c = p.established()
	for tsval in (1000, 5):
		c.send('PA', b'data', options=[('NOP', None), ('NOP', None), ('Timestamp', (tsval, 77))])
		answer = c.expect_ack()
		equal(option(answer, 'Timestamp'), None, 'timestamp of the ACK')
		equal(c.recv(4), b'data', 'data read')


@rows('7323-9')
def timestamp_missing(p):
	"""A segment without one may be dropped or taken, but aborts nothing."""
	c = stamped(p)
	c.send('PA', b'bare', options=())
	p.barrier()
	c.expect_state('ESTABLISHED')


@rows('7323-13')
def timestamp_of_a_syn_is_zero(p):
	"""Some send 0 with their SYN or SYN,ACK, and begin elsewhere: beyond half the circle, too."""
	listener = p.listen()
	c = p.conn(listener)
	c.tsval = 0
	c.send('S', options=[('MSS', MSS)] + c.timestamp())
	if option(c.expect('SA'), 'Timestamp') is None:
		raise Skip('no timestamps')
	c.tsval = 0x90000000
	c.opened()
	d = p.syn_sent()
	d.tsval, d.tsecr = 0, option(d.syn, 'Timestamp')[0]
	d.send('SA', options=[('MSS', MSS)] + d.timestamp())
	d.expect('A')
	d.tsval = 0x90000000
	for c in (c, d):
		c.send('PA', b'new')
		equal(echo(c.expect_ack()), c.tsval, 'TSecr')
		equal(c.recv(3), b'new', 'data read')


@rows('7323-15')
def timestamps_start_anywhere(p):
	"""The clocks of connections at the same time have nothing to do with each other."""
	values = [option(stamped(p).syn, 'Timestamp')[0] for _ in range(4)]
	other = Peer()
	try:
		values.append(option(stamped(other).syn, 'Timestamp')[0])
	finally:
		other.close()
	spread = [abs(ahead(a, b)) for a, b in zip(values, values[1:])]
	check(max(spread) > 100000, f'{values}')


def sacked(segment):
	blocks = option(segment, 'SAck')
	return list(zip(blocks[::2], blocks[1::2])) if blocks else []


def permitted(p):
	c = p.syn_received(options=[('MSS', MSS), ('SAckOK', b'')])
	if option(c.syn, 'SAckOK') is None:
		raise Skip('no SACK')
	c.opened()
	c.alive()
	return c


@rows('2018-2')
def sack_not_permitted(p):
	c = p.established()
	for i in (100, 300, 500):
		c.send('A', pattern(100), seq=c.seq + i)
		equal(sacked(c.expect('A')), [], 'SACK blocks')


@rows('2018-3', '2018-4', '2018-5', '2018-6')
def sack_blocks(p):
	"""The newest first, then the ones before it, four at most."""
	c = permitted(p)
	islands = []
	for i in (100, 300, 500, 700, 900, 1100):
		c.send('A', pattern(100), seq=c.seq + i)
		islands.insert(0, (seq32(c.seq + i), seq32(c.seq + i + 100)))
		answer = c.next()
		equal(answer.ack, c.seq, 'acknowledgement')
		equal(sacked(answer), islands[:4], 'SACK blocks')


@rows('2018-4')
def sack_grows(p):
	"""The block names the whole island that the newest segment belongs to."""
	c = permitted(p)
	c.send('A', pattern(100), seq=c.seq + 100)
	c.next()
	c.send('A', pattern(100), seq=c.seq + 200)
	equal(sacked(c.next()), [(seq32(c.seq + 100), seq32(c.seq + 300))], 'SACK blocks')
	c.send('A', pattern(50), seq=c.seq + 50)
	equal(sacked(c.next()), [(seq32(c.seq + 50), seq32(c.seq + 300))], 'SACK blocks')


def far_away(p):
	"""A connection with SACK whose round trip takes 0.8 s in the eyes of the other side, which no longer
	acknowledges at once what comes in order."""
	listener = p.listen()
	c = p.conn(listener)
	c.tsval = 1000
	c.send('S', options=[('MSS', MSS), ('SAckOK', b'')] + c.timestamp())
	c.syn = c.expect('SA')
	time.sleep(0.8)
	c.opened()
	echo = c.tsecr
	for _ in range(40):		# beyond those that a sender in slow start gets at once
		c.tsecr = echo
		c.send('A', pattern(MSS - 12))
		c.drain()
		c.recv(MSS - 12)
	c.drain()
	c.tsecr = echo
	return c


def behind_a_gap(c, first, segments):
	"""Send these segments of an island behind a gap, from the one of that number."""
	for i in range(first, first + segments):
		c.send('A', pattern(100), seq=c.seq + 100 + 100 * i)


def told(c, segments):
	"""The ACKs until there is one for all of these segments."""
	acks = []
	while not acks or sacked(acks[-1])[0][1] != seq32(c.seq + 100 + 100 * segments):
		acks.append(c.next(what='an ACK for the last'))
	return acks


@rows('5681-8')
def acks_behind_a_gap_are_joined(p):
	"""comp_sack_nr: three ACKs leave at once, of the others so many become one."""
	with p.sysctl('comp_sack_delay_ns', 10**10):
		for most, low, high in ((0, 20, 20), (4, 6, 14), (44, 4, 12)):
			with p.sysctl('comp_sack_nr', most):
				c = far_away(p)
				behind_a_gap(c, 0, 20)
				acks = told(c, 20)
				check(low <= len(acks) <= high, f'{len(acks)} ACKs, joined by {most}')
				equal([sacked(s)[0][1] for s in acks[:3]],
				      [seq32(c.seq + 200 + 100 * i) for i in range(3)], 'ends of the first')


@rows('5681-8')
def acks_behind_a_gap_wait_a_moment(p):
	"""comp_sack_delay_ns: for so long, and no longer than a twentieth of the round trip."""
	for delay, want in ((10**6, 0.001), (20 * 10**6, 0.02), (10**10, 0.04)):
		with p.sysctl('comp_sack_delay_ns', delay):
			c = far_away(p)
			behind_a_gap(c, 0, 3)
			equal(len(c.drain()), 3, 'ACKs at once')
			start = time.monotonic()
			behind_a_gap(c, 3, 1)
			near(told(c, 4)[0].at - start, want, low=0.01, high=0.03, what='delay')


def held_back(p, c):
	"""How long the ACK of the fourth segment behind a gap takes; then the gap is filled."""
	behind_a_gap(c, 0, 3)
	equal(len(c.drain()), 3, 'ACKs at once')
	start = time.monotonic()
	behind_a_gap(c, 3, 1)
	took = told(c, 4)[0].at - start
	c.send('A', pattern(100))
	c.seq = seq32(c.seq + 400)
	c.expect_ack()
	return took


@rows('5681-8')
def acks_behind_a_gap_may_be_late(p):
	"""comp_sack_slack_ns: by so much, unless another timer of that kind is due before, which those of
	the tests beside this one may be."""
	with p.sysctl('comp_sack_delay_ns', 10**6):
		with p.sysctl('comp_sack_slack_ns', 0):
			near(held_back(p, far_away(p)), 0.001, low=0.01, high=0.03, what='delay')
		with p.sysctl('comp_sack_slack_ns', 80 * 10**6):
			c = far_away(p)
			near(max(held_back(p, c) for _ in range(8)), 0.081, low=0.03, high=0.03, what='delay')


@rows('2883-1', '2883-2')
def dsack(p):
	"""A segment that was acknowledged already is reported, once."""
	c = permitted(p)
	c.send('A', pattern(100))
	c.expect_ack()
	c.send('A', pattern(100), seq=c.seq - 100)
	equal(sacked(c.next()), [(seq32(c.seq - 100), c.seq)], 'D-SACK')
	c.send('A', pattern(100), seq=c.seq + 100)
	equal(sacked(c.next()), [(seq32(c.seq + 100), seq32(c.seq + 200))], 'SACK blocks')


@rows('2883-4')
def dsack_in_an_island(p):
	"""A duplicate above the ACK: the duplicate first, its island second."""
	c = permitted(p)
	for i in (100, 200):
		c.send('A', pattern(100), seq=c.seq + i)
		c.next()
	c.send('A', pattern(100), seq=c.seq + 100)
	blocks = sacked(c.next())
	equal(blocks[:2], [(seq32(c.seq + 100), seq32(c.seq + 200)),
			   (seq32(c.seq + 100), seq32(c.seq + 300))], 'SACK blocks')


@rows('2883-1')
def dsack_is_a_setting(p):
	with p.sysctl('dsack', 0):
		c = permitted(p)
		c.send('A', pattern(100))
		c.expect_ack()
		c.send('A', pattern(100), seq=c.seq - 100)
		equal(sacked(c.expect('A')), [], 'blocks')


@rows('2883-3')
def dsack_of_a_part(p):
	"""Half old and half new: the report names the old half exactly."""
	c = permitted(p)
	c.send('A', pattern(100))
	c.expect_ack()
	c.send('A', pattern(100), seq=c.seq - 50)
	old, c.seq = c.seq, seq32(c.seq + 50)
	blocks = sacked(c.expect_ack())
	check(blocks in ([(seq32(old - 50), old)], []), f'blocks {blocks}')


@rows('7323-6')
def window_once_told_stays(p):
	"""With a scaled window: all that was ever offered is taken, whatever the rounding since."""
	c = scaled(p, 7, 65535)
	shift = option(c.syn, 'WScale')
	edge = seq32(c.seq + c.syn.window)
	sent = 0
	while ahead(edge, c.seq) > 0 and sent < 100000:
		size = min(1451, ahead(edge, c.seq))
		c.send('A', pattern(size, sent))
		sent += size
		for ack in c.drain():
			told = seq32(ack.ack + (ack.window << shift))
			edge = told if ahead(told, edge) > 0 else edge
	p.barrier()
	equal(c.recv(sent), pattern(sent), 'data read')


@slow(4)
@rows('7323-10')
def timestamp_of_a_pause(p):
	"""An ACK that acknowledges nothing new is no sample of the RTT, whatever its echo."""
	c = stamped(p)
	c.alive()
	time.sleep(3)
	c.tsval += 3000
	for _ in range(3):
		c.send('PA', b'after a long time')
		c.expect_ack()
	c.sock.send(b'hello')
	sent = c.expect('A', b'hello').at
	again = c.expect('A', b'hello', seq=c.ack - 5)
	check(again.at - sent < 0.6, f'timeout {again.at - sent:.3f} s')


@slow(6)
@rows('5482-3', '5482-5', '5482-8')
def user_timeout_of_the_peer(p):
	"""The option is not asked for, so it changes nothing: neither short, long nor zero."""
	for value in (0x0001, 0x8000 | 0x7fff, 0):
		uto = b'\x1c\x04' + value.to_bytes(2, 'big')
		c = p.established(user_timeout=1500)
		c.send('PA', b'x', options=uto)
		c.expect_ack()
		c.sock.send(b'hello')
		start = c.expect('A', b'hello').at
		until(lambda: poll_events(c.sock) & 8, 'not given up', within=8)
		near(time.monotonic() - start, 1.5, low=0.2, high=0.8, what='given up after')
