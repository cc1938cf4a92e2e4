# SPDX-License-Identifier: GPL-2.0
"""Data, both ways: RFC 9293 §3.4, §3.7 and the text steps of §3.10.7.4."""
import errno
import fcntl
import os
import random
import select
import signal
import socket
import struct

from scapy.layers.inet import IP, IPOption_NOP, IPOption_Router_Alert, fragment

from peer import (MSS, MTU, SUT, WAIT, ahead, check, equal, option, pattern, poll_events, raises,
		  rows, seq32, set_mtu, setopt, until)

FULL = 1460


@rows('9293-EV-09', '5681-9')
def receive(p):
	c = p.established()
	for i in range(10):
		data = pattern(100 + i, i * 1000)
		c.send('PA', data)
		c.expect_ack()
		equal(c.recv(len(data)), data, 'data read')


@rows('9293-MUST-60', '9293-MUST-61')
def send_small(p):
	"""A small write leaves at once, with PSH."""
	c = p.established()
	c.sock.send(b'hello')
	segment = c.expect('A', b'hello')
	check('P' in segment.flags, 'no PSH')
	c.send('A')
	c.alive()


@rows('9293-MUST-61', '9293-SHLD-28')
def send_large(p):
	"""Full segments and a tail, which carries PSH."""
	c = p.established()
	data = pattern(FULL * 3 + 700)
	c.write(data)
	segments = c.expect_data(data)
	equal([len(s.data) for s in segments], [FULL, FULL, FULL, 700], 'segment sizes')
	check('P' in segments[-1].flags, 'no PSH on the last segment')


@rows('9293-SHLD-28', '5681-1', '5681-2')
def send_bulk(p):
	"""All of a megabyte arrives, in full segments."""
	c = p.established(sndbuf=1 << 20)
	data, sent = pattern(1 << 20), 0
	c.sock.setblocking(False)
	start, got, sizes = c.ack, 0, []
	while got < len(data):
		try:
			while sent < len(data):
				sent += c.sock.send(data[sent:sent + 65536])
		except BlockingIOError:
			pass
		for segment in c.burst():
			at = ahead(segment.seq, start)
			check(segment.data == data[at:at + len(segment.data)], 'other bytes than were sent')
			if at == got:			# not what a timer has sent again
				got += len(segment.data)
				sizes.append(len(segment.data))
		c.send('A')
	check(max(sizes) <= FULL, 'a segment larger than the MSS')
	check(sum(size < FULL for size in sizes) <= len(sizes) / 8,
	      f'{sum(size < FULL for size in sizes)} of {len(sizes)} segments are not full')


@rows('9293-MUST-15', '9293-MUST-14')
def mss_default(p):
	"""A peer that does not tell its MSS gets at most 536 bytes a segment."""
	for active in (False, True):
		c = p.established(active=active, options=())
		data = pattern(536 * 3)
		c.write(data)
		segments = c.expect_data(data)
		equal(max(len(s.data) for s in segments), 536, 'largest segment')


@rows('9293-MUST-14', '9293-MUST-16', '9293-MUST-4')
def mss_of_the_peer(p):
	for mss in (100, 536, 1000, 1460, 9000, 65535):
		for active in (False, True):
			c = p.established(active=active, options=[('MSS', mss)])
			size = min(mss, MSS)
			data = pattern(size * 3)
			c.write(data)
			equal(max(len(s.data) for s in c.expect_data(data)), size,
			      f'largest segment with MSS {mss}')


@rows('9293-MUST-16', '6691-2')
def mss_less_options(p):
	"""Timestamps take their twelve bytes from the text."""
	c = p.syn_sent()
	if option(c.syn, 'Timestamp') is None:
		return
	c.tsval, c.tsecr = 1000, option(c.syn, 'Timestamp')[0]
	c.send('SA', options=[('MSS', 1000), ('NOP', None), ('NOP', None)] + c.timestamp()[2:])
	c.expect('A')
	data = pattern(3000)
	c.write(data)
	equal(max(len(s.data) for s in c.expect_data(data)), 1000 - 12, 'largest segment')


@rows('9293-MUST-16')
def mss_of_the_application(p):
	"""TCP_MAXSEG lowers both what is told to the peer and what is sent."""
	c = p.syn_received(maxseg=700)
	equal(option(c.syn, 'MSS'), 700, 'MSS of the SYN,ACK')
	c.opened()
	data = pattern(2100)
	c.write(data)
	equal(max(len(s.data) for s in c.expect_data(data)), 700, 'largest segment')


