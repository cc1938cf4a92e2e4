#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""spin walks through connection.pml, without and with Fast Open, and the state changes that sockets
go through there are those that the module's table (module/engine/conn.c) allows, no more, no fewer.

	check.py [O=DIR]	what is built goes to DIR (build/states); prints TAP

The kernel has no spin: this runs on the host, about a minute of one processor.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
REPO = os.path.realpath(f'{HERE}/../..')
NAMES = {1: 'ESTABLISHED', 2: 'SYN_SENT', 3: 'SYN_RECV', 4: 'FIN_WAIT1', 5: 'FIN_WAIT2', 6: 'TIME_WAIT',
	 7: 'CLOSE', 8: 'CLOSE_WAIT', 9: 'LAST_ACK', 10: 'LISTEN', 11: 'CLOSING'}


def explore(out, *options):
	"""-> what spin said, and the state changes it saw."""
	os.makedirs(out, exist_ok=True)
	subprocess.run(['spin', '-a', *options, f'{HERE}/connection.pml'], cwd=out, check=True,
		       stdout=subprocess.DEVNULL)
	subprocess.run(['gcc', '-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-DVECTORSZ=1024', '-o', 'pan', 'pan.c'],
		       cwd=out, check=True)
	said = subprocess.run(['./pan', '-m100000'], cwd=out, stdout=subprocess.PIPE, text=True,
			      check=True).stdout
	edges = {(NAMES[int(old)], NAMES[new]) for old, bits in re.findall(r'^edges (\d+) (\d+)$', said, re.M)
		 for new in NAMES if int(bits) >> new & 1}
	return said, edges


def table():
	"""The module's: every state may also fall to CLOSE, which it does not say."""
	with open(f'{REPO}/module/engine/conn.c') as f:
		text = re.search(r'transitions\[\w+\] = \{(.*?)\n\};', f.read(), re.S)[1]
	return {(old, new) for old, to in re.findall(r'\[TCP_(\w+)\]\s*= ([^,]*),', text)
		for new in re.findall(r'BIT_OF\((\w+)\)', to)}


def without_ends(edges):
	"""TIME-WAIT is no socket's state but a smaller object's, and CLOSE is where all may go."""
	return {(old, new) for old, new in edges if new not in ('CLOSE', 'TIME_WAIT')}


def main():
	out = next((a[2:] for a in sys.argv[1:] if a.startswith('O=')), f'{REPO}/build/states')
	print('TAP version 13\n1..3', flush=True)
	number, failed, seen = 0, False, set()

	def tell(ok, name, *said):
		nonlocal number, failed
		number += 1
		failed |= not ok
		print('ok' if ok else 'not ok', number, f'states.{name}', flush=True)
		for line in said if not ok else ():
			print('#', line)

	for name, options in ('connection', []), ('fastopen', ['-DFASTOPEN']):
		said, edges = explore(f'{out}/{name}', *options)
		complete = 'errors: 0' in said and 'max search depth too small' not in said
		tell(complete, name, *said.splitlines(),
		     f'the way there: cd {out}/{name} && spin -t -p {HERE}/connection.pml')
		seen |= edges
	ours, model = without_ends(table()), without_ends(seen)
	tell(ours == model, 'the_table_is_the_modules',
	     f'only in the module: {sorted(ours - model)}', f'only in the model: {sorted(model - ours)}')
	return failed


sys.exit(main())
