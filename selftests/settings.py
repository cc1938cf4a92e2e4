#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""README.md's table of settings: do names and defaults agree with net.yoke, both ways, and the
defaults with those of TCP's settings of the same name, but where the table says what TCP's is?

Run in a network namespace where nobody has changed a setting.
"""
import os
import re
import sys

OURS, TCP = '/proc/sys/net/yoke/', '/proc/sys/net/ipv4/tcp_'


def read(path):
	try:
		with open(path) as f:
			return f.read().split()
	except FileNotFoundError:
		return None


def fits(value, default):
	"""`*` stands for one word, alone for any number of them."""
	return default == ['*'] or (len(value) == len(default) and
				    all(d in ('*', v) for v, d in zip(value, default)))


def is_since(kernel):
	"""Is this that kernel, or a later one? None is as old as any."""
	def numbers(version):
		return [int(n) for n in re.findall(r'\d+', version)[:2]]
	return kernel is None or numbers(os.uname().release) >= numbers(kernel)


def main():
	with open('README.md') as f:
		table = f.read().split('## Settings')[1].split('\n## ')[0]
	wrong, named = [], set()
	for name, default, meaning in re.findall(r'^\| `(\w+)` \| (.*?) \| .*? \| (.*?) \|$', table, re.M):
		named.add(name)
		ours, tcp = read(OURS + name), read(TCP + name)
		if ours is None and not meaning.endswith('all namespaces'):	# in the first one only
			wrong.append(f'{name} is not there')
		if ours is not None and not fits(ours, default.split()):
			wrong.append(f'{name} is {" ".join(ours)}, not {default}')
		exception = re.search(r'\(TCP(?: of ([\d.]+))?: ([^,)]*)', meaning)
		want = exception[2] if exception and is_since(exception[1]) else default
		if tcp is not None and not fits(tcp, want.split()):
			wrong.append(f'{name} of TCP is {" ".join(tcp)}, not {want}')
	wrong += [f'{name} is not in the table' for name in sorted(set(os.listdir(OURS)) - named)]
	for line in wrong:
		print('#', line)
	return bool(wrong) or not named


sys.exit(main())