@rows('9293-SHLD-31', '9293-MAY-13', '9293-MUST-59', '5681-8')
def out_of_order(p):
	"""The second segment first: an ACK at once for each, and the hole filled, one for both."""
	c = p.established()
	first, second = pattern(100), pattern(200, 100)
	c.send('PA', second, seq=c.seq + 100)
	equal(c.expect('A').data, b'', 'the duplicate ACK')
	c.nothing_to_read()
	c.send('A', first, seq=c.seq)
	c.seq = seq32(c.seq + 300)
	c.expect('A')
	c.quiet()
	equal(c.recv(300), first + second, 'data read')


@rows('9293-SHLD-31', '9293-MUST-59', '5681-8')
def out_of_order_many(p):
	"""Twenty segments, all but the first: twenty duplicate ACKs, then one ACK of everything."""
	c = p.established()
	data = pattern(2000)
	for i in range(100, 2000, 100):
		c.send('A', data[i:i + 100], seq=c.seq + i)
		c.expect('A')
	c.send('A', data[:100], seq=c.seq)
	c.seq = seq32(c.seq + 2000)
	c.expect('A')
	c.quiet()
	equal(c.recv(2000), data, 'data read')


@rows('5681-8')
def hole_partly_filled(p):
	"""A hole filled in part is acknowledged at once, too."""
	c = p.established()
	c.alive()
	data = pattern(400)
	c.send('A', data[300:], seq=c.seq + 300)
	c.expect('A')
	c.send('A', data[:100])
	c.expect('A')
	c.send('A', data[100:300])
	c.seq = seq32(c.seq + 100)
	c.expect('A')
	equal(c.recv(400), data, 'data read')


@rows('9293-EV-15', '9293-EV-13')
def duplicate(p):
	"""The same segment again: acknowledged again, delivered once."""
	c = p.established()
	c.send('PA', b'once')
	c.expect_ack()
	c.send('PA', b'once', seq=c.seq - 4)
	c.expect('A')
	equal(c.recv(4), b'once', 'data read')
	c.nothing_to_read()
	c.alive()


@rows('9293-EV-15')
def overlap_left(p):
	"""Old and new in one segment: only the new is taken."""
	c = p.established()
	data = pattern(300)
	c.send('PA', data[:200])
	c.expect_ack()
	c.send('PA', b'?' * 100 + data[200:], seq=c.seq - 100)
	c.seq = seq32(c.seq + 100)
	c.expect_ack()
	equal(c.recv(300), data, 'data read')
	c.nothing_to_read()


@rows('9293-EV-15', '9293-SHLD-31')
def overlap_right(p):
	"""A segment that runs into what is already queued."""
	c = p.established()
	data = pattern(300)
	c.send('PA', data[200:], seq=c.seq + 200)
	c.expect('A')
	c.send('PA', data[:250], seq=c.seq)
	c.seq = seq32(c.seq + 300)
	c.expect('A')
	equal(c.recv(300), data, 'data read')
	c.nothing_to_read()


@rows('9293-EV-15', '9293-SHLD-31')
def overlap_around(p):
	"""One segment swallows queued islands whole."""
	c = p.established()
	data = pattern(1000)
	for i in (100, 300, 500, 900):
		c.send('A', data[i:i + 50], seq=c.seq + i)
		c.expect('A')
	c.send('PA', data, seq=c.seq)
	c.seq = seq32(c.seq + 1000)
	c.expect('A')
	equal(c.recv(1000), data, 'data read')
	c.nothing_to_read()


@rows('9293-EV-15', '9293-SHLD-31', '9293-EV-37')
def any_order(p):
	"""Random pieces, overlapping and repeated, over the wrap of the numbers."""
	rand = random.Random(1)
	for _ in range(6):
		c = p.established(iss=0xffffffff - rand.randrange(3000))
		data = pattern(6000)
		pieces = [(i, min(i + 200, 6000)) for i in range(0, 6000, 200)]
		pieces += [(i, min(i + rand.randrange(1, 700), 6000))
			   for i in (rand.randrange(6000) for _ in range(20))]
		rand.shuffle(pieces)
		for start, end in pieces:
			c.send('A', data[start:end], seq=c.seq + start)
		c.seq = seq32(c.seq + 6000)
		equal(c.recv(6000), data, 'data read')
		c.nothing_to_read()
		equal(c.drain()[-1].ack, c.seq, 'last acknowledgement')


