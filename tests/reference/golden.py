# SPDX-License-Identifier: MIT
"""Write the golden vectors: golden.py FILE. Deterministic; the layout is in README.md.

Each case states what it must exercise (`needs`), and generation fails when it does not.
"""
import sys

import golden_cases
import golden_networks
from snnqref.container import pack_file

MAX_BYTES = 7_000_000


def main(path):
    cases = golden_cases.all_cases() + golden_networks.all_cases()
    names = [c.name for c in cases]
    if len(set(names)) != len(names) or max(map(len, names)) > 63:
        raise SystemExit('case names must be unique and shorter than 64')
    data = pack_file(cases)
    if len(data) > MAX_BYTES:
        raise SystemExit(f'{len(data)} bytes of vectors, the limit is {MAX_BYTES}')
    with open(path, 'wb') as f:
        f.write(data)
    print(f'{len(cases)} cases, {len(data)} bytes')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
