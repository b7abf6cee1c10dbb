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
#include "snnq_validate_internal.h"

static bool overlaps(__u64 a, __u64 a_bytes, __u64 b, __u64 b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

#define H(...) RULE(struct snnq_program_header, __VA_ARGS__)
static const struct rule header_rules[] = {
	H(magic, SNNQ_PROGRAM_MAGIC, SNNQ_PROGRAM_MAGIC, MAGIC),
	H(version, SNNQ_PROGRAM_VERSION, SNNQ_PROGRAM_VERSION, VERSION),
	H(header_bytes, SNNQ_PROGRAM_HEADER_BYTES, SNNQ_MAX_DESC_BYTES, SIZE),
	H(region_bytes, SNNQ_REGION_DESC_BYTES, SNNQ_MAX_DESC_BYTES, SIZE),
	H(layer_bytes, SNNQ_LAYER_BYTES, SNNQ_MAX_DESC_BYTES, SIZE),
	H(layer_count, 1, SNNQ_MAX_LAYERS, LIMIT),
	H(region_count, 0, SNNQ_MAX_USER_REGIONS, LIMIT),
	H(max_steps, 1, SNNQ_MAX_STEPS, LIMIT),
	H(tile_steps, 1, SNNQ_MAX_TILE_STEPS, LIMIT),
	H(scratch_step_bytes, 0, SNNQ_MAX_REGION_BYTES, SCRATCH),
	H(state_bytes, sizeof(struct snnq_state_header), SNNQ_MAX_REGION_BYTES, STATE),
	H(flags, 0, 0, FLAGS),
	H(needs, 0, SNNQ_PROGRAM_NEEDS, NEEDS),
	H(reserved[0], 0, 0, RESERVED),
	H(reserved[1], 0, 0, RESERVED),
	H(reserved[2], 0, 0, RESERVED),
};

/* What fields of a layer may hold at all. */
static const struct rule layer_rules[] = {
	L(op, SNNQ_OP_EVENTS, SNNQ_OP_COUNT - 1, OP),
	L(flags, 0, SNNQ_LAYER_FLAGS, FLAGS),
	L(quant.reserved, 0, 0, RESERVED),
	L(geometry.reserved, 0, 0, RESERVED),
	L(neuron.reserved16, 0, 0, RESERVED),
	L(neuron.model, 0, SNNQ_NEURON_CUBA, NEURON),
	L(neuron.compare, 0, SNNQ_COMPARE_GT, NEURON),
	L(neuron.reset, 0, SNNQ_RESET_NONE, NEURON),
	L(neuron.leak, 0, SNNQ_LEAK_TZ12, NEURON),
	L(neuron.current_leak, 0, SNNQ_LEAK_TZ12, NEURON),
	L(neuron.shift, 0, SNNQ_MAX_SHIFT, NEURON),
	L(neuron.delay, 0, SNNQ_MAX_DELAY, NEURON),
	L(neuron.requant_shift, 0, SNNQ_MAX_REQUANT_SHIFT, NEURON),
	L(neuron.output, 0, SNNQ_OUTPUT_GRADED, NEURON),
	L(neuron.tie, 0, SNNQ_TIE_EVEN, NEURON),
	L(neuron.levels, 0, SNNQ_MAX_LEVELS, NEURON),
	L(neuron.flags, 0, SNNQ_NEURON_FLAGS, FLAGS),
};

/* What they may hold here, of operations with a neuron stage. */
static const struct rule later_rules[] = {
	L(flags, 0, SNNQ_LAYER_FLAG_SKIP_FIRST, UNSUPPORTED),
};

/* Behind what this version knows of a descriptor of @bytes there are zeros. */
static int check_tail(struct check *c, const void *base, size_t known, size_t bytes,
		      const char *field)
{
	int ret = paced(c, (__u32)(bytes - known) + 1);

	if (ret)
		return ret;
	if (!all_zero((const char *)base + known, bytes - known))
		return fail(c, SNNQ_CHECK_RESERVED, field);
	return 0;
}

/* The sizes of the parts, which must be those of the whole. */
static int check_sizes(struct check *c, const struct snnq_program_header *h, size_t size)
{
	__u64 parts;

	if (h->total_bytes != size)
		return fail(c, SNNQ_CHECK_SIZE, "total_bytes");
	if (h->header_bytes % 8)
		return fail(c, SNNQ_CHECK_SIZE, "header_bytes");
	if (h->region_bytes % 8)
		return fail(c, SNNQ_CHECK_SIZE, "region_bytes");
	if (h->layer_bytes % 8)
		return fail(c, SNNQ_CHECK_SIZE, "layer_bytes");
	parts = h->header_bytes + (__u64)h->region_count * h->region_bytes +
		(__u64)h->layer_count * h->layer_bytes + (__u64)h->table_count * sizeof(__s32);
	if (parts != size)
		return fail(c, SNNQ_CHECK_SIZE, "table_count");
	return 0;
}

static int check_header(struct check *c, const void *blob, size_t size)
{
	const struct snnq_program_header *h = blob;
	int ret;

	if (size < sizeof(*h))
		return fail(c, SNNQ_CHECK_SIZE, "size");
	if (size > SNNQ_MAX_PROGRAM_BYTES)
		return fail(c, SNNQ_CHECK_LIMIT, "total_bytes");
	ret = snnq_check_rules(c, h, header_rules, COUNT(header_rules));
	if (!ret)
		ret = check_sizes(c, h, size);
	if (!ret)
		ret = check_tail(c, h, sizeof(*h), h->header_bytes, "header_bytes");
	if (ret)
		return ret;
	if (h->needs & ~NEEDS_SUPPORTED)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "needs");
	if (h->scratch_step_bytes % 8 ||
	    mul_sat(h->scratch_step_bytes, h->tile_steps) > SNNQ_MAX_REGION_BYTES)
		return fail(c, SNNQ_CHECK_SCRATCH, "scratch_step_bytes");
	if (h->state_bytes % 8)
		return fail(c, SNNQ_CHECK_STATE, "state_bytes");

	c->header = h;
	c->table = snnq_program_table(blob);
	return 0;
}

