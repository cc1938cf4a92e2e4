# SPDX-License-Identifier: GPL-2.0
"""ICMP: RFC 9293 §3.9.2.2, RFC 1122 §3.2.2, RFC 1191, RFC 5927."""
import contextlib
import errno
import socket
import time

from peer import (MSS, ORACLE, Failure, Peer, check, connect_error, connecting, equal, held,
		  near, pattern, poll_events, rows, seq32, slow)

HARD = {2: errno.ENOPROTOOPT, 3: errno.ECONNREFUSED}
SOFT = ((3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0))


def quote(segment):
	"""The packet that an ICMP error would quote."""
	return bytes(segment.ip)


@rows('9293-SHLD-26', '1122-ICMP-5', '9293-MUST-54')
def hard_errors_end_connect(p):
	for code, error in HARD.items():
		c = p.syn_sent()
		p.icmp_send(3, code, quote(c.syn))
		connect_error(c.sock, error)
		c.expect_state('CLOSED')


@rows('9293-MUST-54', '1122-ICMP-1')
def only_the_one_quoted(p):
	"""Two connections under way: the error is for the one that it quotes."""
	a, b = p.syn_sent(), p.syn_sent()
	p.icmp_send(3, 3, quote(a.syn))
	connect_error(a.sock, errno.ECONNREFUSED)
	connecting(b.sock)
	b.answered()


@rows('5927-1')
def quoted_number_out_of_range(p):
	"""A quote of what was never sent is somebody's guess."""
	c = p.syn_sent()
	for offset in (-1, 2, 100, 0x40000000):
		packet = c.syn.ip.copy()
		packet.payload.seq = (c.syn.seq + offset) % (1 << 32)
		p.icmp_send(3, 3, bytes(packet))
	c.quiet()
	connecting(c.sock)


@rows('1122-ICMP-1')
def quoted_protocol(p):
	"""The same ports under another protocol are not ours."""
	c = p.syn_sent()
	packet = bytearray(quote(c.syn))
	packet[9] = 253 if ORACLE else 6
	p.icmp_send(3, 3, bytes(packet))
	packet[9] = 17
	p.icmp_send(3, 3, bytes(packet))
	c.quiet()
	connecting(c.sock)


@rows('9293-MUST-54')
def quoted_addresses_and_ports(p):
	c = p.syn_sent()
	for at in (19, 21, 23):			# destination address, source port, destination port
		packet = bytearray(quote(c.syn))
		packet[at] ^= 1
		p.icmp_send(3, 3, bytes(packet))
	c.quiet()
	connecting(c.sock)


@rows('9293-MUST-56', '1122-ICMP-6')
def soft_errors_end_nothing(p):
	c = p.established()
	for kind, code in SOFT:
		c.sock.send(b'data')
		segment = c.expect('A', b'data')
		p.icmp_send(kind, code, quote(segment))
		p.barrier()
		c.send('A')
	c.expect_state('ESTABLISHED')
	equal(c.error(), 0, 'SO_ERROR')
	c.alive()


@slow(4)
@rows('9293-MUST-56')
def no_way_is_no_congestion(p):
	"""RFC 6069: while a router says that it knows no way, timeouts do not grow."""
	c = p.syn_received()
	time.sleep(0.25)		# as in retransmission.timeout_doubles
	c.opened()
	c.sock.send(b'hello')
	last, gaps = c.expect('A', b'hello'), []
	for _ in range(3):
		again = c.expect('A', b'hello', seq=last.seq, within=12)
		p.icmp_send(3, 1, quote(again))
		gaps.append(again.at - last.at)
		last = again
	check(max(gaps) < 1.5 * min(gaps), f'intervals of {gaps} s')
	c.send('A')
	c.alive()


@rows('9293-MUST-56', '9293-MUST-20')
def no_way_for_as_long_as_r2(p):
	"""R2 is the time of so many tries of which each waits twice as long, however many there were."""
	with p.sysctl('retries2', 3):
		c = p.established()
		c.sock.send(b'hello')
		start = again = c.expect('A', b'hello')
		tries = 0
		while not poll_events(c.sock) & 8:
			check(time.monotonic() - start.at < 10, 'not given up')
			try:
				again = c.expect('A', b'hello', seq=start.seq, within=1)
			except Failure:
				continue
			tries += 1
			p.icmp_send(3, 1, quote(again))
			p.barrier()
		check(tries > 4, f'{tries} tries')
		near(time.monotonic() - start.at, 0.2 + 0.4 + 0.8 + 1.6, low=0.3, high=2, what='given up after')


