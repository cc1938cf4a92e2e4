# SPDX-License-Identifier: GPL-2.0
"""Checksums: RFC 9293 §3.1. What the kernel sends is verified in peer.Link.verify()."""
import socket
import struct

from scapy.layers.inet import TCP
from scapy.packet import Raw
from scapy.utils import checksum

from peer import (ORACLE, STREAM, SUT, check, connecting, equal, pattern, rows,
		  seq32, snmp)


@rows('9293-MUST-2')
def odd_lengths(p):
	"""Segments of every small size are sent with a good checksum, and taken with one."""
	c = p.established(nodelay=1)
	for size in (*range(1, 18), 255, 1459, 1460):
		data = pattern(size, size)
		c.write(data)
		c.expect('A', data)
		c.send('PA', data)
		c.expect_ack()
		equal(c.recv(size), data, 'data read')


@rows('9293-MUST-2')
def large_writes(p):
	"""What leaves as one large buffer is cut into segments that are each summed right."""
	c = p.established(sndbuf=1 << 20)
	for size in (10000, 30001, 64123):
		data = pattern(size)
		c.write(data)
		c.expect_data(data)


@rows('9293-MUST-3')
def bad_syn(p):
	listener = p.listen()
	errors = snmp('InCsumErrors')
	c = p.conn(listener)
	c.send('S', corrupt=True)
	c.quiet()
	c.expect_state('CLOSED')
	check(snmp('InCsumErrors') > errors, 'not counted')
	c.send('S', seq=c.iss)
	c.expect('SA')


@rows('9293-MUST-3')
def bad_syn_ack(p):
	c = p.syn_sent()
	c.send('SA', seq=c.seq, corrupt=True)
	c.send('RA', seq=c.seq, corrupt=True)
	c.quiet()
	connecting(c.sock)
	c.answered()


@rows('9293-MUST-3')
def bad_segments(p):
	"""Data, FIN, RST, SYN and ACK with a bad sum: no reply, no change, nothing to read."""
	c = p.established()
	errors = snmp('InCsumErrors')
	c.sock.send(b'unacknowledged')
	c.expect('A', b'unacknowledged')
	for flags, data in (('PA', b'data'), ('FA', b''), ('R', b''), ('RA', b''), ('S', b''), ('A', b'')):
		c.send(flags, data, seq=c.seq, corrupt=True)
	c.quiet()
	c.nothing_to_read()
	c.expect_state('ESTABLISHED')
	equal(snmp('InCsumErrors') - errors, 6, 'checksum errors counted')
	c.send('A')
	c.alive()


@rows('9293-MUST-3', '9293-EV-01')
def bad_to_closed_port(p):
	"""No reset for what may have been meant for somebody else."""
	c = p.conn(9)
	c.send('S', corrupt=True)
	c.send('A', corrupt=True, ack=5)
	c.quiet()


@rows('9293-MUST-3')
def every_bit(p):
	"""One bit turned over anywhere in the segment, or in the addresses of the pseudo-header."""
	c = p.established()
	good = p.unsent(c.send, 'PA', b'some data')
	c.seq = seq32(c.seq - 9)
	for bit in range(0, (len(good) - 20) * 8, 3):
		bad = bytearray(good)
		bad[20 + bit // 8] ^= 1 << bit % 8
		p.inject(bytes(bad))
	c.quiet()
	c.nothing_to_read()
	c.alive()


@rows('9293-MUST-3')
def zero_is_no_exception(p):
	"""A stream has no way to say that there is no checksum."""
	c = p.established()
	body = bytearray(bytes(TCP(sport=c.port, dport=c.sut_port, flags='PA', seq=c.seq, ack=c.ack,
				   chksum=0) / Raw(b'data')))
	p.inject(p.packet(STREAM, bytes(body)))
	c.quiet()
	c.nothing_to_read()


@rows('9293-MUST-2', '9293-MUST-3')
def protocol_of_the_pseudo_header(p):
	"""The number that is summed is the protocol's own."""
	c = p.established()
	body = bytearray(bytes(TCP(sport=c.port, dport=c.sut_port, flags='PA', seq=c.seq, ack=c.ack,
				   chksum=0) / Raw(b'data')))
	pseudo = socket.inet_aton(p.address) + socket.inet_aton(SUT)
	pseudo += struct.pack('!BBH', 0, 253 if ORACLE else 6, len(body))
	body[16:18] = struct.pack('!H', checksum(pseudo + bytes(body)))
	p.inject(p.packet(STREAM, bytes(body)))
	c.quiet()
	c.nothing_to_read()
	c.alive()


@rows('9293-MUST-3')
def out_of_order_bad(p):
	"""A bad segment leaves no hole filled and no text queued."""
	c = p.established()
	c.send('PA', b'bad', seq=c.seq + 4, corrupt=True)
	c.quiet()
	c.send('PA', b'good')
	c.expect_ack()
	equal(c.recv(4), b'good', 'data read')
	c.nothing_to_read()