@rows('9293-EV-20')
def no_ack_bit(p):
	"""Text without the ACK bit is dropped."""
	c = p.established()
	c.send('P', b'text', seq=c.seq)
	c.send('', b'text', seq=c.seq)
	c.quiet()
	c.nothing_to_read()
	c.alive()


@rows('9293-EV-22')
def ack_of_the_future(p):
	"""An ACK above SND.NXT: answered by an ACK, its text not taken."""
	c = p.established()
	c.sock.send(b'hello')
	c.expect('A', b'hello')
	c.send('PA', b'text', seq=c.seq, ack=c.ack + 1)
	c.nothing_to_read()
	c.expect('A')
	c.send('A')
	c.alive()


@rows('9293-EV-22')
def ack_of_the_past(p):
	"""An ACK below SND.UNA is a duplicate: the text beside it is good."""
	c = p.established()
	c.sock.send(b'hello')
	c.expect('A', b'hello')
	c.send('A')
	c.send('PA', b'text', ack=c.ack - 3)
	c.expect_ack()
	equal(c.recv(4), b'text', 'data read')
	c.alive()


@rows('5961-7', '5961-8', '5961-12', '9293-MAY-12')
def ack_too_old(p):
	"""Below SND.UNA - MAX.SND.WND: an ACK in reply, and neither text nor FIN is taken."""
	c = p.established(win=1000)
	c.send('A', win=3000)		# the largest window counts, not the last
	c.send('A', win=1000)
	for _ in range(4):
		c.write(pattern(1000))
		c.expect_data(pattern(1000))
	c.send('PA', b'bad', seq=c.seq, ack=c.ack - 3001)
	c.expect('A')
	c.send('FA', seq=c.seq, ack=c.ack - 3001)
	c.expect('A')
	c.nothing_to_read()
	c.send('PA', b'good', ack=c.ack - 3000)
	c.expect_ack()
	equal(c.recv(4), b'good', 'data read')
	c.expect_state('ESTABLISHED')


@rows('5961-7', '5961-8')
def ack_of_what_was_never_sent(p):
	"""Nor is anything taken with an ACK below the first byte, however large the window."""
	c = p.established()
	c.write(pattern(1000))
	c.expect_data(pattern(1000))
	c.send('PA', b'bad', seq=c.seq, ack=c.ack - 1001)
	c.expect('A')
	c.nothing_to_read()
	c.send('PA', b'good', ack=c.ack - 1000)
	c.expect_ack()
	equal(c.recv(4), b'good', 'data read')


@rows('9293-EV-29', '9293-MUST-12')
def fin_with_data(p):
	c = p.established()
	c.send('FPA', b'last words')
	c.expect_ack()
	equal(c.recv(100), b'last words', 'data read, then the end')
	equal(c.sock.recv(1), b'', 'the end, again')
	c.expect_state('CLOSE_WAIT')


@rows('9293-EV-29', '9293-SHLD-31')
def fin_before_data(p):
	"""A FIN that overtakes the text before it ends nothing until the text is there."""
	c = p.established()
	c.send('FA', seq=c.seq + 4)
	c.expect('A')
	c.nothing_to_read()
	c.expect_state('ESTABLISHED')
	c.send('PA', b'text', seq=c.seq)
	c.seq = seq32(c.seq + 5)
	c.expect_ack()
	equal(c.recv(100), b'text', 'data read, then the end')
	c.expect_state('CLOSE_WAIT')


@rows('9293-EV-27')
def text_after_fin(p):
	"""Beyond the FIN there is nothing: not delivered, not acknowledged."""
	c = p.close_wait()
	c.send('PA', b'more', seq=c.seq)
	for answer in c.drain():
		equal(answer.ack, c.seq, 'acknowledgement')
	equal(c.sock.recv(10), b'', 'data read')
	c.sock.send(b'still')
	c.expect('A', b'still')


