/* SPDX-License-Identifier: MIT */
/*
 * snnq.h - libsnnq: run spiking networks on a neuromorphic coprocessor.
 *
 * Phases: open a device -> load a model -> create a stream -> push spikes or
 * events -> read results. The same calls work on a coprocessor ("drm" backend)
 * and in one process without one ("sim" backend), with identical bits.
 *
 * Conventions: functions return 0 (or a count) or -errno. After a failure
 * snnq_last_error() has one line that says what, where, expected, found.
 * Handles are opaque; a handle is used by one thread at a time, different handles
 * by different threads, devices and models by all. Objects keep what they depend on alive:
 * destroy in any order. Option structures start with their size, so that they
 * can grow: set them to SNNQ_OPTS(struct type, .field = value), or pass NULL.
 * Nothing here prints, exits or installs signal handlers.
 */
#ifndef SNNQ_H
#define SNNQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SNNQ_OPTS(type, ...) (&(type){ .size = sizeof(type), ##__VA_ARGS__ })

struct snnq_device;
struct snnq_model;
struct snnq_stream;
struct snnq_tensor_buf;
struct snnq_events;
struct snnq_values;
struct snnq_job;
struct snnq_feed;
struct snnq_reader;
struct snnq_writer;

/* ---- devices ---- */

struct snnq_open_opts {
	size_t size;
	uint32_t cores;	  /* sim: number of cores, 0 = 1 */
	uint32_t threads; /* sim: most that a job may use, up to 64; 0 = as many as processors */
	uint64_t memory;  /* sim: most bytes for models, 0 = what the machine has */
};

struct snnq_device_info {
	char name[64]; /* "sim", or the node's path */
	char driver[32];
	uint32_t hw_version, cores, sram_bytes, dma_bits, queue_depth, lanes, port_bytes, clock_khz;
	/* The most that a program may have of each. */
	uint32_t max_layers, max_dim, max_channels, max_steps, max_program_bytes, max_planes;
	uint32_t max_kernel, max_window, max_stride, max_dilation, max_delay, max_tile_steps;
	uint64_t max_state_bytes, max_scratch_bytes;
	/* bit b: with b bits */
	uint32_t scheme_uniform, scheme_odd, scheme_pot, scheme_apot, scheme_ternary;
	/* bit n: SNNQ_NEURON n, and so on */
	uint32_t neurons, leaks, resets, compares, formats, elementwise, attention, readouts;
	uint32_t neuron_flags, layer_flags; /* SNNQ_NEURON_FLAG_*, SNNQ_LAYER_FLAG_* */
	uint64_t ops;			    /* bit n: SNNQ_OP n */
	uint64_t needs;			    /* SNNQ_PROGRAM_NEEDS_* */
};

/*
 * Open a device. @name: "auto" or NULL (a coprocessor if there is one, else
 * sim), "sim", "sim:cores=N", "sim:threads=N", "sim:cores=N,threads=N", or a node's path
 * (/dev/accel/accel0, ...).
 * Errors: -ENOENT no such device, -EACCES no permission, -EINVAL bad name.
 */
int snnq_open(const char *name, const struct snnq_open_opts *opts, struct snnq_device **dev);
void snnq_close(struct snnq_device *dev);
/* Paths of all coprocessor nodes; free the list with snnq_free_list(). Returns the count. */
int snnq_list_devices(char ***paths);
void snnq_free_list(char **list);
int snnq_device_info(struct snnq_device *dev, struct snnq_device_info *info);
/* Last error of this thread on this device (NULL: of a call without device); never NULL. */
const char *snnq_last_error(struct snnq_device *dev);

/* ---- models ---- */

struct snnq_model_opts {
	size_t size;
	uint32_t max_steps;  /* longest job; at least the model's steps */
	uint32_t tile_steps; /* 0 = chosen */
	bool taps;	     /* keep every layer's output (rasters) */
};

/*
 * Load a .snnq file and prepare it for @dev. A float model runs on sim only, in the
 * caller's thread, and takes recordings or values only (no snnq_stream_submit()).
 */
int snnq_model_load(struct snnq_device *dev, const char *path, const struct snnq_model_opts *opts,
		    struct snnq_model **model);
void snnq_model_destroy(struct snnq_model *model);

