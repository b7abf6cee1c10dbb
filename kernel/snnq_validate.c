// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate.c - the program validator; see snnq_validate.h.
 *
 * Invariants:
 *  - Nothing is believed before it was checked: the sizes of the parts first,
 *    then each field against a table of ranges, then what fields mean together.
 *  - Limits of the format come first, the device's capabilities last, so that a
 *    malformed program is -EINVAL on every device.
 *  - Fields in range keep every product of at most four of them (dimensions,
 *    planes, word sizes) below 2^63; longer products saturate.
 *  - No floating point, no recursion, no allocation, no 64-bit division.
 */
#include "snnq_validate.h"

#define SATURATED	(1ull << 63)
#define NOT_IN_LAYER	0xffffffffu
#define INT32_MAX_U	0x7fffffffull

struct check {
	const struct snnq_program_header *header;
	const struct snnq_region_desc *regions;
	const struct snnq_layer *layers;
	const __s32 *table;
	__u32 layer;
	struct snnq_diag diag;
};

const struct snnq_caps snnq_caps_all = {
	.max_layers = SNNQ_MAX_LAYERS,
	.max_dim = SNNQ_MAX_DIM,
	.max_channels = SNNQ_MAX_CHANNELS,
	.max_steps = SNNQ_MAX_STEPS,
	.max_program_bytes = SNNQ_MAX_PROGRAM_BYTES,
	.scheme_uniform = 0x1fe,	/* 1..8 bits */
	.scheme_odd = 0x1fe,
	.scheme_pot = 0x3c,		/* 2..5 bits */
	.ops = (1ull << SNNQ_OP_COUNT) - 2,
};

const char *snnq_check_text(enum snnq_check check)
{
	static const char *const texts[] = {
#define CHECK_TEXT(name, text) [SNNQ_CHECK_##name] = text,
		SNNQ_CHECKS(CHECK_TEXT)
#undef CHECK_TEXT
	};

	return (unsigned int)check < SNNQ_CHECK_COUNT ? texts[check] : "unknown check";
}

/* Record what is wrong; the return value is that of the whole validation. */
static int fail(struct check *c, enum snnq_check check, const char *field)
{
	c->diag.check = check;
	c->diag.layer = c->layer;
	c->diag.field = field;
	if (check == SNNQ_CHECK_UNSUPPORTED)
		return -EOPNOTSUPP;
	return check == SNNQ_CHECK_OVERFLOW ? -EOVERFLOW : -EINVAL;
}

