# SPDX-License-Identifier: MIT
"""The file of golden vectors; its layout is in README.md. Everything is a multiple of 8 bytes."""
import struct

from . import program as pg
from .execute import EXACT_MASK, run_job

MAGIC, VERSION = b'SNNQGOLD', 1
FILL = 0xA5                    # what output regions hold before a job
DATA, SAME, RESULT = 0, 1, 2   # kinds of region content
RESET = 1


def pad8(data):
    return data + bytes(-len(data) % 8)


class Case:
    """A program and jobs on one stream; keeps the stream's state from job to job."""

    def __init__(self, name, program):
        self.name, self.program = name, program
        self.state = bytes(program.state_bytes)
        self.seq = 0
        self.jobs = []
        self.previous = {}

    def job(self, steps, inputs, reset=False):
        """Run STEPS steps on INPUTS (bytes by region number); returns the outcome."""
        regions = []
        for i, region in enumerate(self.program.regions):
            if region.access == pg.READ:
                regions.append(inputs[pg.USER + i])
            else:
                regions.append(bytearray([FILL]) * region.size(steps))
        outcome = run_job(self.program, regions, steps, self.state, reset, self.seq)
        self.jobs.append(self._record(steps, reset, regions, outcome))
        if outcome.status == pg.OK:
            self.state = outcome.state
            self.seq += 1
        return outcome

    def _record(self, steps, reset, regions, outcome):
        ok = outcome.status == pg.OK
        data = struct.pack('<3IHHQ', steps, RESET * reset, outcome.status, outcome.layer,
                           outcome.region, outcome.offset)
        for i, region in enumerate(self.program.regions):
            content = bytes(regions[i])
            if region.access == pg.WRITE:
                kind = RESULT
            elif self.previous.get(i) == content:
                kind = SAME
            else:
                kind, self.previous[i] = DATA, content
            data += struct.pack('<2IQ', kind, 0, len(content))
            data += b'' if kind == SAME else pad8(content)
        data += struct.pack('<Q', len(outcome.state)) + pad8(outcome.state)
        data += struct.pack('<2I', len(outcome.stats) if ok else 0, EXACT_MASK)
        for stats in outcome.stats:
            data += struct.pack('<16Q', *(stats[f] for f in pg.STATS_FIELDS))
        return data

    def pack(self):
        program = self.program.pack()
        body = struct.pack('<64s4I', self.name.encode(), len(program), len(self.jobs),
                           len(self.program.regions), 0)
        body += pad8(program) + b''.join(self.jobs)
        return struct.pack('<Q', len(body)) + body


def pack_file(cases):
    return MAGIC + struct.pack('<2I', VERSION, len(cases)) + b''.join(c.pack() for c in cases)