@rows('5927-2', '9293-SHLD-26')
def hard_errors_spare_connections(p):
	"""In synchronized states hard errors are taken for soft ones."""
	c = p.established()
	for code in HARD:
		c.sock.send(b'data')
		segment = c.expect('A', b'data')
		p.icmp_send(3, code, quote(segment))
		p.barrier()
		c.send('A')
	c.expect_state('ESTABLISHED')
	c.alive()


@rows('9293-MUST-47', '9293-SHLD-25', '9293-SHLD-20')
def soft_errors_are_reported(p):
	"""With IP_RECVERR the application is told; without, it is left in peace."""
	for asked in (0, 1):
		c = p.established()
		c.sock.setsockopt(socket.IPPROTO_IP, 11, asked)		# IP_RECVERR
		c.sock.send(b'data')
		segment = c.expect('A', b'data')
		p.icmp_send(3, 1, quote(segment))
		p.barrier()
		c.send('A')
		equal(c.error(), errno.EHOSTUNREACH if asked else 0, 'SO_ERROR')
		c.expect_state('ESTABLISHED')


@rows('9293-MUST-55', '5927-3', '1122-ICMP-2')
def source_quench(p):
	"""It and types that nobody knows are dropped without a word."""
	c = p.established()
	for kind in (4, 1, 2, 7, 44, 255):
		c.sock.send(b'data')
		segment = c.expect('A', b'data')
		p.icmp_send(kind, 0, quote(segment))
		p.barrier()
		equal(c.error(), 0, f'SO_ERROR after ICMP type {kind}')
		c.send('A')
	c.alive()


@rows('5927-6')
def behind_a_call(p):
	"""While a call holds the socket: what a message says of the path is not forgotten."""
	c = p.established()
	c.write(pattern(MSS))
	segment = c.expect('A', MSS)
	c.send('PA', b'x', ack=segment.seq)
	c.expect_ack()
	with held(c.sock):
		p.icmp_send(3, 1, quote(segment))
		p.icmp_send(3, 4, quote(segment), mtu=1000)
		p.barrier()
	again = c.burst()
	equal([s.seq for s in again][0], segment.seq, 'sequence number')
	equal(max(len(s.data) for s in again), 960, 'largest segment')
	c.send('A')
	c.drain()
	c.send('A')
	c.alive()


@rows('5927-5')
def quotes_of_any_size(p):
	"""Short quotes, and quotes of nonsense."""
	c = p.established()
	c.sock.send(b'data')
	packet = quote(c.expect('A', b'data'))
	for size in (0, 1, 10, 19, 20, 21, 24, 27):
		p.icmp_send(3, 3, packet[:size], whole=True)
	p.icmp_send(3, 3, b'\x4f' + packet[1:], whole=True)
	p.icmp_send(3, 3, b'\x40' + packet[1:], whole=True)
	p.icmp_send(3, 4, b'\xff' * 60, whole=True)
	p.barrier()
	c.send('A')
	c.alive()


@rows('1191-1', '9293-MUST-16')
def fragmentation_needed(p):
	"""The path is narrower: what did not fit comes again in smaller segments."""
	c = p.established()
	data = pattern(MSS * 2)
	c.write(data)
	sent = c.drain()
	first = sent[0].seq
	p.icmp_send(3, 4, quote(sent[0]), mtu=1000)
	again = c.burst()
	check(all(len(s.data) <= 960 for s in again), 'still too large')
	equal(again[0].seq, first, 'sequence number')
	c.send('A')
	c.drain()
	more = pattern(3000)
	c.ack = seq32(sent[-1].seq + len(sent[-1].data))
	c.write(more)
	got = c.expect_data(more)
	equal(max(len(s.data) for s in got), 960, 'largest segment')


@rows('1191-2')
def fragmentation_needed_by_all(p):
	"""Nothing of the first window fitted: it comes again at once, not a segment a round trip."""
	c = p.established()
	c.write(pattern(MSS * 10))
	sent = c.drain()
	p.icmp_send(3, 4, quote(sent[0]), mtu=1000)
	again = c.drain()
	check(sum(len(s.data) for s in again) >= 5000, f'{[len(s.data) for s in again]} bytes')
	check(all(len(s.data) <= 960 for s in again), 'still too large')


