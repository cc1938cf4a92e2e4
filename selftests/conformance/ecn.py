# SPDX-License-Identifier: GPL-2.0
"""Explicit congestion notification: RFC 3168, what RFC 8311 changed in it, and AccECN, RFC 9768."""
import contextlib
import socket
import struct

from peer import (SYSCTL, Skip, ahead, check, connected, equal, near, netstat, option, pattern, rows,
		  seq32, setopt, write)

SIZE = 1000
NOT_ECT, ECT1, ECT0, CE = range(4)
OFFER = (('MSS', SIZE), ('SAckOK', b''))
ECN_OK, ECN_SEEN = 8, 16		# TCPI_OPT_*
OPEN, DISORDER, CWR, RECOVERY = range(4)


class Info:
	"""The parts of struct tcp_info that tell of ECN."""

	def __init__(self, sock):
		raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
		words = struct.unpack_from('=24I', raw, 8)
		self.state, self.options = raw[1], raw[5]
		self.ssthresh, self.cwnd = words[17], words[18]


def field(segment):
	return segment.tos & 3


def passive(p, flags='SEC', answer='SAE', tos=0, **options):
	"""A listener has answered a SYN with these flags with those, and the connection stands."""
	listener = p.listen(**options)
	c = p.conn(listener)
	c.send(flags, options=OFFER, tos=tos)
	c.syn = c.expect(answer)
	equal(field(c.syn), NOT_ECT, 'ECN field of the SYN,ACK')
	c.opened()
	return c


def active(p, answer='SAE', flags='SEC', options=OFFER):
	c = p.syn_sent(flags=flags)
	equal(field(c.syn), NOT_ECT, 'ECN field of the SYN')
	c.send(answer, options=options)
	equal(field(c.expect('A')), NOT_ECT, 'ECN field of the ACK')
	connected(c.sock)
	return c


def agreed(c, yes, flags='A'):
	"""Whether both ends use ECN, in what the kernel says and in what it sends."""
	equal(bool(Info(c.sock).options & ECN_OK), yes, 'TCPI_OPT_ECN')
	c.sock.send(b'data')
	s = c.expect(flags, b'data')
	equal(field(s), ECT0 if yes else NOT_ECT, 'ECN field of data')
	c.send('A')
	c.send('PA', b'marked', tos=CE)
	c.expect('AE' if yes else 'A')


@rows('3168-1', '3168-2', '3168-3', '3168-14', '3168-15', '9293-SHLD-8')
def passive_open(p):
	"""Only ECE and CWR together ask; ECE alone agrees, if the sysctl lets it."""
	for setting in (1, 2):
		with p.sysctl('ecn', setting):
			agreed(passive(p), True)
			for flags in ('S', 'SE', 'SC'):
				agreed(passive(p, flags, 'SA'), False)
	with p.sysctl('ecn', 0):
		agreed(passive(p, 'SEC', 'SA'), False)


@rows('3168-2', '3168-14')
def ecn_capable_syn(p):
	"""A SYN must not be ECN-capable: one that is has met something that plays with the field."""
	for tos in (ECT0, ECT1, CE):
		agreed(passive(p, 'SEC', 'SA', tos=tos), False)


@rows('3168-1', '3168-14', '3168-15', '9293-SHLD-8')
def active_open(p):
	"""ECE alone agrees; both flags, as a host sends that reflects what it does not know, do not."""
	with p.sysctl('ecn', 1):
		agreed(active(p), True)
		for answer in ('SA', 'SAEC', 'SAC'):
			agreed(active(p, answer), False)
	for setting in (0, 2):
		with p.sysctl('ecn', setting):
			agreed(active(p, 'SA', 'S'), False)
			agreed(active(p, 'SAE', 'S'), False)


@rows('3168-15')
def per_route(p):
	"""The route's feature asks for ECN where the sysctl does not."""
	with p.route('features', 'ecn'):
		agreed(active(p), True)
		with p.sysctl('ecn', 0):
			agreed(passive(p), True)


