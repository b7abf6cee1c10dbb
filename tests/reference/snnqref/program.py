# SPDX-License-Identifier: MIT
"""Program blobs: descriptors, building and parsing, exactly as uapi/snnq_program.h lays them out.

Nothing here judges whether a program is valid beyond what parsing needs; the validator does.
"""
import struct
from dataclasses import astuple, dataclass, field, fields

MAGIC, VERSION = 0x51504E53, 1
STATE_IN, STATE_OUT, SCRATCH, USER = 0, 1, 2, 3
NO_LAYER = NO_REGION = 0xFFFF
READ, WRITE = 1, 2
WEIGHTS, INPUT, EVENTS, OUTPUT, READOUT = 1, 2, 3, 4, 5
NO_FORMAT, UNSIGNED, SIGNED, INT32, EVENT_LIST = 0, 1, 2, 3, 4
NEEDS_BOUNDS, NEEDS_VIEWS, NEEDS_PREVIOUS, NEEDS_LOOPS, NEEDS_SCALES = 1, 2, 4, 8, 32
NEEDS_LEVELS, NEEDS_POTENTIALS, NEEDS_TABLES, NEEDS_RESETS = 128, 256, 512, 1024
NEEDS_PADDING = 4096
SUPPORTED = (NEEDS_BOUNDS | NEEDS_VIEWS | NEEDS_PREVIOUS | NEEDS_LOOPS | NEEDS_SCALES | NEEDS_LEVELS
             | NEEDS_POTENTIALS | NEEDS_TABLES | NEEDS_RESETS | NEEDS_PADDING)
PREVIOUS, SLICE, RESHAPE = 1, 2, 4  # flags of operands
NO_SCHEME, UNIFORM, ODD, POT, APOT, TERNARY = 0, 1, 2, 3, 4, 5
NO_NEURON, LIF, CUBA = 0, 1, 2
GE, GT = 0, 1
HARD, SOFT, NO_RESET = 0, 1, 2
NO_LEAK, DIVN, Q16, TZ12 = 0, 1, 2, 3
STICKY, OLD_CURRENT, DELAYED_RESET, CLAMP_LOW, HALF_LEVELS, LEVEL_THRESHOLDS = 1, 2, 4, 8, 32, 64
SPIKES, COUNTS, POTENTIAL, GRADED = 0, 1, 2, 3
TIE_COMPARE, TIE_EVEN = 0, 1
OP_EVENTS, OP_CONV2D, OP_LINEAR, OP_POOL_MAX, OP_POOL_SUM = 1, 2, 3, 4, 5
OP_ELEMENTWISE, OP_ATTENTION, OP_READOUT, OP_MATMUL = 6, 7, 8, 9
OP_CONCAT, OP_COPY, OP_UPSAMPLE, OP_REDUCE = 10, 11, 12, 13
ADD, AND, ANDN, OR, MULTIPLY = 0, 1, 2, 3, 4
QK_FIRST, KV_FIRST, TOKEN, CHANNEL = 0, 1, 2, 3
TRANSPOSE = (1, 2, 4)  # by operand
RIGHT_FIRST = 8
REDUCE_SUM, REDUCE_OR, REDUCE_MAX = 0, 1, 2
AXIS_HEIGHT, AXIS_WIDTH, AXIS_CHANNELS = 1, 2, 4
# Which axis of its operand COPY makes height, width and channels, by mode.
COPY_AXES = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
SKIP_FIRST = 1
READOUT_SUM, READOUT_LAST, READOUT_MAX, READOUT_VOTE = 1, 2, 3, 4
EVENT_END = (1 << 64) - 1
OK, BAD_EVENT, BAD_STATE = 0, 5, 6
STATE_HEADER_BYTES = 64
OPERANDS = 4
HEADER_BYTES, REGION_BYTES, LAYER_BYTES = 96, 32, 544

ACCESS_OF_ROLE = {WEIGHTS: READ, INPUT: READ, EVENTS: READ, OUTPUT: WRITE, READOUT: WRITE}
HEADER = struct.Struct('<12I3Q24x')
REGION = struct.Struct('<2Q2IQ')
STATS_FIELDS = (
    'input_spikes', 'input_possible', 'synops', 'neuron_updates', 'output_spikes',
    'weight_bytes', 'input_bytes', 'output_bytes', 'state_bytes', 'sram_bytes',
    'compute_cycles', 'memory_cycles', 'stall_cycles', 'saturations', 'steps', 'reserved')


