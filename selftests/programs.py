#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Programs that nobody here wrote, run by yoke-run across a link that loses and reorders packets:
what arrives is compared by hash, each program's own errors count, and the counters of both
namespaces must say that all of it was Yoke's and nothing TCP's. Says so in TAP.

	scripts/check programs [TEST...]	or in a guest: selftests/programs.py DIR [TEST...]

DIR is what scripts/programs prints. With YOKE_ORACLE=1 the programs run over TCP and UDP.
"""
import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

import common

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), '..'))
ORACLE = os.environ.get('YOKE_ORACLE') == '1'
RUN = [] if ORACLE else [f'{REPO}/build/yoke-run', '-q']
PATIENCE = 120
SERVER, CLIENT = 'left', 'right'
ADDRESS = '10.18.0.1'
ADDRESS6 = 'fd18::1'

libc = ctypes.CDLL(None, use_errno=True)


def sh(command, **kw):
	return subprocess.run(command, shell=True, check=True, text=True, **kw)


def network():
	for name in SERVER, CLIENT:
		sh(f'ip netns del {name} 2>/dev/null; ip netns add {name} && ip -n {name} link set lo up')
	sh(f'ip link add name wire netns {SERVER} type veth peer name wire netns {CLIENT}')
	for name, number in (SERVER, 1), (CLIENT, 2):
		sh(f'''ip -n {name} addr add 10.18.0.{number}/24 dev wire; ip -n {name} link set wire up
		       ip -n {name} addr add fd18::{number}/64 dev wire nodad
		       tc -n {name} qdisc add dev wire root netem delay 2ms 1ms loss 0.5% limit 10000''')


def enter(name):
	with open(f'/run/netns/{name}') as f:
		if libc.setns(f.fileno(), 0):
			raise OSError(ctypes.get_errno(), name)


def connections():
	"""And datagrams, in both namespaces: over Yoke, over TCP and UDP."""
	yoke = host = 0
	for name in SERVER, CLIENT:
		enter(name)
		now = common.counters()
		yoke += now['yoke'] + now['yoke datagrams']
		host += now['host'] + now['host datagrams']
	return yoke, host


def command(where, words, options=(), **kw):
	enter(where)
	return subprocess.Popen([*RUN, *(options if RUN else ()), *words], stdin=kw.pop('stdin', subprocess.DEVNULL),
				stdout=kw.pop('stdout', subprocess.PIPE), stderr=subprocess.STDOUT, **kw)


def client(*words, where=CLIENT, status=0, **kw):
	"""Runs it to its end; -> what it said."""
	give = kw.pop('give', None)
	process = command(where, words, stdin=subprocess.PIPE if give is not None else subprocess.DEVNULL, **kw)
	try:
		out, _ = process.communicate(give, timeout=PATIENCE)
	except subprocess.TimeoutExpired:
		process.kill()
		raise AssertionError(f'{words} does not end: {process.communicate()[0][-2000:]}') from None
	assert process.returncode == status, f'{words}: {process.returncode}: {out[-2000:]}'
	return out


@contextlib.contextmanager
def server(port, *words, where=SERVER, datagrams=False, **kw):
	"""Runs it until the test is over; it listens by now."""
	if datagrams:
		kw['options'] = ['-d']
		table, state = 'udp' if ORACLE else 'yoke/dgram', '07'
	else:
		table, state = 'tcp' if ORACLE else 'yoke/stream', '0A'
	with tempfile.TemporaryFile() as log:
		process = command(where, words, stdout=log, **kw)
		try:
			end = time.monotonic() + PATIENCE
			while True:
				enter(where)
				lines = []
				for name in table, f'{table}6':
					with open(f'/proc/thread-self/net/{name}') as f:
						lines += f.readlines()[1:]
				if any(line.split()[1].endswith(f':{port:04X}') and line.split()[3] == state
				       for line in lines):
					break
				if process.poll() is not None or time.monotonic() > end:
					log.seek(0)
					raise AssertionError(f'{words} does not listen: {log.read()[-2000:]}')
				time.sleep(0.05)
			yield process
		finally:
			process.terminate()
			try:
				process.wait(10)
			except subprocess.TimeoutExpired:
				process.kill()
				process.wait()


def digest(data):
	return hashlib.sha256(data).hexdigest()


class Files:
	"""Some of many sizes, that everybody may read."""
	sizes = [0, 1, 1447, 1448, 1449, 65535, 65536, 300001, 2000000]

	def __init__(self):
		self.where = tempfile.mkdtemp()
		os.chmod(self.where, 0o755)
		self.data = {}
		for size in self.sizes:
			self.data[f'f{size}'] = data = os.urandom(size)
			with open(f'{self.where}/f{size}', 'wb') as f:
				f.write(data)
		self.largest = f'f{self.sizes[-1]}'

	def same(self, where):
		for name, data in self.data.items():
			with open(f'{where}/{name}', 'rb') as f:
				assert digest(f.read()) == digest(data), f'{where}/{name}'

	def path(self, name):
		return f'{self.where}/{name}'


def conf(name, text):
	path = f'{files.where}/{name}'
	with open(path, 'w') as f:
		f.write(text)
	return path


def curl(url, *options, **kw):
	"""Gets all the files, on one connection as far as the server lets it."""
	out = tempfile.mkdtemp()
	words = ['curl', '-sSf', '--noproxy', '*', *options]
	for name in files.data:
		words += ['-o', f'{out}/{name}', f'{url}/{name}']
	client(*words, **kw)
	files.same(out)
	shutil.rmtree(out)


def nginx():
	sh(f'openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN={ADDRESS} '
	   f'-keyout {files.where}/key -out {files.where}/crt 2>/dev/null')
	path = conf('nginx.conf', f'''
		user root; worker_processes 2; daemon off; error_log stderr; pid {files.where}/nginx.pid;
		events {{ }}
		http {{
			access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
			client_body_temp_path /tmp/body;
			server {{
				listen {ADDRESS}:80; listen {ADDRESS}:443 ssl http2;
				listen [{ADDRESS6}]:80; listen [{ADDRESS6}]:443 ssl http2;
				ssl_certificate {files.where}/crt; ssl_certificate_key {files.where}/key;
				root {files.where};
				location /via/ {{ proxy_pass http://{ADDRESS}:80/; }}
			}}
		}}''')
	os.makedirs('/var/lib/nginx', exist_ok=True)
	os.makedirs('/var/log/nginx', exist_ok=True)
	return server(80, 'nginx', '-c', path)


def test_nginx_curl():
	with nginx():
		curl(f'http://{ADDRESS}')
		curl(f'http://{ADDRESS}/via')
		curl(f'https://{ADDRESS}', '-k', '--http1.1')
		curl(f'https://{ADDRESS}', '-k', '--http2')
		curl(f'https://{ADDRESS}', '-k', '--http2', '-Z')
		curl(f'http://[{ADDRESS6}]')
		curl(f'https://[{ADDRESS6}]', '-k')
		part = client('curl', '-sSf', '-r', '1000-200999', f'http://{ADDRESS}/{files.largest}')
		assert digest(part) == digest(files.data[files.largest][1000:201000])


def test_nginx_wrk():
	with nginx():
		out = client('wrk', '-t', '2', '-c', '20', '-d', '5', '--timeout', '60', f'http://{ADDRESS}/f1449').decode()
		assert 'Requests/sec' in out and 'Socket errors' not in out and 'Non-2xx' not in out, out


def test_haproxy():
	path = conf('haproxy.cfg', f'''
global
	maxconn 200
defaults
	mode http
	timeout connect 20s
	timeout client 60s
	timeout server 60s
frontend in
	bind {ADDRESS}:8080
	default_backend out
backend out
	server nginx {ADDRESS}:80
''')
	with nginx(), server(8080, 'haproxy', '-db', '-f', path):
		curl(f'http://{ADDRESS}:8080')


def test_redis():
	with server(6379, 'redis-server', '--bind', ADDRESS, '--save', '', '--protected-mode', 'no'):
		out = client('redis-benchmark', '-h', ADDRESS, '-n', '1000', '-c', '20', '-q', '-P', '4',
			     '-t', 'ping,set,get,lrange_100', '-d', '500').decode()
		assert out.count('requests per second') == 6 and 'rror' not in out, out
		listener = command(CLIENT, ['redis-cli', '-h', ADDRESS, 'subscribe', 'news'])
		told = [listener.stdout.readline() for i in range(3)]
		assert told[0] == b'subscribe\n', told
		orders = ''.join(f'publish news {i}\n' for i in range(500))
		client('redis-cli', '-h', ADDRESS, give=orders.encode())
		got = [listener.stdout.readline() for i in range(1500)][2::3]
		listener.kill()
		listener.wait()
		assert got == [b'%d\n' % i for i in range(500)], got


def test_redis_pubsub():
	"""Many words to many ears: all come, in order."""
	with server(6379, 'redis-server', '--bind', ADDRESS, '--save', '', '--protected-mode', 'no'):
		ears = [command(CLIENT, ['redis-cli', '-h', ADDRESS, 'subscribe', 'news']) for i in range(4)]
		for ear in ears:
			assert [ear.stdout.readline() for i in range(3)][0] == b'subscribe\n'
		words = [os.urandom(i % 300 + 1).hex() for i in range(300)]
		client('redis-cli', '-h', ADDRESS, give=''.join(f'publish news {w}\n' for w in words).encode())
		want = digest('\n'.join(words).encode())
		for ear in ears:
			got = [ear.stdout.readline() for i in range(3 * len(words))][2::3]
			assert digest(b''.join(got).rstrip()) == want
			ear.kill()
			ear.wait()


def test_postgresql():
	"""Its benchmark, and a table that comes back as it went."""
	programs, data = '/usr/lib/postgresql/15/bin', tempfile.mkdtemp()
	nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
	env = dict(os.environ, LC_ALL='C', PGHOST=ADDRESS, PGUSER='postgres', PGDATABASE='postgres')
	os.chown(data, 65534, 65534)
	subprocess.run([*nobody, f'{programs}/initdb', '-U', 'postgres', '-A', 'trust', '--no-sync', '-D', data],
		       env=env, check=True, stdout=subprocess.DEVNULL, timeout=3 * PATIENCE)
	with open(f'{data}/pg_hba.conf', 'a') as f:
		f.write('host all all 10.18.0.0/24 trust\n')
	with server(5432, *nobody, f'{programs}/postgres', '-D', data, '-h', ADDRESS, '-k', '', '-F', env=env):
		lines = b''.join(b'%d\t%s\n' % (i, os.urandom(i % 200).hex().encode()) for i in range(3000))
		client(f'{programs}/psql', '-qc', 'create table t (i int, x text)', env=env)
		client(f'{programs}/psql', '-qc', 'copy t from stdin', give=lines, env=env)
		back = client(f'{programs}/psql', '-qc', 'copy (select * from t order by i) to stdout', env=env)
		assert digest(back) == digest(lines)
		client(f'{programs}/pgbench', '-i', '-q', '-I', 'dtgp', env=env)
		out = client(f'{programs}/pgbench', '-c', '4', '-t', '20', '-n', env=env).decode()
		assert 'actually processed: 80/80' in out and 'failed transactions: 0 ' in out, out


def test_memcached():
	with server(11211, 'memcached', '-u', 'root', '-l', ADDRESS, '-U', '0'):
		value = os.urandom(200000).hex().encode()
		out = client('nc.openbsd', '-N', ADDRESS, '11211',
			     give=b'set a 0 0 %d\r\n%s\r\nget a\r\nquit\r\n' % (len(value), value))
		assert out == b'STORED\r\nVALUE a 0 %d\r\n%s\r\nEND\r\n' % (len(value), value), out[:200]


def test_socat():
	data = files.data[files.largest]
	with server(5000, 'socat', f'TCP4-LISTEN:5000,bind={ADDRESS},reuseaddr,fork', 'EXEC:cat'):
		assert digest(client('socat', '-t', '60', '-', f'TCP4:{ADDRESS}:5000', give=data)) == digest(data)


def test_socat_datagrams():
	"""One at a time, each answered, or sent again: the wire loses some."""
	echo = '''
import socket, os
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.18.0.1", 5002))
s.settimeout(0.5)
for size in list(range(0, 1400, 100)) + [5000, 20000]:
    data = os.urandom(size) + b"%d" % size
    while True:
        s.send(data)
        try:
            if s.recv(65536) == data:
                break
        except TimeoutError:
            pass
print("all the same")
'''
	with server(5002, 'socat', '-b', '65536', f'UDP4-RECVFROM:5002,bind={ADDRESS},fork', 'PIPE', datagrams=True):
		assert client('/usr/bin/python3', '-ISc', echo, options=['-d']) == b'all the same\n'


def test_netcat():
	data = files.data[files.largest]
	with server(5001, 'nc.openbsd', '-N', '-l', ADDRESS, '5001', stdin=open(files.path(files.largest))):
		assert digest(client('nc.openbsd', '-d', ADDRESS, '5001')) == digest(data)


def test_busybox():
	"""Linked statically: there is no C library to preload into."""
	box = shutil.which('busybox')
	with server(8088, box, 'httpd', '-f', '-p', f'{ADDRESS}:8088', '-h', files.where):
		for name, data in files.data.items():
			got = client(box, 'wget', '-q', '-O', '-', f'http://{ADDRESS}:8088/{name}')
			assert digest(got) == digest(data), name


def test_go():
	with server(8089, 'go-http', 'server', f'{ADDRESS}:8089'):
		assert client('go-http', 'client', f'{ADDRESS}:8089') == b'all the same\n'


def test_caddy():
	"""Written in Go: a file server, and a proxy before it, which is a client too."""
	env = dict(os.environ, HOME=files.where)
	path = conf('Caddyfile', f'''{{
		admin off
		auto_https off
		default_bind {ADDRESS}
	}}
	http://{ADDRESS}:2080 {{
		root * {files.where}
		file_server
	}}
	http://{ADDRESS}:2081 {{
		reverse_proxy {ADDRESS}:2080
	}}''')
	with server(2081, 'caddy', 'run', '--config', path, '--adapter', 'caddyfile', env=env):
		curl(f'http://{ADDRESS}:2080')
		curl(f'http://{ADDRESS}:2081')


NODE_SERVER = '''
const http = require("http"), crypto = require("crypto")
http.createServer((q, r) => {
	const h = crypto.createHash("sha256")
	q.on("data", d => h.update(d)).on("end", () => r.end(h.digest("hex")))
}).listen(3000, "10.18.0.1")'''
NODE_CLIENT = '''
const http = require("http"), crypto = require("crypto")
let todo = 5
for (let i = 0; i < 5; i++) {
	const data = crypto.randomBytes(100000 * i + 1)
	const q = http.request({host: "10.18.0.1", port: 3000, method: "POST"}, r => {
		let s = ""
		r.on("data", d => s += d).on("end", () => {
			if (s == crypto.createHash("sha256").update(data).digest("hex")) todo--
			if (!todo) console.log("all the same")
		})
	})
	q.end(data)
}'''


def test_node():
	with server(3000, 'node', '-e', NODE_SERVER):
		assert client('node', '-e', NODE_CLIENT) == b'all the same\n'


ASYNCIO = '''
import asyncio, hashlib, os, sys
async def serve(r, w):
    while data := await r.read(65536):
        w.write(data)
        await w.drain()
    w.close()
async def server():
    async with await asyncio.start_server(serve, "10.18.0.1", 3001) as s:
        await s.serve_forever()
async def one(size):
    r, w = await asyncio.open_connection("10.18.0.1", 3001)
    data = os.urandom(size)
    async def send():
        w.write(data)
        await w.drain()
        w.write_eof()
    sending = asyncio.create_task(send())
    assert await r.read() == data
    await sending
    w.close()
async def clients():
    await asyncio.gather(*(one(i * 30000) for i in range(12)))
    print("all the same")
asyncio.run(clients() if sys.argv[1:] else server())
'''


def test_asyncio():
	with server(3001, '/usr/bin/python3', '-ISc', ASYNCIO):
		assert client('/usr/bin/python3', '-ISc', ASYNCIO, 'client') == b'all the same\n'


def iperf3(version, address, options):
	"""Over UDP it opens with one datagram, and gives up if that is lost: then once more."""
	datagrams = ['-d'] if '-u' in options else []
	for last in False, False, True:
		try:
			with server(5201, 'iperf3', version, '-s', '-1', '-B', address, options=datagrams):
				client('iperf3', version, '-c', address, *options, options=datagrams)
			return
		except AssertionError as e:
			if last or not datagrams or 'unable to read from stream socket' not in str(e):
				raise


def test_iperf3():
	for options in ['-n', '2M'], ['-n', '2M', '-R'], ['-n', '1M', '--bidir', '-P', '2'], \
		       ['-n', '2M', '-Z'], ['-n', '1M', '-C', 'reno', '-M', '1000', '-w', '100K'], \
		       ['-n', '500K', '-N', '-l', '1000'], ['-b', '5M', '-t', '2', '-O', '1'], \
		       ['-n', '1M', '-F', files.path(files.largest)], ['-k', '20', '-S', '0x10', '-R', '-P', '3'], \
		       ['-n', '500K', '--fq-rate', '20M', '--cport', '40000', '--get-server-output'], \
		       ['-u', '-b', '2M', '-t', '2'], ['-u', '-b', '2M', '-t', '2', '-R'], \
		       ['-u', '-b', '1M', '-t', '2', '--bidir', '-l', '4000', '-P', '2']:
		iperf3('-4', ADDRESS, options)


def test_iperf3_ipv6():
	for options in ['-n', '1M', '-L', '7'], ['-n', '1M', '-R', '-Z'], ['-n', '500K', '--bidir', '-P', '2'], \
		       ['-u', '-b', '2M', '-t', '2']:
		iperf3('-6', ADDRESS6, options)


def ssh_setup():
	"""-> the port's server, and options for a client"""
	os.makedirs('/run/sshd', exist_ok=True)
	with open('/etc/passwd', 'a+') as f:
		f.seek(0)
		if 'sshd:' not in f.read():
			f.write('sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n')
	for key in 'host', 'user':
		if not os.path.exists(files.path(key)):
			sh(f'ssh-keygen -q -t ed25519 -N "" -f {files.path(key)}')
	path = conf('sshd_config', f'''
		ListenAddress {ADDRESS}:2222
		HostKey {files.path('host')}
		AuthorizedKeysFile {files.path('user.pub')}
		PermitRootLogin yes
		StrictModes no
		UsePAM no
		Subsystem sftp internal-sftp
		''')
	return (server(2222, '/usr/sbin/sshd', '-D', '-e', '-f', path),
		['-i', files.path('user'), '-F', 'none', '-o', 'StrictHostKeyChecking=no',
		 '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'])


