/* optplug.h - the contract between an optimizer plugin and the host that loads it.  ABI 1.0, draft.

   A plugin is a shared object that exports one function, optplug_entry_v1.  It describes one or more
   optimizers: hyperparameters, state slots, and a pure function that updates segments of tensors.
   The host owns every byte of memory, calls from any thread, and cuts the work as it likes.

     load -> optplug_entry_v1 -> create -> plan -> step, step, ... -> destroy

   Most optimizers take a step in one sweep over the parameters.  Two things make it several, and only for
   those who ask: phases, for sums over whole tensors, groups or the model, and passes, for another
   evaluation of the loss:

     for each pass:                         one, unless `decide` asks for the loss again
       for each phase:                      one, unless `plan` asked for more
         before the last phase: decide      [step-serial]
         step on every segment              [step-concurrent]
         after all but the last: the host reduces what the calls left in frame->partials

   Rules that keep old plugins and new hosts (and the other way round) working for ever:
   - The major version is the name of the entry symbol.  Minors only append: fields at the end of a
     struct, constants, extensions.  A field is never removed, moved, retyped or given a new meaning,
     and zero or NULL in a field the writer did not know means the behaviour from before it existed.
   - A growable struct begins with struct_size, written by its producer.  Read any field newer than
     1.0 through OPTPLUG_HAS.  Never compare a struct_size with == or with sizeof of your own header.
   - Arrays of structs travel as optplug_span; walk them with OPTPLUG_AT, never with [].
   - Strings are UTF-8 and NUL-terminated.  What a plugin hands out lives as long as the process; what a
     host hands in lives until the call returns, unless the member says otherwise.

   Thread tags: [main] the host's controlling thread, one call at a time for the whole library;
   [step-serial] the thread that takes the step, while no other call of this tree runs;
   [step-concurrent] any thread, several at once on one instance, with disjoint segments;
   [thread-safe] any thread at any time.

   A plugin never prints, aborts, exits, unwinds out of a call, starts threads, changes process state
   (signals, locale, directory, floating-point mode) or keeps a host pointer after the call returns.

   C99 to C++20 and Swift (module COptPlug).  64-bit little-endian machines.  Licence: MIT. */
#ifndef OPTPLUG_H
#define OPTPLUG_H 1

#include <stddef.h>
#include <stdint.h>

/* ---- Version ------------------------------------------------------------------------------------ */

#define OPTPLUG_ABI_MAJOR 1u /* part of the entry symbol's name, never negotiated */
#define OPTPLUG_ABI_MINOR 0u /* the minor that this header describes */

/* ---- Compiler seams ----------------------------------------------------------------------------- */