static __u64 mul_sat(__u64 a, __u64 b)
{
	__u64 r;

	return __builtin_mul_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static __u64 add_sat(__u64 a, __u64 b)
{
	__u64 r;

	return __builtin_add_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static __u64 round8(__u64 v)
{
	return (v + 7) & ~7ull;
}

static bool fits(__u64 offset, __u64 bytes, __u64 limit)
{
	return bytes <= limit && offset <= limit - bytes;
}

static bool overlaps(__u64 a, __u64 a_bytes, __u64 b, __u64 b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

static bool all_zero(const void *p, size_t bytes)
{
	const unsigned char *b = p;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (b[i])
			return false;
	return true;
}

/* Range of one field of a structure. */
struct rule {
	__u16 offset;
	__u8 size;
	__u8 check;
	__u64 min;
	__u64 max;
	const char *field;
};

#define RULE(type, member, lo, hi, code) {			\
	.offset = offsetof(type, member),			\
	.size = sizeof(((type *)0)->member),			\
	.check = SNNQ_CHECK_##code, .min = (lo), .max = (hi),	\
	.field = #member }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static __u64 load_field(const void *base, const struct rule *r)
{
	const char *p = (const char *)base + r->offset;

	switch (r->size) {
	case 1:
		return *(const __u8 *)p;
	case 2:
		return *(const __u16 *)(const void *)p;
	case 4:
		return *(const __u32 *)(const void *)p;
	default:
		return *(const __u64 *)(const void *)p;
	}
}

static int check_rules(struct check *c, const void *base, const struct rule *rules, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		__u64 v = load_field(base, &rules[i]);

		if (v < rules[i].min || v > rules[i].max)
			return fail(c, rules[i].check, rules[i].field);
	}
	return 0;
}

#define H(...) RULE(struct snnq_program_header, __VA_ARGS__)
static const struct rule header_rules[] = {
	H(magic, SNNQ_PROGRAM_MAGIC, SNNQ_PROGRAM_MAGIC, MAGIC),
	H(version, SNNQ_PROGRAM_VERSION, SNNQ_PROGRAM_VERSION, VERSION),
	H(layer_count, 1, SNNQ_MAX_LAYERS, LIMIT),
	H(region_count, 0, SNNQ_MAX_USER_REGIONS, LIMIT),
	H(max_steps, 1, SNNQ_MAX_STEPS, LIMIT),
	H(tile_steps, 1, SNNQ_MAX_TILE_STEPS, LIMIT),
	H(scratch_step_bytes, 0, SNNQ_MAX_REGION_BYTES, SCRATCH),
	H(state_bytes, sizeof(struct snnq_state_header), SNNQ_MAX_REGION_BYTES, STATE),
	H(flags, 0, 0, FLAGS),
	H(reserved[0], 0, 0, RESERVED),
	H(reserved[1], 0, 0, RESERVED),
	H(reserved[2], 0, 0, RESERVED),
};

#define L(...) RULE(struct snnq_layer, __VA_ARGS__)
static const struct rule layer_rules[] = {
	L(op, SNNQ_OP_EVENTS, SNNQ_OP_COUNT - 1, OP),
	L(flags, 0, SNNQ_LAYER_FLAGS, FLAGS),
	L(in[0].reserved, 0, 0, RESERVED),
	L(in[1].reserved, 0, 0, RESERVED),
	L(in[2].reserved, 0, 0, RESERVED),
	L(out.reserved, 0, 0, RESERVED),
	L(quant.reserved, 0, 0, RESERVED),
	L(loop, 0, 0, RESERVED),
	L(neuron.reserved[0], 0, 0, RESERVED),
	L(neuron.reserved[1], 0, 0, RESERVED),
	L(neuron.reserved[2], 0, 0, RESERVED),
	L(reserved[0], 0, 0, RESERVED),
	L(reserved[1], 0, 0, RESERVED),
	L(reserved[2], 0, 0, RESERVED),
	L(neuron.model, 0, SNNQ_NEURON_CUBA, NEURON),
	L(neuron.compare, 0, SNNQ_COMPARE_GT, NEURON),
	L(neuron.reset, 0, SNNQ_RESET_NONE, NEURON),
	L(neuron.leak, 0, SNNQ_LEAK_TZ12, NEURON),
	L(neuron.current_leak, 0, SNNQ_LEAK_TZ12, NEURON),
	L(neuron.shift, 0, SNNQ_MAX_SHIFT, NEURON),
	L(neuron.delay, 0, SNNQ_MAX_DELAY, NEURON),
	L(neuron.requant_shift, 0, SNNQ_MAX_REQUANT_SHIFT, NEURON),
	L(neuron.flags, 0, SNNQ_NEURON_FLAGS, FLAGS),
};

/* Operations with a window. */
static const struct rule geometry_rules[] = {
	L(geometry.kernel_h, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.kernel_w, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.stride_h, 1, 255, GEOMETRY),
	L(geometry.stride_w, 1, 255, GEOMETRY),
	L(geometry.dilation_h, 1, 255, GEOMETRY),
	L(geometry.dilation_w, 1, 255, GEOMETRY),
	L(geometry.groups, 1, SNNQ_MAX_CHANNELS, GEOMETRY),
};

/* Layers that have a neuron stage without a neuron: all but requantization unused. */
static const struct rule requant_rules[] = {
	L(neuron.compare, 0, 0, RESERVED),
	L(neuron.reset, 0, 0, RESERVED),
	L(neuron.leak, 0, 0, RESERVED),
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.shift, 0, 0, RESERVED),
	L(neuron.delay, 0, 0, RESERVED),
	L(neuron.leak_param, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.reset_value, 0, 0, RESERVED),
	L(neuron.refractory, 0, 0, RESERVED),
	L(neuron.flags, 0, 0, RESERVED),
	L(neuron.threshold_index, 0, 0, RESERVED),
	L(neuron.threshold_count, 0, 0, RESERVED),
	L(flags, 0, 0, FLAGS),
};

/* Layers with a neuron do not requantize. */
static const struct rule spiking_rules[] = {
	L(neuron.requant_shift, 0, 0, RESERVED),
	L(neuron.mult_index, 0, 0, RESERVED),
	L(neuron.mult_count, 0, 0, RESERVED),
};

/* LIF has no synaptic current. */
static const struct rule lif_rules[] = {
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.flags, 0, SNNQ_NEURON_FLAG_STICKY, FLAGS),
};