@rows('9293-EV-27', '9293-SHLD-31')
def text_queued_beyond_fin(p):
	"""Text that arrived early and turns out to lie beyond the FIN."""
	c = p.established()
	c.send('PA', b'beyond', seq=c.seq + 5)
	c.expect('A')
	c.send('FPA', b'text')
	c.expect_ack()
	equal(c.recv(100), b'text', 'data read, then the end')


@rows('9293-SHLD-27')
def writes_are_joined(p):
	"""Many small writes behind a closed window leave as full segments."""
	c = p.established(win=0, nodelay=1)
	for i in range(0, FULL * 2, 146):
		c.write(pattern(146, i))
	c.drain()
	c.send('A', win=65535)
	segments = c.expect_data(pattern(FULL * 2))
	equal([len(s.data) for s in segments if len(s.data) > 1], [FULL, FULL], 'segment sizes')


@rows('9293-MAY-15', '9293-MAY-16')
def more_is_waited_for(p):
	"""MSG_MORE and TCP_CORK hold a partial segment back; the last write lets it go."""
	c = p.established()
	c.sock.send(b'half ', socket.MSG_MORE)
	c.quiet()
	c.sock.send(b'whole')
	c.expect('A', b'half whole')
	c.send('A')
	setopt(c.sock, cork=1)
	c.sock.send(b'corked ')
	c.sock.send(b'up')
	c.quiet()
	setopt(c.sock, cork=0)
	c.expect('A', b'corked up')
	c.send('A')


@rows('9293-MUST-30', '9293-MUST-62')
def urgent_sent(p):
	"""MSG_OOB: the pointer is the octet after the last urgent one."""
	c = p.established()
	c.sock.send(b'abc', socket.MSG_OOB)
	segment = c.expect('UA', b'abc')
	equal(segment.urgptr, 3, 'urgent pointer')
	c.send('A')
	c.sock.send(b'plain')
	c.expect('A', b'plain')


@rows('9293-MUST-30', '9293-MUST-32', '9293-MUST-33')
def urgent_received(p):
	"""POLLPRI when it is announced; in line, the bytes stay in the stream, and the mark is told."""
	c = p.established()
	setopt(c.sock, oobinline=1)
	c.send('UPA', b'abcdef', urgptr=3)
	c.expect_ack()
	check(poll_events(c.sock) & select.POLLPRI, 'no POLLPRI')
	equal(c.sock.recv(10), b'ab', 'read up to the mark')
	equal(c.sock.recv(10), b'cdef', 'read from the mark on')


@rows('9293-MUST-31', '9293-MUST-62')
def urgent_in_many_segments(p):
	"""Each segment of it points at the same octet, in its own numbers."""
	c = p.established()
	data = pattern(5 * MSS + 100)
	end = c.ack + len(data)
	c.sock.send(data, socket.MSG_OOB)
	got = b''
	while len(got) < len(data):
		segment = c.next()
		equal(segment.names, 'AU', 'flags')
		equal(seq32(segment.seq + segment.urgptr), seq32(end), 'where the urgent pointer points')
		check(len(segment.data) <= MSS, 'larger than a segment')
		c.advance(segment)
		got += segment.data
	equal(got, data, 'data')
	lost = c.next()					# nobody acknowledges: it comes again
	equal((lost.names, seq32(lost.seq + lost.urgptr)), ('AU', seq32(end)), 'sent again')
	c.send('A')
	c.sock.send(b'plain')
	c.expect('A', b'plain')


@rows('9293-MUST-31')
def urgent_pointer_is_too_short(p):
	"""Urgent data longer than the pointer reaches: it says as much as it can, and the mark, which
	moves on with it, is right in the end."""
	c = p.established(rcvbuf=1 << 19)
	setopt(c.sock, oobinline=1)
	size, got = 100000, b''
	data = pattern(size)
	for i in range(0, size, MSS):
		c.send('UPA', data[i:i + MSS], urgptr=min(size - i, 65535))
		p.barrier()
		got += c.sock.recv(2 * MSS)
	equal(got, data[:-1], 'data before the mark')
	check(at_mark(c.sock), 'not at the mark')
	equal(c.recv(1), data[-1:], 'urgent byte')
	check(not at_mark(c.sock), 'still at the mark')


