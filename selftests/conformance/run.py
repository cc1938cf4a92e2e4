#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packet conformance: every test says which rows of requirements.tsv it covers.

	run.py [--list] [NAME ...]	NAME: a file (reset) or a test (reset.exact)

Runs as root, in a network namespace of its own; prints TAP. YOKE_ORACLE=1 asks the host's TCP and
UDP instead; what they are known to do otherwise stands in ../oracle-differences.txt.
"""
import concurrent.futures
import functools
import importlib
import os
import sys
import threading
import time
import traceback

here = os.path.dirname(os.path.abspath(__file__))
CHAPTERS = ('handshake accept data close reset retransmission recovery congestion window checksum demux '
	    'options segments routes metrics dgram icmp pmtu cookies fastopen ecn ipv6').split()
SIDE_BY_SIDE = 8		# more, and timers are seen late under emulation


def requirements():
	with open(os.path.join(here, 'requirements.tsv')) as f:
		lines = [line for line in f if not line.startswith('#')]
	return [line.split('\t')[0] for line in lines[1:]]


@functools.cache	# a file from outside, read amid the tests, would have counted time leap
def differences():
	"""What the oracle is known to do otherwise: test -> why."""
	known = {}
	path = os.path.join(here, '..', 'oracle-differences.txt')
	if os.path.exists(path):
		with open(path) as f:
			for line in f:
				name, _, why = line.rstrip('\n').partition('\t')
				known[name] = why
	return known


class Report:
	def __init__(self, total, known):
		self.lock, self.number, self.known = threading.Lock(), 0, known
		self.failed = 0
		print(f'TAP version 13\n1..{total}', flush=True)

	def add(self, name, rows, problem=None, skip=None, trace=()):
		with self.lock:
			self.number += 1
			line = f'{self.number} - conformance.{name}'
			if problem is None and skip is None:
				print(f'ok {line} ({" ".join(rows)})', flush=True)
				return
			if skip is not None:
				print(f'ok {line} # SKIP {skip}', flush=True)
				return
			why = self.known.get('conformance.' + name)
			if why:
				print(f'not ok {line} # TODO the oracle differs: {why}')
			else:
				self.failed += 1
				print(f'not ok {line} ({" ".join(rows)})')
			for text in [*problem.splitlines(), *trace]:
				print('#   ' + text)
			sys.stdout.flush()


def run(name, test, again=False):
	"""-> problem, skip, trace for Report.add(). Under emulation a busy host makes the guest stand
	still, now and then for longer than a timer takes: what failed then is asked once more; and so is
	the oracle, which is not what is tested here, if it fails what it is not known to."""
	problem = skip = None
	p = peer.Peer()
	try:
		test(p)
	except peer.Skip as e:
		skip = str(e)
	except peer.Failure as e:
		at = [f for f in traceback.extract_tb(e.__traceback__)
		      if os.path.basename(f.filename) != 'peer.py'][-1]
		problem = f'{os.path.basename(at.filename)}:{at.lineno}: {e}'
	except Exception:
		problem = traceback.format_exc()
	trace, stalled = p.trace()[-40:], p.stalled()
	p.close()
	if not problem and p.complaints():
		return 'a malformed packet was sent: ' + ', '.join(p.complaints()), None, p.trace()
	unexplained = problem and peer.ORACLE and 'conformance.' + name not in differences()
	if problem and not again and (unexplained or stalled and not hasattr(test, 'slow')):
		print(f'# {name}: asked again{", as the machine stood still" if stalled else ""}: '
		      f'{problem.splitlines()[-1]}')
		return run(name, test, again=True)
	return problem, skip, trace


def run_slow(tests, report):
	"""What mostly waits for timers does so side by side, the longest first. What fails there is
	asked again alone: the processor may have been with the others when a timer ran out."""
	again = []

	def first(name, test):
		result = run(name, test)
		if result[0] and test.slow < 15:
			again.append((name, test))
		else:
			report.add(name, test.rows, *result)
	with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
		for name, test in sorted(tests, key=lambda pair: -pair[1].slow):
			pool.submit(first, name, test)
	for name, test in again:
		report.add(name, test.rows, *run(name, test))


def collect():
	"""Every test: (name, function) in order."""
	tests = []
	for chapter in CHAPTERS:
		module = importlib.import_module(chapter)
		tests += [(f'{chapter}.{name}', f) for name, f in vars(module).items()
			  if getattr(f, 'rows', None) and f.__module__ == chapter]
	return tests


def main(args):
	known_rows = requirements()
	tests = collect()
	covered = {row for _, test in tests for row in test.rows} | set(peer.ALWAYS)
	unknown = covered - set(known_rows)
	if unknown:
		sys.exit(f'no such rows in requirements.tsv: {sorted(unknown)}')
	if '--list' in args:
		for name, test in tests:
			print(name, *test.rows)
		print('# not covered:', *[row for row in known_rows if row not in covered])
		print(f'# {len(tests)} tests, {len(covered)} of {len(known_rows)} rows')
		return
	if args:
		tests = [(name, test) for name, test in tests
			 if name in args or name.split('.')[0] in args]
	if not tests:
		sys.exit(f'no such test: {" ".join(args)}')

	start = time.monotonic()
	sys.setswitchinterval(0.0005)		# threads here wait for packets, not for processors
	peer.link.open()
	report = Report(len(tests) + 1, differences() if peer.ORACLE else {})
	for name, test in tests:
		if not hasattr(test, 'slow'):
			report.add(name, test.rows, *run(name, test))
	run_slow([(name, test) for name, test in tests if hasattr(test, 'slow')], report)
	wrong = [f'{address}: {what}' for address, what in peer.link.complaints]
	report.add('every_segment', peer.ALWAYS, '\n'.join(wrong) if wrong else
		   None if peer.link.seen else 'no segment was seen')
	print(f'# {peer.link.seen} segments and {peer.link.seen_dgrams} datagrams verified, '
	      f'{time.monotonic() - start:.0f} s, {len(covered)} of {len(known_rows)} rows covered')
	sys.stdout.flush()
	os._exit(bool(report.failed))		# the reader thread never ends


sys.path.insert(0, here)
import peer	# noqa: E402
if __name__ == '__main__':
	main(sys.argv[1:])
