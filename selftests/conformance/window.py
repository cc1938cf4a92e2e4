# SPDX-License-Identifier: GPL-2.0
"""Windows: RFC 9293 §3.8.6, §3.7.4 (Nagle), and the acceptance test of §3.10.7.4."""
import errno
import fcntl
import select
import socket
import struct
import time

from peer import (MSS, ahead, check, equal, link, near, netstat, option, pattern, poll_events, raises, rows,
		  seq32, slow, tcp_info, until)

SIZE = 1000
OFFER = (('MSS', SIZE),)


def right_edge(ack):
	return seq32(ack.ack + ack.window)


def fill(p, rcvbuf=8192):
	"""A connection whose receive window is used up: the last ACK says 0. Also how much it took.
	The right edge must not have moved left on the way (SHLD-14)."""
	c = p.established(rcvbuf=rcvbuf)
	ack, edge, size = c.syn, right_edge(c.syn), 0
	for _ in range(400):
		room = ahead(right_edge(ack), c.seq)
		if room <= 0:
			break
		data = pattern(min(room, SIZE), size)
		c.send('PA', data)
		size += len(data)
		ack = c.expect_ack()
		check(ahead(right_edge(ack), edge) >= 0,
		      f'the right edge went back by {-ahead(right_edge(ack), edge)}')
		edge = right_edge(ack)
	equal(ack.window, 0, 'window at last')
	return c, size


@rows('9293-SHLD-14', '9293-EV-28', '9293-MAY-8')
def right_edge_stays(p):
	"""Nobody reads: the window closes, and never faster than data comes in."""
	c, size = fill(p)
	check(size >= 1000, f'only {size} bytes fit in')
	equal(c.recv(size), pattern(size), 'data read')


@rows('9293-SHLD-14', '9293-EV-28')
def right_edge_stays_small_segments(p):
	"""Many small segments, which cost more memory than they fill of the window."""
	c = p.established(rcvbuf=16384)
	edge, size = right_edge(c.syn), 0
	for _ in range(300):
		if ahead(edge, c.seq) < 10:
			break
		c.send('PA', pattern(10, size))
		size += 10
		for ack in c.drain():
			check(ahead(right_edge(ack), edge) >= 0, 'the right edge went back')
			edge = right_edge(ack)
	p.barrier()
	equal(c.recv(size), pattern(size), 'data read')


def tiny_segments(p, order, each=10, rcvbuf=16384):
	"""Fill the window that the SYN-ACK gave, a few bytes a segment, in this order: nothing is lost,
	though the memory they take is many times the buffer."""
	c = p.established(rcvbuf=rcvbuf)
	size = ahead(right_edge(c.syn), c.seq) // each * each
	check(size >= 5000, f'a window of {size} bytes')
	data, begin = pattern(size), c.seq
	for i in order(range(0, size, each)):
		c.send('PA', data[i:i + each], seq=begin + i)
	c.seq = seq32(begin + size)
	c.expect_ack()
	equal(c.recv(size), data, 'data read')
	c.alive()


@rows('9293-SHLD-14', '9293-EV-28')
def tiny_segments_in_order(p):
	tiny_segments(p, list)


@rows('5681-8')
def tiny_segments_behind_a_gap(p):
	"""... which the first closes, after all others."""
	tiny_segments(p, lambda parts: [*parts[1:], parts[0]])


@rows('5681-8')
def tiny_segments_backwards(p):
	tiny_segments(p, lambda parts: list(parts)[::-1])