static const struct snnq_layer *layer_at(const struct check *c, __u32 i)
{
	return snnq_program_layer(c->header, i);
}

static int check_region(struct check *c, const struct snnq_region_desc *r)
{
	bool timed = r->role == SNNQ_ROLE_INPUT || r->role == SNNQ_ROLE_OUTPUT;
	bool written = r->role == SNNQ_ROLE_OUTPUT || r->role == SNNQ_ROLE_READOUT;
	__u64 minimum = r->role == SNNQ_ROLE_EVENTS ? 8 : 1;
	int ret = check_tail(c, r, sizeof(*r), c->header->region_bytes, "region_bytes");

	if (ret)
		return ret;
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

static bool is_planes(const struct snnq_tensor *t)
{
	return t->format == SNNQ_FORMAT_UNSIGNED || t->format == SNNQ_FORMAT_SIGNED;
}

static bool in_whole(__u32 first, __u32 size, __u32 whole, __u32 most)
{
	return whole <= most && size <= whole && first <= whole - size;
}

/* What an operand is a view of; itself, if it is none. */
static struct snnq_tensor whole_of(const struct snnq_tensor *t)
{
	struct snnq_tensor whole = *t;

	if (t->flags & ~SNNQ_TENSOR_FLAG_PREVIOUS) {
		whole.height = t->whole_height;
		whole.width = t->whole_width;
		whole.channels = t->whole_channels;
	}
	return whole;
}

/* A box of what was written, or all of it in another shape; dims of @t are in range. */
static int check_view(struct check *c, const struct snnq_tensor *t,
		      const struct tensor_names *names)
{
	bool slice = t->flags == SNNQ_TENSOR_FLAG_SLICE;
	struct snnq_tensor whole;

	if (t->flags && t->format == SNNQ_FORMAT_EVENTS)
		return fail(c, SNNQ_CHECK_FLAGS, names->flags);
	if (!(t->flags & ~SNNQ_TENSOR_FLAG_PREVIOUS))
		return 0;
	if (!(c->header->needs & SNNQ_PROGRAM_NEEDS_VIEWS))
		return fail(c, SNNQ_CHECK_NEEDS, names->flags);
	if (!in_whole(t->first_y, slice ? t->height : 1, t->whole_height, SNNQ_MAX_DIM) ||
	    !in_whole(t->first_x, slice ? t->width : 1, t->whole_width, SNNQ_MAX_DIM) ||
	    !in_whole(t->first_channel, slice ? t->channels : 1, t->whole_channels,
		      SNNQ_MAX_CHANNELS))
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->view);
	whole = whole_of(t);
	if (!slice && snnq_tensor_elements(&whole) != snnq_tensor_elements(t))
		return fail(c, SNNQ_CHECK_TENSOR_DIMS, names->view);
	return 0;
}

