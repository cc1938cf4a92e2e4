#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# README.md does not lie: its program compiles and talks, its picture of
# module/ is what Kbuild and the files say, its settings are those there are.
cd "$(dirname "$0")/.." || exit
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

program() {
	make -s -C selftests/demo OUT="$dir" "$dir/example" &&
	[ "$("$dir/example")" = 'hello, yoke' ]
}

picture() {
	scripts/arch --check
}

settings() {
	/usr/bin/python3 selftests/settings.py
}

n=0 failed=0
echo TAP version 13
echo 1..3
for test in program picture settings; do
	n=$((n + 1))
	echo "# RUN readme.$test ..."
	if $test; then
		echo "ok $n readme.$test"
	else
		echo "not ok $n readme.$test"
		failed=1
	fi
done
exit $failed