@rows('3168-1', '3168-14')
def both_open(p):
	"""Both ends open at once: each SYN asks, each SYN,ACK agrees."""
	with p.sysctl('ecn', 1):
		c = p.syn_sent(flags='SEC')
		c.send('SEC', options=OFFER)
		c.expect('SAE', seq=c.syn.seq)
		c.send('A')
		connected(c.sock)
		agreed(c, True)
		c = p.syn_sent(flags='SEC')
		c.send('S', options=OFFER)
		c.expect('SA', seq=c.syn.seq)
		c.send('A')
		connected(c.sock)
		agreed(c, False)


@rows('3168-13')
def fallback(p):
	"""A SYN that is not answered comes again without the flags, and an answer to either counts."""
	with p.sysctl('ecn', 1):
		for answer, yes in (('SA', False), ('SAE', True)):
			c = p.syn_sent(flags='SEC')
			again = c.expect('S', seq=c.syn.seq)
			near(again.at - c.syn.at, 1, what='the SYN again after')
			c.send(answer, options=OFFER)
			c.expect('A')
			connected(c.sock)
			agreed(c, yes, 'AC' if yes else 'A')	# the timeout reduced the window
		with p.sysctl('ecn_fallback', 0):
			c = p.syn_sent(flags='SEC')
			c.expect('SEC', seq=c.syn.seq)


@rows('3168-3', '3168-4', '3168-5', '8311-2', '9293-SHLD-22')
def which_packets(p):
	"""Data is ECN-capable, the first time: not SYN, ACK, FIN, or what is sent again. The program's
	DSCP is left alone, and the program cannot set the field."""
	c = passive(p, tos=0)
	setopt(c.sock, tos=0xb8 | CE)
	c.sock.send(b'hello')
	s = c.expect('A', b'hello')
	equal(s.tos, 0xb8 | ECT0, 'TOS of data')
	s = c.expect('A', b'hello', seq=s.seq)
	equal(s.tos, 0xb8, 'TOS of data sent again')
	c.send('A')
	c.send('PA', b'hello')
	equal(c.expect_ack().tos, 0xb8, 'TOS of an ACK')
	c.sock.shutdown(socket.SHUT_WR)
	equal(c.expect('FA').tos, 0xb8, 'TOS of a FIN')


@rows('3168-6')
def window_probe(p):
	"""Neither ECN-capable nor CWR."""
	c = passive(p)
	c.sock.send(b'data')
	c.expect('A', b'data')
	c.send('AE', win=0)		# a reduction is due to be told, but not by a probe
	c.sock.send(b'more')
	probe = c.next()
	check('C' not in probe.names, 'CWR on a probe')
	equal(field(probe), NOT_ECT, 'ECN field of a probe')
	c.send('A')
	s = c.expect('AC', b'more')
	equal(field(s), ECT0, 'ECN field of new data')


@rows('3168-7', '9293-SHLD-8')
def echo(p):
	"""ECE on all that acknowledges, from a mark to CWR; a mark on what brings CWR is a new one."""
	c = passive(p)
	c.send('PA', b'one', tos=ECT0)
	c.expect_ack()
	c.send('PA', b'two', tos=CE)
	c.expect('AE')
	for tos in (ECT0, NOT_ECT, CE):
		c.send('PA', b'more', tos=tos)
		c.expect('AE')
	c.sock.send(b'data')
	c.expect('AE', b'data')
	c.send('PAC', b'told', tos=ECT0)
	c.expect('A')
	c.send('PA', b'again', tos=CE)
	c.expect('AE')
	c.send('PAC', b'both', tos=CE)
	c.expect('AE')
	c.send('AC')			# Linux takes it from a pure ACK as well
	c.send('PA', b'last', tos=ECT0)
	c.expect('A')


@rows('3168-7')
def delayed_ack(p):
	"""One ACK for two segments: a mark on either is echoed."""
	for first, second in ((ECT0, CE), (CE, ECT0)):
		c = passive(p)
		c.send('A', pattern(SIZE), tos=first)
		c.send('PA', pattern(SIZE), tos=second)
		end = c.seq
		acks = c.drain()
		equal(acks[-1].ack, end, 'acknowledged')
		equal(acks[-1].names, 'AE', 'flags')


