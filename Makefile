# SPDX-License-Identifier: MIT
#
# Entry points only; the work is done by Meson, kbuild, and the scripts in tools/ and tests/.
# All results are in build/, downloads and large builds in ~/.cache/snnq.

# The distribution's Python has the modules that tools/setup installs.
export PATH := /usr/bin:/bin:$(PATH)

# ARCH=arm64: userspace, modules, shell and demo for that, into build/arm64.
arm64 := $(filter arm64,$(ARCH))
out := build$(addprefix /,$(arm64))

.DEFAULT_GOAL := help
.PHONY: help demo check check-fast check-full shell userspace modules arm64 qemu guest bench prove reproduce clean \
	setup-userspace setup-modules setup-qemu setup-guest setup-train setup-prove setup-check setup-fast

help: ## list the entry points
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## classify recordings: first in one process, then through the driver in an emulated machine; ARCH=arm64: one of Arm
	@tools/demo $(arm64)

check: userspace modules qemu setup-check ## all tests, from nothing to one line of counts
	@kernel=$$(tools/guest/kernel debug) && tools/modules "$$kernel/build"
	@tests/run

check-full: export SNNQ_STRESS_SECONDS := 600
check-full: export SNNQ_KERNELS := all
check-full: check ## the same, with ten minutes of stress instead of one, and more kernels

check-fast: setup-fast ## format, lint, unit tests, golden vectors: under a minute once built
	@SNNQ_SUITES=tests/fast tests/run

shell: userspace modules qemu setup-guest ## work in the guest, driver loaded, programs and demo in place
	@tools/guest/run $(addprefix --arch ,$(arm64)) --shell

userspace: setup-userspace ## libsnnq and the program: build/snnq
	@test -e $(out)/userspace/build.ninja || meson setup $(out)/userspace -Dtests=false \
		$(if $(arm64),--cross-file "$$(tools/debian/cross)/meson") >$(out)/meson.log || \
		{ cat $(out)/meson.log; rm -rf $(out)/userspace; exit 1; }
	@ninja -C $(out)/userspace --quiet
	@ln -sfn userspace/userspace/snnq/snnq $(out)/snnq
	@for lib in $(out)/userspace/userspace/libsnnq/libsnnq*.so*; do \
		test -d $$lib || ln -sfn $${lib#$(out)/} $(out)/$${lib##*/}; done

modules: setup-modules ## the driver for Debian's 6.12 kernel: build/snnq.ko
	@tools/modules $(if $(arm64),"$$(SNNQ_DEB_ARCH=arm64 tools/guest/kernel debian)/build")

arm64: ## libsnnq, the program and the driver for arm64: build/arm64
	@$(MAKE) --no-print-directory ARCH=arm64 userspace modules

qemu: setup-qemu ## the emulators with the device: build/qemu/qemu-system-x86_64 and -aarch64
	@tools/qemu/build

guest: userspace modules setup-guest ## the guest's initramfs: build/guest/initramfs.cpio
	@mkdir -p build/guest
	@tools/guest/image $$(tools/guest/kernel debian) build/guest/initramfs.cpio

bench: setup-userspace ## speed of the engine's kernels, layer by layer, of a network, and of decoding events; BENCH=NAME: of layers named so, spikformer, events; models: published networks; scaling: over steps, tokens, width, threads, streams; streaming: steps and live feeds; quantizer: shards and growth of snnq quantize; peers: beside PyTorch and ONNX Runtime, RATES=PERCENT,... at firing rates; driver: in the guest
	@test -e build/bench/build.ninja || meson setup build/bench >build/bench.log || { cat build/bench.log; rm -rf build/bench; exit 1; }
	@ninja -C build/bench --quiet tests/bench/engine_bench tests/bench/events_bench >build/bench.log || { cat build/bench.log; exit 1; }
	@tests/bench/run $(if $(BENCH),"$(BENCH)")

prove: setup-prove ## what the validator promises, by a model checker, and that each proof can fail
	@tests/prove/run --all

reproduce: userspace setup-train $(if $(ABLATE)$(SEEDS),,modules qemu setup-guest) ## the table of quantization methods; trains what is missing (over an hour); ABLATE=1: what each part of the method is worth; SEEDS=1: the digits with other seeds of training and draws for calibration
	@tools/reproduce $(if $(ABLATE),--ablate demo fashion,$(if $(SEEDS),--seeds,--device))

clean: ## remove build/; the cache stays
	rm -rf build

setup-userspace:
	@mkdir -p $(out)
	@tools/setup userspace
setup-modules:
	@mkdir -p build
	@tools/setup modules
setup-qemu:
	@tools/setup qemu
setup-guest:
	@tools/setup guest
setup-train:
	@tools/setup train
setup-prove:
	@tools/setup prove
setup-fast:
	@mkdir -p build
	@tools/setup userspace check
setup-check:
	@tools/setup guest debug-kernel check train
