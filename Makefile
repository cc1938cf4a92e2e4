# SPDX-License-Identifier: GPL-2.0
#
# make help says what there is.
#
# The module is built for KERNEL=6.1, 6.12, 7.3, debug, races, uml or uml-debug, or 6.1-arm64 or 6.1-s390x,
# fetched or built by scripts/kernel into the cache; or for KDIR=, a kernel's headers; or for the running
# kernel.

KDIR ?= /lib/modules/$(shell uname -r)/build
ifneq ($(KERNEL),)
export KERNEL
name := $(KERNEL)
kmake = scripts/kernel $(KERNEL) make
else
name := $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
kmake = $(MAKE) -C $(KDIR)
endif
build := build/$(name)

jobs := $(if $(findstring j,$(filter-out -%,$(firstword $(MAKEFLAGS)))),,-j$(shell nproc))

# Kbuild wants the objects beside the sources, each kernel wants its own: so
# each builds in a tree of links. BTF needs a tool and a vmlinux that a machine
# may lack, and nothing here reads it.
all: headers
	@$(MAKE) -s --no-print-directory build/yoke-run build/yoke-run.so
	@mkdir -p $(build)
	@find $(build) -xtype l -delete
	@cp -rsf $(CURDIR)/Kbuild $(CURDIR)/module $(CURDIR)/uapi $(build)
	+@flock $(build)/.lock $(kmake) --no-print-directory $(jobs) M=$(CURDIR)/$(build) \
		W=$(or $(W),1) CONFIG_DEBUG_INFO_BTF_MODULES= modules

# Other people's programs over Yoke.
run_cc = @mkdir -p $(@D) && $(CC) -O2 -g -std=gnu11 -Wall -Wextra -Iuapi -o $@ $(filter %.c,$^)
build/yoke-run: scripts/run/yoke-run.c scripts/run/rules.c scripts/run/rules.h uapi/linux/yoke.h
	$(run_cc)
build/yoke-run.so: scripts/run/preload.c scripts/run/rules.c scripts/run/rules.h uapi/linux/yoke.h
	$(run_cc) -shared -fPIC

# Modules of their own, for the tests: a congestion control algorithm, sockets inside the kernel, the
# unit tests, and one that makes it later, by a probe, which user-mode Linux has not.
samples := cc_sample kernel_sample unit $(if $(filter uml%,$(KERNEL)),,later)
sample: $(samples)
$(samples): all
	@cp -rsf $(CURDIR)/selftests/$@ $(build)
	+@flock $(build)/.lock $(kmake) --no-print-directory $(jobs) M=$(CURDIR)/$(build)/$@ \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/$(build)/Module.symvers W=$(or $(W),1) \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules

headers:
ifneq ($(KERNEL),)
	@scripts/setup
	@# What was built before the kernel was is for another one.
	@dir=$$(scripts/kernel $(KERNEL)) && { [ ! $(build)/.lock -ot $$dir/complete ] || rm -rf $(build); }
else ifeq ($(name),)
	@echo "No kernel headers in $(KDIR): apt-get install linux-headers-$$(uname -r), or use KDIR= or KERNEL=6.1" >&2; false
endif

moddir = $(DESTDIR)/lib/modules/$(name)/updates
local = $(DESTDIR)/usr/local

install: all
	@[ -z "$(KERNEL)" ] || { echo "make install is for a kernel this machine runs: use KDIR=" >&2; false; }
	install -D -m 644 $(build)/yoke.ko $(moddir)/yoke.ko
	install -D -m 644 uapi/linux/yoke.h $(local)/include/linux/yoke.h
	install -D build/yoke-run $(local)/bin/yoke-run
	install -D -m 644 build/yoke-run.so $(local)/lib/yoke-run.so
	install -D -m 644 scripts/run/yoke-run.1 $(local)/share/man/man1/yoke-run.1
	$(if $(DESTDIR),,depmod $(name))

uninstall: headers
	rm -f $(moddir)/yoke.ko $(addprefix $(local)/,include/linux/yoke.h bin/yoke-run lib/yoke-run.so \
		share/man/man1/yoke-run.1)
	$(if $(DESTDIR),,depmod $(name))

demo: setup
	@scripts/demo

bench: setup
	@scripts/bench

bench-timed: setup
	@scripts/bench timed

bench-many: setup
	@scripts/bench many

bench-recovery: setup
	@scripts/recovery

profile: setup
	@scripts/profile

check: setup
	@scripts/check

check-kernels: setup
	@KERNEL='6.1 6.12 7.3' scripts/check