struct snnq_model_info {
	const char *name, *arithmetic; /* "integer" or "float" */
	uint32_t classes, steps, layers;
	uint32_t input_width, input_height, input_channels, input_planes;
	uint32_t input_polarities; /* channels of events; 0: it takes values */
	bool input_values;	   /* images, not events: snnq_stream_push_values() */
	bool input_frames;	   /* an image for each step, not one for all */
	uint64_t params, weight_bits, weight_bytes, model_bytes, metadata_bytes;
};
int snnq_model_info(struct snnq_model *model, struct snnq_model_info *info);
const char *snnq_model_class_name(struct snnq_model *model, uint32_t index);

struct snnq_layer_info {
	const char *name, *op, *scheme;
	uint32_t bits;
	uint64_t params, weight_bytes;
	double sparsity;			  /* share of zero weights */
	uint32_t height, width, channels, planes; /* output; planes 0: int32, or real */
};
int snnq_model_layer(struct snnq_model *model, uint32_t index, struct snnq_layer_info *info);

/*
 * Describe a model file, float or integer, as a JSON document (product keys:
 * params, layers[], sizes, ratios). @json is freed with free().
 */
int snnq_describe(const char *path, char **json);

/* ---- events ---- */

struct snnq_event {
	int64_t t; /* microseconds */
	uint16_t x, y;
	uint8_t p; /* 1 = ON (brighter); or a channel, of a model with more than two */
	uint8_t pad[3];
};

struct snnq_events_opts {
	size_t size;
	const char *format;	/* NULL = by content: "atis", "bs2", "aedat4", "npy:ms" */
	uint16_t width, height; /* sensor, when the file does not say; 0 = unbounded */
	uint8_t channels; /* of events, in formats that number them (bs3); 0 = 2, OFF and ON */
	/* Only the events at from_us <= t <= to_us, whose times then count from from_us. */
	bool cut;
	int64_t from_us, to_us;
};

struct snnq_events_info {
	const char *format;
	uint64_t events, dropped,
		nonmonotonic;	   /* dropped: outside the sensor, not valid, cut off */
	int64_t first_us, last_us; /* earliest and latest */
	uint32_t width, height;	   /* 0 = unknown */
	bool origin_bottom;
	uint64_t damaged_bytes; /* at the end, that are no whole events; they count as one dropped */
};

/*
 * Open a recording in a file. Of a long one only the first events are read at once: whoever takes
 * them window by window needs memory for some millions of events, however long it is. Errors:
 * -EBADMSG not a recording, or damaged (a long one: where it was read); others of the file.
 */
int snnq_events_open(const char *path, const struct snnq_events_opts *opts,
		     struct snnq_events **events);
/* Wrap caller's events (copied). */
int snnq_events_from_array(const struct snnq_event *array, size_t count,
			   struct snnq_events **events);
/* What the whole recording is like: of a long one, reads all of it, but keeps nothing. */
int snnq_events_info(struct snnq_events *events, struct snnq_events_info *info);
/*
 * All events in file order; valid until closed. Their number, or -errno: -ENOMEM more than fit, of
 * which there are 2^28 at most.
 */
int64_t snnq_events_data(struct snnq_events *events, const struct snnq_event **data);
/*
 * The same in pieces, of which a long recording keeps none: it is read again. @visit may end it by
 * something but 0, which is returned then; else 0 or -errno, when some were visited already.
 */
int snnq_events_visit(struct snnq_events *events,
		      int (*visit)(void *ctx, const struct snnq_event *events, size_t count),
		      void *ctx);
void snnq_events_close(struct snnq_events *events);

/*
 * Events of a pipe or another descriptor, forward only, as they come; the memory needed does not
 * depend on how many they are. @name: for messages. Waits until the first bytes tell the format,
 * which the extension of a name may do, too. The descriptor stays the caller's, and open.
 */
int snnq_reader_open(int fd, const char *name, const struct snnq_events_opts *opts,
		     struct snnq_reader **reader);
/*
 * Wait for the next events: in the order of the file, valid until the next call. Their number, 0
 * at the end, or -errno; events before a fault are given first.
 */
int64_t snnq_reader_next(struct snnq_reader *reader, const struct snnq_event **events);
/* What was read so far. */
int snnq_reader_info(struct snnq_reader *reader, struct snnq_events_info *info);
void snnq_reader_close(struct snnq_reader *reader);

struct snnq_writer_opts {
	size_t size;
	const char *format;	 /* "evt3", "aedat4"; NULL = by the extension: .raw, .aedat4 */
	const char *compression; /* of "aedat4": "none", "lz4" (NULL), "zstd" */
	/* Of the sensor: 1..2048 in "evt3", 1..32768 in "aedat4"; both 0 = as the recording says. */
	uint16_t width, height;
};