@rows('9293-MUST-32', '9293-MUST-66', '9293-EV-14')
def urgent_at_a_closed_window(p):
	"""SIGURG tells of it before there is room for the byte; MSG_OOB has it when it is here."""
	from window import fill
	c, size = fill(p)
	signals = []
	p.stack.callback(signal.signal, signal.SIGURG,
			 signal.signal(signal.SIGURG, lambda *_: signals.append(1)))
	fcntl.fcntl(c.sock, fcntl.F_SETOWN, os.getpid())
	raises(errno.EINVAL, urgent_byte, c.sock)
	c.send('UA', urgptr=1)
	until(lambda: signals, 'no SIGURG')
	raises(errno.EAGAIN, urgent_byte, c.sock)
	equal(c.recv(size), pattern(size), 'data read')
	check(at_mark(c.sock), 'not at the mark')
	c.drain()
	c.send('UPA', b'!more', urgptr=1)
	c.expect_ack()
	equal(len(signals), 1, 'signals')		# it was no news
	equal(urgent_byte(c.sock), b'!', 'urgent byte')
	equal(c.sock.recv(10), b'more', 'the rest')


@rows('9293-MUST-30', '9293-MUST-62')
def urgent_out_of_order(p):
	"""The byte can be read apart though what is before it is missing."""
	c = p.established()
	c.send('UPA', b'def', seq=c.seq + 3, urgptr=2)
	c.expect('A')
	check(poll_events(c.sock) & select.POLLPRI, 'no POLLPRI')
	equal(urgent_byte(c.sock), b'e', 'urgent byte')
	c.send('PA', b'abc')
	c.expect('A', ack=c.seq + 3)
	equal(c.sock.recv(10), b'abcd', 'up to the mark')
	equal(c.sock.recv(10), b'f', 'from the mark on')


@rows('9293-EV-27')
def urgent_after_the_end(p):
	"""After the peer's FIN nothing is urgent."""
	c = p.close_wait()
	c.send('UA', urgptr=9)
	p.barrier()
	raises(errno.EINVAL, urgent_byte, c.sock)


def urgent_byte(s):
	"""MSG_OOB at once: with a timeout Python would wait for what is in line."""
	s.setblocking(False)
	try:
		return s.recv(10, socket.MSG_OOB)
	finally:
		s.settimeout(WAIT)


def at_mark(s):
	"""sockatmark(3)"""
	return struct.unpack('i', fcntl.ioctl(s, 0x8905, b'\0\0\0\0'))[0]


@rows('9293-MUST-30')
def urgent_leaves_the_stream_whole(p):
	"""Whatever the pointer says, with the urgent byte in line no byte is lost or moved."""
	c = p.established()
	setopt(c.sock, oobinline=1)
	for urgptr in (0, 1, 4, 5, 100, 65535):
		c.send('UPA', b'word', urgptr=urgptr)
		c.expect_ack()
		equal(c.recv(4), b'word', f'data read, pointer {urgptr}')
	c.nothing_to_read()
	c.send('PA', b'end', urgptr=77)			# a pointer without URG says nothing
	c.expect_ack()
	equal(c.recv(3), b'end', 'data read')


@rows('9293-EV-17', '9293-MUST-12')
def blocked_reader_sees_data(p):
	"""A segment of one byte wakes poll(), and each read gets what is there."""
	c = p.established()
	equal(poll_events(c.sock) & select.POLLIN, 0, 'readable before')
	c.send('PA', b'x')
	until(lambda: poll_events(c.sock) & select.POLLIN, 'not readable after')
	equal(c.sock.recv(100), b'x', 'data read')


@rows('9293-MUST-45')
def both_ways_at_once(p):
	"""Data on data: each segment carries the ACK of the other side's, from one address."""
	c = p.established()
	for i in range(5):
		c.send('PA', pattern(300, i))
		c.write(pattern(200, i))
		segments = c.drain()
		equal(b''.join(s.data for s in segments), pattern(200, i), 'data')
		check({s.ip.src for s in segments} == {SUT}, 'source address')
		equal(c.recv(300), pattern(300, i), 'data read')
		c.send('A')
	c.drain()
	c.alive()


