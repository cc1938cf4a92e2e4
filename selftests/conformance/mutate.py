#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Break the module on purpose, and see the tests fail.

	mutate.py [NAME ...]	these of mutants.tsv, or all

Each mutant is one change of one .c file, built into a module of its own. One virtual machine loads one
after the other and runs the tests that the table names; each of them has to fail. mutants.seen keeps
which test failed on which mutant, for report.py. A mutant on which the kernel itself dies counts for
nothing: the machine starts again after it.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.realpath(f'{HERE}/../..')
WORK = f'{REPO}/build/mutants'		# NAME.ko and NAME.log, and in src the tree they are built in
KERNEL = '6.1'


def table(name):
	path = f'{HERE}/{name}'
	with contextlib.suppress(FileNotFoundError), open(path) as f:
		return {line.split('\t')[0]: line.rstrip('\n').split('\t')[1:] for line in f
			if not line.startswith('#')}
	return {}


def changed(file, old, new):
	old, new = (s.replace('\\n', '\n').replace('\\t', '\t') for s in (old, new))
	with open(f'{WORK}/src/module/{file}') as f:
		text = f.read()
	if text.count(old) != 1:
		raise ValueError(f'{file} has {text.count(old)} times: {old}')
	return text.replace(old, new)


def make(headers, target):
	"""Once more, by the command that Kbuild keeps for it: quicker than to have it all looked at."""
	folder, name = os.path.split(target)
	with open(f'{folder}/.{name}.cmd') as f:
		command = f.readline().partition(':=')[2]
	subprocess.run(command, shell=True, cwd=headers, check=True, stdout=subprocess.DEVNULL)


def build(headers, name, file, text):
	source, tree = f'{WORK}/src/module/{file}', f'{WORK}/src/build/{KERNEL}'
	for target, spare in ((source, f'{WORK}/good.c'), (tree + f'/module/{file[:-1]}o', f'{WORK}/good.o')):
		shutil.copyfile(target, spare)
	with open(source, 'w') as f:
		f.write(text)
	for part in (f'module/{file[:-1]}o', 'yoke.o', 'yoke.ko'):
		make(headers, f'{tree}/{part}')
	subprocess.run(['strip', '-g', '-o', f'{WORK}/{name}.ko', f'{tree}/yoke.ko'], check=True)
	shutil.copyfile(f'{WORK}/good.c', source)
	shutil.copyfile(f'{WORK}/good.o', f'{tree}/module/{file[:-1]}o')


def build_all(mutants):
	"""-> the names of those that there is a module of."""
	shutil.rmtree(WORK, ignore_errors=True)
	shutil.copytree(REPO, f'{WORK}/src', ignore=shutil.ignore_patterns('build', '.git*'))
	subprocess.run(['make', '-s', f'KERNEL={KERNEL}'], cwd=f'{WORK}/src', check=True)
	subprocess.run(['make', '-s', f'KERNEL={KERNEL}', 'later'], cwd=REPO, check=True)	# for some tests
	headers = subprocess.run([f'{REPO}/scripts/kernel', KERNEL], check=True, text=True,
				 stdout=subprocess.PIPE).stdout.strip() + '/headers'
	good = []
	for name, (file, old, new, _) in mutants.items():
		try:
			build(headers, name, file, changed(file, old, new))
			good.append(name)
		except (ValueError, subprocess.CalledProcessError) as e:
			print(f'{name}: no longer fits: {e}', flush=True)
	return good


def guest(mutants, names):
	"""In the virtual machine, in one process, as scapy takes its time to load."""
	import run
	wanted = subprocess.run(['modinfo', '-F', 'depends', f'{WORK}/{names[0]}.ko'], text=True,
				stdout=subprocess.PIPE).stdout.strip()
	for needed in filter(None, wanted.split(',')):
		subprocess.run(['modprobe', needed], check=True)
	for name in names:
		subprocess.run(['insmod', f'{WORK}/{name}.ko'], check=True)
		if not os.fork():
			signal.alarm(1800)
			os.dup2(os.open('/tmp/log', os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
			run.main(mutants[name][3].split())
		os.wait()
		shutil.copyfile('/tmp/log', f'{WORK}/{name}.log')
		for _ in range(200):
			if not subprocess.run(['rmmod', 'yoke'], stderr=subprocess.DEVNULL).returncode:
				break
			time.sleep(0.1)
		else:
			sys.exit(f'{name}: the module does not unload')


def run_all(mutants, names):
	while names:
		say = subprocess.run([f'{REPO}/scripts/vm', '--kernel', KERNEL, '--icount', '--no-module',
				      '--timeout', '3000', '--console', f'{WORK}/console.log', '--',
				      '/usr/bin/python3', __file__, '--guest', *names],
				     stderr=subprocess.PIPE, text=True).stderr
		left = [name for name in names if not os.path.exists(f'{WORK}/{name}.log')]
		if left == names:		# it died on the first
			print(f'{left[0]}: the machine did not survive it\n{say[-2000:]}')
			left = left[1:]
		names = left


def verdict(name, tests):
	"""-> those of the tests that failed; says what survived."""
	try:
		with open(f'{WORK}/{name}.log') as f:
			failed = re.findall(r'^not ok \d+ - conformance\.(\S+)', f.read(), re.M)
	except FileNotFoundError:
		failed = []
	survived = [test for test in tests if test not in failed]
	failed = [test for test in tests if test in failed]
	print(f'{name}: {len(failed)} failed' + (f', not so {" ".join(survived)}' if survived else ''))
	return failed, not survived


def main(names):
	mutants = table('mutants.tsv')
	names = names or list(mutants)
	run_all(mutants, build_all({name: mutants[name] for name in names}))
	seen = {test: set(by[0].split()) & mutants.keys() - set(names)
		for test, by in table('mutants.seen').items()}
	good = True
	for name in names:
		failed, killed = verdict(name, mutants[name][3].split())
		good &= killed
		for test in failed:
			seen.setdefault(test, set()).add(name)
	with open(f'{HERE}/mutants.seen', 'w') as f:
		f.write('# Written by mutate.py: a test, and the mutants on which it failed.\n')
		f.writelines(f'{test}\t{" ".join(sorted(by))}\n' for test, by in sorted(seen.items()) if by)
	return not good


if sys.argv[1:2] == ['--guest']:
	sys.exit(guest(table('mutants.tsv'), sys.argv[2:]))
sys.exit(main(sys.argv[1:]))