/* Known flags, of which operands alone have any, and nothing that these do not use. */
static int check_flags(struct check *c, const struct snnq_tensor *t,
		       const struct tensor_names *names)
{
	bool whole = t->whole_height || t->whole_width || t->whole_channels;
	bool first = t->first_y || t->first_x || t->first_channel;
	const __u32 views = SNNQ_TENSOR_FLAG_SLICE | SNNQ_TENSOR_FLAG_RESHAPE;

	if (t->flags & ~SNNQ_TENSOR_FLAGS)
		return fail(c, SNNQ_CHECK_FLAGS, names->flags);
	if (t->reserved16 || t->reserved)
		return fail(c, SNNQ_CHECK_RESERVED, names->reserved);
	if (names == &snnq_output_names ? t->flags : (t->flags & views) == views)
		return fail(c, SNNQ_CHECK_FLAGS, names->flags);
	if (t->flags & SNNQ_TENSOR_FLAG_PREVIOUS && t->flags & views)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, names->flags);
	if ((first && !(t->flags & SNNQ_TENSOR_FLAG_SLICE)) || (whole && !(t->flags & views)))
		return fail(c, SNNQ_CHECK_RESERVED, names->view);
	return 0;
}

/* The declared bound of values: counts and int32 have one so far. */
static int check_bound(struct check *c, const struct snnq_tensor *t,
		       const struct tensor_names *names)
{
	if (!t->bound)
		return 0;
	if (t->format == SNNQ_FORMAT_EVENTS)
		return fail(c, SNNQ_CHECK_BOUND, names->bound);
	if (!(c->header->needs & SNNQ_PROGRAM_NEEDS_BOUNDS))
		return fail(c, SNNQ_CHECK_NEEDS, names->bound);
	if (t->format != SNNQ_FORMAT_UNSIGNED && t->format != SNNQ_FORMAT_INT32)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, names->bound);
	if (t->bound > (is_planes(t) ? (1u << t->planes) - 1 : INT32_MAX_U))
		return fail(c, SNNQ_CHECK_BOUND, names->bound);
	return 0;
}

/* @formats: those supported here; @later: those defined. */
static int check_format(struct check *c, const struct snnq_tensor *t, __u32 formats, __u32 later,
			const struct tensor_names *names)
{
	if (t->format >= SNNQ_FORMAT_COUNT || !((formats | later) & (1u << t->format)))
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, names->format);
	if (!(formats & (1u << t->format)))
		return fail(c, SNNQ_CHECK_UNSUPPORTED, names->format);
	return 0;
}