@dataclass
class Tensor:
    offset: int = 0
    region: int = 0
    format: int = NO_FORMAT
    planes: int = 0
    height: int = 0
    width: int = 0
    channels: int = 0
    bound: int = 0               # largest magnitude; 0: what the format holds
    flags: int = 0
    whole_height: int = 0        # of what SLICE and RESHAPE look at
    whole_width: int = 0
    first_y: int = 0
    first_x: int = 0
    whole_channels: int = 0
    first_channel: int = 0
    layout = struct.Struct('<QHBBHHII5H2xII4x')

    @property
    def shape(self):
        return self.height, self.width, self.channels

    @property
    def elements(self):
        return self.height * self.width * self.channels

    @property
    def whole(self):
        """What it is a view of; itself, if it is none."""
        if not self.flags & ~PREVIOUS:
            return self
        return Tensor(self.offset, self.region, self.format, self.planes, self.whole_height,
                      self.whole_width, self.whole_channels, self.bound)

    @property
    def previous(self):
        """What its place holds when a round ends."""
        return Tensor(self.offset, self.region, self.format, self.planes, self.height, self.width,
                      self.channels, self.bound, PREVIOUS)

    def sliced(self, y, x, channel, height, width, channels):
        """A box of it."""
        return Tensor(self.offset, self.region, self.format, self.planes, height, width, channels,
                      self.bound, SLICE, self.height, self.width, y, x, self.channels, channel)

    def reshaped(self, height, width, channels):
        return Tensor(self.offset, self.region, self.format, self.planes, height, width, channels,
                      self.bound, RESHAPE, self.height, self.width, 0, 0, self.channels, 0)

    @property
    def row_bytes(self):
        """Bytes of one position's channels in one bit-plane."""
        return (self.channels + 63) // 64 * 8

    @property
    def bytes(self):
        """Bytes of one time step; 0 for an event list."""
        if self.format == INT32:
            return 4 * self.elements
        if self.format in (UNSIGNED, SIGNED):
            return self.planes * self.height * self.width * self.row_bytes
        return 0


