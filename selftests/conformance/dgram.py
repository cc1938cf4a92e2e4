# SPDX-License-Identifier: GPL-2.0
"""Datagrams: RFC 768, RFC 1122 §4.1."""
import errno
import select
import socket
import struct

from scapy.layers.inet import IP, UDP, IPOption_Router_Alert, fragment
from scapy.utils import checksum

from peer import (DGRAM, MTU, SUT, SUT2, Peer, Skip, check, equal, link, pattern, raises, rows,
		  setopt, snmp)


def connected(p, port):
	s = p.dgram()
	s.connect((p.address, port))
	return s


@rows('768-3', '1122-UDP-4')
def receive(p):
	s = p.dgram()
	port = s.getsockname()[1]
	for size in (0, 1, 2, 7, 100, 1472):
		p.datagram(5000, port, pattern(size))
		equal(s.recvfrom(2000), (pattern(size), (p.address, 5000)), 'datagram')


@rows('768-1', '1122-UDP-4')
def send(p):
	s = p.dgram()
	for size in (0, 1, 2, 7, 100, 1472):
		s.sendto(pattern(size), (p.address, 5000))
		d = p.receive(DGRAM, 5000, s.getsockname()[1])
		equal(bytes(d[UDP].payload), pattern(size), 'datagram')
		equal(d[UDP].len, size + 8, 'length')
		check(d[UDP].chksum, 'no checksum')


@rows('768-3')
def boundaries(p):
	"""Each read gives one datagram; what does not fit is lost, and told."""
	s = p.dgram()
	port = s.getsockname()[1]
	for data in (b'one', b'', b'three'):
		p.datagram(5000, port, data)
	equal([s.recv(100) for _ in range(3)], [b'one', b'', b'three'], 'datagrams')
	p.datagram(5000, port, b'too long')
	p.datagram(5000, port, b'next')
	data, _, flags, _ = s.recvmsg(3)
	equal((data, flags & socket.MSG_TRUNC), (b'too', socket.MSG_TRUNC), 'a short buffer')
	equal(s.recv(100), b'next', 'datagram')


@rows('768-3')
def source_port_zero(p):
	s = p.dgram()
	p.datagram(0, s.getsockname()[1], b'no reply wanted')
	equal(s.recvfrom(100), (b'no reply wanted', (p.address, 0)), 'datagram')


@rows('768-1')
def length_field(p):
	"""Below 8 or beyond the packet: dropped. Bytes behind it are not text."""
	s = p.dgram()
	port = s.getsockname()[1]
	for length in (0, 1, 7, 9 + 4, 65535):
		body = struct.pack('!HHHH', 5000, port, length, 0) + b'text'
		p.inject(p.packet(DGRAM, body))
	for size in range(8):
		p.inject(p.packet(DGRAM, struct.pack('!HHHH', 5000, port, 8, 0)[:size]))
	p.barrier()
	check(not select.select([s], [], [], 0)[0], 'delivered')
	p.inject(p.packet(DGRAM, struct.pack('!HHHH', 5000, port, 10, 0) + b'text'))
	equal(s.recv(100), b'te', 'datagram')


@rows('1122-UDP-4', '768-2')
def bad_checksum(p):
	s = p.dgram()
	port = s.getsockname()[1]
	errors = snmp('InCsumErrors', dgram=True)
	p.datagram(5000, port, b'bad', corrupt=True)
	p.quiet()
	check(not select.select([s], [], [], 0)[0], 'delivered')
	p.datagram(5000, 9, b'bad', corrupt=True)
	p.quiet()
	check(snmp('InCsumErrors', dgram=True) > errors, 'not counted')


@rows('768-2')
def counted_when_read(p):
	"""InDatagrams are those delivered to users (RFC 4113): a look is not yet one."""
	s = p.dgram()
	before = snmp('InDatagrams', dgram=True)
	p.datagram(5000, s.getsockname()[1], b'text')
	equal(s.recv(10, socket.MSG_PEEK), b'text', 'datagram')
	equal(snmp('InDatagrams', dgram=True), before, 'InDatagrams before it is read')
	equal(s.recv(10), b'text', 'datagram')
	equal(snmp('InDatagrams', dgram=True), before + 1, 'InDatagrams')