/*
 * Write a recording. The file is in its place when it is closed, complete or not at all. "evt3" has
 * times of 24 bits: they count from the last multiple of 2^24 us that is not after the first event.
 */
int snnq_writer_open(const char *path, const struct snnq_writer_opts *opts,
		     struct snnq_writer **writer);
/*
 * Append events: in the order of time, from 0 on, and inside the sensor; otherwise none is
 * taken, and -EINVAL. After another error nothing can follow.
 */
int snnq_writer_put(struct snnq_writer *writer, const struct snnq_event *events, size_t count);
/*
 * Append what is left of a recording, in the order of time; of a pipe, in that of its events. Rows
 * that count from the bottom are turned. -EBADMSG: it is damaged, or in such disorder that it would
 * have to be held in memory as a whole; what was before that is taken.
 */
int snnq_writer_put_recording(struct snnq_writer *writer, struct snnq_events *events);
int snnq_writer_put_reader(struct snnq_writer *writer, struct snnq_reader *reader);
/* Finish the file, or with @keep false leave no trace of it. The writer is gone in either case. */
int snnq_writer_close(struct snnq_writer *writer, bool keep);

/* ---- values: images, frames, feature maps ---- */

struct snnq_values_info {
	const char *type; /* as NumPy names it: "|u1", "<f4" */
	uint32_t dims;
	uint64_t shape[6];
	uint64_t count;	    /* of numbers */
	const char *format; /* of the file: "npy", or "npz"; NULL: of memory */
};

/*
 * Open an array in a file of NumPy's: little-endian integers or floats, C order. Of a .npy numbers
 * are read when they are needed, so that it may be of any size. Of an archive (.npz) it is the only
 * array, or "frames", or that of "FILE.npz[ARRAY]"; it is unfolded into a file without a name in
 * $TMPDIR, or /tmp, and has at most 4 GiB. Errors: -EBADMSG no such array, or damaged; others of the
 * files.
 */
int snnq_values_open(const char *path, struct snnq_values **values);
/* Whether a file has such arrays: none with fields, no events in columns, nothing else. */
bool snnq_values_in(const char *path);
/* Wrap caller's numbers (copied), of a @type as NumPy names it, in C order. */
int snnq_values_from_array(const char *type, const void *data, uint32_t dims, const uint64_t *shape,
			   struct snnq_values **values);
int snnq_values_info(const struct snnq_values *values, struct snnq_values_info *info);
/* Numbers from @first on, as they are; integers up to 2^53 are exact. How many, 0 at the end. */
int64_t snnq_values_read(struct snnq_values *values, uint64_t first, size_t count, double *numbers);
/* How many samples they are for a model; -EBADMSG: its input has other axes; -EINVAL: it is events. */
int64_t snnq_values_samples(const struct snnq_values *values, struct snnq_model *model);
void snnq_values_close(struct snnq_values *values);

/* ---- tensors: buffers that the device reads and writes without a copy ---- */

int snnq_tensor_alloc(struct snnq_device *dev, size_t bytes, struct snnq_tensor_buf **buf);
/* From and to dma-buf fds; the caller closes them. sim has none: -EOPNOTSUPP. */
int snnq_tensor_import(struct snnq_device *dev, int dmabuf_fd, struct snnq_tensor_buf **buf);
int snnq_tensor_export(struct snnq_tensor_buf *buf);
void *snnq_tensor_map(
	struct snnq_tensor_buf *buf); /* NULL for imported ones that cannot be mapped */
size_t snnq_tensor_size(const struct snnq_tensor_buf *buf);
/* Before the CPU reads what the device wrote / after the CPU wrote. */
int snnq_tensor_sync_for_cpu(struct snnq_tensor_buf *buf);
int snnq_tensor_sync_for_device(struct snnq_tensor_buf *buf);
void snnq_tensor_free(struct snnq_tensor_buf *buf);

/* ---- streams ---- */

enum snnq_priority { SNNQ_PRIO_LOW = -1, SNNQ_PRIO_NORMAL = 0, SNNQ_PRIO_HIGH = 1 };

struct snnq_stream_opts {
	size_t size;
	enum snnq_priority priority;
	bool profile; /* collect layer counters */
};

