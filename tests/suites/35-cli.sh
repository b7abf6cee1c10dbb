#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every verb of the command line: exit codes, JSON keys, messages, files; and what quantize computes
# and searches.
# timeout: 2400
# needs: userspace
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
may_skip 'outputs: Without /proc .* # SKIP no namespaces of users and mounts: .*'

one_way() { tests/call-circles build/userspace/userspace/snnq/snnq.p/*.o | note; [ "${PIPESTATUS[0]}" -eq 0 ]; }
check "files of the command call each other one way" one_way
tap verbs tests/cli/verbs.sh
tap pools tests/cli/pools.py
tap recordings tests/cli/recordings.py
tap pictures tests/cli/pictures.py
tap dumps tests/cli/dumps.py
tap convert tests/cli/convert.py
tap live tests/cli/live.py
tap datasets tests/cli/datasets.py
tap halves tests/cli/halves.py
tap outputs tests/cli/outputs.py
tap options tests/cli/options.py
tap figures tests/cli/figures.py
tap compare tests/cli/compare.py
tap quality tests/cli/quality.py
tap choices tests/cli/choices.py
tap baselines tests/cli/baselines.py
tap revision tests/cli/revision.py
tap lava tests/cli/lava.py
tap imports tests/cli/imports.py
tap nir tests/cli/nir.py
tap nir_graphs tests/cli/nir_graphs.py
tap nir_flows tests/cli/nir_flows.py
tap nir_export tests/cli/nir_export.py
tap hdf5_process tests/cli/hdf5_process.py
tap currents tests/cli/currents.py
tap values tests/cli/values.py
tap containers tests/cli/containers.py
tap matlab tests/cli/matlab.py
tap hdf5_events tests/cli/hdf5_events.py
tap schema tests/cli/schema.py
tap search tests/cli/search.sh
finish