static int check_dims(struct check *c, const struct snnq_tensor *t,
		      const struct tensor_names *names)
{
	__u32 least = t->format == SNNQ_FORMAT_SIGNED ? 2 : 1;

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
	return check_bound(c, t, names);
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

static bool is_previous(const struct snnq_tensor *t)
{
	return t->flags & SNNQ_TENSOR_FLAG_PREVIOUS;
}

static bool same_tensor(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->offset == b->offset && a->format == b->format && a->planes == b->planes &&
	       a->bound == b->bound && same_shape(a, b);
}

/* What a layer reads from scratch must be the last thing written there. */
static int check_source(struct check *c, const struct snnq_tensor *t, const char *field)
{
	__u32 i;

	if (t->region != SNNQ_REGION_SCRATCH || is_previous(t))
		return 0;
	for (i = c->layer; i > 0; i--) {
		const struct snnq_tensor *written = &layer_at(c, i - 1)->out;

		if (!tensors_overlap(written, t))
			continue;
		if (same_tensor(written, t))
			return 0;
		break;
	}
	return fail(c, SNNQ_CHECK_TENSOR_SOURCE, field);
}

/* Outside scratch a place is written by one layer only. */
static int check_output_alias(struct check *c, const struct snnq_layer *l, __u32 inputs)
{
	__u32 i;

	for (i = 0; i < inputs; i++) {
		struct snnq_tensor in = whole_of(&l->in[i]);

		if (tensors_overlap(&in, &l->out) && !is_previous(&l->in[i]))
			return fail(c, SNNQ_CHECK_TENSOR_ALIAS, "out.offset");
	}
	if (l->out.region == SNNQ_REGION_SCRATCH)
		return 0;
	for (i = 0; i < c->layer; i++)
		if (tensors_overlap(&layer_at(c, i)->out, &l->out))
			return fail(c, SNNQ_CHECK_TENSOR_ALIAS, "out.offset");
	return 0;
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
		const struct snnq_layer *o = layer_at(c, i);

		if (o->state_offset &&
		    overlaps(l->state_offset, bytes, o->state_offset, snnq_layer_state_bytes(o)))
			return fail(c, SNNQ_CHECK_STATE, "state_offset");
	}
	return 0;
}

/* Layers. */

/* A part of the descriptor that is not zero, although the operation has no use for it. */
static int check_part(struct check *c, const struct op_rule *r, __u32 part, const void *p,
		      size_t bytes, const char *field)
{
	if ((r->uses & part) || all_zero(p, bytes))
		return 0;
	return fail(c, r->later.uses & part ? SNNQ_CHECK_UNSUPPORTED : SNNQ_CHECK_RESERVED, field);
}

/* Optional operands are absent all the more when one before them is. */
static __u32 operands_of(const struct snnq_layer *l, const struct op_rule *r)
{
	__u32 n = r->inputs - r->optional;

	while (n < r->inputs && l->in[n].format != SNNQ_FORMAT_NONE)
		n++;
	return n;
}

static int check_operands_unused(struct check *c, const struct snnq_layer *l,
				 const struct op_rule *r)
{
	__u32 i;

	for (i = operands_of(l, r); i < SNNQ_MAX_OPERANDS; i++)
		if (!all_zero(&l->in[i], sizeof(l->in[i])))
			return fail(c,
				    i < r->later.inputs ? SNNQ_CHECK_UNSUPPORTED :
							  SNNQ_CHECK_RESERVED,
				    snnq_input_names[i].format);
	return 0;
}

static int check_unused(struct check *c, const struct snnq_layer *l, const struct op_rule *r)
{
	int ret = check_operands_unused(c, l, r);

	if (!ret)
		ret = check_part(c, r, USES_PARAM, &l->param, sizeof(l->param), "param");
	if (!ret)
		ret = check_part(c, r, USES_MODE, &l->mode, sizeof(l->mode), "mode");
	if (!ret)
		ret = check_part(c, r, USES_AXES, &l->axes, sizeof(l->axes), "axes");
	if (!ret)
		ret = check_part(c, r, USES_QUANT, &l->quant, sizeof(l->quant), "quant");
	if (!ret)
		ret = check_part(c, r, USES_GEOMETRY, &l->geometry, sizeof(l->geometry),
				 "geometry");
	if (!ret)
		ret = check_part(c, r, USES_SCALE, l->scale, sizeof(l->scale), "scale");
	if (!ret)
		ret = check_part(c, r, USES_NEURON, &l->neuron, sizeof(l->neuron), "neuron");
	if (ret || (r->uses & USES_NEURON))
		return ret;
	return l->flags ? fail(c, SNNQ_CHECK_FLAGS, "flags") : 0;
}

static int check_operand(struct check *c, const struct snnq_layer *l, const struct op_rule *r,
			 __u32 i)
{
	const struct tensor_names *names = &snnq_input_names[i];
	const struct snnq_tensor *t = &l->in[i];
	struct snnq_tensor whole;
	int ret = check_format(c, t, r->in_formats, r->later.in_formats, names);

	if (!ret)
		ret = check_dims(c, t, names);
	if (!ret)
		ret = check_view(c, t, names);
	if (ret)
		return ret;
	whole = whole_of(t);
	ret = check_place(c, &whole, r->in_role, names);
	return ret ? ret : check_source(c, &whole, names->offset);
}