static int check_header(struct check *c, const void *blob, size_t size)
{
	const struct snnq_program_header *h = blob;
	__u64 parts;
	int ret;

	if (size < sizeof(*h))
		return fail(c, SNNQ_CHECK_SIZE, "size");
	if (size > SNNQ_MAX_PROGRAM_BYTES)
		return fail(c, SNNQ_CHECK_LIMIT, "total_bytes");
	ret = check_rules(c, h, header_rules, COUNT(header_rules));
	if (ret)
		return ret;
	if (h->total_bytes != size)
		return fail(c, SNNQ_CHECK_SIZE, "total_bytes");
	parts = sizeof(*h) + (__u64)h->region_count * sizeof(struct snnq_region_desc) +
		(__u64)h->layer_count * sizeof(struct snnq_layer) +
		(__u64)h->table_count * sizeof(__s32);
	if (parts != size)
		return fail(c, SNNQ_CHECK_SIZE, "table_count");
	if (h->scratch_step_bytes % 8 ||
	    mul_sat(h->scratch_step_bytes, h->tile_steps) > SNNQ_MAX_REGION_BYTES)
		return fail(c, SNNQ_CHECK_SCRATCH, "scratch_step_bytes");
	if (h->state_bytes % 8)
		return fail(c, SNNQ_CHECK_STATE, "state_bytes");

	c->header = h;
	c->regions = snnq_program_regions(blob);
	c->layers = snnq_program_layers(blob);
	c->table = snnq_program_table(blob);
	return 0;
}

static int check_region(struct check *c, const struct snnq_region_desc *r)
{
	bool timed = r->role == SNNQ_ROLE_INPUT || r->role == SNNQ_ROLE_OUTPUT;
	bool written = r->role == SNNQ_ROLE_OUTPUT || r->role == SNNQ_ROLE_READOUT;
	__u64 minimum = r->role == SNNQ_ROLE_EVENTS ? 8 : 1;

	if (r->reserved)
		return fail(c, SNNQ_CHECK_RESERVED, "region.reserved");
	if (r->role < SNNQ_ROLE_WEIGHTS || r->role > SNNQ_ROLE_READOUT)
		return fail(c, SNNQ_CHECK_REGION, "region.role");
	if (r->access != (written ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ))
		return fail(c, SNNQ_CHECK_REGION, "region.access");
	if (!timed) {
		if (r->step_bytes)
			return fail(c, SNNQ_CHECK_REGION, "region.step_bytes");
		if (r->bytes < minimum || r->bytes > SNNQ_MAX_REGION_BYTES)
			return fail(c, SNNQ_CHECK_REGION, "region.bytes");
		return 0;
	}
	if (r->bytes)
		return fail(c, SNNQ_CHECK_REGION, "region.bytes");
	if (!r->step_bytes || r->step_bytes % 8 ||
	    mul_sat(r->step_bytes, c->header->max_steps) > SNNQ_MAX_REGION_BYTES)
		return fail(c, SNNQ_CHECK_REGION, "region.step_bytes");
	return 0;
}

/* Tensors. */

#define FORMATS(f)	(1u << SNNQ_FORMAT_##f)
#define FORMATS_PLANES	(FORMATS(UNSIGNED) | FORMATS(SIGNED))

struct tensor_names {
	const char *offset, *region, *format, *planes, *height, *width, *channels;
};

#define TENSOR_NAMES(t) {						\
	t ".offset", t ".region", t ".format", t ".planes",		\
	t ".height", t ".width", t ".channels" }

static const struct tensor_names input_names[3] = {
	TENSOR_NAMES("in[0]"), TENSOR_NAMES("in[1]"), TENSOR_NAMES("in[2]")
};
static const struct tensor_names output_names = TENSOR_NAMES("out");

static bool is_planes(const struct snnq_tensor *t)
{
	return t->format == SNNQ_FORMAT_UNSIGNED || t->format == SNNQ_FORMAT_SIGNED;
}

__u64 snnq_tensor_bytes(const struct snnq_tensor *t)
{
	__u64 positions = (__u64)t->height * t->width;

	if (t->format == SNNQ_FORMAT_INT32)
		return positions * t->channels * 4;
	if (is_planes(t))
		return positions * t->planes * (((__u64)t->channels + 63) / 64) * 8;
	return 0;
}

static int check_dims(struct check *c, const struct snnq_tensor *t, __u32 formats,
		      const struct tensor_names *names)
{
	__u32 least = t->format == SNNQ_FORMAT_SIGNED ? 2 : 1;

	if (t->format > SNNQ_FORMAT_EVENTS || !(formats & (1u << t->format)))
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, names->format);
	if (!is_planes(t) && t->planes)
		return fail(c, SNNQ_CHECK_RESERVED, names->planes);
	if (is_planes(t) && (t->planes < least || t->planes > SNNQ_MAX_PLANES))
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->planes);
	if (!t->height || t->height > SNNQ_MAX_DIM)
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->height);
	if (!t->width || t->width > SNNQ_MAX_DIM)
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->width);
	if (!t->channels || t->channels > SNNQ_MAX_CHANNELS)
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->channels);
	return 0;
}

/* The descriptor of a user region, or NULL. */
static const struct snnq_region_desc *user_region(const struct check *c, __u32 region)
{
	if (region < SNNQ_REGION_USER || region - SNNQ_REGION_USER >= c->header->region_count)
		return NULL;
	return &c->regions[region - SNNQ_REGION_USER];
}

