# SPDX-License-Identifier: GPL-2.0
"""What run.py and programs.py share: how tests are run, and what was Yoke's of what they sent."""
import os
import sys
import time
import traceback


def counters():
	"""Connections opened and accepted, datagrams sent: the host's own, and Yoke's."""
	with open('/proc/thread-self/net/snmp') as f:
		lines = [line.split() for line in f]
	host = {}
	for keys, values in zip(lines[::2], lines[1::2]):
		host.update({keys[0] + k: int(v) for k, v in zip(keys[1:], values[1:])})
	with open('/proc/thread-self/net/yoke/snmp') as f:
		yoke = {k: int(v) for k, v in map(str.split, f)}
	return {'host': host['Tcp:ActiveOpens'] + host['Tcp:PassiveOpens'],
		'yoke': yoke['ActiveOpens'] + yoke['PassiveOpens'],
		'host datagrams': host['Udp:OutDatagrams'], 'yoke datagrams': yoke['DgramOutDatagrams']}


def chosen(scope, names):
	"""Of the functions test_NAME of a module those that are named, or all: {name: function}"""
	os.environ['PATH'] += ':/usr/sbin:/sbin'
	tests = {name[5:]: f for name, f in scope.items() if name.startswith('test_')}
	if strange := [name for name in names if name not in tests]:
		sys.exit(f'no such test: {" ".join(strange)}; there are {" ".join(tests)}')
	print('TAP version 13')
	print(f'1..{len(names or tests)}', flush=True)
	return {name: tests[name] for name in names or tests}


def perform(group, tests, one=lambda test: test()):
	"""Each by one(test), which may have something to say of it -> did any fail?"""
	failed = False
	for number, (name, test) in enumerate(tests.items(), 1):
		print(f'# RUN {group}.{name} ...', flush=True)
		start, verdict, note = time.monotonic(), 'ok', ''
		try:
			note = one(test) or ''
		except Exception:
			failed, verdict = True, 'not ok'
			for line in traceback.format_exc().splitlines():
				print('#', line)
		print(f'{verdict} {number} {group}.{name} # {time.monotonic() - start:.1f} s {note}', flush=True)
	return failed