@rows('768-2')
def no_checksum(p):
	"""Zero says that there is none."""
	s = p.dgram()
	body = struct.pack('!HHHH', 5000, s.getsockname()[1], 12, 0) + b'text'
	p.inject(p.packet(DGRAM, body))
	equal(s.recv(100), b'text', 'datagram')


@rows('768-2')
def checksum_of_zero(p):
	"""A sum that comes out as zero is sent as 0xffff, and taken as such."""
	s = p.dgram()
	port = s.getsockname()[1]
	head = struct.pack('!HHHH', port, 5000, 10, 0)
	pseudo = socket.inet_aton(SUT) + socket.inet_aton(p.address) + struct.pack('!BBH', 0, DGRAM, 10)
	filler = struct.pack('!H', checksum(pseudo + head + b'\0\0'))
	s.sendto(filler, (p.address, 5000))
	equal(p.receive(DGRAM, 5000, port)[UDP].chksum, 0xffff, 'checksum')
	body = struct.pack('!HHHH', 5000, port, 10, 0xffff)
	pseudo = socket.inet_aton(p.address) + socket.inet_aton(SUT) + struct.pack('!BBH', 0, DGRAM, 10)
	body += struct.pack('!H', checksum(pseudo + body[:6] + b'\0\0\0\0'))
	p.inject(p.packet(DGRAM, body))
	equal(len(s.recv(100)), 2, 'datagram received')


@rows('1122-UDP-1')
def nobody_there(p):
	"""Port unreachable, and it quotes what was sent."""
	p.datagram(5000, 9, b'hello?')
	error = p.icmp_error()
	icmp = error.payload
	equal((icmp.type, icmp.code), (3, 3), 'ICMP type and code')
	quoted = bytes(icmp.payload)
	equal((quoted[9], quoted[20:24]), (DGRAM, struct.pack('!HH', 5000, 9)), 'quoted')


@rows('1122-UDP-1', '1122-ICMP-3')
def nobody_there_broadcast(p):
	"""... but not for a broadcast or a multicast."""
	strays = len(link.strays)
	for dst in ('255.255.255.255', '10.9.255.255', '224.0.0.1'):
		p.datagram(5000, 9, b'anybody?', dst=dst)
	p.quiet()
	equal(len(link.strays), strays, 'answers')


@rows('1122-UDP-3', '9293-MUST-54')
def refused(p):
	"""Port unreachable comes back to a connected socket as ECONNREFUSED, and once."""
	s = connected(p, 5000)
	s.send(b'hello?')
	d = p.receive(DGRAM, 5000, s.getsockname()[1])
	p.icmp_send(3, 3, bytes(d))
	p.barrier()
	raises(errno.ECONNREFUSED, s.send, b'again')
	s.send(b'again')
	p.receive(DGRAM, 5000, s.getsockname()[1])


@rows('1122-UDP-3', '8085-5')
def refused_somebody_else(p):
	"""Only the socket that sent it is told, and only about its own ports."""
	a, b = connected(p, 5000), connected(p, 5001)
	a.send(b'hello?')
	b.send(b'hello?')
	d = p.receive(DGRAM, 5000, a.getsockname()[1])
	p.receive(DGRAM, 5001, b.getsockname()[1])
	wrong = bytearray(bytes(d))
	wrong[23] ^= 1
	p.icmp_send(3, 3, bytes(wrong))
	p.icmp_send(3, 3, bytes(d))
	p.barrier()
	equal(b.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, 'error of the other')
	equal(a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED, 'error')


@rows('1122-UDP-7', '768-3')
def connected_to_one(p):
	"""A connected socket hears its peer only."""
	s = connected(p, 5000)
	port = s.getsockname()[1]
	p.datagram(5001, port, b'stranger')
	other = Peer()
	other.datagram(5000, port, b'stranger')
	other.close()
	p.datagram(5000, port, b'friend')
	equal(s.recv(100), b'friend', 'datagram')
	p.barrier()
	check(not select.select([s], [], [], 0)[0], 'more')