/*
 * A tensor lies in scratch or in a user region of the given role; events and
 * readouts only in the latter.
 */
static int check_place(struct check *c, const struct snnq_tensor *t, __u32 role,
		       const struct tensor_names *names)
{
	bool scratch_ok = role == SNNQ_ROLE_INPUT || role == SNNQ_ROLE_OUTPUT;
	const struct snnq_region_desc *r = user_region(c, t->region);
	/* Of an event list at least one record must be in bounds. */
	__u64 bytes = role == SNNQ_ROLE_EVENTS ? 8 : snnq_tensor_bytes(t);
	__u64 limit;

	if (t->region == SNNQ_REGION_SCRATCH && scratch_ok)
		limit = c->header->scratch_step_bytes;
	else if (r && r->role == role)
		limit = r->step_bytes ? r->step_bytes : r->bytes;
	else
		return fail(c, SNNQ_CHECK_TENSOR_REGION, names->region);
	if (t->offset % 8 || !fits(t->offset, bytes, limit))
		return fail(c, SNNQ_CHECK_TENSOR_EXTENT, names->offset);
	return 0;
}

static bool tensors_overlap(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->region == b->region &&
	       overlaps(a->offset, snnq_tensor_bytes(a), b->offset, snnq_tensor_bytes(b));
}