@rows('9293-MUST-48', '9293-SHLD-21', '9293-SHLD-22', '9293-MUST-49')
def tos_and_ttl(p):
	"""IP_TOS and IP_TTL show in what is sent, from the SYN,ACK on, and may change."""
	c = p.established(tos=0x28, ttl=33)
	equal((c.syn.ip.tos, c.syn.ip.ttl), (0x28, 33), 'TOS and TTL of the SYN,ACK')
	c.sock.send(b'x')
	s = c.expect('A', b'x')
	equal((s.ip.tos, s.ip.ttl), (0x28, 33), 'TOS and TTL of data')
	c.send('A')
	setopt(c.sock, tos=0x50, ttl=44)
	c.sock.send(b'y')
	s = c.expect('A', b'y')
	equal((s.ip.tos, s.ip.ttl), (0x50, 44), 'TOS and TTL after a change')


@rows('9293-MUST-48')
def tos_reflected(p):
	"""reflect_tos: an accepted connection has its SYN's, but not what ECN has of that byte."""
	with p.sysctl('reflect_tos', '1'):
		listener = p.listen(tos=0x50)
		c = p.conn(listener)
		c.send('S', options=(('MSS', MSS),), tos=0x29)
		equal(c.expect('SA').ip.tos, 0x28, 'TOS of the SYN,ACK')
		c.send('A')
		s = p.accept(listener)
		s.send(b'x')
		equal(c.expect('A', b'x').ip.tos, 0x28, 'TOS of data')
		equal(s.getsockopt(socket.IPPROTO_IP, socket.IP_TOS), 0x28, 'IP_TOS')


@rows('9293-MUST-16')
def least_mss(p):
	"""min_snd_mss: a peer that asks for tiny segments does not get them."""
	with p.sysctl('min_snd_mss', '300'):
		c = p.established(options=(('MSS', 100),))
		c.sock.send(pattern(900))
		equal([len(s.data) for s in c.drain()], [300] * 3, 'lengths of segments')


@rows('7323-15')
def dont_fragment(p):
	c = p.established()
	c.sock.send(b'x')
	check('DF' in str(c.expect('A', b'x').ip.flags), 'DF is not set on data')


@rows('9293-MUST-50')
def ip_options_received(p):
	"""Segments with IP options that mean nothing to us are processed like any other."""
	c = p.established()
	for ip_options in ([IPOption_NOP()] * 4, [IPOption_Router_Alert()]):
		c.send('PA', b'data', ip_options=ip_options)
		c.expect_ack()
		equal(c.recv(4), b'data', 'data read')


@rows('9293-EV-15', '9293-MUST-50')
def ip_fragments(p):
	"""A segment that IP had to put together again."""
	c = p.established()
	data = pattern(1200)
	for part in reversed(fragment(IP(p.unsent(c.send, 'PA', data)), 400)):
		p.inject(bytes(part))
	c.expect_ack()
	equal(c.recv(1200), data, 'data read')


@rows('9293-MAY-17', '9293-MUST-60')
def push_makes_no_difference(p):
	"""Data without PSH is delivered just as soon."""
	c = p.established()
	c.send('A', b'quiet')
	c.expect_ack()
	equal(c.recv(5), b'quiet', 'data read')


@rows('9293-MUST-58', '9293-SHLD-19')
def acks_are_joined(p):
	"""A stream that the application reads is acknowledged in fewer segments than it came in."""
	c = p.established()
	for i in range(8):		# a conversation first, so that no quick ACKs are owed
		c.send('PA', b'question')
		c.recv(8)
		c.sock.send(b'answer')
		c.drain()
		c.send('A')
	acks = 0
	for i in range(20):
		c.send('A', pattern(FULL))
		c.send('A', pattern(FULL))
		c.recv(2 * FULL)
		acks += len(c.drain())
	check(acks <= 30, f'{acks} ACKs for 40 segments')


@rows('9293-SHLD-6', '6691-3', '9293-MUST-67')
def mss_follows_the_mtu(p):
	"""What is told to the peer comes from the MTU of today."""
	listener = p.listen()
	try:
		for mtu in (1400, 900):
			set_mtu(mtu)
			equal(option(p.syn_received(listener=listener).syn, 'MSS'), mtu - 40, 'MSS')
			equal(option(p.syn_sent().syn, 'MSS'), mtu - 40, 'MSS')
			c = p.established(listener=listener, options=[('MSS', 1460)])
			c.write(pattern(3000))
			sizes = [len(s.data) for s in c.expect_data(pattern(3000))]
			equal(max(sizes), mtu - 40, 'largest segment')
	finally:
		set_mtu(MTU)
