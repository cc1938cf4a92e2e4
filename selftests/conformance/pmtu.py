# SPDX-License-Identifier: GPL-2.0
"""The search for the path MTU by probes, and black holes: RFC 4821."""
import contextlib
import socket
import statistics

from peer import (MSS, ahead, check, equal, pattern, rows, seq32, tcp_info)

OFFER = (('MSS', MSS), ('SAckOK', b''))


def sack(*edges):
	return [('NOP', None), ('NOP', None), ('SAck', tuple(seq32(edge) for edge in edges))]


def connection(p, active=False):
	c = p.established(options=OFFER, nodelay=1, active=active)
	c.sock.setsockopt(socket.SOL_SOCKET, 32, 4 << 20)		# SO_SNDBUFFORCE
	c.sock.setblocking(False)
	return c


def feed(c):
	with contextlib.suppress(BlockingIOError):
		while True:
			c.sock.send(bytes(65536))


def mode(segments):
	"""The size that most of them have."""
	return statistics.mode(len(s.data) for s in segments)


def probing(p):
	"""A connection whose last segments are a probe and what follows it. -> it, the size of others,
	the probe, what follows."""
	c = connection(p)
	for _ in range(60):
		feed(c)
		out = c.drain()
		usual = mode(out)
		for i, segment in enumerate(out):
			if len(segment.data) > usual:
				return c, usual, segment, out[i + 1:]
		c.send('A')
	raise AssertionError('no probe')


@rows('4821-4')
def base(p):
	"""Where the search begins is a setting, and so is whether there is one."""
	for probing_is, size in ((0, MSS), (1, MSS), (2, 700)):
		with p.sysctl('mtu_probing', probing_is), p.sysctl('base_mss', 700):
			c = connection(p, active=True)	# Linux looks at it for these only
			feed(c)
			first = c.burst()
			c.send('A')
			got = min(mode(first), mode(c.burst()))
			# Linux takes the option that is not there for one with twelve bytes.
			check(size <= got <= size + 12, f'{got} bytes with mtu_probing {probing_is}')


@rows('4821-2')
def probe_arrives(p):
	"""Then all segments may be as large."""
	with p.sysctl('mtu_probing', 2):
		c, usual, probe, _ = probing(p)
		check(usual < len(probe.data) <= MSS, f'a probe of {len(probe.data)} bytes')
		c.send('A')
		c.drain()
		feed(c)
		c.send('A')
		check(mode(c.burst()) >= len(probe.data), 'what follows is smaller')


@rows('4821-1')
def probe_is_lost(p):
	"""It alone: its data comes again in segments that pass, and congestion there was none."""
	with p.sysctl('mtu_probing', 2):
		c, usual, probe, behind = probing(p)
		check(behind, 'nothing behind the probe')
		c.send('A', ack=probe.seq)
		behind += c.drain()
		before = tcp_info(c.sock)
		end = seq32(probe.seq + len(probe.data))
		c.send('A', ack=probe.seq, options=sack(end, c.ack))
		again = c.burst()
		equal(again[0].seq, probe.seq, 'what comes again')
		check(max(len(s.data) for s in again) <= usual, 'larger than what passes')
		c.send('A')
		c.drain()
		after = tcp_info(c.sock)
		equal((after.ca_state, after.ssthresh), (0, before.ssthresh), 'state and ssthresh')
		check(after.cwnd >= before.cwnd, f'window {before.cwnd}, then {after.cwnd}')


@rows('4821-2')
def black_hole(p):
	"""Nothing larger than 1280 bytes passes, and nobody says so: smaller ones, after a few timeouts."""
	with p.sysctl('mtu_probing', 1):
		c = connection(p)
		c.sock.setblocking(True)
		first, data = c.ack, pattern(20 * MSS)
		c.write(data)
		got, timeouts = 0, 0
		while got < len(data):
			segment = c.next(20, 'a segment')
			c.advance(segment)
			timeouts += len(segment.raw) > 1280 and segment.seq == first
			at = ahead(segment.seq, first)
			if len(segment.raw) <= 1280 and at <= got:
				equal(segment.data, data[at:at + len(segment.data)], 'data')
				got = max(got, at + len(segment.data))
			if len(segment.raw) <= 1280:
				c.send('A', ack=first + got)
		check(timeouts <= 5, f'{timeouts} times too large before it was noticed')
