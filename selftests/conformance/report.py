#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The conformance table: every row of requirements.tsv, and what Yoke and Linux TCP make of it.

	report.py LOGS OUT	LOGS/conformance.log and LOGS/conformance.oracle.log of
				scripts/check -> OUT.txt and OUT.html

A row passes when every test that names it does. remarks.tsv says where a side was meant to do
otherwise, what is out of scope, and why; mutants.seen on which broken code which test failed, and
mutants.none which tests no change of the module can make fail.
"""
import collections
import html
import os
import re
import sys
import textwrap

import run
import peer		# after run.py, which says where it is

SIDES = {'Yoke': 'conformance.log', 'Linux TCP': 'conformance.oracle.log'}
VERDICTS = ('passes', 'differs', 'fails', 'out of scope', 'not yet tested')
Row = collections.namedtuple('Row', 'id level section statement tests cells seen')
Cell = collections.namedtuple('Cell', 'verdict why')


def table(name):
	"""The lines of a table beside this file, but for comments; none if there is no such table."""
	path = os.path.join(run.here, name)
	if not os.path.exists(path):
		return []
	with open(path) as f:
		return [line.rstrip('\n').split('\t') for line in f if not line.startswith('#')]


def results(path):
	"""test -> (passes, fails, differs or not yet tested; why)"""
	found = {}
	with open(path) as f:
		for line in f:
			m = re.match(r'(not )?ok \d+ - conformance\.(\S+) (?:# (SKIP|TODO) )?(.*)', line)
			if not m:
				continue
			bad, name, mark, why = m.groups()
			verdict = ('not yet tested' if mark == 'SKIP' else 'differs' if mark == 'TODO' else
				   'fails' if bad else 'passes')
			found[name] = verdict, why.removeprefix('the oracle differs: ') if mark else name
	return found


def cell(row, side, tests, found, remarks):
	"""A test that fails says more than a remark, a remark more than a test that passes."""
	said = [found[side][name] for name in tests if name in found[side]]
	for verdict in ('fails', 'differs'):
		why = [w for v, w in said if v == verdict]
		if why:
			return Cell(verdict, '; '.join(dict.fromkeys(why)))
	if (row, side) in remarks:
		return remarks[row, side]
	if any(v == 'passes' for v, _ in said):
		return Cell('passes', '')
	return Cell('not yet tested', '; '.join(dict.fromkeys(w for _, w in said)))


def rows(found):
	tests = collections.defaultdict(list)
	for name, test in [*run.collect(), ('every_segment', None)]:
		for row in test.rows if test else peer.ALWAYS:
			tests[row].append(name)
	remarks = {}
	for row, side, verdict, why in table('remarks.tsv'):
		for s in SIDES if side == 'both' else [side]:
			remarks[row, s] = Cell(verdict, why)
	seen = {test for test, _ in table('mutants.seen')}
	never = {test for test, _ in table('mutants.none')}
	known = table('requirements.tsv')[1:]
	strange = {row for row, _ in remarks} - {row for row, *_ in known}
	if strange:
		sys.exit(f'remarks.tsv speaks of no row: {sorted(strange)}')
	for row, level, section, statement, *_ in known:
		may_fail = set(tests[row]) - never
		yield Row(row, level, section, statement, tests[row],
			  {side: cell(row, side, tests[row], found, remarks) for side in SIDES},
			  f'{len(may_fail & seen)} of {len(may_fail)}' if may_fail else 'IP' if tests[row] else '')


def totals(table):
	count = collections.Counter((side, row.cells[side].verdict) for row in table for side in SIDES)
	for verdict in VERDICTS:
		yield [verdict, *(count[side, verdict] for side in SIDES)]


NOTE = ('A row passes when every test that names it passes; "seen to fail" counts those of its tests '
	'that a mutant of the code made fail, of all but those that are about what the host\'s IP does '
	'before (selftests/conformance/mutants.none; "IP": there are no others). Reasons are in '
	'selftests/conformance/remarks.tsv and selftests/oracle-differences.txt.')


def as_text(table):
	yield from textwrap.wrap(NOTE, 110)
	yield ''
	yield f'{len(table)} rows{"":10}' + ''.join(f'{side:>12}' for side in SIDES)
	for name, *counts in totals(table):
		yield f'{name:18}' + ''.join(f'{n:12}' for n in counts)
	yield ''
	yield f'{"row":15}{"Yoke":15}{"Linux TCP":15}{"seen to fail":14}statement'
	for row in table:
		lines = textwrap.wrap(row.statement, 90)
		for side, (_, why) in row.cells.items():
			if why and why != row.cells['Yoke'].why or why and side == 'Yoke':
				lines += textwrap.wrap(f'{side}: {why}', 90, initial_indent='  ',
						       subsequent_indent='    ')
		start = f'{row.id:15}' + ''.join(f'{row.cells[side].verdict:15}' for side in SIDES)
		yield f'{start}{row.seen:14}{lines[0]}'
		yield from (' ' * 59 + line for line in lines[1:])


STYLE = '''body { font: 14px/1.4 sans-serif; margin: 2em; max-width: 75em }
table { border-collapse: collapse } td, th { text-align: left; vertical-align: top; padding: .2em .6em;
border-bottom: 1px solid #ccc } small { color: #666 } .passes { background: #dfd }
.differs { background: #fec } .fails { background: #fbb }'''


def as_html(table):
	yield (f'<!doctype html><meta charset="utf-8"><title>Yoke: conformance</title>'
	       f'<style>{STYLE}</style><h1>Conformance, row by row</h1><p>{NOTE}</p>')
	yield f'<table><tr><th>{len(table)} rows<th>' + '<th>'.join(SIDES)
	for name, *counts in totals(table):
		yield f'<tr class="{name}"><td>{name}<td>' + '<td>'.join(map(str, counts))
	yield ('</table><p><table><tr><th>row<th>statement<th>' + '<th>'.join(SIDES) +
	       '<th>tests<th>seen to fail')
	for row in table:
		yield (f'<tr><td>{row.id}<br><small>{html.escape(row.level)} §{row.section}</small>'
		       f'<td>{html.escape(row.statement)}')
		for verdict, why in row.cells.values():
			yield f'<td class="{verdict}">{verdict}<br><small>{html.escape(why)}</small>'
		yield f'<td><small>{"<br>".join(row.tests)}</small><td>{row.seen}'
	yield '</table>'


def main(logs, out):
	found = {side: results(os.path.join(logs, name)) for side, name in SIDES.items()}
	whole = list(rows(found))
	for name, make in (('txt', as_text), ('html', as_html)):
		with open(f'{out}.{name}', 'w') as f:
			f.writelines(line + '\n' for line in make(whole))
	print(*list(as_text(whole))[3:10], sep='\n')
	print(f'{out}.txt and {out}.html have every row')


main(*sys.argv[1:])
