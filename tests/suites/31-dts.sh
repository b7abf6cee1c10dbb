#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The binding: a schema as the meta-schemas of dt-schema want it, an example that it accepts, nodes that it
# refuses, and the overlay, put on a device tree, whose node it accepts.
# timeout: 300
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
repo=$PWD
out=$repo/build/check/dts
binding=npu/snnq,npu.yaml
include=$(tools/guest/kernel-source)/include
rm -rf "$out"
mkdir -p "$out/npu"
cp 'dts/snnq,npu.yaml' "$out/npu/"
cd "$out"

# silent COMMAND...: it succeeds and says nothing: these programs tell of what they refuse on the way.
silent() { { "$@" >said 2>&1 && [ ! -s said ]; } || { note <said; return 1; }; }
refused() { ! silent "$@" >/dev/null; }

# node FILE: a device tree source, compiled.
node() { cpp -nostdinc -undef -D__DTS__ -x assembler-with-cpp -I "$include" "$1" | dtc -q -@ -O dtb -o "${1%.dts}.dtb"; }

# wrong NAME SED: the example, changed so, is refused.
wrong() {
  sed "$2" example.dts >"$1.dts"
  node "$1.dts"
  if cmp -s example.dtb "$1.dtb"; then bad "$1: the example is as it was"; return; fi
  check "$1 is refused" refused dt-validate -s schema.json "$1.dtb"
}

check "the binding is a schema" silent dt-doc-validate -u . "$binding"
sed 's/maxItems: 1/maxItems: one/' "$binding" >npu/bad.yaml
check "one that is none is refused" refused dt-doc-validate -u . npu/bad.yaml
rm npu/bad.yaml
dt-mk-schema -j npu >schema.json
dt-extract-example "$binding" >example.dts
node example.dts
check "its example is as it says" silent dt-validate -s schema.json example.dtb
check "it is about the example" grep -q snnq,npu.yaml <(dt-validate -M -s schema.json example.dtb 2>&1)

wrong "no interrupt" '/interrupts = /d'
wrong "no registers" '/reg = </d'
wrong "two windows" 's/<0x0c000000 0x4000>/<0x0c000000 0x4000>, <0x0d000000 0x4000>/'
wrong "an unknown clock" 's/"core", "bus"/"core", "pixel"/'
wrong "clocks without names" '/clock-names/d'
wrong "an unknown property" 's/dma-coherent;/snnq,cores = <2>;/'
wrong "three resets" 's/<&reset 7>/<\&reset 7>, <\&reset 8>, <\&reset 9>/'

cat >base.dts <<'END'
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "linux,dummy-virt";
	model = "linux,dummy-virt";
	interrupt-parent = <&gic>;
	gic: intc@8000000 {
		compatible = "arm,gic-v3";
		reg = <0x0 0x08000000 0x0 0x10000>, <0x0 0x080a0000 0x0 0xf60000>;
		interrupt-controller;
		#interrupt-cells = <3>;
		#address-cells = <0>;
	};
};
END
check "the overlay compiles" silent dtc -q -@ -O dtb -o overlay.dtbo "$repo/dts/virt-npu.dtso"
dtc -q -@ -O dtb -o base.dtb base.dts
check "it fits a machine" silent fdtoverlay -i base.dtb -o machine.dtb overlay.dtbo
check "its node is as the binding says" silent dt-validate -s schema.json machine.dtb
check "the binding is about it" grep -q snnq,npu.yaml <(dt-validate -M -s schema.json machine.dtb 2>&1)
finish