@rows('3168-7')
def mark_is_acknowledged_at_once(p):
	"""The sender may have a window of one segment, and must not wait for a delayed ACK; likewise
	after CWR, and for what may be a retransmission."""
	c = passive(p)
	for tos, flags, want in ((ECT0, 'PA', None), (CE, 'PA', 'AE'), (ECT0, 'PAC', 'A'),
				 (NOT_ECT, 'PA', 'A')):
		c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
		c.send(flags, b'x', tos=tos)
		acks = c.drain()
		if want:
			equal([s.names for s in acks], [want], f'at once after {flags} with {tos}')
		else:
			equal(acks, [], 'ACKs at once')
			c.expect('A')


@rows('3168-8')
def mark_outside_of_the_window(p):
	"""Ignored, as the rest of such a segment."""
	c = passive(p)
	c.send('PA', b'data', tos=ECT0)
	c.expect_ack()
	c.send('PA', b'far away', seq=c.seq + (1 << 30), tos=CE)
	c.expect('A')
	c.send('PA', b'data', seq=c.seq - 4, tos=CE)
	c.expect('A')
	c.send('PA', b'more', tos=ECT0)
	c.expect('A')


@rows('3168-7')
def mark_out_of_order(p):
	"""It is in the window, so it counts."""
	c = passive(p)
	c.send('PA', b'later', seq=c.seq + 4, tos=CE)
	c.expect('AE')


def flight(p, segments):
	"""A connection with ECN that has so many segments in flight, all that its window allows."""
	c = passive(p)
	setopt(c.sock, nodelay=1)
	first = c.ack
	c.write(pattern(SIZE * 60))
	out = c.drain()
	equal(len(out), segments, 'initial window')
	check(all(field(s) == ECT0 for s in out), 'all data is ECN-capable')
	return c, first


