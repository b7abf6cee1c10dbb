#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The shortest of the proofs of the validator, and that each of its mutants is refuted: that the model
# checker and the harnesses work. All of them are `make prove`.
# timeout: 300
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
tools/setup prove
tap prove tests/prove/run --all arith
finish