#if defined(_WIN32)
#define OPTPLUG_CALL __cdecl
#define OPTPLUG_EXPORT __declspec(dllexport)
#else
#define OPTPLUG_CALL
#define OPTPLUG_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#if __cplusplus >= 201703L
#define OPTPLUG_NOEXCEPT noexcept /* part of a function's type since C++17 */
#else
#define OPTPLUG_NOEXCEPT
#endif
#define OPTPLUG_ASSERT(name, condition) static_assert(condition, #name)
extern "C" {
#else
#define OPTPLUG_NOEXCEPT
#define OPTPLUG_ASSERT(name, condition) typedef char optplug_assert_##name[(condition) ? 1 : -1]
#endif

/* Did the producer of *p write `field`?  The only legal way to touch a field newer than 1.0. */
#define OPTPLUG_HAS(p, type, field) \
  ((size_t)(p)->struct_size >= offsetof(type, field) + sizeof(((type *)0)->field))

/* ---- Status and errors -------------------------------------------------------------------------- */

/* The canonical status numbers of gRPC and absl.  A code that the reader does not know is INTERNAL. */
typedef int32_t optplug_status;
#define OPTPLUG_OK 0
#define OPTPLUG_INVALID_ARGUMENT 3
#define OPTPLUG_NOT_FOUND 5
#define OPTPLUG_RESOURCE_EXHAUSTED 8
#define OPTPLUG_FAILED_PRECONDITION 9
#define OPTPLUG_UNIMPLEMENTED 12
#define OPTPLUG_INTERNAL 13

/* Where a failing call explains itself: memory of the caller, so that errors need no allocation and are
   safe from concurrent steps.  Every function that takes one accepts NULL. */
typedef struct optplug_error {
  uint32_t struct_size;
  uint32_t message_capacity; /* bytes at `message`, the terminating NUL included; 0 is allowed */
  char *message;             /* out: what failed, which thing, what to do; cut to fit, always NUL-terminated */
} optplug_error;

/* ---- Arrays whose elements may grow ------------------------------------------------------------- */

/* The stride, not sizeof, leads from one element to the next.  data may be NULL when count is 0. */
typedef struct optplug_span {
  const void *data;
  uint32_t count;
  uint32_t stride; /* bytes; a multiple of 8, from the element's size in 1.0 to 65536 */
} optplug_span;
#define OPTPLUG_AT(span, type, i) \
  ((const type *)(const void *)((const char *)(span).data + (size_t)(i) * (span).stride))
/* OPTPLUG_HAS for an element of a span. */
#define OPTPLUG_ELEMENT_HAS(span, type, field) \
  ((size_t)(span).stride >= offsetof(type, field) + sizeof(((type *)0)->field))

/* ---- Element types and devices: DLPack's numbers, so that tensors pass without translation ------ */

typedef struct optplug_dtype { /* = DLDataType */
  uint8_t code;                /* OPTPLUG_DTYPE_... */
  uint8_t bits;                /* per element: 8, 16, 32 or 64 */
  uint16_t lanes;              /* 1 */
} optplug_dtype;
#define OPTPLUG_DTYPE_INT 0u
#define OPTPLUG_DTYPE_UINT 1u
#define OPTPLUG_DTYPE_FLOAT 2u
#define OPTPLUG_DTYPE_BFLOAT 4u
#define OPTPLUG_DTYPE_AS_PARAMETER 255u /* in a slot only: the parameter's own type; bits and lanes are ignored */

typedef struct optplug_device { /* = DLDevice */
  int32_t type;                 /* OPTPLUG_DEVICE_... */
  int32_t id;
} optplug_device;
#define OPTPLUG_DEVICE_CPU 1
#define OPTPLUG_DEVICE_CUDA 2

/* ---- Parameters --------------------------------------------------------------------------------- */

/* One trainable tensor, dense and row-major.  The table does not change between two plans. */
typedef struct optplug_parameter {
  const char *name;     /* "layer1.0.conv1.weight"; unique */
  const int64_t *shape; /* ndim sizes, each >= 0; NULL when ndim is 0 */
  int64_t count;        /* elements: the product of shape */
  uint32_t ndim;
  uint32_t group;      /* parameter group, < group_count */
  optplug_dtype dtype; /* of the parameter and of its gradient */
  uint32_t reserved0;  /* 0 */
  optplug_device device;
} optplug_parameter;

/* ---- Hyperparameters ---------------------------------------------------------------------------- */

/* A setting of an optimizer.  Every value is a double; `kind` says how to read and write it.  The host
   holds one value for each parameter group, may change it between two steps, and never passes a value
   that `kind`, `min_value` and `max_value` exclude. */
typedef struct optplug_hyperparameter {
  const char *name; /* [a-z][a-z0-9_]*, at most 63 bytes, unique in its optimizer */
  const char *doc;  /* one sentence: meaning and unit */
  const char *const *choices; /* CHOICE: at most 256 unique names, [a-z][a-z0-9_-]*, at most 63 bytes each, and a NULL;
                                 value i is choices[i].  Otherwise NULL */
  double default_value;
  double min_value; /* -HUGE_VAL: no bound */
  double max_value; /* HUGE_VAL: no bound */
  uint32_t kind;    /* OPTPLUG_HYPERPARAMETER_FLOAT ... CHOICE */
  uint32_t flags;   /* OPTPLUG_HYPERPARAMETER_STRUCTURAL ... */
} optplug_hyperparameter;
#define OPTPLUG_HYPERPARAMETER_FLOAT 0u
#define OPTPLUG_HYPERPARAMETER_INTEGER 1u
#define OPTPLUG_HYPERPARAMETER_BOOLEAN 2u /* 0 or 1; min_value and max_value are 0 and 1 */
#define OPTPLUG_HYPERPARAMETER_CHOICE 3u  /* min_value is 0, max_value the number of choices - 1 */
/* Decides what `plan` asks for: the value is fixed once planned. */
#define OPTPLUG_HYPERPARAMETER_STRUCTURAL 0x1u
/* Only whether the value is zero decides it: live, but it may not pass between zero and non-zero. */
#define OPTPLUG_HYPERPARAMETER_ZERO_STRUCTURAL 0x2u
#define OPTPLUG_HYPERPARAMETER_MIN_EXCLUSIVE 0x4u /* min_value itself is not allowed */
#define OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE 0x8u /* max_value itself is not allowed */

/* ---- State slots -------------------------------------------------------------------------------- */

/* One array of optimizer state for one parameter, asked for in `plan`.  The host allocates it (64-byte
   aligned), gives it its initial value, saves it as "<parameter>/<path.>name", restores it and moves it
   as it likes between two steps. */
typedef struct optplug_slot {
  uint32_t struct_size;
  uint32_t role;       /* OPTPLUG_ROLE_...: what a wrapper may know of it without knowing its name */
  const char *name;    /* [a-z][a-z0-9_]*, at most 63 bytes, unique for its node and parameter; neither "step" nor
                          "master".  Need only live until add_slot returns */
  const int64_t *dims; /* SHAPE_EXPLICIT: ndim sizes, each >= 0.  Otherwise NULL */
  uint32_t ndim;       /* SHAPE_EXPLICIT: 0 ... 8.  Otherwise 0 */
  uint32_t shape_rule; /* OPTPLUG_SHAPE_... */
  optplug_dtype dtype;
  uint32_t initial;     /* OPTPLUG_INITIAL_... */
  double initial_value; /* INITIAL_CONSTANT: rounded to dtype */
} optplug_slot;
#define OPTPLUG_ROLE_OTHER 0u          /* and every role that the reader does not know */
#define OPTPLUG_ROLE_FIRST_MOMENT 1u   /* running mean of gradients: momentum_buffer, exp_avg */
#define OPTPLUG_ROLE_SECOND_MOMENT 2u  /* running mean of squares: exp_avg_sq */
#define OPTPLUG_ROLE_PARAMETER_COPY 3u /* weights: slow, ema */
/* Element i belongs to element i of the parameter; a segment's pointer is at the segment's element. */
#define OPTPLUG_SHAPE_AS_PARAMETER 0u
/* `dims`; a segment's pointer is the slot's first element.  Needs GRANULARITY_TENSOR or coarser. */
#define OPTPLUG_SHAPE_EXPLICIT 1u
/* One element for each granularity_block elements of the parameter, the last block may be short: a segment's
   pointer is at the block of its first element.  Needs GRANULARITY_BLOCK. */
#define OPTPLUG_SHAPE_PER_BLOCK 2u
#define OPTPLUG_INITIAL_ZERO 0u
#define OPTPLUG_INITIAL_CONSTANT 1u
#define OPTPLUG_INITIAL_PARAMETER 2u /* a copy of the parameter; needs SHAPE_AS_PARAMETER and AS_PARAMETER */

/* ---- What one call of step works on -------------------------------------------------------------- */

/* A contiguous piece of one parameter, or, where every node of the tree has CAPABILITY_JOINED_PARAMETERS,
   of several that lie side by side.  The pointers never overlap those of another segment. */
typedef struct optplug_segment {
  void *parameter;      /* in/out: `count` elements */
  const void *gradient; /* in: `count` elements.  NULL only for a node with CAPABILITY_NULL_GRADIENT */
  void *const *slots;   /* in/out: this node's slots for its parameters, indexed as add_slot and
                           borrow_slot returned; NULL when there are none */
  int64_t offset;       /* of the first element inside its parameter */
  int64_t count;        /* elements, >= 1 */
  int64_t parameter_step;   /* steps that this parameter has taken with a gradient under this node, this one
                               included; 1 on its first.  0 while it never had a gradient */
  uint32_t parameter_index; /* into frame->parameters: where the segment begins */
  uint32_t group_index;     /* into frame->hyperparameters */
  void *base_gradient;      /* out: `count` elements, in which a wrapper with CAPABILITY_CHANGED_GRADIENT leaves
                               the gradient that its bases get.  NULL for others, and where gradient is NULL */
} optplug_segment;

/* One call's work for one node of a tree of optimizers, made by the host.  All segments have one dtype and
   one device.  What does not depend on the cut is the same in every frame of a sweep. */
typedef struct optplug_frame optplug_frame;
struct optplug_frame {
  uint32_t struct_size;
  uint32_t flags;          /* OPTPLUG_FRAME_...; ignore bits that you do not know */
  uint64_t step;           /* steps of the whole optimizer, this one included; 1 on the first */
  uint32_t pass;           /* how often this node has had the loss evaluated again in this step */
  uint32_t phase;          /* of this node in this pass, < the number that it asked for */
  optplug_span segments;   /* of optplug_segment; may be empty */
  optplug_span parameters; /* of optplug_parameter: the whole table */
  const double *const *hyperparameters;  /* [group][i]: this node's values, in descriptor order */
  const optplug_frame *const *children;  /* [base]: hand it to that base's step.  The same pieces as
                                            `segments`, less those the base must not see.  NULL for a leaf */
  optplug_dtype dtype;                   /* of every parameter and gradient in `segments` */
  uint32_t reserved0;                    /* 0 */
  optplug_device device;                 /* of every pointer in `segments` */
  void *stream;         /* the device's queue to launch on (cudaStream_t); NULL on the CPU */
  double gradient_scale; /* multiply each gradient by this, rounded to dtype, before use.  1 unless the node
                            has CAPABILITY_GRADIENT_SCALE: for the others the host has multiplied already */
  uint64_t seed;         /* key for counter-based random numbers: another for every step and every node, the
                            same in all calls of a step, equal for equal runs.  Count by (parameter_index, element), so that cuts do not matter */
  void *scratch;            /* what plan->set_scratch asked for, this call's own, 64-byte aligned, with any
                               contents.  NULL when nothing was asked for */
  uint64_t scratch_size;    /* bytes: fixed + per element x the elements of all segments */
  double *partials;         /* out, in every phase but the node's last: [segment][reduction], zeros on entry.
                               NULL in the last phase */
  const double *tensor_reductions; /* [parameter][reduction]: results of the phase before.  Parameters without
                                      segments have zeros.  NULL in phase 0 */
  const double *group_reductions;  /* [group][reduction], likewise */
  const double *model_reductions;  /* [reduction], likewise */
  void *const *model_slots; /* this node's, indexed as add_model_slot returned; NULL when there are none.  in;
                               out too under GRANULARITY_MODEL */
  double loss;              /* of this evaluation, as the trainer states it; NaN when it does not */
};

/* For a wrapper: in this call its bases work (WORKS), for the first time in this step (FIRST: prepare what they
   shall see), for the last time (LAST: they are done when they return).  Mostly all three.  Without WORKS it is a
   call of the wrapper's own: in a phase before its last, or in a pass after which `decide` wants the loss again.
   A leaf has all three in its last call.  A node that has nothing to do in a call gets no segments and no
   partials; pass, phase and flags mean nothing then. */
#define OPTPLUG_FRAME_FIRST 0x1u
#define OPTPLUG_FRAME_LAST 0x2u
#define OPTPLUG_FRAME_WORKS 0x4u

/* How sums come out equal for every cut, thread and host: in a tree with reductions, segments of
   GRANULARITY_ELEMENT and GRANULARITY_BLOCK begin at multiples of this many elements of their parameter (or of
   the largest multiple of the block up to it, if there is one, else of the block) and are that long or end
   with it; partials are added in double in the order of elements, then of parameters. */
#define OPTPLUG_REDUCTION_LENGTH 4096u
#define OPTPLUG_REDUCE_SUM 0u
/* The greatest; of magnitudes, since partials and their absence count as 0.  What is not a number stays so. */
#define OPTPLUG_REDUCE_MAX 1u

/* What `decide` knows: one pass of a step, when all of its reductions are there. */
typedef struct optplug_pass {
  uint32_t struct_size;
  uint32_t group_count;
  uint64_t step;                        /* as in the frame, like all below */
  uint32_t pass;
  uint32_t reserved0;                   /* 0 */
  const double *const *hyperparameters; /* [group][i] */
  const double *tensor_reductions;      /* NULL where there are none */
  const double *group_reductions;
  const double *model_reductions;
  void *const *model_slots;             /* in/out */
  double loss;
} optplug_pass;
#define OPTPLUG_VERDICT_DONE 0u
/* After this pass the trainer computes loss and gradients anew, from the parameters as they are then. */
#define OPTPLUG_VERDICT_REEVALUATE 1u

/* ---- Host ----------------------------------------------------------------------------------------- */

/* The host, as a plugin sees it.  Lives as long as the process. */
typedef struct optplug_host optplug_host;
struct optplug_host {
  uint32_t struct_size;
  uint32_t abi_minor;  /* the minor that this host honours */
  const char *name;    /* "convtrain" */
  const char *version; /* "0.1.0" */
  /* A service of the host by id and revision, as "org.example.thing/1"; NULL when it has none. [thread-safe] */
  const void *(OPTPLUG_CALL *get_extension)(const optplug_host *host, const char *id) OPTPLUG_NOEXCEPT;
};

/* ---- Optimizers ----------------------------------------------------------------------------------- */

typedef struct optplug_optimizer optplug_optimizer;
typedef struct optplug_instance optplug_instance; /* the plugin's own, opaque to the host */

/* A base optimizer that a wrapper calls.  `optimizer` may be of any library, a wrapper included. */
typedef struct optplug_base {
  const optplug_optimizer *optimizer;
  optplug_instance *instance; /* owned by the host; outlives the wrapper's instance */
} optplug_base;

typedef struct optplug_create_info {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  optplug_span bases; /* of optplug_base, base_count of them, in the order of base_roles */
} optplug_create_info;

/* The host's builder, passed to `plan`: read the parameters, ask for slots.  Bases have been planned
   before.  When a function fails the host remembers why; return its status.  The table holds the parameters
   that this node sees (see `route`), as frame->parameters will. */
typedef struct optplug_plan optplug_plan;
struct optplug_plan {
  uint32_t struct_size;
  uint32_t group_count;
  optplug_span parameters;              /* of optplug_parameter */
  const double *const *hyperparameters; /* [group][i]: this node's values */
  void *host_data;                      /* the host's own */
  /* Asks for a slot of `parameter` and stores its index into segment.slots.  Fails with INVALID_ARGUMENT
     when the slot breaks a rule stated at optplug_slot or is a parameter's 65th. [main] */
  optplug_status(OPTPLUG_CALL *add_slot)(const optplug_plan *plan, uint32_t parameter, const optplug_slot *slot,
                                         uint32_t *index) OPTPLUG_NOEXCEPT;
  /* Asks to see, in this node's own segment.slots, the nth slot with `role` among those that base `base`
     and the bases below it hold for `parameter` (wrappers before their bases, each in the order of add_slot).  Only
     slots with SHAPE_AS_PARAMETER and the parameter's dtype are counted.  NOT_FOUND when there are no more.
     The wrapper may read and write it in `step`, after calling the base. [main] */
  optplug_status(OPTPLUG_CALL *borrow_slot)(const optplug_plan *plan, uint32_t parameter, uint32_t base,
                                            uint32_t role, uint32_t nth, uint32_t *index) OPTPLUG_NOEXCEPT;
  /* Asks for a slot of the whole model, saved as "optimizer/<path.>name", and stores its index into
     frame->model_slots.  SHAPE_EXPLICIT, with a dtype of its own, named neither as a hyperparameter nor
     "state_version".  Fails as add_slot does. [main] */
  optplug_status(OPTPLUG_CALL *add_model_slot)(const optplug_plan *plan, const optplug_slot *slot,
                                               uint32_t *index) OPTPLUG_NOEXCEPT;
  /* Asks for `phases` sweeps in each pass (1 to 64; 1 if not called) and, with more than one, for `reductions`
     numbers of each segment (0 to 64) from all but the last: operations[i] is OPTPLUG_REDUCE_..., NULL: sums. [main] */
  optplug_status(OPTPLUG_CALL *set_phases)(const optplug_plan *plan, uint32_t phases, uint32_t reductions,
                                           const uint32_t *operations) OPTPLUG_NOEXCEPT;
  /* Asks for working memory of each call: `bytes` (below 2^40), and `bytes_per_element` (at most 1024) for each
     element of its segments. [main] */
  optplug_status(OPTPLUG_CALL *set_scratch)(const optplug_plan *plan, uint64_t bytes,
                                            uint64_t bytes_per_element) OPTPLUG_NOEXCEPT;
};

/* How far the host may cut what one call of `step` sees.  A parameter is cut as the coarsest of the nodes that
   see it allows.  Parameters without a gradient come in calls of their own. */
#define OPTPLUG_GRANULARITY_ELEMENT 0u /* any contiguous pieces */
#define OPTPLUG_GRANULARITY_BLOCK 1u   /* pieces start at a multiple of granularity_block elements */
#define OPTPLUG_GRANULARITY_TENSOR 2u  /* whole tensors */
#define OPTPLUG_GRANULARITY_GROUP 3u   /* every tensor of a parameter group (and of one dtype) in one call */
#define OPTPLUG_GRANULARITY_MODEL 4u   /* every tensor (of one dtype) in one call */

/* What an optimizer can do.  Bits 56 to 63 mean "refuse me if you do not know this bit"; a host ignores
   lower bits that it does not know. */
#define OPTPLUG_CAPABILITY_FLOAT32 0x1ull        /* takes parameters of 32-bit floats */
#define OPTPLUG_CAPABILITY_FLOAT64 0x2ull        /* takes parameters of 64-bit floats */
#define OPTPLUG_CAPABILITY_GRADIENT_SCALE 0x4ull /* multiplies by frame->gradient_scale itself */
#define OPTPLUG_CAPABILITY_NULL_GRADIENT 0x8ull  /* wants segments of parameters without gradient too */
/* GRANULARITY_ELEMENT (ignored for coarser ones): what happens to an element depends on nothing of its
   parameter but group, step, having a gradient, and slots.  A segment may then run on over parameters that
   agree, under every node, in these (slots: same names, roles, types and initial values, in the same order) and
   lie side by side in every stream; offset + count may exceed the first one's count.  Thousands of small
   parameters then take one call.  Not for optimizers that look at shapes or names, or count random numbers by
   (parameter_index, element). */
#define OPTPLUG_CAPABILITY_JOINED_PARAMETERS 0x10ull
/* Its `decide` may answer REEVALUATE: a trainer that cannot evaluate the loss again refuses it early. */
#define OPTPLUG_CAPABILITY_REEVALUATE 0x20ull
/* A wrapper that sees its segments in every call in which its bases work; by the frame's flags it knows where it
   is.  Without the bit its segments are empty but in the last, so that a wrapper need not know of
   phases: it calls its bases once in every call, and acts on what it sees. */
#define OPTPLUG_CAPABILITY_EVERY_PHASE 0x40ull
/* A wrapper that gives its bases another gradient: in every call in which they work it fills
   segment->base_gradient before it calls them.  Implies EVERY_PHASE.  Below it gradient_scale is 1. */
#define OPTPLUG_CAPABILITY_CHANGED_GRADIENT 0x80ull

/* Static description of one optimizer. */
struct optplug_optimizer {
  uint32_t struct_size;
  uint32_t granularity;       /* OPTPLUG_GRANULARITY_... */
  uint32_t granularity_block; /* BLOCK: elements, >= 1.  Otherwise 0 */
  uint32_t state_version;     /* raise it when saved slots change their meaning */
  uint64_t capabilities;      /* OPTPLUG_CAPABILITY_...: at least one of FLOAT32 and FLOAT64 */
  const char *name;           /* what users write: [a-z][a-z0-9_-]*, at most 63 bytes, unique in its library */
  const char *version;        /* "1.0.0" */
  const char *summary;        /* one sentence */
  const char *url;            /* the paper or the project; NULL when there is none */
  optplug_span hyperparameters;  /* of optplug_hyperparameter; at most 256 */
  const char *const *base_roles; /* base_count names, [a-z][a-z0-9_]*, for paths: "base"; NULL for a leaf */
  uint32_t base_count;           /* bases that a wrapper takes, at most 16; 0 for a leaf */
  uint32_t reserved0;            /* 0 */
  void *plugin_data;             /* the plugin's own; the host does not touch it */

  /* Makes an instance, whose only state may be what `info` says: everything that changes with training
     belongs in slots.  NULL: none is needed; the other functions then get instance NULL. [main] */
  optplug_status(OPTPLUG_CALL *create)(const optplug_optimizer *optimizer, const optplug_host *host,
                                       const optplug_create_info *info, optplug_instance **instance,
                                       optplug_error *error) OPTPLUG_NOEXCEPT;
  /* Ends an instance.  NULL when create is. [main] */
  void(OPTPLUG_CALL *destroy)(optplug_instance *instance) OPTPLUG_NOEXCEPT;
  /* Asks for slots.  Called again on the same instance when parameters or structural values change; equal
     input asks for equal slots.  NULL: no slots. [main] */
  optplug_status(OPTPLUG_CALL *plan)(optplug_instance *instance, const optplug_plan *plan,
                                     optplug_error *error) OPTPLUG_NOEXCEPT;
  /* Updates frame->segments in place.  A wrapper calls each base once with frame->children, whether there are
     segments or not: the host shows each node what it shall act on.  A pure function of what the frame shows:
     the same bits for every cut, order and thread.  No allocation, no lock, no system call, but through the
     host's extensions.  After a failure the segments of the frame are undefined. [step-concurrent] */
  optplug_status(OPTPLUG_CALL *step)(const optplug_instance *instance, const optplug_frame *frame,
                                     optplug_error *error) OPTPLUG_NOEXCEPT;
  /* Is this combination of values (each allowed by itself) legal?  If not, INVALID_ARGUMENT and a message.
     Asked before create and before every change.  NULL: all are. [thread-safe] */
  optplug_status(OPTPLUG_CALL *check)(const optplug_optimizer *optimizer, const double *hyperparameters,
                                      optplug_error *error) OPTPLUG_NOEXCEPT;
  /* An optional interface of this optimizer by id and revision (below); NULL when it has none.  May itself
     be NULL. [thread-safe] */
  const void *(OPTPLUG_CALL *get_extension)(const optplug_optimizer *optimizer, const char *id) OPTPLUG_NOEXCEPT;
  /* A wrapper's choice of who updates a parameter: a base's number (that base alone sees it, not even the
     wrapper), ROUTE_SELF or ROUTE_ALL.  Asked before create, with the values of the parameter's group, of which
     only structural ones may decide.  Bases see tables without the parameters that go elsewhere.  A pure function.
     NULL: ROUTE_ALL. [main] */
  uint32_t(OPTPLUG_CALL *route)(const optplug_optimizer *optimizer, const optplug_parameter *parameter,
                                const double *hyperparameters) OPTPLUG_NOEXCEPT;
  /* Called in every pass when its reductions are known, before the last phase: stores whether this pass is the
     step's last for this node, and may write model slots.  A wrapper's bases work in the last phase of its last
     pass; they may take passes and phases of their own then.  NULL: always DONE. [step-serial] */
  optplug_status(OPTPLUG_CALL *decide)(const optplug_instance *instance, const optplug_pass *pass,
                                       uint32_t *verdict, optplug_error *error) OPTPLUG_NOEXCEPT;
};
#define OPTPLUG_ROUTE_ALL 0xFFFFFFFFu  /* the wrapper and all its bases */
#define OPTPLUG_ROUTE_SELF 0xFFFFFFFEu /* the wrapper alone */

/* ---- Extensions of an optimizer -------------------------------------------------------------------- */

/* Weights to evaluate and export with, when they differ from those being trained (Lookahead's slow
   weights, an average).  The host calls `enter` over all segments, evaluates, and calls `leave`; no
   step comes between.  The outermost node of a tree that offers the view decides.  Frames have the step and seed
   of the last step, flags, pass and phase 0, no gradients, all parameters of the node, and children for no one to
   call. */
#define OPTPLUG_EXTENSION_EVAL_VIEW "optplug.eval-view/1"
typedef struct optplug_eval_view {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* Puts the evaluation weights into the parameters, keeping the training weights in slots. [step-concurrent] */
  optplug_status(OPTPLUG_CALL *enter)(const optplug_instance *instance, const optplug_frame *frame,
                                      optplug_error *error) OPTPLUG_NOEXCEPT;
  /* Undoes `enter`: every bit of parameters and slots is as before. [step-concurrent] */
  optplug_status(OPTPLUG_CALL *leave)(const optplug_instance *instance, const optplug_frame *frame,
                                      optplug_error *error) OPTPLUG_NOEXCEPT;
} optplug_eval_view;

/* A wrapper that at times wants its bases to start afresh.  After each step the host asks; for every group
   that answers non-zero it gives all slots of the bases below the wrapper their initial values (from the
   parameters as they are now) and sets those nodes' parameter steps to 0, for those of the group's parameters that
   the wrapper sees.  Model slots stay. */
#define OPTPLUG_EXTENSION_RESTART_BASES "optplug.restart-bases/1"
typedef struct optplug_restart_bases {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* `hyperparameters` are the wrapper's for one group; `step` as in the frame.  A pure function. [main] */
  uint32_t(OPTPLUG_CALL *restarts)(const optplug_instance *instance, uint64_t step,
                                   const double *hyperparameters) OPTPLUG_NOEXCEPT;
} optplug_restart_bases;

/* The update of an element as data, for hosts that make programs of their own: a kernel for a GPU, or one loop for a
   whole tree.  For GRANULARITY_ELEMENT with one phase and one pass, where what happens to an element depends on
   its parameter's, its gradient's and its slots' elements alone, which all have the parameter's type.  A list
   carried out on every element gives the bits of `step`, but for the payloads of what is not a number. */
#define OPTPLUG_EXTENSION_FORMULA "optplug.formula/1"
/* Operation i of a list makes value i, from values before it.  Arithmetic rounds once, to nearest, to the
   parameter's type, and is never contracted; comparisons make truths, all others numbers.  Operands that an
   operation does not have are 0.  Each operation that sets comes at most once for its element. */
typedef struct optplug_operation {
  uint32_t code;    /* OPTPLUG_OPERATION_... */
  uint32_t a, b, c; /* numbers of values, but where said otherwise */
} optplug_operation;
/* The element before any operation of the list sets it. */
#define OPTPLUG_OPERATION_PARAMETER 0u
#define OPTPLUG_OPERATION_GRADIENT 1u /* times the frame's gradient_scale, rounded.  Only where there is one */
#define OPTPLUG_OPERATION_SLOT 2u     /* a: index into segment.slots, of a slot with SHAPE_AS_PARAMETER; of a borrowed
                                         one in STAGE_AFTER only */
#define OPTPLUG_OPERATION_CONSTANT 3u /* a: number of a constant, which the host rounds from double; never NaN */
#define OPTPLUG_OPERATION_ADD 16u         /* a + b */
#define OPTPLUG_OPERATION_SUBTRACT 17u    /* a - b */
#define OPTPLUG_OPERATION_MULTIPLY 18u    /* a * b */
#define OPTPLUG_OPERATION_DIVIDE 19u      /* a / b */
#define OPTPLUG_OPERATION_FMA 20u         /* a * b + c, rounded once */
#define OPTPLUG_OPERATION_SQUARE_ROOT 21u /* of a */
#define OPTPLUG_OPERATION_MAGNITUDE 22u   /* a with its sign bit cleared */
#define OPTPLUG_OPERATION_NEGATE 23u      /* a with its sign bit inverted */
#define OPTPLUG_OPERATION_MINIMUM 24u     /* a if a < b, else b */
#define OPTPLUG_OPERATION_MAXIMUM 25u     /* a if b < a, else b */
#define OPTPLUG_OPERATION_SIGN 26u        /* 1 if 0 < a, else -1 if a < 0, else 0 */
#define OPTPLUG_OPERATION_LESS 48u        /* whether a < b */
#define OPTPLUG_OPERATION_LESS_EQUAL 49u  /* whether a <= b */
#define OPTPLUG_OPERATION_EQUAL 50u       /* whether a == b; 0 and -0 are equal */
#define OPTPLUG_OPERATION_SELECT 64u      /* b where the truth a holds, else c */
/* These make no value. */
#define OPTPLUG_OPERATION_SET_PARAMETER 80u /* to a */
#define OPTPLUG_OPERATION_SET_SLOT 81u      /* slot b to a */
/* The bases' gradient to a: CAPABILITY_CHANGED_GRADIENT, STAGE_BEFORE. */
#define OPTPLUG_OPERATION_SET_GRADIENT 82u

typedef struct optplug_operations {
  uint32_t struct_size;
  uint32_t constant_count; /* at most OPTPLUG_FORMULA_CONSTANTS */
  optplug_span list;       /* of optplug_operation; at most 4096 */
} optplug_operations;
#define OPTPLUG_FORMULA_CONSTANTS 256u

/* The situation of an element: what decides which list and which constants are in force. */
typedef struct optplug_moment {
  uint32_t struct_size;
  uint32_t stage;                /* OPTPLUG_STAGE_... */
  uint64_t step;                 /* as in the frame */
  int64_t parameter_step;        /* as in the segment */
  const double *hyperparameters; /* this node's values for the parameter's group */
  uint32_t parameter_index;      /* into the table of this node; with CAPABILITY_JOINED_PARAMETERS one of several that
                                    share the answer */
  uint32_t has_gradient;         /* 0 or 1; 0 only for CAPABILITY_NULL_GRADIENT */
} optplug_moment;
#define OPTPLUG_STAGE_BEFORE 0u /* a wrapper, before it calls its base */
#define OPTPLUG_STAGE_AFTER 1u  /* a wrapper, when its base has returned; all that a leaf does */

typedef struct optplug_formula {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* Stores the list that is in force, constant for the life of the process, and writes its constants in double; a
     NULL list when the node does nothing at this stage.  UNIMPLEMENTED where no list says what happens.  For a
     planned instance, and a pure function of it and the moment.  `constants` has room for
     OPTPLUG_FORMULA_CONSTANTS. [main] */
  optplug_status(OPTPLUG_CALL *operations)(const optplug_instance *instance, const optplug_moment *moment,
                                           const optplug_operations **operations, double *constants,
                                           optplug_error *error) OPTPLUG_NOEXCEPT;
} optplug_formula;

/* How to call the functions of this optimizer's own extensions, for tools that stand between a caller and the
   optimizer and pass calls on, such as a tracer: callers then get a copy of the table with the tool's functions,
   and where one of them is passed the copy itself, as a `p`, yours gets the original.  Optional: a table that is
   not described is handed on as it is, as those in this header need no description.  A table described here is
   constant, begins with its uint32_t struct_size, and is described whole. */
#define OPTPLUG_EXTENSION_SIGNATURES "optplug.signatures/1"
/* One function pointer in one table. */
typedef struct optplug_signature {
  const char *extension;  /* the table's id, "org.example.thing/1" */
  const char *member;     /* the function's name: [a-z][a-z0-9_]*, at most 63 bytes */
  const char *signature;  /* its type: the result's letter, then the parameters' in parentheses, at most 16, as
                             "S(pFE)".  b h i q: int8_t ... int64_t, in capitals unsigned.  f, d: float, double.
                             p: a pointer.  v: void, as a result.  Some types have letters of their own:
                             S optplug_status, F const optplug_frame *, E optplug_error *, s a NUL-terminated
                             string (NULL too).  A letter that the reader does not know: the table is handed on */
  const char *parameters; /* their names, [a-z][a-z0-9_]*, separated by single spaces; NULL: none are given */
  uint32_t offset;        /* bytes from the table's start to the function pointer: a multiple of 8 */
  uint32_t reserved0;     /* 0 */
} optplug_signature;
typedef struct optplug_signatures {
  uint32_t struct_size;
  uint32_t reserved0;     /* 0 */
  optplug_span functions; /* of optplug_signature; at most 1024 */
} optplug_signatures;

/* ---- Extensions of the host: services ------------------------------------------------------------------ */

/* Asked for with host->get_extension in `create`; kept as long as the instance. */

/* Messages for the person who trains: the host shows or drops them. */
#define OPTPLUG_EXTENSION_LOG "optplug.log/1"
typedef struct optplug_log {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* One line without a newline at its end. [thread-safe] */
  void(OPTPLUG_CALL *write)(const optplug_host *host, uint32_t level, const char *message) OPTPLUG_NOEXCEPT;
} optplug_log;
#define OPTPLUG_LOG_DEBUG 0u
#define OPTPLUG_LOG_INFO 1u
#define OPTPLUG_LOG_WARNING 2u
#define OPTPLUG_LOG_ERROR 3u

/* The host's threads, for work inside one call of `step`, so that no plugin brings its own. */
#define OPTPLUG_EXTENSION_PARALLEL_FOR "optplug.parallel-for/1"
typedef struct optplug_parallel_for {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* Calls body(context, i) once for each i < count, on the calling thread and on idle ones, in any order, and
     returns when all have returned.  A body runs in the caller's floating-point mode; calls may nest. [thread-safe] */
  void(OPTPLUG_CALL *run)(const optplug_host *host, uint32_t count,
                          void(OPTPLUG_CALL *body)(void *context, uint32_t index), void *context) OPTPLUG_NOEXCEPT;
} optplug_parallel_for;

/* Products of dense row-major matrices.  The bits depend on the machine and its library, not on threads. */
#define OPTPLUG_EXTENSION_MATRIX_PRODUCT "optplug.matrix-product/1"
typedef struct optplug_matrix {
  void *elements;
  int64_t rows, columns; /* as stored */
  int64_t stride;        /* elements from one row to the next, >= columns and >= 1 */
  uint32_t transposed;   /* 1: stands for its transpose.  0 for a result */
  uint32_t reserved0;    /* 0 */
} optplug_matrix;
typedef struct optplug_matrix_product {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* c <- alpha a b + beta c, in 32-bit or 64-bit floats, beta = 0 without reading c.  c overlaps neither.
     INVALID_ARGUMENT for shapes that do not match and other types. [thread-safe] */
  optplug_status(OPTPLUG_CALL *multiply)(const optplug_host *host, optplug_dtype dtype, double alpha,
                                         const optplug_matrix *a, const optplug_matrix *b, double beta,
                                         const optplug_matrix *c) OPTPLUG_NOEXCEPT;
} optplug_matrix_product;

/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the same for every cut and thread. */
#define OPTPLUG_EXTENSION_RANDOM "optplug.random/1"
typedef struct optplug_random {
  uint32_t struct_size;
  uint32_t reserved0; /* 0 */
  /* Writes words first ... first + count - 1 of the sequence that belongs to `key` (frame->seed) and `stream`
     (parameter_index): word w is word w % 4 of the block whose counter holds w / 4 below and `stream` above. [thread-safe] */
  void(OPTPLUG_CALL *words)(const optplug_host *host, uint64_t key, uint64_t stream, uint64_t first, uint32_t count,
                            uint32_t *words) OPTPLUG_NOEXCEPT;
} optplug_random;

/* ---- The library and its entry ---------------------------------------------------------------------- */

typedef struct optplug_library {
  uint32_t struct_size;
  uint32_t abi_minor_built;    /* OPTPLUG_ABI_MINOR of the header it was built with; for messages */
  uint32_t abi_minor_required; /* the lowest host minor that can run it; a lower host refuses the library */
  uint32_t optimizer_count;    /* 1 ... 256 */
  const optplug_optimizer *const *optimizers; /* pointers, so that descriptors may grow */
  /* An interface of the whole library by id; NULL when it has none.  May itself be NULL. [thread-safe] */
  const void *(OPTPLUG_CALL *get_extension)(const char *id) OPTPLUG_NOEXCEPT;
} optplug_library;

/* The one exported symbol.  Stores the same pointer on every call. [main] */
OPTPLUG_EXPORT optplug_status OPTPLUG_CALL optplug_entry_v1(const optplug_host *host,
                                                            const optplug_library **library,
                                                            optplug_error *error) OPTPLUG_NOEXCEPT;
typedef optplug_status(OPTPLUG_CALL *optplug_entry_v1_function)(const optplug_host *host,
                                                                const optplug_library **library,
                                                                optplug_error *error) OPTPLUG_NOEXCEPT;

/* ---- The note: read from the file before any code of it runs ----------------------------------------- */

/* Contents of the ELF section ".optplug.note".  Optional: without one the host learns the versions from
   optplug_entry_v1 and takes it that the machine can run the code. */
typedef struct optplug_note {
  char magic[8]; /* "OPTPLUG" and a NUL */
  uint32_t abi_major;
  uint32_t abi_minor_built;
  uint32_t abi_minor_required;
  uint32_t instruction_set; /* OPTPLUG_INSTRUCTIONS_...: what the code was compiled for */
} optplug_note;
#define OPTPLUG_NOTE_SECTION ".optplug.note"
#define OPTPLUG_INSTRUCTIONS_BASELINE 0u /* every processor of the architecture */
#define OPTPLUG_INSTRUCTIONS_X86_64_V2 2u
#define OPTPLUG_INSTRUCTIONS_X86_64_V3 3u /* AVX2 and FMA */
#define OPTPLUG_INSTRUCTIONS_X86_64_V4 4u /* AVX-512 */
#if defined(__x86_64__) && defined(__AVX512F__)
#define OPTPLUG_INSTRUCTIONS_COMPILED OPTPLUG_INSTRUCTIONS_X86_64_V4
#elif defined(__x86_64__) && (defined(__AVX__) || defined(__FMA__))
#define OPTPLUG_INSTRUCTIONS_COMPILED OPTPLUG_INSTRUCTIONS_X86_64_V3
#elif defined(__x86_64__) && (defined(__SSE3__) || defined(__SSE4_2__))
#define OPTPLUG_INSTRUCTIONS_COMPILED OPTPLUG_INSTRUCTIONS_X86_64_V2
#else
#define OPTPLUG_INSTRUCTIONS_COMPILED OPTPLUG_INSTRUCTIONS_BASELINE
#endif

/* Write OPTPLUG_PLUGIN_NOTE(0); once in a plugin's source, at file level, with the lowest host minor it needs. */
#if defined(__ELF__)
#if defined(__has_attribute)
#if __has_attribute(retain)
#define OPTPLUG_RETAIN retain, /* keeps the section when the linker collects garbage */
#endif
#endif
#ifndef OPTPLUG_RETAIN
#define OPTPLUG_RETAIN
#endif
#define OPTPLUG_PLUGIN_NOTE(minor_required)                                             \
  __attribute__((used, OPTPLUG_RETAIN section(OPTPLUG_NOTE_SECTION))) static const optplug_note \
      optplug_plugin_note = {{'O', 'P', 'T', 'P', 'L', 'U', 'G', '\0'},                 \
                             OPTPLUG_ABI_MAJOR,                                         \
                             OPTPLUG_ABI_MINOR,                                         \
                             minor_required,                                            \
                             OPTPLUG_INSTRUCTIONS_COMPILED}
#else
#define OPTPLUG_PLUGIN_NOTE(minor_required) OPTPLUG_ASSERT(plugin_note, (minor_required) + 1 > 0)
#endif

/* ---- Least sizes: what a reader may demand of a 1.0 writer; never edited after the release ------------- */

#define OPTPLUG_ERROR_SIZE_1_0 16u
#define OPTPLUG_PARAMETER_SIZE_1_0 48u
#define OPTPLUG_HYPERPARAMETER_SIZE_1_0 56u
#define OPTPLUG_SLOT_SIZE_1_0 48u
#define OPTPLUG_SEGMENT_SIZE_1_0 64u
#define OPTPLUG_FRAME_SIZE_1_0 176u
#define OPTPLUG_PASS_SIZE_1_0 72u
#define OPTPLUG_HOST_SIZE_1_0 32u
#define OPTPLUG_BASE_SIZE_1_0 16u
#define OPTPLUG_CREATE_INFO_SIZE_1_0 24u
#define OPTPLUG_PLAN_SIZE_1_0 80u
#define OPTPLUG_OPTIMIZER_SIZE_1_0 160u
#define OPTPLUG_EVAL_VIEW_SIZE_1_0 24u
#define OPTPLUG_RESTART_BASES_SIZE_1_0 16u
#define OPTPLUG_OPERATION_SIZE_1_0 16u
#define OPTPLUG_OPERATIONS_SIZE_1_0 24u
#define OPTPLUG_MOMENT_SIZE_1_0 40u
#define OPTPLUG_FORMULA_SIZE_1_0 16u
#define OPTPLUG_SIGNATURE_SIZE_1_0 40u
#define OPTPLUG_SIGNATURES_SIZE_1_0 24u
#define OPTPLUG_LOG_SIZE_1_0 16u
#define OPTPLUG_PARALLEL_FOR_SIZE_1_0 16u
#define OPTPLUG_MATRIX_PRODUCT_SIZE_1_0 16u
#define OPTPLUG_RANDOM_SIZE_1_0 16u
#define OPTPLUG_LIBRARY_SIZE_1_0 32u

OPTPLUG_ASSERT(pointer, sizeof(void *) == 8 && sizeof(double) == 8);
#if defined(__BYTE_ORDER__)
OPTPLUG_ASSERT(byte_order, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
#endif
OPTPLUG_ASSERT(span, sizeof(optplug_span) == 16);
OPTPLUG_ASSERT(dtype, sizeof(optplug_dtype) == 4 && sizeof(optplug_device) == 8);
OPTPLUG_ASSERT(error, offsetof(optplug_error, message) + 8 == OPTPLUG_ERROR_SIZE_1_0);
OPTPLUG_ASSERT(parameter, offsetof(optplug_parameter, device) + 8 == OPTPLUG_PARAMETER_SIZE_1_0);
OPTPLUG_ASSERT(hyperparameter, offsetof(optplug_hyperparameter, flags) + 4 == OPTPLUG_HYPERPARAMETER_SIZE_1_0);
OPTPLUG_ASSERT(slot, offsetof(optplug_slot, initial_value) + 8 == OPTPLUG_SLOT_SIZE_1_0);
OPTPLUG_ASSERT(segment, offsetof(optplug_segment, base_gradient) + 8 == OPTPLUG_SEGMENT_SIZE_1_0);
OPTPLUG_ASSERT(frame, offsetof(optplug_frame, loss) + 8 == OPTPLUG_FRAME_SIZE_1_0);
OPTPLUG_ASSERT(pass, offsetof(optplug_pass, loss) + 8 == OPTPLUG_PASS_SIZE_1_0);
OPTPLUG_ASSERT(host, offsetof(optplug_host, get_extension) + 8 == OPTPLUG_HOST_SIZE_1_0);
OPTPLUG_ASSERT(base, offsetof(optplug_base, instance) + 8 == OPTPLUG_BASE_SIZE_1_0);
OPTPLUG_ASSERT(create_info, offsetof(optplug_create_info, bases) + 16 == OPTPLUG_CREATE_INFO_SIZE_1_0);
OPTPLUG_ASSERT(plan, offsetof(optplug_plan, set_scratch) + 8 == OPTPLUG_PLAN_SIZE_1_0);
OPTPLUG_ASSERT(optimizer, offsetof(optplug_optimizer, decide) + 8 == OPTPLUG_OPTIMIZER_SIZE_1_0);
OPTPLUG_ASSERT(eval_view, offsetof(optplug_eval_view, leave) + 8 == OPTPLUG_EVAL_VIEW_SIZE_1_0);
OPTPLUG_ASSERT(restart_bases, offsetof(optplug_restart_bases, restarts) + 8 == OPTPLUG_RESTART_BASES_SIZE_1_0);
OPTPLUG_ASSERT(operation, offsetof(optplug_operation, c) + 4 == OPTPLUG_OPERATION_SIZE_1_0);
OPTPLUG_ASSERT(operations, offsetof(optplug_operations, list) + 16 == OPTPLUG_OPERATIONS_SIZE_1_0);
OPTPLUG_ASSERT(moment, offsetof(optplug_moment, has_gradient) + 4 == OPTPLUG_MOMENT_SIZE_1_0);
OPTPLUG_ASSERT(formula, offsetof(optplug_formula, operations) + 8 == OPTPLUG_FORMULA_SIZE_1_0);
OPTPLUG_ASSERT(signature, offsetof(optplug_signature, reserved0) + 4 == OPTPLUG_SIGNATURE_SIZE_1_0);
OPTPLUG_ASSERT(signatures, offsetof(optplug_signatures, functions) + 16 == OPTPLUG_SIGNATURES_SIZE_1_0);
OPTPLUG_ASSERT(log, offsetof(optplug_log, write) + 8 == OPTPLUG_LOG_SIZE_1_0);
OPTPLUG_ASSERT(parallel_for, offsetof(optplug_parallel_for, run) + 8 == OPTPLUG_PARALLEL_FOR_SIZE_1_0);
OPTPLUG_ASSERT(matrix, sizeof(optplug_matrix) == 40);
OPTPLUG_ASSERT(matrix_product, offsetof(optplug_matrix_product, multiply) + 8 == OPTPLUG_MATRIX_PRODUCT_SIZE_1_0);
OPTPLUG_ASSERT(random, offsetof(optplug_random, words) + 8 == OPTPLUG_RANDOM_SIZE_1_0);
OPTPLUG_ASSERT(library, offsetof(optplug_library, get_extension) + 8 == OPTPLUG_LIBRARY_SIZE_1_0);
OPTPLUG_ASSERT(note, sizeof(optplug_note) == 24);

#ifdef __cplusplus
}
#endif
#endif /* OPTPLUG_H */