static int check_tensors(struct check *c, const struct snnq_layer *l, const struct op_rule *r)
{
	__u32 inputs = operands_of(l, r), i;
	int ret = 0;

	for (i = 0; i < inputs && !ret; i++)
		ret = check_operand(c, l, r, i);
	if (!ret)
		ret = check_format(c, &l->out, r->out_formats, r->later.out_formats,
				   &snnq_output_names);
	if (!ret)
		ret = check_dims(c, &l->out, &snnq_output_names);
	if (!ret)
		ret = check_place(c, &l->out, r->out_role, &snnq_output_names);
	return ret ? ret : check_output_alias(c, l, inputs);
}

/* Neighbours with one number are a group, and say the same of it; no other has this number. */
static int check_loop(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_layer *before = c->layer ? layer_at(c, c->layer - 1) : NULL;
	__u32 i;

	if (!l->loop)
		return l->loop_count ? fail(c, SNNQ_CHECK_RESERVED, "loop_count") : 0;
	if (!(c->header->needs & SNNQ_PROGRAM_NEEDS_LOOPS))
		return fail(c, SNNQ_CHECK_NEEDS, "loop");
	if (l->op == SNNQ_OP_EVENTS)
		return fail(c, SNNQ_CHECK_PARAM, "loop");
	if (!l->loop_count)
		return fail(c, SNNQ_CHECK_PARAM, "loop_count");
	if (before && before->loop == l->loop)
		return before->loop_count == l->loop_count ?
			       0 :
			       fail(c, SNNQ_CHECK_PARAM, "loop_count");
	for (i = 0; i < c->layer; i++)
		if (layer_at(c, i)->loop == l->loop)
			return fail(c, SNNQ_CHECK_PARAM, "loop");
	return 0;
}

/* What a layer says beside its operation: known, and then supported. */
static int check_fields(struct check *c, const struct snnq_layer *l)
{
	int ret = check_tail(c, l, sizeof(*l), c->header->layer_bytes, "layer_bytes");
	__u32 i;

	if (!ret)
		ret = snnq_check_rules(c, l, layer_rules, COUNT(layer_rules));
	if (ret)
		return ret;
	if (!all_zero(l->reserved, sizeof(l->reserved)))
		return fail(c, SNNQ_CHECK_RESERVED, "reserved");
	if (!all_zero(l->neuron.reserved, sizeof(l->neuron.reserved)))
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reserved");
	if (l->neuron.levels == 1)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.levels");
	for (i = 0; i < SNNQ_MAX_OPERANDS && !ret; i++)
		ret = check_flags(c, &l->in[i], &snnq_input_names[i]);
	if (!ret)
		ret = check_flags(c, &l->out, &snnq_output_names);
	return ret ? ret : check_loop(c, l);
}

static int check_layer(struct check *c, const struct snnq_layer *l)
{
	const struct op_rule *r;
	/* Operands, result and state are compared with those of all layers before. */
	int ret = paced(c, 128 + 8 * c->layer);

	if (!ret)
		ret = check_fields(c, l);
	if (ret)
		return ret;
	r = &snnq_op_rules[SNNQ_INDEX(l->op, SNNQ_OP_COUNT)];
	if (!r->check)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "op");
	ret = check_unused(c, l, r);
	if (!ret)
		ret = snnq_check_rules(c, l, later_rules, COUNT(later_rules));
	if (!ret)
		ret = check_tensors(c, l, r);
	if (!ret)
		ret = r->check(c, l);
	if (!ret && (r->uses & USES_NEURON))
		ret = snnq_check_neuron(c, l);
	return ret ? ret : check_state(c, l);
}