struct snnq_result {
	uint32_t class_index;
	const char *class_name; /* owned by the model */
	uint32_t count;		/* of scores */
	/* Scores are valid until the next call on the stream. */
	const int32_t *scores;	   /* integer readout; NULL: of a float model */
	const double *real_scores; /* score * scale, or what the float model computed */
	double scale;
	uint64_t steps;		 /* since the reset */
	uint64_t latency_ns;	 /* submit to completion; of a feed, see there */
	uint64_t cycles, synops; /* synops: with profile */
	/*
	 * Of the window, from the model's origin. Where the first window of a recording does not
	 * begin at step 0, its times have another origin than those that the model was made for.
	 */
	uint64_t first_step;
	/* Outside the sensor, or before step 0; of a file also what its reader dropped meanwhile. */
	uint64_t dropped_events;
	uint64_t clamped_values; /* of a sample: that were outside of what the model takes */
};

int snnq_stream_create(struct snnq_model *model, const struct snnq_stream_opts *opts,
		       struct snnq_stream **stream);
void snnq_stream_destroy(struct snnq_stream *stream);
int snnq_stream_reset(struct snnq_stream *stream);

/*
 * Push the recording's next window (the model's steps) and wait for the result.
 * Each window starts from zero state; windows without events are skipped. Returns
 * 1 with a result, 0 at the end of the recording, -errno. -EINVAL: the model takes values.
 */
int snnq_stream_push_events(struct snnq_stream *stream, struct snnq_events *events,
			    struct snnq_result *result);
/*
 * The same of a sample of @values, counted from 0, all of its steps from zero state: 1 with a
 * result, 0 when there is no such sample, -errno. -EINVAL: the model takes events.
 */
int snnq_stream_push_values(struct snnq_stream *stream, struct snnq_values *values, uint64_t sample,
			    struct snnq_result *result);

/*
 * Submit @steps packed time steps of the input tensor ([steps] slots of
 * snnq_stream_input_bytes() bytes) and return without waiting. State carries on
 * from the job before. @input stays with the caller until the job is done.
 */
int snnq_stream_submit(struct snnq_stream *stream, struct snnq_tensor_buf *input, uint32_t steps,
		       struct snnq_job **job);
size_t snnq_stream_input_bytes(const struct snnq_stream *stream);
/* Wait. @timeout_ns: relative, < 0 for ever. -ETIME when it expires; -EIO: the job hung. */
int snnq_job_wait(struct snnq_job *job, int64_t timeout_ns, struct snnq_result *result);
/* sync_file fd that polls readable when the job is done; caller closes. */
int snnq_job_fd(struct snnq_job *job);
/* Timeline syncobj of the stream and the job's point on it (drm backend; sim: -EOPNOTSUPP). */
int snnq_job_timeline(struct snnq_job *job, uint32_t *syncobj, uint64_t *point);
void snnq_job_free(struct snnq_job *job);

struct snnq_layer_counters {
	const char *name;
	uint64_t input_spikes, input_possible, synops, neuron_updates, output_spikes;
	uint64_t weight_bytes, input_bytes, output_bytes, state_bytes, sram_bytes;
	uint64_t compute_cycles, memory_cycles, stall_cycles, saturations, steps;
};
/* Counters of the last finished job of a stream made with profile. */
int snnq_stream_counters(struct snnq_stream *stream, uint32_t layer,
			 struct snnq_layer_counters *counters);
/*
 * With taps: layer output of the last window as elements, [steps][h][w][c]
 * (spikes 0/1, counts, or int32 values). Returns elements written or needed when
 * @values is NULL. A float model's heads have none: -EOPNOTSUPP.
 */
int64_t snnq_stream_tap(struct snnq_stream *stream, uint32_t layer, int32_t *values,
			size_t capacity);

/* ---- live feeds ---- */

/*
 * Events as a camera gives them, in chunks of any size, become windows of the model's steps by the
 * same rules as a recording's, and give the same bits: each window starts from zero state,
 * windows without events are skipped. A window is complete when an event of a later one comes,
 * or at snnq_feed_finish(). What cannot be used is dropped and counted: events for windows that
 * are complete (late), and complete windows while as many as the queue holds have no result yet.
 *
 * Chunks come from one thread at a time. The stream is the feed's as long as it lives.
 */