static bool same_shape(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

static bool same_tensor(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->offset == b->offset && a->format == b->format && a->planes == b->planes &&
	       same_shape(a, b);
}

/* What a layer reads from scratch must be the last thing written there. */
static int check_source(struct check *c, const struct snnq_tensor *t, const char *field)
{
	__u32 i;

	if (t->region != SNNQ_REGION_SCRATCH)
		return 0;
	for (i = c->layer; i-- > 0;) {
		if (!tensors_overlap(&c->layers[i].out, t))
			continue;
		if (same_tensor(&c->layers[i].out, t))
			return 0;
		break;
	}
	return fail(c, SNNQ_CHECK_TENSOR_SOURCE, field);
}

/* Outside scratch a place is written by one layer only. */
static int check_output_alias(struct check *c, const struct snnq_layer *l, __u32 inputs)
{
	__u32 i;

	for (i = 0; i < inputs; i++)
		if (tensors_overlap(&l->in[i], &l->out))
			return fail(c, SNNQ_CHECK_TENSOR_ALIAS, "out.offset");
	if (l->out.region == SNNQ_REGION_SCRATCH)
		return 0;
	for (i = 0; i < c->layer; i++)
		if (tensors_overlap(&c->layers[i].out, &l->out))
			return fail(c, SNNQ_CHECK_TENSOR_ALIAS, "out.offset");
	return 0;
}

/* Windows. */

static __u32 groups_of(const struct snnq_layer *l)
{
	return l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
}

/* Number of kernel positions: 1 for operations without a window. */
static __u64 window_size(const struct snnq_layer *l)
{
	return l->geometry.kernel_h ? (__u64)l->geometry.kernel_h * l->geometry.kernel_w : 1;
}

/* Padding below the kernel and output size as computed; out is the one stated. */
static bool axis_ok(__u32 in, __u32 out, __u32 kernel, __u32 stride, __u32 pad, __u32 dilation)
{
	__u32 span = dilation * (kernel - 1) + 1;

	return in + 2 * pad >= span && (in + 2 * pad - span) / stride + 1 == out;
}

static int check_geometry(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = check_rules(c, l, geometry_rules, COUNT(geometry_rules));

	if (ret)
		return ret;
	if (g->pad_h > g->dilation_h * (g->kernel_h - 1u))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_h");
	if (g->pad_w > g->dilation_w * (g->kernel_w - 1u))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_w");
	if (l->in[0].channels % g->groups || l->out.channels % g->groups)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	if (!axis_ok(l->in[0].height, l->out.height, g->kernel_h, g->stride_h, g->pad_h,
		     g->dilation_h))
		return fail(c, SNNQ_CHECK_SHAPE, "out.height");
	if (!axis_ok(l->in[0].width, l->out.width, g->kernel_w, g->stride_w, g->pad_w,
		     g->dilation_w))
		return fail(c, SNNQ_CHECK_SHAPE, "out.width");
	return 0;
}

/* Whether each window contains a position inside the image, along one axis. */
static bool windows_inside(__u32 in, __u32 out, __u32 kernel, __u32 stride, __u32 pad,
			   __u32 dilation)
{
	__u32 o;

	for (o = 0; o < out; o++) {
		__u32 start = o * stride;
		__u32 k = start < pad ? (pad - start + dilation - 1) / dilation : 0;

		if (k >= kernel || start + k * dilation - pad >= in)
			return false;
	}
	return true;
}

/* Weights and accumulators. */

__u64 snnq_weight_row_bytes(const struct snnq_layer *l)
{
	return ((__u64)(l->out.channels / groups_of(l)) * l->quant.bits + 7) / 8;
}

__u64 snnq_weight_bytes(const struct snnq_layer *l)
{
	if (l->quant.scheme == SNNQ_SCHEME_NONE)
		return 0;
	return window_size(l) * l->in[0].channels * snnq_weight_row_bytes(l);
}

static int check_quant(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_quant *q = &l->quant;
	const struct snnq_region_desc *r = user_region(c, q->region);
	__u32 least = q->scheme == SNNQ_SCHEME_POT ? 2 : 1;
	__u32 most = q->scheme == SNNQ_SCHEME_POT ? 5 : 8;

	if (q->scheme < SNNQ_SCHEME_UNIFORM || q->scheme > SNNQ_SCHEME_POT)
		return fail(c, SNNQ_CHECK_SCHEME, "quant.scheme");
	if (q->bits < least || q->bits > most)
		return fail(c, SNNQ_CHECK_SCHEME, "quant.bits");
	if (!r || r->role != SNNQ_ROLE_WEIGHTS)
		return fail(c, SNNQ_CHECK_WEIGHTS, "quant.region");
	if (!fits(q->offset, snnq_weight_bytes(l), r->bytes))
		return fail(c, SNNQ_CHECK_WEIGHTS, "quant.offset");
	return 0;
}

static __u64 largest_input(const struct snnq_tensor *t)
{
	return t->format == SNNQ_FORMAT_SIGNED ? 1ull << (t->planes - 1) :
						 (1ull << t->planes) - 1;
}

static __u64 largest_weight(const struct snnq_quant *q)
{
	switch (q->scheme) {
	case SNNQ_SCHEME_UNIFORM:
		return q->bits == 1 ? 1 : 1ull << (q->bits - 1);
	case SNNQ_SCHEME_ODD:
		return (1ull << q->bits) - 1;
	default:
		return 1ull << ((1u << (q->bits - 1)) - 2);
	}
}

/* The largest magnitude of @terms products must fit an int32 accumulator. */
static int check_accumulator(struct check *c, __u64 terms, __u64 input, __u64 weight)
{
	if (mul_sat(mul_sat(terms, input), weight) > INT32_MAX_U)
		return fail(c, SNNQ_CHECK_OVERFLOW, "accumulator");
	return 0;
}

/* Operations: what of the layer descriptor each uses and how it belongs together. */

static int check_events(struct check *c, const struct snnq_layer *l)
{
	if (!same_shape(&l->in[0], &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

static int check_conv2d(struct check *c, const struct snnq_layer *l)
{
	int ret = check_geometry(c, l);

	if (!ret)
		ret = check_quant(c, l);
	if (ret)
		return ret;
	return check_accumulator(c, window_size(l) * (l->in[0].channels / groups_of(l)),
				 largest_input(&l->in[0]), largest_weight(&l->quant));
}

static int check_linear(struct check *c, const struct snnq_layer *l)
{
	int ret = check_quant(c, l);

	if (ret)
		return ret;
	if (l->in[0].height != l->out.height || l->in[0].width != l->out.width)
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return check_accumulator(c, l->in[0].channels, largest_input(&l->in[0]),
				 largest_weight(&l->quant));
}

static int check_pool(struct check *c, const struct snnq_layer *l)
{
	int ret = check_geometry(c, l);

	if (ret)
		return ret;
	if (l->geometry.groups != 1)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	if (l->in[0].channels != l->out.channels)
		return fail(c, SNNQ_CHECK_SHAPE, "out.channels");
	return 0;
}

static int check_pool_max(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = check_pool(c, l);

	if (ret)
		return ret;
	if (l->in[0].format != l->out.format || l->in[0].planes != l->out.planes)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	if (!windows_inside(l->in[0].height, l->out.height, g->kernel_h, g->stride_h, g->pad_h,
			    g->dilation_h))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_h");
	if (!windows_inside(l->in[0].width, l->out.width, g->kernel_w, g->stride_w, g->pad_w,
			    g->dilation_w))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_w");
	return 0;
}

static int check_pool_sum(struct check *c, const struct snnq_layer *l)
{
	int ret = check_pool(c, l);

	if (ret)
		return ret;
	if (l->param < 1 || l->param > 32767)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	return check_accumulator(c, window_size(l), largest_input(&l->in[0]), l->param);
}

static int check_add(struct check *c, const struct snnq_layer *l)
{
	if (!same_shape(&l->in[0], &l->in[1]))
		return fail(c, SNNQ_CHECK_SHAPE, "in[1]");
	if (!same_shape(&l->in[0], &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

static int check_attention(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_tensor *q = &l->in[0];
	__u32 i;

	for (i = 0; i < 3; i++) {
		if (l->in[i].planes != 1)
			return fail(c, SNNQ_CHECK_TENSOR_FORMAT, input_names[i].planes);
		if (!same_shape(q, &l->in[i]))
			return fail(c, SNNQ_CHECK_SHAPE, input_names[i].channels);
	}
	if (!same_shape(q, &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	if (!l->param || q->channels % l->param)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	return check_accumulator(c, (__u64)q->height * q->width, q->channels / l->param, 1);
}

static int check_readout(struct check *c, const struct snnq_layer *l)
{
	if (l->param != SNNQ_READOUT_SUM && l->param != SNNQ_READOUT_LAST)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	if (l->out.height != 1 || l->out.width != 1 || l->out.channels != l->in[0].channels)
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

#define USES_PARAM	(1u << 0)
#define USES_QUANT	(1u << 1)
#define USES_GEOMETRY	(1u << 2)
#define USES_NEURON	(1u << 3)

struct op_rule {
	int (*check)(struct check *c, const struct snnq_layer *l);
	__u32 inputs;
	__u32 uses;
	__u32 in_formats;
	__u32 out_formats;	/* with a neuron: spikes, see check_spiking() */
	__u32 in_role;
	__u32 out_role;
};

#define FORMATS_ALL (FORMATS_PLANES | FORMATS(INT32))
#define ACTIVATIONS .in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_OUTPUT

static const struct op_rule op_rules[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = {
		check_events, 1, 0, FORMATS(EVENTS), FORMATS(UNSIGNED),
		.in_role = SNNQ_ROLE_EVENTS, .out_role = SNNQ_ROLE_OUTPUT },
	[SNNQ_OP_CONV2D] = {
		check_conv2d, 1, USES_QUANT | USES_GEOMETRY | USES_NEURON,
		FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS },
	[SNNQ_OP_LINEAR] = {
		check_linear, 1, USES_QUANT | USES_NEURON,
		FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS },
	[SNNQ_OP_POOL_MAX] = {
		check_pool_max, 1, USES_GEOMETRY, FORMATS_PLANES, FORMATS_PLANES, ACTIVATIONS },
	[SNNQ_OP_POOL_SUM] = {
		check_pool_sum, 1, USES_PARAM | USES_GEOMETRY | USES_NEURON,
		FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS },
	[SNNQ_OP_ADD] = {
		check_add, 2, 0, FORMATS_PLANES, FORMATS_PLANES, ACTIVATIONS },
	[SNNQ_OP_ATTENTION] = {
		check_attention, 3, USES_PARAM | USES_NEURON,
		FORMATS(UNSIGNED), FORMATS_ALL, ACTIVATIONS },
	[SNNQ_OP_READOUT] = {
		check_readout, 1, USES_PARAM, FORMATS_ALL, FORMATS(INT32),
		.in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_READOUT },
};

/* Neurons. */

static bool leak_ok(__u32 leak, __u32 param)
{
	switch (leak) {
	case SNNQ_LEAK_NONE:
		return param == 0;
	case SNNQ_LEAK_DIVN:
		return param >= 1 && param <= 65536;
	case SNNQ_LEAK_Q16:
		return param <= 65536;
	default:
		return param <= 4096;
	}
}

/* A table of constants: one for all channels or one each; absent if @optional. */
static int check_table(struct check *c, const struct snnq_layer *l, __u32 index, __u32 count,
		       bool optional, const char *field)
{
	if (optional && !count)
		return index ? fail(c, SNNQ_CHECK_RESERVED, field) : 0;
	if ((count != 1 && count != l->out.channels) ||
	    !fits(index, count, c->header->table_count))
		return fail(c, SNNQ_CHECK_TABLE, field);
	return 0;
}

static int check_thresholds(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = check_table(c, l, n->threshold_index, n->threshold_count, false,
			      "neuron.threshold");
	__u32 i;

	if (ret)
		return ret;
	for (i = 0; i < n->threshold_count; i++)
		if (c->table[n->threshold_index + i] < 1)
			return fail(c, SNNQ_CHECK_THRESHOLD, "neuron.threshold");
	return 0;
}

/* A layer with a neuron: its output is spikes. */
static int check_spiking(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = check_rules(c, l, spiking_rules, COUNT(spiking_rules));

	if (!ret && n->model == SNNQ_NEURON_LIF)
		ret = check_rules(c, l, lif_rules, COUNT(lif_rules));
	if (ret)
		return ret;
	if (l->out.format != SNNQ_FORMAT_UNSIGNED || l->out.planes != 1)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	if (!leak_ok(n->leak, n->leak_param))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.leak_param");
	if (!leak_ok(n->current_leak, n->current_leak_param))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.current_leak_param");
	if ((n->flags & SNNQ_NEURON_FLAG_STICKY) &&
	    (n->model != SNNQ_NEURON_LIF || n->leak != SNNQ_LEAK_DIVN ||
	     n->compare != SNNQ_COMPARE_GT))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
	if (n->reset_value && n->reset != SNNQ_RESET_HARD && !n->refractory)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reset_value");
	return check_thresholds(c, l);
}

static int check_neuron(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret;

	if (n->model != SNNQ_NEURON_NONE) {
		ret = check_spiking(c, l);
	} else {
		ret = check_rules(c, l, requant_rules, COUNT(requant_rules));
		if (!ret)
			ret = check_table(c, l, n->mult_index, n->mult_count, true,
					  "neuron.mult");
	}
	if (ret)
		return ret;
	return check_table(c, l, n->bias_index, n->bias_count, true, "neuron.bias");
}

/* State. */

__u64 snnq_layer_state_bytes(const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	__u64 part = round8(snnq_tensor_elements(&l->out) * 4);
	__u64 parts;

	if (l->op == SNNQ_OP_READOUT)
		return l->param == SNNQ_READOUT_SUM ? (__u64)l->out.channels * 8 : 0;
	if (n->model == SNNQ_NEURON_NONE)
		return 0;
	parts = n->model == SNNQ_NEURON_CUBA ? 2 : 1;
	if ((n->flags & SNNQ_NEURON_FLAG_STICKY) || n->refractory)
		parts++;
	return parts * part + n->delay * snnq_tensor_bytes(&l->out);
}

static int check_state(struct check *c, const struct snnq_layer *l)
{
	__u64 bytes = snnq_layer_state_bytes(l);
	__u32 i;

	if (!bytes)
		return l->state_offset ? fail(c, SNNQ_CHECK_STATE, "state_offset") : 0;
	if (l->state_offset % 8 || l->state_offset < sizeof(struct snnq_state_header) ||
	    !fits(l->state_offset, bytes, c->header->state_bytes))
		return fail(c, SNNQ_CHECK_STATE, "state_offset");
	for (i = 0; i < c->layer; i++) {
		const struct snnq_layer *o = &c->layers[i];

		if (o->state_offset && overlaps(l->state_offset, bytes, o->state_offset,
						snnq_layer_state_bytes(o)))
			return fail(c, SNNQ_CHECK_STATE, "state_offset");
	}
	return 0;
}

/* Layers. */

static int check_unused(struct check *c, const struct snnq_layer *l, const struct op_rule *r)
{
	__u32 i;

	for (i = r->inputs; i < 3; i++)
		if (!all_zero(&l->in[i], sizeof(l->in[i])))
			return fail(c, SNNQ_CHECK_RESERVED, input_names[i].format);
	if (!(r->uses & USES_PARAM) && l->param)
		return fail(c, SNNQ_CHECK_RESERVED, "param");
	if (!(r->uses & USES_QUANT) && !all_zero(&l->quant, sizeof(l->quant)))
		return fail(c, SNNQ_CHECK_RESERVED, "quant");
	if (!(r->uses & USES_GEOMETRY) && !all_zero(&l->geometry, sizeof(l->geometry)))
		return fail(c, SNNQ_CHECK_RESERVED, "geometry");
	if (r->uses & USES_NEURON)
		return 0;
	if (!all_zero(&l->neuron, sizeof(l->neuron)))
		return fail(c, SNNQ_CHECK_RESERVED, "neuron");
	return l->flags ? fail(c, SNNQ_CHECK_FLAGS, "flags") : 0;
}

static int check_tensors(struct check *c, const struct snnq_layer *l, const struct op_rule *r)
{
	int ret = 0;
	__u32 i;

	for (i = 0; i < r->inputs && !ret; i++) {
		ret = check_dims(c, &l->in[i], r->in_formats, &input_names[i]);
		if (!ret)
			ret = check_place(c, &l->in[i], r->in_role, &input_names[i]);
		if (!ret)
			ret = check_source(c, &l->in[i], input_names[i].offset);
	}
	if (!ret)
		ret = check_dims(c, &l->out, r->out_formats, &output_names);
	if (!ret)
		ret = check_place(c, &l->out, r->out_role, &output_names);
	return ret ? ret : check_output_alias(c, l, r->inputs);
}

static int check_layer(struct check *c, const struct snnq_layer *l)
{
	const struct op_rule *r;
	int ret = check_rules(c, l, layer_rules, COUNT(layer_rules));

	if (ret)
		return ret;
	r = &op_rules[l->op];
	ret = check_unused(c, l, r);
	if (!ret)
		ret = check_tensors(c, l, r);
	if (!ret)
		ret = r->check(c, l);
	if (!ret && (r->uses & USES_NEURON))
		ret = check_neuron(c, l);
	return ret ? ret : check_state(c, l);
}

/* Upper bound of synaptic operations and neuron updates of a layer in a step. */
static __u64 layer_work(const struct snnq_layer *l)
{
	__u64 in = snnq_tensor_elements(&l->in[0]);
	__u64 out = snnq_tensor_elements(&l->out);
	__u64 planes = l->in[0].planes ? l->in[0].planes : 1;
	__u64 work;

	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		work = mul_sat(mul_sat(out, window_size(l)),
			       l->in[0].channels / groups_of(l) * planes);
		break;
	case SNNQ_OP_POOL_MAX:
	case SNNQ_OP_POOL_SUM:
		work = mul_sat(mul_sat(out, window_size(l)), planes);
		break;
	case SNNQ_OP_ATTENTION:	/* every pair of tokens, once with K and once with V */
		work = mul_sat(in, 2 * (__u64)l->in[0].height * l->in[0].width);
		break;
	default:
		work = in * (planes + l->in[1].planes);
	}
	return add_sat(work, out);
}

static bool dims_within(const struct snnq_tensor *t, const struct snnq_caps *caps)
{
	return t->height <= caps->max_dim && t->width <= caps->max_dim &&
	       t->channels <= caps->max_channels;
}

static bool scheme_within(const struct snnq_quant *q, const struct snnq_caps *caps)
{
	switch (q->scheme) {
	case SNNQ_SCHEME_NONE:
		return true;
	case SNNQ_SCHEME_UNIFORM:
		return caps->scheme_uniform & (1u << q->bits);
	case SNNQ_SCHEME_ODD:
		return caps->scheme_odd & (1u << q->bits);
	default:
		return caps->scheme_pot & (1u << q->bits);
	}
}

/* A valid program against what the device can do. */
static int check_caps(struct check *c, const struct snnq_caps *caps)
{
	const struct snnq_program_header *h = c->header;
	__u32 i, k;

	c->layer = NOT_IN_LAYER;
	if (h->total_bytes > caps->max_program_bytes)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "total_bytes");
	if (h->layer_count > caps->max_layers)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "layer_count");
	if (h->max_steps > caps->max_steps)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "max_steps");
	for (i = 0; i < h->layer_count; i++) {
		const struct snnq_layer *l = &c->layers[i];

		c->layer = i;
		if (!(caps->ops & (1ull << l->op)))
			return fail(c, SNNQ_CHECK_UNSUPPORTED, "op");
		if (!scheme_within(&l->quant, caps))
			return fail(c, SNNQ_CHECK_UNSUPPORTED, "quant.bits");
		for (k = 0; k < 3; k++)
			if (!dims_within(&l->in[k], caps))
				return fail(c, SNNQ_CHECK_UNSUPPORTED, input_names[k].channels);
		if (!dims_within(&l->out, caps))
			return fail(c, SNNQ_CHECK_UNSUPPORTED, output_names.channels);
	}
	c->layer = NOT_IN_LAYER;
	return 0;
}

static void fill_info(const struct check *c, struct snnq_program_info *info)
{
	const struct snnq_program_header *h = c->header;
	__u32 i;

	*info = (struct snnq_program_info){
		.layer_count = h->layer_count,
		.region_count = h->region_count,
		.table_count = h->table_count,
		.max_steps = h->max_steps,
		.tile_steps = h->tile_steps,
		.scratch_step_bytes = h->scratch_step_bytes,
		.scratch_bytes = h->scratch_step_bytes * h->tile_steps,
		.state_bytes = h->state_bytes,
	};
	for (i = 0; i < h->layer_count; i++)
		info->work_per_step = add_sat(info->work_per_step, layer_work(&c->layers[i]));
	for (i = 0; i < h->region_count; i++) {
		info->regions[i].bytes = c->regions[i].bytes;
		info->regions[i].step_bytes = c->regions[i].step_bytes;
		info->regions[i].access = c->regions[i].access;
		info->regions[i].role = c->regions[i].role;
	}
}

static int check_program(struct check *c, const void *blob, size_t size)
{
	int ret = check_header(c, blob, size);
	__u32 i;

	if (ret)
		return ret;
	for (i = 0; i < c->header->region_count && !ret; i++)
		ret = check_region(c, &c->regions[i]);
	for (i = 0; i < c->header->layer_count && !ret; i++) {
		c->layer = i;
		ret = check_layer(c, &c->layers[i]);
	}
	return ret;
}

int snnq_program_validate(const void *blob, size_t size, const struct snnq_caps *caps,
			  struct snnq_program_info *info, struct snnq_diag *diag)
{
	struct check c = {
		.layer = NOT_IN_LAYER,
		.diag = { .check = SNNQ_CHECK_OK, .layer = NOT_IN_LAYER, .field = "" },
	};
	int ret = check_program(&c, blob, size);

	if (!ret)
		ret = check_caps(&c, caps);
	if (!ret)
		fill_info(&c, info);
	if (diag)
		*diag = c.diag;
	return ret;
}