def test_ssh():
	serve, options = ssh_setup()
	out = tempfile.mkdtemp()
	with serve:
		assert client('ssh', *options, '-p', '2222', f'root@{ADDRESS}', 'echo $((6 * 7))') == b'42\n'
		client('scp', *options, '-P', '2222', f'root@{ADDRESS}:{files.where}/f*', out)
		files.same(out)
		back = tempfile.mkdtemp()
		client('scp', *options, '-P', '2222', *(f'{out}/{name}' for name in files.data),
		       f'root@{ADDRESS}:{back}')
		files.same(back)
		mirror = tempfile.mkdtemp()
		client('rsync', '-a', '-e', f'ssh {" ".join(options)} -p 2222', f'root@{ADDRESS}:{files.where}/', mirror)
		files.same(mirror)


def test_ssh_forwarding():
	serve, options = ssh_setup()
	with nginx(), serve, \
	     server(8081, 'ssh', *options, '-N', '-p', '2222', '-L', f'10.18.0.2:8081:{ADDRESS}:80',
		    f'root@{ADDRESS}', where=CLIENT):
		curl('http://10.18.0.2:8081')


def test_rsync_daemon():
	path = conf('rsyncd.conf', f'''
use chroot = no
uid = root
gid = root
[files]
	path = {files.where}
''')
	out = tempfile.mkdtemp()
	with server(8730, 'rsync', '--daemon', '--no-detach', '--address', ADDRESS, '--port', '8730',
		    '--config', path):
		client('rsync', '-a', f'rsync://{ADDRESS}:8730/files/', out)
		files.same(out)