struct snnq_feed_opts {
	size_t size;
	uint32_t queue; /* most windows that are complete without a result; 0 = 4, at most 1024 */
	bool wait;	/* for room in the queue, instead of dropping windows */
	/*
	 * Called for each window in order, from one thread of the library's own. The result is
	 * valid during the call; its latency is the time since the window was complete. It may
	 * call snnq_stream_counters(), snnq_stream_tap() and snnq_feed_info(), and nothing else
	 * of the stream and the feed. While it works, windows wait.
	 */
	void (*result)(void *ctx, const struct snnq_result *result);
	void *result_ctx;
};

struct snnq_feed_info {
	uint64_t events;	   /* that came */
	uint64_t dropped_events;   /* outside the sensor, before step 0, or late */
	uint64_t late_events;	   /* of them */
	uint64_t windows, results; /* that were complete; that have a result */
	uint64_t dropped_windows;  /* complete with the queue full, or after a failure */
};

/*
 * Errors: -EINVAL bad options, or the model takes values; -EOPNOTSUPP its binning is by count, which
 * needs the whole recording.
 */
int snnq_feed_create(struct snnq_stream *stream, const struct snnq_feed_opts *opts,
		     struct snnq_feed **feed);
/*
 * Take a chunk (copied), in order of time but for events within one window. Does not wait for the
 * device, unless the options say so. The failure of a window is returned by this and all later calls.
 */
int snnq_feed_push(struct snnq_feed *feed, const struct snnq_event *events, size_t count);
/*
 * The end of the events: the last window is complete; wait for all results. What is pushed
 * afterwards is another recording.
 */
int snnq_feed_finish(struct snnq_feed *feed);
/* From any thread. */
int snnq_feed_info(struct snnq_feed *feed, struct snnq_feed_info *info);
/* Without waiting for windows that have not begun; not from the function for results. */
void snnq_feed_destroy(struct snnq_feed *feed);

/* ---- telemetry: how devices fare, and who uses them ---- */

/*
 * Read from the driver's netlink family, which needs no permission on the nodes. Users without
 * CAP_PERFMON are told how devices fare and of their own clients, see Documentation/telemetry.md;
 * what they may not see is absent (@work is false) or not in a list. Times are CLOCK_MONOTONIC's.
 */
struct snnq_telemetry;

/* Errors: -ENOENT there is no driver, or not in this network namespace. */
int snnq_telemetry_open(struct snnq_telemetry **telemetry);
void snnq_telemetry_close(struct snnq_telemetry *telemetry);

enum snnq_telemetry_state { SNNQ_STATE_READY, SNNQ_STATE_ASLEEP, SNNQ_STATE_WEDGED };

struct snnq_telemetry_device {
	uint32_t id;		 /* number of its node */
	char name[64], node[64]; /* on its bus; below /dev */
	uint32_t state, cores, hw_version, clock_khz;
	bool sensors;	     /* what follows is known */
	int32_t temperature; /* millidegree Celsius */
	uint32_t power;	     /* microwatt, an estimate */
	uint64_t time_ns;
	uint64_t hangs, core_resets, device_resets, bad_completions, throttles, memory_limit;
	bool work; /* what follows is known */
	uint32_t clients;
	uint64_t memory;
	uint64_t jobs_submitted, jobs_completed, jobs_failed, jobs_cancelled;
	uint64_t steps, busy_ns, cycles;
};

#define SNNQ_TELEMETRY_CORE_ENABLED 1u
#define SNNQ_TELEMETRY_CORE_BROKEN  2u
#define SNNQ_TELEMETRY_CORE_POLLED  4u

struct snnq_telemetry_core {
	uint32_t device, index;
	uint32_t state; /* SNNQ_TELEMETRY_CORE_* */
	uint64_t time_ns, resets;
	bool work;	 /* what follows is known */
	uint32_t queued; /* jobs in its ring */
	uint64_t jobs, busy_ns;
};

struct snnq_telemetry_client {
	uint32_t device;
	uint64_t id;  /* as drm-client-id in fdinfo */
	uint32_t pid; /* 0: not in this PID namespace */
	uint32_t uid; /* effective, when it opened the device; likewise its name */
	char comm[16];
	uint64_t time_ns, memory;
	uint32_t models, streams, queued;
	uint64_t jobs_submitted, jobs_completed, jobs_failed, jobs_cancelled;
	uint64_t steps, busy_ns, cycles, hangs, core_resets, device_resets, throttles;
};

/*
 * Call @each with all devices, cores or clients, of one moment as far as that is possible: in the
 * order of devices and cores, the youngest client first. 0 or -errno.
 */
int snnq_telemetry_devices(struct snnq_telemetry *telemetry,
			   void (*each)(void *ctx, const struct snnq_telemetry_device *device),
			   void *ctx);