@rows('1122-UDP-7', '1122-UDP-6')
def most_specific(p):
	"""Address before none, peer before none."""
	anywhere = p.socket(socket.SOCK_DGRAM)
	anywhere.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	anywhere.bind(('0.0.0.0', 0))
	port = anywhere.getsockname()[1]
	here = p.socket(socket.SOCK_DGRAM)
	here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	here.bind((SUT, port))
	ours = p.socket(socket.SOCK_DGRAM)
	ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	ours.bind((SUT, port))
	ours.connect((p.address, 5000))
	p.datagram(5000, port, b'ours')
	p.datagram(5001, port, b'here')
	p.datagram(5000, port, b'anywhere', dst=SUT2)
	equal([s.recv(100) for s in (ours, here, anywhere)], [b'ours', b'here', b'anywhere'], 'datagrams')


@rows('1122-UDP-8')
def invalid_source(p):
	s = p.dgram()
	for src in ('255.255.255.255', '224.0.0.1', SUT, '127.0.0.1'):
		p.datagram(5000, s.getsockname()[1], b'forged', src=src)
	p.barrier()
	check(not select.select([s], [], [], 0)[0], 'delivered')


@rows('1122-UDP-7', '1122-UDP-8')
def source_address(p):
	"""bind() fixes it; without, IP chooses, and getsockname() tells after connect()."""
	s = p.dgram(address=SUT2)
	s.sendto(b'x', (p.address, 5000))
	equal(p.receive(DGRAM, 5000, s.getsockname()[1]).src, SUT2, 'source')
	t = p.socket(socket.SOCK_DGRAM)
	t.connect((p.address, 5000))
	equal(t.getsockname()[0], SUT, 'local address')
	raises(errno.EADDRNOTAVAIL, p.socket(socket.SOCK_DGRAM).bind, ('10.8.0.1', 0))


@rows('1122-UDP-9')
def tos_and_ttl(p):
	s = p.dgram()
	setopt(s, tos=0x28, ttl=33)
	s.sendto(b'x', (p.address, 5000))
	d = p.receive(DGRAM, 5000, s.getsockname()[1])
	equal((d.tos, d.ttl), (0x28, 33), 'TOS and TTL')


@rows('1122-UDP-6')
def packet_info(p):
	"""IP_PKTINFO tells the address it was sent to."""
	s = p.dgram(address='0.0.0.0')
	s.setsockopt(socket.IPPROTO_IP, 8, 1)		# IP_PKTINFO
	p.datagram(5000, s.getsockname()[1], b'x', dst=SUT2)
	_, control, _, _ = s.recvmsg(100, 100)
	equal([(level, kind, data[8:12]) for level, kind, data in control],
	      [(socket.IPPROTO_IP, 8, socket.inet_aton(SUT2))], 'control message')


@rows('1122-UDP-10', '8085-1')
def too_large(p):
	"""Beyond 65507 bytes: EMSGSIZE; with DF, beyond the path's MTU, too."""
	s = connected(p, 5000)
	raises(errno.EMSGSIZE, s.send, bytes(65508))
	s.setsockopt(socket.IPPROTO_IP, 10, 2)		# IP_MTU_DISCOVER, IP_PMTUDISC_DO
	raises(errno.EMSGSIZE, s.send, bytes(MTU - 28 + 1))
	s.send(bytes(MTU - 28))
	p.receive(DGRAM, 5000, s.getsockname()[1])
	equal(s.getsockopt(socket.IPPROTO_IP, 14), MTU, 'IP_MTU')


@rows('1122-UDP-7', '9293-MUST-46')
def broadcast_refused(p):
	s = p.dgram()
	raises(errno.EACCES, s.sendto, b'x', ('10.9.255.255', 5000))
	s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
	s.sendto(b'x', ('10.9.255.255', 5000))