@dataclass
class Quant:
    offset: int = 0
    region: int = 0
    scheme: int = NO_SCHEME
    bits: int = 0
    layout = struct.Struct('<QHBB4x')

    def row_bytes(self, row):
        """Bytes of a packed row of ROW weights."""
        return -(-row // 5) if self.scheme == TERNARY else -(-row * self.bits // 8)


@dataclass
class Geometry:
    kernel_h: int = 0
    kernel_w: int = 0
    stride_h: int = 0
    stride_w: int = 0
    pad_h: int = 0
    pad_w: int = 0
    dilation_h: int = 0
    dilation_w: int = 0
    groups: int = 0
    more_h: int = 0              # padding below that the side above has not
    more_w: int = 0
    layout = struct.Struct('<HHBBHHBBI2h4x')

    def out_size(self, height, width):
        return ((height + 2 * self.pad_h + self.more_h - self.dilation_h * (self.kernel_h - 1) - 1)
                // self.stride_h + 1,
                (width + 2 * self.pad_w + self.more_w - self.dilation_w * (self.kernel_w - 1) - 1)
                // self.stride_w + 1)


@dataclass
class Scale:
    mult_index: int = 0
    mult_count: int = 0
    shift: int = 0
    layout = struct.Struct('<3I4x')


@dataclass
class Neuron:
    model: int = NO_NEURON
    compare: int = GE
    reset: int = HARD
    leak: int = NO_LEAK
    current_leak: int = NO_LEAK
    shift: int = 0
    delay: int = 0
    requant_shift: int = 0
    leak_param: int = 0
    current_leak_param: int = 0
    reset_value: int = 0
    refractory: int = 0
    flags: int = 0
    threshold_index: int = 0
    threshold_count: int = 0
    bias_index: int = 0
    bias_count: int = 0
    mult_index: int = 0
    mult_count: int = 0
    output: int = SPIKES
    tie: int = TIE_COMPARE
    levels: int = 0
    low: int = 0
    reset_period: int = 0
    reset_offset: int = 0
    leak_index: int = 0
    leak_count: int = 0
    current_leak_index: int = 0
    current_leak_count: int = 0
    reset_index: int = 0
    reset_count: int = 0
    delay_index: int = 0
    delay_count: int = 0
    # In the order of the descriptor.
    layout = struct.Struct('<10BHH2xIIIii16I28x')
    order = ('model', 'compare', 'reset', 'leak', 'current_leak', 'shift', 'delay', 'requant_shift',
             'output', 'tie', 'levels', 'refractory', 'flags', 'leak_param', 'current_leak_param',
             'reset_value', 'low', 'reset_period', 'reset_offset', 'threshold_index',
             'threshold_count', 'bias_index', 'bias_count', 'mult_index', 'mult_count',
             'leak_index', 'leak_count', 'current_leak_index', 'current_leak_count', 'reset_index',
             'reset_count', 'delay_index', 'delay_count')

    def pack(self):
        return self.layout.pack(*(getattr(self, name) for name in self.order))

    @classmethod
    def parse(cls, blob, offset):
        return cls(**dict(zip(cls.order, cls.layout.unpack_from(blob, offset))))


@dataclass
class Layer:
    op: int = 0
    flags: int = 0
    param: int = 0
    mode: int = 0
    ins: list = field(default_factory=lambda: [Tensor()] * OPERANDS)
    out: Tensor = field(default_factory=Tensor)
    quant: Quant = field(default_factory=Quant)
    geometry: Geometry = field(default_factory=Geometry)
    neuron: Neuron = field(default_factory=Neuron)
    state_offset: int = 0
    tag: int = 0
    axes: int = 0
    loop: int = 0
    loop_count: int = 0
    scales: list = field(default_factory=lambda: [Scale()] * OPERANDS)

    @property
    def operands(self):
        return [t for t in self.ins if t.format != NO_FORMAT]

    @property
    def weight_rows(self):
        """(rows, weights in a row) of CONV2D and LINEAR."""
        groups, window = 1, 1
        if self.op == OP_CONV2D:
            groups = self.geometry.groups
            window = self.geometry.kernel_h * self.geometry.kernel_w
        return window * self.ins[0].channels, self.out.channels // groups

    @property
    def weight_bytes(self):
        if self.quant.scheme == NO_SCHEME:
            return 0
        rows, row = self.weight_rows
        return rows * self.quant.row_bytes(row)

    @property
    def has_counter(self):
        return self.neuron.refractory > 0 or bool(self.neuron.flags & (STICKY | DELAYED_RESET))

    @property
    def rounds(self):
        """How often it runs in a time step."""
        return self.loop_count if self.loop else 1

    @property
    def kept(self):
        """Operands of which the state has what they were."""
        return [t for t in self.ins if t.flags & PREVIOUS]

    @property
    def state_bytes(self):
        """Bytes of the layer's state: its parts in order, each padded to 8."""
        return self.own_state_bytes + sum((t.bytes + 7) // 8 * 8 for t in self.kept)

    @property
    def own_state_bytes(self):
        if self.op == OP_READOUT:
            return 8 * self.out.channels if self.param != READOUT_LAST else 0
        if self.neuron.model == NO_NEURON:
            return 0
        part = (4 * self.out.elements + 7) // 8 * 8
        parts = 1 + (self.neuron.model == CUBA) + self.has_counter
        return parts * part + self.neuron.delay * ((self.out.bytes + 7) // 8 * 8)

    def pack(self):
        blob = struct.pack('<HHIII', self.op, self.flags, self.param, self.mode, self.axes)
        for part in (*self.ins, self.out, self.quant, self.geometry, *self.scales):
            blob += part.layout.pack(*astuple(part))
        return blob + self.neuron.pack() + struct.pack(
            '<QHHI40x', self.state_offset, self.loop, self.loop_count, self.tag)

    @classmethod
    def parse(cls, blob):
        layer = cls(*struct.unpack_from('<HHII', blob, 0))
        layer.axes, = struct.unpack_from('<I', blob, 12)

        def part(kind, offset):
            return kind(*kind.layout.unpack_from(blob, offset))
        layer.ins = [part(Tensor, 16 + 48 * i) for i in range(OPERANDS)]
        layer.out = part(Tensor, 208)
        layer.quant = part(Quant, 256)
        layer.geometry = part(Geometry, 272)
        layer.scales = [part(Scale, 296 + 16 * i) for i in range(OPERANDS)]
        layer.neuron = Neuron.parse(blob, 360)
        layer.state_offset, layer.loop, layer.loop_count, layer.tag = struct.unpack_from(
            '<QHHI', blob, 488)
        return layer


@dataclass
class Region:
    bytes: int = 0
    step_bytes: int = 0
    access: int = 0
    role: int = 0

    def size(self, steps):
        return self.step_bytes * steps if self.step_bytes else self.bytes


class Program:
    """A program in parts. The add_* and place_* methods lay out regions, scratch and state."""

    def __init__(self, max_steps=64, tile_steps=4):
        self.max_steps = max_steps
        self.tile_steps = tile_steps
        self.scratch_step_bytes = 0
        self.state_bytes = STATE_HEADER_BYTES
        self.regions = []
        self.layers = []
        self.table = []
        # Longer descriptors than needed have zeros behind what is known.
        self.sizes = HEADER_BYTES, REGION_BYTES, LAYER_BYTES

    @property
    def needs(self):
        """Required features."""
        tensors = [t for layer in self.layers for t in (*layer.ins, layer.out)]
        padded = any(layer.geometry.more_h or layer.geometry.more_w for layer in self.layers)
        scaled = any(s != Scale() for layer in self.layers for s in layer.scales)
        return (NEEDS_BOUNDS * any(t.bound for t in tensors)
                | NEEDS_VIEWS * any(t.flags & ~PREVIOUS for t in tensors)
                | NEEDS_PREVIOUS * any(t.flags & PREVIOUS for t in tensors)
                | NEEDS_LOOPS * any(layer.loop for layer in self.layers)
                | NEEDS_SCALES * scaled | NEEDS_PADDING * padded | self._neuron_needs)

    @property
    def _neuron_needs(self):
        needs = 0
        for layer in self.layers:
            n = layer.neuron
            tables = (n.leak_count, n.current_leak_count, n.reset_count, n.delay_count)
            by_element = [c for c in (n.threshold_count, n.bias_count, n.mult_count)
                          if c > layer.out.channels and not n.flags & LEVEL_THRESHOLDS]
            needs |= (NEEDS_LEVELS * (n.levels > 0) | NEEDS_POTENTIALS * (n.output >= POTENTIAL)
                      | NEEDS_TABLES * bool(any(tables) or by_element)
                      | NEEDS_RESETS * bool(n.flags & (DELAYED_RESET | CLAMP_LOW)
                                            or n.reset_period))
        return needs

    def add_region(self, role, size=0):
        """A region of SIZE bytes (a step, for roles with a time axis); returns its number."""
        size = (size + 7) // 8 * 8
        timed = role in (INPUT, OUTPUT)
        self.regions.append(Region(0 if timed else size, size if timed else 0,
                                   ACCESS_OF_ROLE[role], role))
        return USER + len(self.regions) - 1

    def add_table(self, values):
        """Constants; returns index and count, as descriptors name them."""
        index = len(self.table)
        self.table += [int(v) for v in values]
        return index, len(self.table) - index

    def tensor(self, role, fmt, planes, height, width, channels, bound=0):
        """A tensor in a region of its own, or in scratch when ROLE is None."""
        t = Tensor(0, SCRATCH, fmt, planes, height, width, channels, bound)
        if role is None:
            t.offset = self.scratch_step_bytes
            self.scratch_step_bytes += (t.bytes + 7) // 8 * 8
        else:
            t.region = self.add_region(role, t.bytes)
        return t

    def add_layer(self, layer):
        size = layer.state_bytes
        if size:
            layer.state_offset = self.state_bytes
            self.state_bytes += (size + 7) // 8 * 8
        self.layers.append(layer)
        return layer

    def pack(self):
        header, region, layer = self.sizes
        total = (header + region * len(self.regions) + layer * len(self.layers)
                 + 4 * len(self.table))
        blob = HEADER.pack(MAGIC, VERSION, total, *self.sizes, len(self.layers),
                           len(self.regions), len(self.table), self.max_steps,
                           self.tile_steps, 0, self.needs, self.scratch_step_bytes,
                           self.state_bytes).ljust(header, b'\0')
        for r in self.regions:
            blob += REGION.pack(*astuple(r), 0).ljust(region, b'\0')
        for part in self.layers:
            blob += part.pack().ljust(layer, b'\0')
        return blob + struct.pack(f'<{len(self.table)}i', *self.table)

    @classmethod
    def parse(cls, blob):
        (magic, version, total, *sizes, layers, regions, table, max_steps, tile_steps,
         flags, needs, scratch, state) = HEADER.unpack_from(blob)
        if (magic, version) != (MAGIC, VERSION) or flags or needs & ~SUPPORTED:
            raise ValueError('not a program of this version')
        header, region, layer = sizes
        if header < HEADER_BYTES or region < REGION_BYTES or layer < LAYER_BYTES:
            raise ValueError(f'descriptors of {header}, {region}, {layer} bytes are too short')
        size = header + region * regions + layer * layers + 4 * table
        if total != size or len(blob) != size:
            raise ValueError(f'program has {len(blob)} bytes, its parts need {size}')
        p = cls(max_steps, tile_steps)
        p.sizes = header, region, layer
        p.scratch_step_bytes, p.state_bytes = scratch, state
        at = header
        for _ in range(regions):
            p.regions.append(Region(*REGION.unpack_from(blob, at)[:len(fields(Region))]))
            at += region
        for _ in range(layers):
            p.layers.append(Layer.parse(blob[at:at + layer]))
            at += layer
        p.table = list(struct.unpack_from(f'<{table}i', blob, at))
        return p