@rows('3168-9', '3168-10', '9293-SHLD-8')
def one_reduction_a_window(p):
	"""ECE on each ACK of a window: it is halved once, which the first new segment tells; once CWR has
	been acknowledged, another mark halves it again."""
	c, first = flight(p, 10)
	out = []
	for i in range(1, 11):
		c.send('AE', ack=first + i * SIZE)
		out += c.drain()
		info = Info(c.sock)
		equal((info.state, info.ssthresh), (CWR, 5), f'state and ssthresh after ACK {i}')
	check(4 <= len(out) <= 7, f'{len(out)} segments for ten acknowledged')
	equal([s.names for s in out], ['AC'] + ['A'] * (len(out) - 1), 'flags of new data')
	c.send('A', ack=first + 11 * SIZE)
	out = c.drain()
	info = Info(c.sock)
	equal((info.state, info.ssthresh), (OPEN, 5), 'state and ssthresh')
	check(5 <= info.cwnd <= 6, f'window {info.cwnd}')
	check(out and all(s.names == 'A' for s in out), 'told twice')
	c.send('AE', ack=first + 12 * SIZE)
	out = c.drain()
	equal(Info(c.sock).ssthresh, info.cwnd // 2, 'ssthresh after another mark')
	equal([s.names for s in out][:1], ['AC'], 'flags of new data')


@rows('3168-11', '9438-7')
def two_segments_are_left(p):
	"""However many windows are marked: where RFC 3168 would go on to one segment an RTO, two a round
	trip are the least."""
	c, _ = flight(p, 10)
	for _ in range(12):
		c.send('AE', ack=c.ack)
		c.drain()
	equal((Info(c.sock).cwnd, Info(c.sock).ssthresh), (2, 2), 'window and ssthresh')
	c.send('AE', ack=c.ack)
	equal(len(c.drain()), 2, 'segments for a window of marks')


@rows('3168-12')
def no_growth(p):
	"""An ACK with ECE does not open the window, however much it acknowledges."""
	c, first = flight(p, 10)
	c.send('AE', ack=first + 10 * SIZE)
	c.drain()
	check(Info(c.sock).cwnd <= 10, f'window {Info(c.sock).cwnd}')
	c.send('AE', ack=c.ack)
	c.drain()
	check(Info(c.sock).cwnd <= 10, f'window {Info(c.sock).cwnd}')


@rows('3168-10', '3168-5')
def reduction_after_a_loss(p):
	"""CWR goes on the first new segment, not on what is sent again, which is not ECN-capable."""
	c, first = flight(p, 10)
	edges = [seq32(first + SIZE), seq32(first + 4 * SIZE)]
	sack = [('NOP', None), ('NOP', None), ('SAck', tuple(edges))]
	c.send('A', ack=first, options=sack)
	out = c.drain()
	check(out and out[0].seq == first, 'nothing was sent again')
	equal((out[0].names, field(out[0])), ('A', NOT_ECT), 'what is sent again')
	c.send('A', ack=first + 10 * SIZE)
	out += c.drain()
	new = [s for s in out if ahead(s.seq, first) >= 10 * SIZE]
	check(new, 'no new data')
	equal([s.names for s in new], ['AC'] + ['A'] * (len(new) - 1), 'flags of new data')
	check(all(field(s) == ECT0 for s in new), 'new data is ECN-capable')


@rows('3168-10')
def reduction_after_a_timeout(p):
	c = passive(p)
	c.sock.send(b'lost')
	s = c.expect('A', b'lost')
	s = c.expect('A', b'lost', seq=s.seq)
	s = c.expect('A', b'lost', seq=s.seq)		# the first may have been a probe
	equal(field(s), NOT_ECT, 'what is sent again')
	c.send('A')
	c.sock.send(b'new')
	c.expect('AC', b'new')


@rows('8311-3')
def ect1(p):
	"""ECT(1) is as good as ECT(0)."""
	c = passive(p)
	equal(Info(c.sock).options & ECN_SEEN, 0, 'TCPI_OPT_ECN_SEEN')
	c.send('PA', b'data', tos=ECT1)
	c.expect('A')
	equal(Info(c.sock).options & ECN_SEEN, ECN_SEEN, 'TCPI_OPT_ECN_SEEN')


@rows('3168-10', '3168-3')
def large_buffers(p):
	"""CWR is on the first segment of a large write only."""
	c, first = flight(p, 10)
	c.send('AE', ack=first + SIZE)
	c.drain()
	c.send('A', ack=c.ack)
	c.drain()
	c.send('A', ack=c.ack)
	c.drain()
	c.sock.send(pattern(100))
	c.send('AE', ack=c.ack)
	out = c.drain()
	check(len(out) > 2, f'only {len(out)} segments')
	equal(sum('C' in s.names for s in out), 1, 'segments with CWR')
	check('C' in out[0].names, 'CWR is on the first')


@rows('3168-2')
def no_ecn_no_echo(p):
	"""Without agreement ECE and CWR mean nothing, and data is not ECN-capable."""
	c = passive(p, 'S', 'SA')
	c.write(pattern(SIZE * 60))
	out = c.drain()
	equal({field(s) for s in out}, {NOT_ECT}, 'ECN fields')
	c.send('AE', ack=out[0].seq + SIZE)
	c.drain()
	equal(Info(c.sock).state, OPEN, 'state')


def dctcp(p, active=False):
	"""A connection with DCTCP."""
	try:
		if active:
			c = p.syn_sent(flags='SEC', congestion=b'dctcp')
			equal(field(c.syn), ECT0, 'ECN field of the SYN')
			c.send('SAE', options=OFFER, tos=ECT0)
			equal(field(c.expect('A')), ECT0, 'ECN field of the ACK')
			connected(c.sock)
			return c
		listener = p.listen(congestion=b'dctcp')
	except FileNotFoundError:
		raise Skip('no DCTCP') from None
	c = p.conn(listener)
	c.send('SEC', options=OFFER, tos=ECT0)
	c.syn = c.expect('SAE')
	equal(field(c.syn), ECT0, 'ECN field of the SYN,ACK')
	c.send('A', tos=ECT0)
	c.sock = p.accept(listener)
	return c


@rows('8311-1', '8311-2', '3168-15')
def dctcp_marks_all(p):
	"""Every packet of DCTCP's is ECN-capable, whatever the sysctl says (RFC 8257 §3.5)."""
	with p.sysctl('ecn', 0):
		for active in (True, False):
			c = dctcp(p, active)
			c.sock.send(b'data')
			s = c.expect('A', b'data')
			equal(field(s), ECT0, 'ECN field of data')
			equal(field(c.expect('A', b'data', seq=s.seq)), ECT0, 'of data sent again')
			c.send('A')
			c.send('PA', b'data', tos=ECT0)
			equal(field(c.expect_ack()), ECT0, 'ECN field of an ACK')


@rows('8311-1')
def dctcp_echo(p):
	"""The echo follows the marks: where they begin or end, what came before is acknowledged by
	itself, at once (RFC 8257 §3.2)."""
	c = dctcp(p)
	c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
	flags = 'A'
	for tos, want in ((ECT0, 'A'), (CE, 'AE'), (ECT0, 'A'), (CE, 'AE')):
		c.send('PA', b'x', tos=tos)
		acks = c.drain()
		if want != flags:		# one for what was owed, with the echo of before
			equal([(s.names, s.ack) for s in acks],
			      [(want, c.seq)] if not owed else [(flags, seq32(c.seq - 1)), (want, c.seq)],
			      'ACKs at a change')
		flags = want
		c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
		c.send('PA', b'x', tos=tos)
		owed = not c.drain()
	check(owed, 'no ACK was delayed')


@rows('3168-1', '4987-4')
def cookie(p):
	"""A SYN cookie remembers ECN in its timestamp, and without one does without."""
	with p.sysctl('syncookies', 2):
		for stamps in (True, False):
			listener = p.listen()
			c = p.conn(listener)
			c.tsval = 1000 if stamps else None
			c.send('SEC', options=OFFER + ((('Timestamp', (1000, 0)),) if stamps else ()))
			c.expect('SAE' if stamps else 'SA')
			c.opened()
			agreed(c, stamps)


# --- AccECN: RFC 9768 -------------------------------------------------------------------------

SHAKE = {NOT_ECT: 2, ECT1: 3, ECT0: 4, CE: 6}	# what tells a SYN's or SYN,ACK's field
ACCECN0, ACCECN1 = 172, 174


def ace(n):
	"""The flags of this value of the ACE field."""
	return ''.join(flag for bit, flag in ((4, 'N'), (2, 'C'), (1, 'E')) if n & bit)


def ace_of(segment):
	return sum(bit for bit, flag in ((4, 'N'), (2, 'C'), (1, 'E')) if flag in segment.names)


@contextlib.contextmanager
def accurate(p, setting=3):
	with p.sysctl('ecn', 2):
		try:
			write(SYSCTL + 'ecn', setting)
		except OSError:
			raise Skip('no AccECN') from None
		yield


def accecn_passive(p, tos=NOT_ECT, third=NOT_ECT, options=OFFER, **opts):
	"""A listener has agreed to AccECN."""
	listener = p.listen(**opts)
	c = p.conn(listener)
	c.send('SNCE', options=options, tos=tos)
	c.syn = c.expect('SA' + ace(SHAKE[tos]))
	equal(field(c.syn), NOT_ECT, 'ECN field of the SYN,ACK')
	c.send('A' + ace(SHAKE[third]))
	c.sock = p.accept(listener)
	return c


def accecn_active(p, answer=2, tos=NOT_ECT):
	c = p.syn_sent(flags='SNCE')
	c.send('SA' + ace(answer), options=OFFER, tos=tos)
	c.third = c.next()
	check('A' in c.third.names, 'no ACK')
	connected(c.sock)
	return c


def data_field(c):
	"""The ECN field of new data, and its flags."""
	c.sock.send(b'data')
	s = c.next()
	equal(s.data, b'data', 'data')
	c.advance(s)
	c.send('A' + ace(5))
	return field(s), ace_of(s)


@rows('9768-1', '9768-7')
def accecn_accepted(p):
	"""The SYN,ACK tells in which state the SYN came, and the counter begins with 5."""
	with accurate(p):
		for tos in SHAKE:
			equal(data_field(accecn_passive(p, tos)), (ECT0, 5), f'data after a SYN with {tos}')


@rows('9768-3')
def accecn_reserved_syn(p):
	"""Flags that mean nothing yet ask for AccECN; none, or classic ECN's, do not."""
	with accurate(p):
		for flags in (1, 2, 4, 5, 6, 7):
			listener = p.listen()
			c = p.conn(listener)
			c.send('S' + ace(flags), options=OFFER)
			c.expect('SA' + ace(2))
			c.send('A' + ace(2))
			c.sock = p.accept(listener)
			equal(data_field(c), (ECT0, 5), f'data after SYN with {flags}')
		agreed(passive(p), True)
		agreed(passive(p, 'S', 'SA'), False)


@rows('9768-2', '9768-1')
def accecn_asked(p):
	"""Table 2: what each SYN,ACK makes of our SYN."""
	with accurate(p):
		for answer in (0, 7):
			equal(data_field(accecn_active(p, answer)), (NOT_ECT, 0), f'after {answer}')
		c = accecn_active(p, 1)
		agreed(c, True)
		for answer in (2, 5):
			equal(data_field(accecn_active(p, answer)), (ECT0, 5), f'after {answer}')
	with accurate(p, 4):
		agreed(active(p), True)
	with accurate(p, 5):
		agreed(active(p, 'SA', 'S'), False)


@rows('9768-6')
def accecn_third_ack(p):
	"""The ACK of the SYN,ACK tells how that came; the counter goes on from there."""
	with accurate(p):
		for tos, want in SHAKE.items():
			c = accecn_active(p, tos=tos)
			equal((ace_of(c.third), c.third.data), (want, b''), f'ACK of a SYN,ACK with {tos}')
			c.send('SA' + ace(2), seq=c.iss, options=OFFER, tos=tos)	# once more
			s = c.next()
			equal(ace_of(s), want, 'the ACK once more')
			equal(data_field(c)[1], 6 if tos == CE else 5, 'counter')


@rows('9768-2', '9768-6')
def accecn_mangled(p):
	"""A field that changes on the way is no more used, but the peer's marks are still counted."""
	with accurate(p):
		equal(data_field(accecn_active(p, SHAKE[ECT0])), (NOT_ECT, 5), 'after a mangled SYN')
		c = accecn_passive(p, third=ECT0)
		equal(data_field(c), (NOT_ECT, 5), 'after a mangled SYN,ACK')
		c.send('PA' + ace(5), b'x', tos=CE)
		equal(ace_of(c.next()), 6, 'counter after a mark')


@rows('9768-7')
def accecn_counts(p):
	"""Marks are counted, on data and ACKs, and CWR stops nothing."""
	with accurate(p):
		c, marks = accecn_passive(p), 5
		for n in (1, 3, 2, 5):
			for _ in range(n):
				c.send('PA' + ace(5), b'x', tos=CE)
			marks += n
			equal(ace_of(c.drain()[-1]), marks & 7, 'counter')
		for tos in (ECT0, NOT_ECT, ECT1):
			c.send('PA' + ace(5), b'x', tos=tos)
			equal(ace_of(c.drain()[-1]), marks & 7, 'counter')
		c.send('A' + ace(5), tos=CE)
		equal(data_field(c)[1], (marks + 1) & 7, 'counter on data')


@rows('9768-8')
def accecn_acks(p):
	"""At once where marks begin, for the second one since, and for the third on ACKs."""
	with accurate(p):
		c = accecn_passive(p)

		def acks(flags, data, tos):
			c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
			c.send(flags + ace(5), data, tos=tos)
			return len(c.drain())
		equal(acks('PA', b'x', ECT0), 0, 'ACKs of unmarked data')
		c.next()
		equal(acks('PA', b'x', CE), 1, 'ACKs where marks begin')
		equal(acks('PA', b'x', CE), 0, 'ACKs of the next')
		equal(acks('PA', b'x', CE), 1, 'ACKs of the second')
		c.quiet(0.1)
		equal([acks('A', b'', CE) for _ in range(3)], [0, 0, 1], 'ACKs of marked ACKs')


@rows('9768-13', '9768-7')
def accecn_reaction(p):
	"""One reduction a window, that is not told by CWR: those flags are the counter."""
	with accurate(p):
		c = accecn_passive(p)
		setopt(c.sock, nodelay=1)
		first = c.ack
		c.write(pattern(SIZE * 60))
		equal(len(c.drain()), 10, 'initial window')
		out = []
		for i in range(1, 11):
			c.send('A' + ace(5 + i & 7), ack=first + i * SIZE)
			out += c.drain()
			info = Info(c.sock)
			equal((info.state, info.ssthresh), (CWR, 5), f'state and ssthresh after ACK {i}')
		check(4 <= len(out) <= 7, f'{len(out)} segments for ten acknowledged')
		equal({ace_of(s) for s in out}, {5}, 'counter on data')
		equal({field(s) for s in out}, {ECT0}, 'ECN field of data')
		c.send('A' + ace(15 & 7), ack=first + 11 * SIZE)
		c.drain()
		equal((Info(c.sock).state, Info(c.sock).ssthresh), (OPEN, 5), 'state and ssthresh')


@rows('9768-7')
def accecn_reordered(p):
	"""Of data that acknowledges nothing new the last to come may be the older: one less is not seven
	more."""
	with accurate(p):
		for offer, tsval in (OFFER, None), (OFFER + (('Timestamp', (1000, 0)),), 1001):
			c = accecn_passive(p, options=offer)
			before, c.tsval = netstat('TCPDeliveredCE'), tsval
			c.sock.send(b'data')
			c.expect('A' + ace(5), b'data')
			for late, data in (1, b'y'), (0, b'x'):
				c.tsval = tsval and tsval + 1 + late
				c.send('PA' + ace(5 + late), data, seq=c.seq + late, ack=c.ack - 4)
			c.seq += 2
			c.send('A' + ace(6))
			p.barrier()
			equal(netstat('TCPDeliveredCE') - before, 1, f'marks with timestamp {tsval}')


@rows('9768-6')
def accecn_third_ack_again(p):
	"""The ACK of a SYN,ACK that came again tells how that came: it is no counter, whatever its time."""
	with accurate(p):
		c = accecn_passive(p, options=OFFER + (('Timestamp', (1000, 0)),))
		before, c.tsval = netstat('TCPDeliveredCE'), 1001
		c.sock.send(b'data')
		c.expect('A' + ace(5), b'data')
		c.tsval += 1
		c.send('A' + ace(SHAKE[NOT_ECT]), ack=c.ack - 4)
		c.send('A' + ace(5))
		p.barrier()
		equal(netstat('TCPDeliveredCE'), before, 'marks')


@rows('9768-13', '9768-2')
def accecn_zeroed(p):
	"""A first ACK without any of the flags: no reaction to what follows, and no ECT."""
	with accurate(p):
		listener = p.listen()
		c = p.conn(listener)
		c.send('SNCE', options=OFFER)
		c.expect('SA' + ace(2))
		c.opened()
		c.write(pattern(SIZE * 60))
		out = c.drain()
		equal({field(s) for s in out}, {NOT_ECT}, 'ECN field of data')
		c.send('A' + ace(3), ack=out[0].seq + SIZE)
		c.drain()
		equal(Info(c.sock).state, OPEN, 'state')


@rows('9768-5')
def accecn_two_kinds_of_syn(p):
	with accurate(p):
		for first, second, answer in (('SNCE', 'SEC', 2), ('SEC', 'SNCE', 1)):
			listener = p.listen()
			c = p.conn(listener)
			c.send(first, options=OFFER)
			c.expect('SA' + ace(answer))
			c.send(second, seq=c.iss, options=OFFER)
			equal(c.next().names.replace('A', ''), 'R', f'answer to {second} after {first}')
			c.expect_state('CLOSED')


@rows('9768-5', '9768-1')
def accecn_syn_again(p):
	"""The latest SYN's field is told; one without the flags leaves the mode, but ends our ECT."""
	with accurate(p):
		listener = p.listen()
		c = p.conn(listener)
		c.send('SNCE', options=OFFER)
		c.expect('SA' + ace(2))
		c.send('SNCE', seq=c.iss, options=OFFER, tos=CE)
		equal(ace_of(c.next()), SHAKE[CE], 'flags after a marked SYN')
		c.send('S', seq=c.iss, options=OFFER)
		equal(ace_of(c.next()), SHAKE[NOT_ECT], 'flags after a SYN without')
		c.send('A' + ace(2))
		c.sock = p.accept(listener)
		equal(data_field(c), (NOT_ECT, 5), 'data')


@rows('9768-4')
def accecn_syn_fallback(p):
	"""A SYN is repeated with the flags once, then without, and keeps its number."""
	with accurate(p):
		c = p.syn_sent(flags='SNCE')
		c.expect('SNCE', seq=c.syn.seq)
		c.expect('S', seq=c.syn.seq)


def accecn_option(segment):
	"""Kind and counters of the option, or None."""
	for kind in (ACCECN0, ACCECN1):
		value = option(segment, kind)
		if value is not None:
			return kind, [int.from_bytes(value[i:i + 3], 'big') for i in range(0, len(value), 3)]
	return None


@rows('9768-9', '9768-10')
def accecn_options(p):
	"""Not on the SYN; on SYN,ACK, first ACK and first data; then the bytes that came with each field,
	those that never came left out."""
	with accurate(p):
		c = accecn_active(p)
		equal(accecn_option(c.syn), None, 'option on the SYN')
		equal(accecn_option(c.third), (ACCECN0, [1]), 'option on the first ACK')
		c = accecn_passive(p)
		equal(accecn_option(c.syn), (ACCECN0, [1, 0, 1]), 'option on the SYN,ACK')
		c.sock.send(b'data')
		s = c.next()
		equal(accecn_option(s), (ACCECN0, [1]), 'option on the first data')
		c.advance(s)
		for tos, size, want in ((ECT0, 100, [101]), (CE, 10, [101, 10]), (NOT_ECT, 5, None),
					(ECT0, 7, [108, 10]), (ECT1, 3, [108, 10, 4])):
			c.send('PA' + ace(5), pattern(size), tos=tos)
			equal(accecn_option(c.next()), want and (ACCECN0, want), f'option after {tos}')
		c = accecn_passive(p)
		data_field(c)
		c.send('PA' + ace(5), pattern(10), tos=ECT1)
		equal(accecn_option(c.next()), (ACCECN1, [11]), 'option after ECT(1)')
		with p.sysctl('ecn_option', 0):
			c = accecn_passive(p)
			equal(accecn_option(c.syn), None, 'option on the SYN,ACK')
			c.send('PA' + ace(5), pattern(10), tos=ECT0)
			equal(accecn_option(c.next()), None, 'option')


@rows('9768-9')
def accecn_option_read(p):
	"""The option tells marks that the counter alone leaves open, whatever its length."""
	with accurate(p):
		for tail in (b'', b'\0'):
			c = accecn_passive(p)
			setopt(c.sock, nodelay=1)
			first = c.ack
			c.write(pattern(SIZE * 60))
			c.drain()
			def counters(ceb):
				body = bytes([0, 0, 1]) + ceb.to_bytes(3, 'big') + tail
				return bytes([ACCECN0, 2 + len(body)]) + body + b'\1' * (-(2 + len(body)) % 4)
			# Ten at once and no mark: without the option eight marks would be the safest case.
			c.send('A' + ace(5), ack=first + 10 * SIZE, options=counters(0))
			c.drain()
			equal(Info(c.sock).state, OPEN, 'state without marks')
			c.send('A' + ace(6), ack=c.ack, options=counters(SIZE))
			c.drain()
			equal(Info(c.sock).state, CWR, 'state after a mark')


@rows('9768-11')
def accecn_synack_fallback(p):
	"""A SYN,ACK that is not answered comes again without the option, then without the flags."""
	with accurate(p):
		listener = p.listen()
		c = p.conn(listener)
		c.send('SNCE', options=OFFER)
		s = c.expect('SA' + ace(2))
		check(accecn_option(s), 'no option')
		s = c.expect('SA' + ace(2), seq=s.seq)
		equal(accecn_option(s), None, 'option on the second SYN,ACK')
		c.expect('SA', seq=s.seq)
		c.send('A' + ace(2))
		c.sock = p.accept(listener)
		equal(data_field(c), (NOT_ECT, 5), 'data')


@rows('9768-12')
def accecn_option_and_sack(p):
	"""With timestamps and three SACK blocks there is no room, and SACK goes before."""
	with accurate(p):
		c = accecn_passive(p, options=OFFER + (('Timestamp', (1000, 0)),))
		c.tsval = 1001
		for n in (1, 2, 3):
			c.send('A' + ace(5), b'xx', seq=c.seq + 10 * n, tos=CE)
			s = c.drain()[-1]
			equal(len(option(s, 'SAck')) // 2, n, 'SACK blocks')
			equal(accecn_option(s) is not None, n < 3, f'option beside {n} SACK blocks')