@rows('1122-UDP-4')
def old_broadcast(p):
	"""From and to 0.0.0.0: a broadcast that who is bound to no address hears, once."""
	s = p.dgram('0.0.0.0')
	p.datagram(5000, s.getsockname()[1], b'anybody?', src='0.0.0.0', dst='0.0.0.0')
	equal(s.recv(100), b'anybody?', 'datagram')
	s.setblocking(False)
	raises(errno.EAGAIN, s.recv, 100)


@rows('768-3', '1122-UDP-4')
def fragmented(p):
	"""A datagram that IP had to put together."""
	s = p.dgram()
	whole = p.unsent(p.datagram, 5000, s.getsockname()[1], pattern(4000))
	for part in reversed(fragment(IP(whole), 1000)):
		p.inject(bytes(part))
	equal(s.recv(5000), pattern(4000), 'datagram')


@rows('1122-UDP-5')
def checksum_off(p):
	"""SO_NO_CHECK sends zero in place of a sum."""
	s = p.dgram()
	try:
		s.setsockopt(socket.SOL_SOCKET, 11, 1)
	except OSError as e:
		raise Skip(f'SO_NO_CHECK: {e}') from None
	s.sendto(b'x', (p.address, 5000))
	equal(p.receive(DGRAM, 5000, s.getsockname()[1])[UDP].chksum, 0, 'checksum')


@rows('8085-3')
def ephemeral_ports(p):
	"""Not 0, in range, and not one after the other."""
	with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
		low, high = map(int, f.read().split())
	ports = []
	for _ in range(40):
		s = p.socket(socket.SOCK_DGRAM)
		s.connect((p.address, 5000))
		ports.append(s.getsockname()[1])
	check(all(low <= port <= high for port in ports), f'out of {low}-{high}: {ports}')
	equal(len(set(ports)), 40, 'different ports')
	steps = [b - a for a, b in zip(ports, ports[1:])]
	check(sum(step in (1, 2) for step in steps) < 15, f'easy to guess: {ports}')


@rows('8899-1', '8899-4')
def too_big_messages(p):
	"""Believed if they quote what this socket sends; IP_MTU tells what is known."""
	s = connected(p, 5000)
	s.setsockopt(socket.IPPROTO_IP, 10, 2)		# IP_MTU_DISCOVER, IP_PMTUDISC_DO
	s.send(pattern(MTU - 28))
	d = p.receive(DGRAM, 5000, s.getsockname()[1])
	for at in (20, 22):
		wrong = bytearray(bytes(d))
		wrong[at] ^= 1
		p.icmp_send(3, 4, bytes(wrong), mtu=1000)
	p.barrier()
	equal(s.getsockopt(socket.IPPROTO_IP, 14), MTU, 'IP_MTU after forged messages')
	p.icmp_send(3, 4, bytes(d), mtu=1000)
	p.barrier()
	equal(s.getsockopt(socket.IPPROTO_IP, 14), 1000, 'IP_MTU')
	s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
	raises(errno.EMSGSIZE, s.send, bytes(1000 - 27))
	s.send(bytes(1000 - 28))


@rows('1122-UDP-2')
def ip_options(p):
	"""Received ones are passed up on demand, and those of the application are sent."""
	s = p.dgram()
	s.setsockopt(socket.IPPROTO_IP, 6, 1)		# IP_RECVOPTS
	p.inject(p.transport(DGRAM, struct.pack('!HHHH', 5000, s.getsockname()[1], 9, 0) + b'x',
			     ip_options=[IPOption_Router_Alert()]))
	data, control, _, _ = s.recvmsg(100, 100)
	equal((data, [c[2][:2] for c in control]), (b'x', [b'\x94\x04']), 'datagram and options')
	try:
		s.setsockopt(socket.IPPROTO_IP, 4, b'\x94\x04\0\0')	# IP_OPTIONS
	except OSError as e:
		raise Skip(f'IP_OPTIONS: {e}') from None
	s.sendto(b'y', (p.address, 5000))
	equal(bytes(p.receive(DGRAM, 5000, s.getsockname()[1]))[20:24], b'\x94\x04\0\0', 'IP options')