check-machines: setup
	@$(MAKE) -s -C selftests/unit check CPU=s390x
	@KERNEL='6.1-arm64 6.1-s390x' scripts/check connect control data dgram handshake lossy stream stress

check-programs: setup
	@KERNEL=$(or $(KERNEL),6.1) scripts/check programs

conformance: setup
	@KERNEL=6.1 scripts/check conformance; status=$$?; \
	selftests/conformance/report.py build/check/6.1 build/conformance && exit $$status

mutants: setup
	@selftests/conformance/mutate.py

check-debug: setup
	@KERNEL=$(or $(KERNEL),debug) scripts/check

fuzz: export KERNEL := $(or $(KERNEL),6.1)
fuzz: export FUZZ_PACKETS := $(or $(FUZZ_PACKETS),1000000)
fuzz: export FUZZ_CALLS := $(or $(FUZZ_CALLS),200000)
fuzz: export FUZZ_SEED := $(or $(FUZZ_SEED),$(shell date +%s))
fuzz: setup
	@echo "FUZZ_SEED=$(FUZZ_SEED)"
	@scripts/check fuzz_packets fuzz_calls

soak: export KERNEL := $(or $(KERNEL),6.1)
soak: export HOURS := $(or $(HOURS),1)
soak: setup
	+@$(MAKE) -s --no-print-directory all
	+@$(MAKE) -s -C selftests O=$(CURDIR)/build/selftests KSELFTEST=$$(scripts/kernel source)/tools/testing/selftests
	@scripts/vm --kernel $(KERNEL) --cpus 2 --poison --timeout 0 --console build/soak-console.log -- \
		selftests/soak.sh build/$(KERNEL)/yoke.ko

coverage: setup
	@scripts/coverage

shell: export KERNEL := $(or $(KERNEL),6.1)
shell: setup
	+@$(MAKE) --no-print-directory all
	@scripts/vm --kernel $(KERNEL)

lint: setup
	@scripts/lint

setup:
	@scripts/setup

clean:
	rm -rf build

help:
	@echo 'make            build the module for the running kernel (KDIR=… or KERNEL=6.1|6.12|7.3|6.1-arm64|6.1-s390x|debug|races|uml|uml-debug for another)'
	@echo 'make install    into /lib/modules; the header, yoke-run and its page into /usr/local; make uninstall removes them'
	@echo 'make demo       two namespaces, a lossy link, a server and clients: tables and a ladder diagram'
	@echo 'make check      every test, in a VM, on 6.1 and 6.12 (KERNEL= picks one); logs in build/check'
	@echo 'make check-kernels  the same on 6.1, 6.12 and 7.3'
	@echo 'make check-machines  quick tests on emulated arm64 and s390x (big-endian), the unit tests on the latter'
	@echo "make check-programs  other people's programs over Yoke across a bad link; fetches them, installs none"
	@echo 'make check-debug  every test on a 6.1 with lockdep, KASAN and kmemleak (built once, 10 minutes)'
	@echo '                (KERNEL=races, one with KCSAN; KERNEL=uml-debug, a 7.3 with these, in user mode);'
	@echo '                inside each of them and KERNEL=uml the unit tests run as KUnit too'
	@echo 'make fuzz       a million hostile packets, and calls (FUZZ_SEED= for the same again)'
	@echo 'make soak       for HOURS (1), in one guest: storms, losses, hostile calls and changes of the machine side by side'
	@echo 'make coverage   the lines of module/ that no test reaches: build/coverage.txt (a quarter of an hour)'
	@echo 'make conformance  every requirement of the RFCs, over Yoke and over TCP: build/conformance.txt, .html'
	@echo 'make mutants    break the module in many ways, and see the packet tests fail'
	@echo 'make shell      a VM with the module loaded (KERNEL=6.1)'
	@echo 'make bench      what Yoke costs beside TCP, in instructions and bytes'
	@echo 'make profile    which functions of the kernel spend these instructions: build/bench/profile.txt'
	@echo 'make bench-timed  make bench by the wall clock, at native speed in user mode (KERNEL=6.1: two emulated processors)'
	@echo 'make bench-many a round trip beside 500 000 idle connections (a quarter of an hour, 12 GiB)'
	@echo 'make bench-recovery  goodput beside TCP on paths that lose, reorder and mark, with plots (half an hour)'
	@echo 'make lint       checkpatch, sparse, coccinelle, shellcheck, and that no file calls one below it in Kbuild'
	@echo 'make clean      remove build/; what was downloaded stays in ~/.cache/yoke'

.PHONY: all sample $(samples) headers install uninstall demo bench bench-timed bench-many bench-recovery profile check check-kernels check-machines check-programs conformance mutants check-debug fuzz soak coverage shell lint setup clean help