def test_stress_ng_datagrams():
	out = client('stress-ng', '--udp', '2', '--udp-ops', '200', '--udp-domain', 'ipv4', '--udp-flood', '1',
		     '--udp-flood-domain', 'ipv4', '--udp-flood-ops', '2000', '--timeout', '60', '--verify',
		     options=['-d']).decode()
	assert 'successful run completed' in out, out


def test_stress_ng():
	for words in '--sock 2 --sock-ops 200 --sock-domain ipv4 --sockmany 1 --sockmany-ops 20', \
		     '--sock 1 --sock-ops 100 --sock-domain ipv6 --sock-opts sendmmsg --sock-nodelay', \
		     '--sock 1 --sock-ops 100 --sock-domain ipv4 --sock-opts sendmsg --sock-zerocopy', \
		     '--epoll 1 --epoll-ops 200 --epoll-domain ipv4 --sockabuse 1 --sockabuse-ops 20':
		out = client('stress-ng', *words.split(), '--timeout', '60', '--verify').decode()
		assert 'successful run completed' in out, out


def counted(test):
	"""-> how many connections it had, none of which was TCP's."""
	before = connections()
	test()
	yoke, host = (now - then for now, then in zip(connections(), before))
	assert ORACLE or (yoke and not host), f'{yoke} connections of Yoke, {host} of TCP'
	return f'{yoke or host} connections'


def main():
	global files
	programs, *names = sys.argv[1:]
	tests = common.chosen(globals(), names)
	network()	# loads modules, which the mount would hide
	sh(f'mount -t overlay -o lowerdir={programs}/usr:/usr overlay /usr && ldconfig')
	files = Files()
	return common.perform('programs', tests, counted)


sys.exit(main())