int snnq_telemetry_cores(struct snnq_telemetry *telemetry,
			 void (*each)(void *ctx, const struct snnq_telemetry_core *core),
			 void *ctx);
int snnq_telemetry_clients(struct snnq_telemetry *telemetry,
			   void (*each)(void *ctx, const struct snnq_telemetry_client *client),
			   void *ctx);

enum snnq_telemetry_kind {
	SNNQ_EVENT_DEVICE_ADDED,
	SNNQ_EVENT_DEVICE_REMOVED,
	SNNQ_EVENT_DEVICE_WEDGED, /* it was given up */
	SNNQ_EVENT_RESET,	  /* of a core, or of the device */
	SNNQ_EVENT_HANG,
	SNNQ_EVENT_FAULT,    /* a job failed, otherwise than for an earlier one of its stream */
	SNNQ_EVENT_THROTTLE, /* a client has to wait, for its many faults */
};

struct snnq_telemetry_event {
	enum snnq_telemetry_kind kind;
	uint32_t device;
	char name[64]; /* of the device on its bus */
	uint64_t time_ns;
	uint64_t lost;	    /* events of the device before this one that came too fast */
	uint32_t core;	    /* UINT32_MAX: none */
	bool whole;	    /* the whole device was reset */
	uint64_t client_id; /* whose job it was; 0: nobody's, or not told */
	uint32_t pid, uid;
	char comm[16];
	uint64_t seq;		/* of a fault: number of the job in its stream */
	int32_t error;		/* negative errno */
	uint32_t status;	/* SNNQ_STATUS_* */
	uint32_t layer, region; /* UINT32_MAX: none */
	uint64_t offset;	/* in the region */
	uint64_t delay_ns;	/* of a throttled client's next submission */
};

/*
 * Be told of events from now on. With @clients also of faults and throttles, and whose jobs they
 * are about: -EPERM without CAP_SYS_ADMIN.
 */
int snnq_telemetry_listen(struct snnq_telemetry *telemetry, bool clients);
/* Readable when there are events, for poll loops; the library's. */
int snnq_telemetry_fd(const struct snnq_telemetry *telemetry);
/*
 * The next event: 1, or 0 when there is none within @timeout_ms (-1: for ever) or a signal came.
 * -ENOBUFS: some were lost as nobody read them in time; others follow.
 */
int snnq_telemetry_next(struct snnq_telemetry *telemetry, int timeout_ms,
			struct snnq_telemetry_event *event);
/* "fault", and so on; of SNNQ_STATUS_*: "watchdog", and so on, or "?". */
const char *snnq_telemetry_kind_name(enum snnq_telemetry_kind kind);
const char *snnq_status_name(uint32_t status);

/* ---- the machine ---- */

/*
 * What sim's inner loops reach on this machine with an instruction set, in 10^9 a second, on one
 * thread: the most that a layer can. SNNQ_ISA in the environment makes plans use another set.
 */
struct snnq_sim_speed {
	const char *isa;
	bool used;	  /* by plans of this process */
	double event;	  /* synaptic operations, of weights up to 8 bits */
	double lookup;	  /* the same, spikes or not, by tables */
	double dense;	  /* products of inputs with several bits */
	double attention; /* bits of keys compared with bits of values */
	double neurons;	  /* updates, LIF with leak 1/2 */
};

/*
 * Calls @each for each instruction set that the machine has, slowest first. Their number; -EINVAL:
 * SNNQ_ISA names none of them.
 */
int snnq_sim_speeds(void (*each)(void *ctx, const struct snnq_sim_speed *speed), void *ctx);

/* ---- validation of devices ---- */

enum snnq_validate_result {
	SNNQ_VALIDATE_PASSED,
	SNNQ_VALIDATE_FAILED,
	SNNQ_VALIDATE_SKIPPED, /* the device does not support what the case needs */
};

struct snnq_validate_opts {
	size_t size;
	/* Called for each case. @detail: why it did not pass. */
	void (*report)(void *ctx, const char *name, enum snnq_validate_result result,
		       const char *detail, uint32_t done, uint32_t total);
	void *report_ctx;
};

/* Run a file of golden vectors on a device. 0 when all ran (passed or not), or -errno. */
int snnq_validate(struct snnq_device *dev, const char *path, const struct snnq_validate_opts *opts);

#ifdef __cplusplus
}
#endif

#endif /* SNNQ_H */
