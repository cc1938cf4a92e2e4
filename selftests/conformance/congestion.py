# SPDX-License-Identifier: GPL-2.0
"""Congestion control by CUBIC and HyStart++: RFC 9438, RFC 9406."""
import socket
import time

from peer import ahead, check, equal, near, rows, seq32, tcp_info

SIZE = 1000
OFFER = (('MSS', SIZE), ('SAckOK', b''))


class Path:
	"""A connection across a path of so many seconds, which is never short of data."""

	def __init__(self, p, rtt, algorithm=b'cubic'):
		listener = p.listen(nodelay=1)
		listener.setsockopt(socket.SOL_SOCKET, 32, 4 << 20)	# SO_SNDBUFFORCE
		listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm)
		self.c = c = p.syn_received(options=OFFER + (('NOP', None), ('WScale', 7)), listener=listener)
		c.win = 65535
		self.rtt = rtt
		time.sleep(rtt)
		c.opened()
		self.start, self.written = c.ack, 0
		self.sent = []

	def feed(self):
		"""Have two windows in the socket."""
		need = min(2 * self.cwnd(), 400) * SIZE + ahead(self.c.ack, self.start) - self.written
		if need > 0:
			self.c.sock.sendall(bytes(need))
			self.written += need
		self.sent += self.c.drain()

	def round(self, rtt=None, acks=None, feed=True):
		"""A round trip: all that is out is acknowledged, in so many ACKs or one a segment; cwnd
		then."""
		if feed:
			self.feed()
		out, self.sent = self.sent, []
		step = max(1, len(out) // acks) if acks else 1
		for segment in [*out[step - 1:-1:step], out[-1]]:
			time.sleep(max(0, segment.at + (rtt or self.rtt) - time.monotonic()))
			self.c.send('A', ack=segment.seq + len(segment.data))
			self.sent += self.c.drain()
		return self.cwnd()

	def cwnd(self):
		return tcp_info(self.c.sock).cwnd

	def lose(self):
		"""The first of what is out is lost; cwnd before, and after recovery."""
		self.feed()
		before = self.cwnd()
		time.sleep(self.rtt)
		c, first, end = self.c, self.sent[0].seq, self.c.ack
		c.send('A', ack=first, options=[('NOP', None), ('NOP', None),
						('SAck', (seq32(first + SIZE), end))])
		self.sent = []
		while first not in [s.seq for s in self.sent]:
			self.sent += c.burst(within=self.rtt / 2)
		time.sleep(self.rtt)
		c.send('A', ack=end)
		self.sent = [s for s in self.sent if ahead(s.seq, end) >= 0] + c.drain()
		return before, self.cwnd()


@rows('9438-1', '9438-6', '9438-11')
def decrease(p):
	"""Slow start at first; a loss leaves 0.7 of cwnd, and never less than two segments."""
	path = Path(p, 0.1)
	start = path.cwnd()
	for _ in range(2):
		path.round()
	check(path.cwnd() >= 3 * start, f'no slow start: {path.cwnd()} after two rounds')
	before, after = path.lose()
	near(after, 0.7 * before, low=1.5, high=1.5, what=f'cwnd after a loss at {before}')
	equal(tcp_info(path.c.sock).ssthresh, after, 'ssthresh')
	for _ in range(12):
		if path.cwnd() > 3:
			path.lose()
	check(2 <= path.cwnd() <= 3, f'cwnd {path.cwnd()} after many losses')


@rows('9438-2', '9438-4')
def curve(p):
	"""W(t) = 0.4 (t - K)^3 + W_max on a path so long that Reno is far behind: fast, flat, fast."""
	path = Path(p, 1.0)
	path.round(acks=10)
	path.round(acks=10)
	w_max, low = path.lose()
	k = ((w_max - low) / 0.4) ** (1 / 3)
	start, last = time.monotonic(), low
	path.round(acks=10)			# the first ACK begins the epoch
	for _ in range(2 * round(k) + 1):
		cwnd = path.round(acks=10)
		t = time.monotonic() - start
		want = [0.4 * (t + d - k) ** 3 + w_max for d in (-2.2, 0.3)]
		check(want[0] * 0.9 - 1 <= cwnd <= want[1] * 1.1 + 1,
		      f'{cwnd} after {t:.1f} s, K {k:.1f}, W_max {w_max}: expected {want}')
		check(cwnd <= 1.5 * last + 1, f'from {last} to {cwnd} in a round')
		last = cwnd
	check(last > w_max, f'no convex growth: {last}')


@rows('9438-3')
def reno_friendly(p):
	"""A short path: as Reno with the same average, half a segment a round, later one."""
	path = Path(p, 0.03)
	path.round(acks=4)
	w_max, low = path.lose()
	slow = 0
	while path.round(acks=4) < w_max:
		slow += 1
		check(slow < 60, f'no more than {path.cwnd()} after {slow} rounds')
	rate = (w_max - low) / slow
	check(0.35 <= rate <= 0.85, f'{rate:.2f} segments a round up to the old window')
	before = path.cwnd()
	for _ in range(10):
		path.round(acks=4)
	near(path.cwnd() - before, 10, low=3, high=3, what='growth in ten more rounds')


@rows('9438-9')
def fast_convergence(p):
	"""A loss below the last one: the plateau is lower than where it was lost."""
	path = Path(p, 1.0)
	path.round(acks=10)
	path.round(acks=10)
	w_max, _ = path.lose()
	path.round(acks=10)
	lost_at, low = path.lose()
	check(lost_at < w_max, f'lost at {lost_at}, not below {w_max}')
	plateau = lost_at * 0.85
	k = (max(0, plateau - low) / 0.4) ** (1 / 3)
	start = time.monotonic()
	while time.monotonic() - start < k - 0.5:
		path.round(acks=10)
	check(path.cwnd() <= lost_at * 0.95, f'{path.cwnd()} at the flat part, lost at {lost_at}')


@rows('9438-5', '9438-8')
def unused_window(p):
	"""A program that writes little: cwnd does not grow, and the pause is not the curve's."""
	path = Path(p, 0.1)
	c = path.c
	before = path.cwnd()
	for _ in range(30):
		c.sock.send(bytes(100))
		c.expect('A', 100)
		time.sleep(0.1)
		c.send('A')
	check(path.cwnd() <= 2 * before, f'{before} segments, after a trickle {path.cwnd()}')
	with p.sysctl('slow_start_after_idle', 0):
		path = Path(p, 1.0)
		path.round(acks=10)
		path.round(acks=10)
		path.lose()
		before = path.round(acks=10)
		while path.sent:
			path.round(acks=10, feed=False)
		time.sleep(30)
		path.round(acks=10)
		check(path.cwnd() <= 1.25 * before, f'{before}, after a pause {path.cwnd()}')


@rows('9406-3', '9406-4', '9406-5', '9406-6', '9406-8')
def conservative_slow_start(p):
	"""The RTT rises: growth falls to a quarter; it falls again: slow start goes on; five rounds:
	slow start is over."""
	path = Path(p, 0.2)
	one = path.round(acks=16)		# more would take a slow machine longer than the path
	two = path.round(acks=16)
	check(two >= 1.8 * one, f'no slow start: {one}, {two}')
	slow = path.round(rtt=0.24, acks=16)
	slower = path.round(rtt=0.25, acks=16)	# not below the first of CSS by a microsecond
	check(1.1 * slow <= slower <= 1.4 * slow, f'growth in CSS: {slow}, {slower}')
	equal(tcp_info(path.c.sock).ssthresh, 0x7fffffff, 'ssthresh in CSS')
	path.round(acks=16)			# it was jitter
	again = path.cwnd()
	check(path.round(acks=16) >= 1.7 * again, f'no slow start again: {again}, {path.cwnd()}')


@rows('9406-6')
def conservative_slow_start_ends(p):
	path = Path(p, 0.2)
	path.round(acks=16)
	path.round(acks=16)
	for i in range(8):
		cwnd = path.round(rtt=0.3 + i * 0.01, acks=16)
		if tcp_info(path.c.sock).ssthresh != 0x7fffffff:
			break
	check(5 <= i <= 7, f'slow start ended after {i} rounds')
	check(path.round(rtt=0.4, acks=16) <= 1.1 * cwnd, 'no congestion avoidance')


@rows('9406-2')
def eight_samples(p):
	"""With fewer ACKs a round than eight nothing is concluded from the RTT."""
	path = Path(p, 0.2)
	path.round(acks=4)
	path.round(acks=4)
	before = path.cwnd()
	after = path.round(rtt=0.3, acks=4)
	check(after >= 1.8 * before, f'{before}, then {after}')
	after = path.round(rtt=0.3, acks=4)
	check(after >= 3.4 * before, f'{before}, then {after}')


@rows('9406-7')
def later_slow_starts(p):
	"""After a loss ssthresh is known: in the slow start that follows a pause the RTT is not asked."""
	path = Path(p, 0.2)
	for _ in range(4):
		path.round(acks=10)
	path.lose()
	while path.sent:
		path.round(acks=10, feed=False)
	time.sleep(8)
	sizes = [path.round(rtt=0.2 + 0.03 * i) for i in range(5)]
	limit = tcp_info(path.c.sock).ssthresh
	grown = [b / a for a, b in zip(sizes, sizes[1:]) if b < limit]
	check(grown and min(grown) >= 1.7, f'{sizes}, ssthresh {limit}')
	check(max(sizes) >= limit, f'{sizes}, ssthresh {limit}')
