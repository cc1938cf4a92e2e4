#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The unit tests inside the kernel: they run when their module is loaded. Says what KUnit says of each.
#
#	selftests/kunit.sh yoke_unit.ko
set -e
insmod "$1"
sed -n 's/^    //p' /sys/kernel/debug/kunit/yoke_*/results
rmmod yoke_unit