static void fill_info(const struct check *c, struct snnq_program_info *info)
{
	const struct snnq_program_header *h = c->header;
	__u32 i;

	*info = (struct snnq_program_info){
		.program_bytes = h->total_bytes,
		.layer_count = h->layer_count,
		.region_count = h->region_count,
		.table_count = h->table_count,
		.max_steps = h->max_steps,
		.tile_steps = h->tile_steps,
		.scratch_step_bytes = h->scratch_step_bytes,
		.scratch_bytes = h->scratch_step_bytes * h->tile_steps,
		.state_bytes = h->state_bytes,
	};
	for (i = 0; i < h->layer_count; i++) {
		const struct snnq_layer *l = layer_at(c, i);

		info->work_per_step = add_sat(info->work_per_step,
					      mul_sat(snnq_layer_work(l), snnq_layer_rounds(l)));
	}
	for (i = 0; i < h->region_count; i++) {
		const struct snnq_region_desc *r = snnq_program_region(h, i);

		info->regions[i] = (struct snnq_region_info){
			.bytes = r->bytes,
			.step_bytes = r->step_bytes,
			.access = r->access,
			.role = r->role,
		};
	}
}

/*
 * What a layer reads of the step before is the last thing that its group writes there. All
 * layers are valid by themselves.
 */
static int check_previous(struct check *c, const struct snnq_layer *l, __u32 k)
{
	const struct tensor_names *names = &snnq_input_names[k];
	const struct snnq_tensor *t = &l->in[k];
	__u32 end = c->layer + 1, i;

	if (!(c->header->needs & SNNQ_PROGRAM_NEEDS_PREVIOUS))
		return fail(c, SNNQ_CHECK_NEEDS, names->flags);
	if (t->region != SNNQ_REGION_SCRATCH)
		return fail(c, SNNQ_CHECK_TENSOR_REGION, names->region);
	if (!l->loop)
		return fail(c, SNNQ_CHECK_PARAM, "loop");
	while (end < c->header->layer_count && layer_at(c, end)->loop == l->loop)
		end++;
	for (i = end; i > 0 && layer_at(c, i - 1)->loop == l->loop; i--) {
		const struct snnq_tensor *written = &layer_at(c, i - 1)->out;

		if (!tensors_overlap(written, t))
			continue;
		if (same_tensor(written, t))
			return 0;
		break;
	}
	return fail(c, SNNQ_CHECK_TENSOR_SOURCE, names->offset);
}

static int check_all_previous(struct check *c)
{
	__u32 k;
	int ret;

	for (c->layer = 0; c->layer < c->header->layer_count; c->layer++) {
		const struct snnq_layer *l = layer_at(c, c->layer);

		ret = paced(c, 1 + SNNQ_MAX_OPERANDS);
		for (k = 0; k < SNNQ_MAX_OPERANDS && !ret; k++) {
			if (!is_previous(&l->in[k]))
				continue;
			/* The layers of its group, to its end and back. */
			ret = paced(c, 4 * c->header->layer_count);
			if (!ret)
				ret = check_previous(c, l, k);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int check_program(struct check *c, const void *blob, size_t size)
{
	int ret = check_header(c, blob, size);
	__u32 i;

	if (ret)
		return ret;
	for (i = 0; i < c->header->region_count && !ret; i++)
		ret = check_region(c, snnq_program_region(blob, i));
	for (i = 0; i < c->header->layer_count && !ret; i++) {
		c->layer = i;
		ret = check_layer(c, layer_at(c, i));
	}
	return ret ? ret : check_all_previous(c);
}

int snnq_program_validate_paced(const void *blob, size_t size, const struct snnq_caps *caps,
				struct snnq_pace *pace, struct snnq_program_info *info,
				struct snnq_diag *diag)
{
	struct check c = {
		.pace = pace,
		.layer = NOT_IN_LAYER,
		.diag = { .check = SNNQ_CHECK_OK, .layer = NOT_IN_LAYER, .field = "" },
	};
	int ret = check_program(&c, blob, size);

	if (!ret)
		ret = snnq_check_caps(&c, caps);
	if (!ret)
		ret = paced(&c, c.header->layer_count + c.header->region_count);
	if (!ret)
		fill_info(&c, info);
	if (diag)
		*diag = c.diag;
	return ret;
}

int snnq_program_validate(const void *blob, size_t size, const struct snnq_caps *caps,
			  struct snnq_program_info *info, struct snnq_diag *diag)
{
	return snnq_program_validate_paced(blob, size, caps, NULL, info, diag);
}