@rows('1191-3')
def fragmentation_needed_is_limited(p):
	"""Never raised by such a message, and never below what the host allows."""
	c = p.established()
	for mtu in (9000, 65535):
		c.write(pattern(MSS))
		segment = c.expect('A', MSS)
		p.icmp_send(3, 4, quote(segment), mtu=mtu)
		c.quiet()
		c.send('A')
	c.write(pattern(MSS))
	segment = c.expect('A', MSS)
	p.icmp_send(3, 4, quote(segment), mtu=68)
	p.barrier()
	c.drain()
	c.send('A')
	c.drain()
	c.write(pattern(2000))
	check(max(len(s.data) for s in c.burst()) >= 500, 'smaller than the host allows')


@rows('1191-5', '5927-1')
def fragmentation_needed_once(p):
	"""The same message ten times: one decrease. A quote out of range: none."""
	c = p.established()
	c.write(pattern(MSS))
	segment = c.expect('A', MSS)
	packet = segment.ip.copy()
	packet.payload.seq = (segment.seq - 100000) % (1 << 32)
	p.icmp_send(3, 4, bytes(packet), mtu=1000)
	c.quiet()
	for _ in range(10):
		p.icmp_send(3, 4, quote(segment), mtu=1000)
	again = c.drain()
	check(len(again) <= 2, f'{len(again)} segments for one message')
	c.send('A')


@rows('1122-ICMP-4')
def protocol_unreachable_for_others(p):
	"""A protocol that nobody has: ICMP says so. Ours is there, and it does not."""
	p.inject(p.packet(251, bytes(20)))
	error = p.icmp_error()
	equal((error.payload.type, error.payload.code), (3, 2), 'ICMP type and code')


@rows('9293-MUST-54')
def port_unreachable_for_a_request(p):
	"""An error about the SYN,ACK ends the request, or not; the listener lives."""
	c = p.syn_received()
	p.icmp_send(3, 1, quote(c.syn))
	p.barrier()
	d = p.syn_received(listener=c.listener)
	d.opened()
	d.alive()


@rows('9293-MUST-54')
def no_way_for_a_request(p):
	"""Where there is no way to who asked, nobody waits; a guess at the number ends nothing."""
	c = p.syn_received()
	p.icmp_send(3, 1, quote(c.syn)[:24] + bytes(4))
	c.expect_state('SYN_RECV')
	p.icmp_send(3, 1, quote(c.syn))
	c.expect_state('CLOSED')


@rows('1191-2')
def fragmentation_needed_of_old(p):
	"""A router that does not tell its MTU: a guess is made, and it fits nearly every path."""
	c = p.established()
	c.write(pattern(MSS))
	segment = c.expect('A', MSS)
	p.icmp_send(3, 4, quote(segment), mtu=0)
	again = c.burst()
	equal(again[0].seq, segment.seq, 'sequence number')
	check(all(400 <= len(s.data) <= 1000 for s in again), f'{[len(s.data) for s in again]} bytes')


@rows('1191-4')
def path_mtu_is_believed_long(p):
	"""What is known of a path is kept for five minutes at least: ten, by default."""
	path = '/proc/sys/net/ipv4/route/mtu_expires'
	with open(path) as f:
		check(int(f.read()) >= 300, 'the default')
	c = p.established()
	c.write(pattern(MSS))
	p.icmp_send(3, 4, quote(c.expect('A', MSS)), mtu=1000)
	c.burst()
	c.send('A')
	c.drain()
	c.send('A')
	time.sleep(299)
	c.ack = None
	c.write(pattern(3000))
	equal(max(len(s.data) for s in c.burst()), 960, 'largest segment after five minutes')


@rows('4821-3')
def path_mtu_of_one_host(p):
	"""Two hosts of one network: what is known of the path to one says nothing of the other."""
	c = p.established()
	c.write(pattern(MSS))
	p.icmp_send(3, 4, quote(c.expect('A', MSS)), mtu=1000)
	p.barrier()
	other = Peer()
	with contextlib.closing(other):
		d = other.established()
		d.write(pattern(MSS))
		d.expect('A', MSS)