@rows('5681-8')
def tiny_segments_of_two_runs(p):
	"""The second half of the window first, then the first, its first segment last."""
	tiny_segments(p, lambda parts: [*parts[len(parts) // 2:], *parts[1:len(parts) // 2], parts[0]])


@rows('5681-8')
def tiny_segments_and_one_around_them(p):
	"""Between two gaps, a byte, then a segment that begins before it and ends long after it."""
	c = p.established(rcvbuf=16384)
	size = ahead(right_edge(c.syn), c.seq) // 10 * 10
	data, begin = pattern(size), c.seq
	c.send('PA', data[51:52], seq=begin + 51)
	c.send('PA', data[50:750], seq=begin + 50)
	for i in range(760, size, 10):
		c.send('PA', data[i:i + 10], seq=begin + i)
	c.send('PA', data[750:760], seq=begin + 750)
	c.send('PA', data[:50], seq=begin)
	c.seq = seq32(begin + size)
	c.expect_ack()
	equal(c.recv(size), data, 'data read')
	c.alive()


def segments_in_pages_of_their_own(p, order, each=250):
	"""... by frames that take pages each: they can be joined, which makes a buffer longer, but none
	the less waste."""
	link.paged = True
	try:
		tiny_segments(p, order, each, 131072)
	finally:
		link.paged = False


@rows('9293-SHLD-14', '9293-EV-28')
def segments_in_pages_of_their_own_in_order(p):
	segments_in_pages_of_their_own(p, list)


@rows('5681-8')
def segments_in_pages_of_their_own_behind_a_gap(p):
	segments_in_pages_of_their_own(p, lambda parts: [*parts[1:], parts[0]])


@rows('5681-8')
def segments_in_pages_of_their_own_between_gaps(p):
	"""Sixteen, which can be joined to one buffer, then a gap, and so on; the gaps last."""
	segments_in_pages_of_their_own(
		p, lambda parts: [*(i for i in parts if i % (17 * 500)), *parts[::17]], 500)


@rows('5681-8')
def fins_in_a_row_behind_a_gap(p):
	"""A full buffer has many FINs, one behind the other, then what begins before them and ends among
	them: it is read up to the first FIN that is left."""
	c = p.established(rcvbuf=16384)
	size = ahead(right_edge(c.syn), c.seq) // 10 * 10
	check(size >= 5000, f'a window of {size} bytes')
	data, begin = pattern(size), c.seq
	for i in range(20, 28):
		c.send('FA', seq=begin + i)
	for i in reversed(range(100, size // 2, 10)):
		c.send('PA', data[i:i + 10], seq=begin + i)
	c.send('PA', data[15:25], seq=begin + 15)
	for i in reversed(range(size // 2, size, 10)):
		c.send('PA', data[i:i + 10], seq=begin + i)
	c.send('PA', data[:15], seq=begin)
	equal(c.recv(size), data[:25], 'data read')
	c.expect_state('CLOSE_WAIT')


@rows('9293-ZWP-3', '9293-EV-12', '9293-EV-13')
def probe_of_a_closed_window(p):
	"""As receiver: the probe's byte is not taken, RCV.NXT and the window are told."""
	c, size = fill(p)
	for data in (b'!', b'!!!!', b'!' * 1000):
		c.send('A', data, seq=c.seq)
		c.expect('A', win=0)
	c.send('A', b'', seq=c.seq - 1)
	c.expect('A', win=0)
	equal(c.recv(size), pattern(size), 'data read')
	c.nothing_to_read()


@rows('9293-MUST-66', '9293-EV-14', '5961-2')
def reset_at_a_closed_window(p):
	c, _ = fill(p)
	c.send('R')
	c.expect_state('CLOSED')
	equal(c.error(), errno.ECONNRESET, 'SO_ERROR')


@rows('9293-EV-14', '9293-EV-12')
def ack_at_a_closed_window(p):
	"""An ACK at RCV.NXT is still good, and what it acknowledges is not sent again."""
	c, _ = fill(p)
	c.sock.send(b'still here')
	c.expect('A', b'still here')
	c.send('A')
	c.quiet(0.5)
	equal(outq(c.sock), 0, 'bytes not acknowledged')


@rows('9293-EV-14')
def ack_with_probe_at_a_closed_window(p):
	"""... even when it comes with a byte that cannot be taken."""
	c, _ = fill(p)
	c.sock.send(b'still here')
	c.expect('A', b'still here')
	c.send('A', b'!', seq=c.seq)
	c.expect('A', win=0)
	equal(outq(c.sock), 0, 'bytes not acknowledged')


@rows('9293-EV-14', '9293-EV-12')
def ack_from_the_right_edge(p):
	"""Who has sent all that fits, and lost it, still acknowledges what we send."""
	c = p.established()
	c.sock.send(b'still here')
	sent = c.expect('A', b'still here')
	c.send('A', seq=seq32(sent.ack + sent.window))
	c.quiet(0.5)
	equal(outq(c.sock), 0, 'bytes not acknowledged')
	c.alive()


def outq(s):
	return struct.unpack('i', fcntl.ioctl(s, 0x5411, b'\0\0\0\0'))[0]	# SIOCOUTQ


@rows('9293-ZWP-4', '9293-MUST-39')
def update_after_reading(p):
	"""The application reads: the window is told without being asked, and not in crumbs."""
	c, size = fill(p)
	c.recv(10)
	c.quiet()
	c.recv(size - 10)
	update = c.drain()[-1]
	check(update.window >= min(MSS, size // 2), f'window {update.window} of {size}')
	c.alive()


@rows('9293-ZWP-4')
def closed_windows_are_counted(p):
	names = ('TCPToZeroWindowAdv', 'TCPFromZeroWindowAdv')
	before = [netstat(name) for name in names]
	c, size = fill(p)
	c.recv(size)
	c.drain()
	for name, n in zip(names, before):
		check(netstat(name) > n, name)


@rows('9293-MUST-39')
def no_silly_updates(p):
	"""Read ten bytes at a time: every window that is told has moved on by a good piece."""
	c, size = fill(p)
	step, edge, updates = min(SIZE, size // 2), c.seq, 0
	for _ in range(size // 10):
		c.recv(10)
		for update in c.drain():
			moved = ahead(right_edge(update), edge)
			check(moved >= step, f'right edge moved by {moved}, at least {step} expected')
			edge = right_edge(update)
			updates += 1
	check(updates, 'no window update at all')


@rows('9293-EV-12', '9293-EV-13')
def acceptable(p):
	"""The four cases of the acceptance test, around RCV.NXT."""
	c = p.established()
	c.alive()
	window = c.syn.window
	cases = (		# offset, length, acceptable
		(0, 0, True), (-1, 0, False), (100, 0, True), (0x200000, 0, False),
		(-10, 10, False), (-1, 1, False), (0x200000, 10, False), (-0x40000000, 10, False))
	for offset, size, good in cases:
		c.send('A', b'!' * size, seq=c.seq + offset)
		answers = c.drain()
		equal([(s.names, s.seq, s.ack) for s in answers],
		      [] if good else [('A', c.ack, c.seq)], f'answer to {offset:+} length {size}')
	c.nothing_to_read()
	# In the window but not next: acceptable, and answered as out of order.
	c.send('A', b'!', seq=c.seq + window // 2)
	c.expect('A')
	c.nothing_to_read()
	c.alive()


@rows('9293-EV-13', '9293-EV-22')
def ack_with_what_came_before(p):
	"""The last segment again, whose ACK was lost: it is acknowledged, and what it acknowledges counts."""
	c = p.established()
	c.send('PA', b'question')
	c.expect_ack()
	c.recv(8)
	c.sock.send(b'answer')
	c.expect('A', b'answer')
	c.send('PA', b'question', seq=c.seq - 8)
	c.expect('A')
	equal(outq(c.sock), 0, 'bytes not acknowledged')
	c.nothing_to_read()
	c.alive()


@rows('9293-EV-13', '9293-EV-22')
def ack_from_before_its_data(p):
	"""Who counts on only when its text is acknowledged (uIP) acknowledges ours meanwhile."""
	c = p.established()
	c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
	c.sock.send(b'answer')
	c.expect('A', b'answer')
	c.send('PA', b'question', ack=seq32(c.ack - 6))
	c.send('A', seq=seq32(c.seq - 8))
	c.expect_ack()
	equal(outq(c.sock), 0, 'bytes not acknowledged')
	equal(c.sock.recv(8), b'question', 'data read')


@rows('9293-EV-29')
def fin_of_what_fills_the_window(p):
	"""A FIN takes no room: the text before it may fill the window."""
	c = p.established(rcvbuf=8192)
	ack, size, room = c.syn, 0, SIZE + 1
	while room > SIZE:
		room = ahead(right_edge(ack), c.seq)
		data = pattern(min(room, SIZE), size)
		size += len(data)
		if room > SIZE:
			c.send('PA', data)
			ack = c.expect_ack()
	check(room > 0, 'the window is shut')
	c.send('FA', data)
	c.expect('A')
	c.expect_state('CLOSE_WAIT')
	equal(c.recv(size), pattern(size), 'data read')
	equal(c.sock.recv(1), b'', 'at the end')


@rows('9293-EV-15', '9293-EV-12')
def beyond_the_window(p):
	"""A segment that runs over the right edge: what is beyond is not taken."""
	c = p.established(rcvbuf=8192)
	room = c.syn.window
	sent = 0
	data = pattern(room + 3000)
	while sent < room - 500:
		size = min(SIZE, room - 500 - sent)
		c.send('A', data[sent:sent + size])
		sent += size
		ack = c.expect_ack()
		if ahead(right_edge(ack), c.seq) > 2000 and right_edge(ack) != right_edge(c.syn):
			room = ahead(right_edge(ack), c.iss) - 1
			data = pattern(room + 3000)
	edge = right_edge(ack)
	left = ahead(edge, c.seq)
	c.send('PA', data[sent:sent + left + 1000], seq=c.seq)
	p.barrier()
	answer = c.drain()
	taken = max((ahead(s.ack, c.seq) for s in answer), default=0)
	check(0 <= taken <= left, f'{taken} bytes taken, {left} fit')
	c.seq = seq32(c.seq + taken)
	equal(c.recv(sent + taken), data[:sent + taken], 'data read')
	c.nothing_to_read()


@rows('5681-1', '9293-MUST-38')
def send_window_is_kept(p):
	"""Not a byte beyond what the peer has room for."""
	c = p.established(win=2500, options=OFFER, nodelay=1)
	c.write(pattern(10000))
	got = c.drain()
	check(2000 <= sum(len(s.data) for s in got) <= 2500, [len(s.data) for s in got])
	first = got[0].seq
	c.send('A', ack=first + SIZE, win=2500)
	got += c.drain()
	check(max(ahead(s.seq, first) + len(s.data) for s in got) <= SIZE + 2500, 'beyond the window')


@rows('5681-1', '9293-MUST-38')
def fin_has_its_place_in_the_window(p):
	"""What the data fills has none left for the FIN behind it."""
	c = p.established(win=4 * SIZE, options=OFFER)
	c.win = 0
	for _ in range(2):
		c.send('PA', b'shut')
		c.expect('A', ack=c.seq)
	c.write(pattern(SIZE))
	c.sock.shutdown(socket.SHUT_WR)
	c.win = SIZE
	c.send('A')
	c.expect_data(pattern(SIZE), acking=False)
	c.quiet()
	c.send('A')
	c.expect('FA')


@rows('9293-MUST-1', '9293-REC-1')
def large_window(p):
	"""65535 is a large window, not a negative one: more than half of it gets used."""
	c = p.established(options=[('MSS', MSS)], win=65535)
	data = pattern(200000)
	c.write(data)
	in_flight = c.drain()
	first, acked = in_flight[0].seq, 0
	most = 0
	for _ in range(60):
		if acked + 65535 + MSS > len(data):
			break
		acked += MSS
		c.send('A', ack=first + acked)
		in_flight += c.drain()
		most = max(most, max(ahead(s.seq, first) + len(s.data) for s in in_flight) - acked)
	check(32768 < most <= 65535, f'{most} bytes in flight')


@slow(8)
@rows('9293-MUST-36', '9293-SHLD-29', '9293-SHLD-30', '9293-ZWP-1', '9293-ZWP-5', '9293-MUST-37')
def zero_window_probes(p):
	"""After an RTO, then later and later; an open window starts the data at once."""
	c = p.established(win=0)
	data = pattern(3000)
	start = time.monotonic()
	c.write(data)
	times = [start]
	for _ in range(4):
		probe = c.next(12, 'a window probe')
		check(len(probe.data) <= 1 and ahead(probe.seq, c.ack) <= 0,
		      f'not a probe: seq {ahead(probe.seq, c.ack):+}, {len(probe.data)} bytes')
		times.append(probe.at)
		c.send('A')			# still closed
	gaps = [b - a for a, b in zip(times, times[1:])]
	check(0.15 <= gaps[0] <= 1.4, f'first probe after {gaps[0]:.3f} s')
	for a, b in zip(gaps, gaps[1:]):
		near(b / a, 2, low=0.6, high=0.6, what=f'ratio of the intervals {gaps}')
	c.send('A', win=65535)
	opened = time.monotonic()
	segment = c.next(what='data')
	check(segment.data and segment.at - opened < 0.15, 'data is slow to start')
	c.win = 65535
	got = segment.data
	c.advance(segment)
	while len(got) < len(data):
		segment = c.next(what='data')
		got += segment.data
		c.advance(segment)
		c.send('A')
	equal(got, data, 'data')


@slow(4)
@rows('9293-ZWP-2', '9293-EV-33')
def zero_window_unanswered(p):
	"""Probes that nobody answers: the user timeout ends it."""
	c = p.established(win=0, user_timeout=2000)
	c.sock.send(b'hello')
	until(lambda: poll_events(c.sock) & select.POLLERR, 'not given up', within=10)
	raises(errno.ETIMEDOUT, c.sock.recv, 1)
	c.expect_state('CLOSED')


@slow(4)
@rows('9293-EV-33')
def zero_window_answered_for_too_long(p):
	"""Probes that are answered: the user timeout is for data that cannot leave, too."""
	c = p.established(win=0, user_timeout=2000)
	c.sock.send(b'hello')
	end = time.monotonic() + 10
	while not poll_events(c.sock) & select.POLLERR:
		check(time.monotonic() < end, 'not given up')
		for probe in c.drain():
			c.send('A')
		time.sleep(0.05)
	raises(errno.ETIMEDOUT, c.sock.recv, 1)


@rows('9293-EV-33')
def zero_window_answered_to_an_orphan(p):
	"""Who answers probes is waited for, but not for ever when the program has gone."""
	with p.sysctl('rto_max_ms', 1000):
		c = p.established(win=0)
		c.sock.send(b'hello')
		c.sock.close()
		c.expect_state('FIN_WAIT1')
		end = time.monotonic() + 15
		while c.state() != 'CLOSED':
			check(time.monotonic() < end, 'not given up')
			for probe in c.drain():
				c.send('A')
			time.sleep(0.05)


@slow(9)
@rows('9293-ZWP-1')
def zero_window_opens(p):
	"""What leaves then is not waited for as long as the last probe was, should it be lost."""
	c = p.established(win=0)
	c.sock.send(b'patience')
	for _ in range(4):
		c.next(12, 'a window probe')
		c.send('A')
	c.send('A', win=65535)
	lost = c.expect('A', b'patience')
	again = c.expect('A', b'patience', seq=lost.seq)
	check(again.at - lost.at < 1.2, f'again after {again.at - lost.at:.3f} s')


@slow(4)
@rows('9293-EV-33')
def zero_window_that_opens_by_a_byte(p):
	"""... and shuts again lets nothing out that is worth a segment: the user timeout goes on."""
	c = p.established(options=OFFER, user_timeout=2000)
	c.send('PA', b'x')		# each number newer than the one before, or Linux heeds no window
	c.send('PA', b'x', win=0)
	c.drain()
	c.sock.send(pattern(3000))
	end = time.monotonic() + 10
	while not poll_events(c.sock) & select.POLLERR:
		check(time.monotonic() < end, 'not given up')
		for probe in c.drain():
			if ahead(probe.seq, c.ack) < 0:
				for win in (1, 0):
					c.send('PA', b'x', win=win)
		time.sleep(0.05)
	raises(errno.ETIMEDOUT, c.sock.send, b'x')


@rows('9293-MUST-35', '9293-SHLD-17', '9293-MUST-37')
def window_shut_over_data(p):
	"""... that is in flight: what is sent again is a probe, and who answers probes is waited for."""
	with p.sysctl('retries2', 3):
		c = p.established(options=OFFER)
		c.sock.send(b'patience')
		first = c.expect('A', b'patience').seq
		c.send('PA', b'x', ack=first, win=0)
		end, probes = time.monotonic() + 20, 0
		while time.monotonic() < end:
			for probe in c.drain():
				probes += probe.data == b'patience'
				c.send('A', ack=first, win=0)
			time.sleep(0.05)
		check(probes > 4, f'{probes} probes')
		c.send('A')
		equal(c.recv(1), b'x', 'data read')
		c.alive()


@slow(21)
@rows('9293-ZWP-2', '9293-MUST-37')
def zero_window_answered(p):
	"""Probes that are answered keep the connection up for as long as it takes."""
	c = p.established(win=0)
	c.sock.send(b'patience')
	end = time.monotonic() + 20
	while time.monotonic() < end:
		for probe in c.drain():
			c.send('A')
		time.sleep(0.05)
	c.expect_state('ESTABLISHED')
	c.send('A', win=65535)
	check(any(s.data for s in c.burst()), 'no data')
	c.send('A', ack=c.ack)


@slow(4)
@rows('9293-MUST-34', '9293-SHLD-15', '9293-SHLD-16', '9293-MAY-7', '9293-SHLD-17')
def window_shrinks(p):
	"""10000 bytes in flight, and then room for 2000: nothing new, the old again as usual."""
	c = p.established(win=10000, options=OFFER, nodelay=1)
	data = pattern(20000)
	c.write(data)
	sent = c.drain()
	first = sent[0].seq
	most = max(ahead(s.seq, first) + len(s.data) for s in sent)
	check(most > 4000, f'only {most} bytes in flight')
	c.win = 2000
	c.send('A', ack=first)
	c.quiet()
	again = c.next(3, 'a retransmission')
	equal(again.seq, first, 'sequence number of what came again')
	c.send('A', ack=first + SIZE)
	for segment in c.drain():
		check(ahead(segment.seq, first) + len(segment.data) <= most, 'new data was sent')
	c.win = 65535
	c.ack, got = seq32(first + most), most
	c.send('A')
	while got < len(data):
		for segment in c.burst():
			check(segment.data == data[ahead(segment.seq, first):][:len(segment.data)], 'data')
			got = max(got, ahead(segment.seq, first) + len(segment.data))
		c.send('A')


@slow(4)
@rows('9293-MUST-35', '9293-MUST-34')
def window_shrinks_to_zero(p):
	"""With data in flight: it is asked for again, until the window opens."""
	c = p.established(win=4000, options=OFFER, nodelay=1)
	data = pattern(4000)
	c.write(data)
	first = c.drain()[0].seq
	c.send('A', ack=first, win=0)
	for _ in range(3):
		again = c.next(8, 'a probe')
		check(ahead(again.seq, first) <= 0, 'beyond the window')
		c.send('A', ack=first, win=0)
	c.send('A', ack=first + 4000, win=65535)
	c.quiet(0.3)
	c.ack = seq32(first + 4000)
	c.alive()


@rows('9293-MUST-34')
def ack_into_a_window_that_shrank(p):
	"""What is not heard beyond it does not acknowledge what the peer sends."""
	for win in (0, 2000):
		c = p.established(win=4000, options=OFFER, nodelay=1)
		c.write(pattern(4000))
		first = c.drain()[0].seq
		c.win = win
		for _ in range(2):	# Linux 6.1 takes no smaller window with the numbers of the last
			c.send('PA', b'ping', ack=first)
			ack = c.next(what='an ACK')
		equal((ack.ack, ack.data), (c.seq, b''), 'the ACK')
		check(0 <= ahead(ack.seq, first) <= win, f'seq {ahead(ack.seq, first):+}')


@rows('9293-EV-23', '9293-MUST-34')
def window_with_what_came_before(p):
	"""What comes again, but acknowledges what is new, brings the newest window."""
	c = p.established(win=4 * SIZE, options=OFFER, nodelay=1)
	c.send('PA', b'ping')
	c.expect('A', ack=c.seq)
	c.write(pattern(2 * SIZE))
	first = c.drain()[0].seq
	c.send('A', ack=first)
	c.send('PA', b'ping', seq=c.seq - 4, ack=first + SIZE, win=SIZE)
	c.write(pattern(SIZE))
	late = [s for s in c.drain() if ahead(s.seq, first) + len(s.data) > 2 * SIZE]
	equal(late, [], 'beyond the window')


@rows('9293-EV-23')
def older_window_is_not_used(p):
	"""An ACK from before the last says nothing of the window any more (WL2)."""
	c = p.established(win=5000)
	c.sock.send(b'hello')
	c.expect('A', b'hello')
	c.send('A', win=0)
	c.send('A', win=5000, ack=c.ack - 5)
	c.sock.send(b'world')
	c.quiet()


@rows('9293-EV-23')
def newer_window_is_used(p):
	"""A larger window with the same numbers is news, and so is a smaller one."""
	c = p.established(win=0)
	c.sock.send(b'hello')
	c.quiet()
	c.send('A', win=5000)
	c.expect('A', b'hello')
	c.send('A', win=5000)
	c.send('A', win=0)
	c.sock.send(b'world')
	c.quiet()


@rows('9293-MUST-38')
def no_silly_segments(p):
	"""The window opens in steps of 100 bytes: not a segment each."""
	c = p.established(win=4000, options=OFFER)
	data = pattern(12000)
	c.write(data)
	got = c.drain()
	first = got[0].seq
	end = max(ahead(s.seq, first) + len(s.data) for s in got)
	equal(end, 4000, 'bytes sent at first')
	for i in range(1, 9):
		c.send('A', ack=first + end, win=100 * i)
		c.quiet()
	c.send('A', ack=first + end, win=2000)
	equal([len(s.data) for s in c.drain()], [SIZE, SIZE], 'segments')


@rows('9293-SHLD-7', '9293-MUST-60')
def nagle(p):
	"""The second small write waits for the ACK of the first, or to be a full segment."""
	c = p.established(options=OFFER)
	c.sock.send(b'one')
	c.expect('A', b'one')
	c.sock.send(b'two')
	c.sock.send(b'three')
	c.quiet()
	c.send('A')
	c.expect('A', b'twothree')
	c.write(pattern(SIZE + 10))
	c.expect('A', pattern(SIZE))
	c.quiet()
	c.send('A')
	c.expect('A', pattern(SIZE + 10)[SIZE:])
	c.send('A')


@rows('9293-MUST-17')
def nagle_off(p):
	c = p.established(nodelay=1)
	for data in (b'one', b'two', b'three'):
		c.write(data)
		c.expect('A', data)
	c.send('A')


@rows('9293-SHLD-7')
def nagle_lets_fin_go(p):
	"""The end of the stream is not held back."""
	c = p.established()
	c.sock.send(b'one')
	c.expect('A', b'one')
	c.sock.send(b'two')
	c.sock.close()
	c.expect('FA', b'two')


@slow(4)
@rows('9293-MUST-40', '5681-9')
def ack_within_half_a_second(p):
	c = p.established()
	for size in (1, 100, MSS):
		for _ in range(9):		# the first of them get theirs at once
			c.send('PA', pattern(size))
			sent = time.monotonic()
			ack = c.expect_ack()
			check(ack.at - sent < 0.5, f'acknowledged after {ack.at - sent:.3f} s')
			c.recv(size)


@rows('9293-SHLD-18', '9293-MUST-40')
def ack_is_delayed(p):
	"""In a conversation an ACK waits for the answer to go with it."""
	c = p.established(nodelay=1)
	delayed = 0
	for i in range(8):
		c.send('PA', b'question')
		delayed += not c.drain()
		c.recv(8)
		c.sock.send(b'answer')
		segments = c.drain()
		equal(segments[-1].data, b'answer', 'data')
		equal(segments[-1].ack, c.seq, 'acknowledgement with the answer')
		c.send('A')
	check(delayed >= 4, f'{delayed} of 8 ACKs were delayed')
	c.send('PA', b'no answer')
	sent = time.monotonic()
	ack = c.expect_ack()
	check(0.005 < ack.at - sent < 0.5, f'acknowledged after {ack.at - sent:.3f} s')


@rows('9293-SHLD-18')
def ack_of_what_is_read_and_not_answered(p):
	"""A short segment may be the last that the peer has leave to send (SHLD-7): once all is read,
	and nobody answers, its ACK waits no longer."""
	c = p.established()
	for _ in range(24):		# the first of them get theirs at once
		c.send('PA', pattern(100))
		c.recv(100)
		c.expect_ack()
	for _ in range(3):
		c.send('PA', pattern(100))
		c.quiet(0.02)
		c.recv(100)
		c.expect_ack(within=0.01)


@rows('9293-SHLD-18')
def ack_of_a_full_segment_that_is_read(p):
	"""The same of one of full length that ends what the peer had to say (PSH)."""
	c = p.established()
	for _ in range(24):
		c.send('PA', pattern(1000))
		c.recv(1000)
		c.expect_ack()
	c.send('PA', pattern(1000))
	c.quiet(0.02)
	c.recv(1000)
	c.expect_ack(within=0.01)


def conversation(c):
	"""After it no quick ACKs are owed, and the answers are expected to carry them."""
	for _ in range(8):
		c.send('PA', b'question')
		c.recv(8)
		c.sock.send(b'answer')
		c.drain()
		c.send('A')


@rows('9293-SHLD-18')
def ack_of_many_short_questions(p):
	"""Who is to answer acknowledges every second short segment that is read, nevertheless: they may
	be as many as the peer's cwnd lets out, and too few bytes for an ACK."""
	c = p.established(nodelay=1)
	conversation(c)
	for _ in range(3):
		c.send('PA', pattern(20))
		c.recv(20)
		c.quiet(0.01)
		c.send('PA', pattern(20))
		c.recv(20)
		c.expect_ack(within=0.01)


@rows('9293-SHLD-18')
def ack_of_the_first_answer(p):
	"""Who asks first is in no conversation yet, for what the handshake or an ACK brought: the other
	side may hold the rest of its answer back for this ACK."""
	for active in True, False:
		c = p.established(active=active)
		for _ in range(3):
			c.sock.send(b'question')
			c.drain()
			c.send('A')
		c.send('PA', b'ans')
		c.expect_ack(within=0.01)


@rows('9293-SHLD-18')
def ack_after_a_pause(p):
	"""Who sends after a pause begins slowly, and has its ACKs at once, though nobody reads yet."""
	c = p.established()
	for _ in range(20):
		c.send('PA', b'x')
		c.expect_ack()		# in the end by the timer
	c.send('PA', b'x')
	c.quiet(0.02)
	time.sleep(1.5)		# longer than the timeout
	c.drain()
	c.send('PA', b'x')
	c.expect_ack(within=0.01)


@rows('9293-SHLD-18')
def ack_of_a_question_without_an_answer(p):
	"""The same as soon as one that had always answered has not."""
	c = p.established()
	conversation(c)
	c.send('PA', b'not a question')
	c.recv(14)
	c.expect_ack()
	for _ in range(3):
		c.send('PA', b'nor this')
		c.recv(8)
		c.expect_ack(within=0.01)


@rows('9293-SHLD-18', '9293-SHLD-19')
def ack_waits_for_the_reader(p):
	"""Where full segments that nobody has read yet make the window smaller, the ACK is put off until
	somebody begins to."""
	c = p.established()
	conversation(c)
	c.send('A', pattern(MSS))
	c.send('PA', pattern(MSS))
	c.quiet(0.02)
	c.recv(100)		# not all of it
	c.expect_ack(within=0.01)


@rows('9293-SHLD-19', '5681-9', '9293-SHLD-18')
def ack_every_second_segment(p):
	"""A stream of full segments: one ACK for two at least, and never two for one."""
	c = p.established()
	conversation(c)
	told = []
	for i in range(40):
		before = c.seq
		c.send('A', pattern(MSS))
		c.send('A', pattern(MSS))
		c.recv(2 * MSS)
		told += c.drain()
		check(told and ahead(told[-1].ack, before) >= MSS, 'no ACK for two full segments')
	told = [(s.ack, s.window) for s in told]
	equal(len(set(told)), len(told), 'ACKs that say something')


@rows('9293-SHLD-19')
def small_segments_may_be_full(p):
	"""Full segments are not thought to be larger than what either side takes."""
	for c in p.established(options=[('MSS', 300)]), p.established(active=True, options=[('MSS', 300)]):
		check(tcp_info(c.sock).rcv_mss <= 300, f'{tcp_info(c.sock).rcv_mss} bytes')


@rows('9293-SHLD-19')
def full_segments_may_become_smaller(p):
	"""Two in a row that are shorter, and alike: the path carries no more now."""
	c = p.established()
	for size in MSS, 700, 200:	# of the last, below 536, TCP's guess is the same
		for _ in range(2):
			c.send('A', pattern(size))
			c.recv(size)
		equal(tcp_info(c.sock).rcv_mss, size, 'full segment')


@rows('6928-4')
def initial_receive_window(p):
	c = p.syn_received()
	check(c.syn.window >= 10 * MSS, f'window {c.syn.window}')


@rows('9293-SHLD-14')
def grows_for_who_reads_in_pieces(p):
	"""What each round trip brings at once, and the program does not read at one go, is no queue that
	stands, as nothing is left of it before the next: the window grows."""
	c = p.syn_received(options=[('MSS', MSS), ('WScale', 7), ('Timestamp', (1, 0))])
	ack, window = c.syn, c.syn.window
	for i in range(8):
		time.sleep((5 + i) / 100)	# longer than all before: it is over when the program reads
		c.tsval, c.tsecr = i + 2, option(ack, 'Timestamp')[0]
		if not i:
			c.opened()
		size = window // (MSS - 12) * (MSS - 12)
		c.send_data(pattern(size), MSS - 12)
		p.barrier()
		for piece in 5, 1000, size - 1005:
			c.recv(piece)
		edge, ack = seq32(c.seq + window - size), c.drain()[-1]
		window = ack.window << option(c.syn, 'WScale')
		check(ahead(seq32(ack.ack + window), edge) >= 0, 'the right edge went back')
	check(window >= 4 * 65536, f'a window of {window} after eight round trips')


@rows('9293-EV-23', '9293-ZWP-5')
def window_in_the_syn(p):
	"""The window of the peer's SYN,ACK (and of its SYN) counts at once."""
	c = p.syn_sent()
	c.win = 500
	c.send('SA', options=[('MSS', MSS)])
	c.expect('A')
	c.write(pattern(3000))
	check(sum(len(s.data) for s in c.drain()) <= 500, 'more than the window')
