/* optplug_host.h - optimizers for a trainer in any language: liboptplug.so.  API 1.0, draft.

   The other side of optplug.h: a trainer in C, C++, Python, Rust or Julia names an optimizer by an expression,
   as "lookahead(k=5, adam(lr=1e-3))", hands in its tensors where they lie, and takes steps.

     open -> [view] -> step, step, ... -> close

   liboptplug.so finds and checks the plugins, owns all optimizer state, and shares the work out over threads.
   It needs the system's libraries only.  A step gives the same bits for any number of threads.

   Rules that keep old trainers and new libraries (and the other way round) working:
   - Functions are never removed or changed; new ones are appended.  optplug_host_minor tells what there is.
   - A struct begins with struct_size, written by its producer, and only grows at the end; zero or NULL in
     a field the writer did not know means the behaviour from before it existed.  Read fields newer than 1.0
     through OPTPLUG_HAS, walk an optplug_span with OPTPLUG_AT.
   - Strings are UTF-8 and NUL-terminated.  What the caller hands in is needed until the call returns, tensors
     as long as the optimizer; what the library hands out lives as long as the optimizer, unless the member
     says otherwise.

   Every function that can fail returns a status and explains itself in an optplug_error (see optplug.h), which
   may be NULL.  The statuses of optplug.h mean here:
     OPTPLUG_INVALID_ARGUMENT     an expression, setting, parameter or gradient makes no sense
     OPTPLUG_NOT_FOUND            no plugin describes an optimizer of that name
     OPTPLUG_RESOURCE_EXHAUSTED   there is not enough memory
     OPTPLUG_FAILED_PRECONDITION  a file cannot be used as a plugin, or saved state does not fit
     OPTPLUG_UNIMPLEMENTED        an optimizer of the tree has no formula, or no GPU can be used
     OPTPLUG_INTERNAL             a plugin's function or the GPU's driver failed; parameters and state are undefined
     OPTPLUG_HOST_NOT_FINITE      gradients that shall be clipped hold an infinity or a NaN; nothing has changed

   Threads: an optimizer is used by one thread at a time; several optimizers may be used at once.

   C99 to C++20 and Swift (module COptPlugHost).  64-bit little-endian machines.  Licence: MIT. */
#ifndef OPTPLUG_HOST_H
#define OPTPLUG_HOST_H 1

#include "optplug.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OPTPLUG_HOST_MINOR 0u /* the minor that this header describes */
#define OPTPLUG_HOST_NOT_FINITE 11

/* The minor that the library implements: functions and fields up to it are there. */
OPTPLUG_EXPORT uint32_t optplug_host_minor(void);

/* ---- Making an optimizer -------------------------------------------------------------------------- */

/* One trainable tensor, in memory of the caller. */
typedef struct optplug_host_parameter {
  uint32_t struct_size;
  uint32_t group;         /* its parameter group, < group_count */
  const char *name;       /* unique, not empty, without '/', not "optimizer" */
  void *data;             /* the first element; in/out, as long as the optimizer lives.  May be NULL when empty */
  const int64_t *shape;   /* ndim sizes; NULL for a single number */
  const int64_t *strides; /* elements from one index to the next, >= 0; NULL: row-major.  Tensors that are not
                             row-major are copied to and fro in each step.  No element may be there twice */
  uint32_t ndim;          /* 0 ... 64 */
  optplug_dtype dtype;    /* float32 or float64; float16 or bfloat16, trained on 32-bit masters that are kept
                             as state.  Of the gradient too */
} optplug_host_parameter;

/* A hyperparameter's value, as text that an expression could hold. */
typedef struct optplug_host_setting {
  uint32_t struct_size;
  uint32_t group;    /* for which group, or OPTPLUG_HOST_ALL_GROUPS */
  const char *name;  /* a path as "base.lr", or its last part where no other optimizer of the tree has it */
  const char *value; /* "1e-3", "true", "pullback" */
} optplug_host_setting;
#define OPTPLUG_HOST_ALL_GROUPS 0xFFFFFFFFu

typedef struct optplug_host_options {
  uint32_t struct_size;
  uint32_t group_count;     /* parameter groups; 0 counts as 1 */
  const char *expression;   /* "adam", "lookahead(k=5, sgd(momentum=0.9))", "./mine.so", "ema(./mine.so:name)" */
  const char *search_path;  /* folders in which names are looked up, separated by ':'.  NULL: those in OPTPLUG_PATH,
                               `optplug` in the folder of liboptplug.so (and that folder, where it holds
                               optplug-probe), ~/.local/lib/optplug, /usr/local/lib/optplug,
                               /usr/lib/<triplet>/optplug */
  const char *probe;        /* the helper that tries unknown files in a process of its own.  NULL: OPTPLUG_PROBE,
                               else optplug-probe in the folder of liboptplug.so or in its ../libexec/optplug.
                               docs/optplug.md says what it is for */
  optplug_span parameters;  /* of optplug_host_parameter */
  optplug_span settings;    /* of optplug_host_setting, on top of the expression; a later one wins */
  uint64_t seed;            /* for optimizers that use random numbers */
  uint32_t threads;         /* that take part in a step, up to 1024; 0: as many as there are processors */
  uint32_t flags;           /* OPTPLUG_HOST_ALLOW_INSECURE ... OPTPLUG_HOST_CUDA */
} optplug_host_options;
/* Loads files although other users may write to them. */
#define OPTPLUG_HOST_ALLOW_INSECURE 0x1u
/* Compiles the update of the whole tree to one program, to the same bits, where its optimizers have formulas
   (OPTPLUG_EXTENSION_FORMULA), with the C compiler that CC names, else cc.  Without a compiler that works nothing is
   opened: OPTPLUG_FAILED_PRECONDITION.  Programs are kept in optplug/programs below XDG_CACHE_HOME or ~/.cache.
   From a step whose program cannot be compiled on, the optimizers' own code takes them. */
#define OPTPLUG_HOST_JIT 0x2u
/* Parameters, gradients and state lie in the memory of an NVIDIA GPU; see "On a GPU".  OPTPLUG_HOST_JIT means nothing
   there. */
#define OPTPLUG_HOST_CUDA 0x4u

typedef struct optplug_host_optimizer optplug_host_optimizer; /* opaque */

/* Finds, checks and composes the optimizers of an expression, and plans their state.  *optimizer is NULL when it fails. */
OPTPLUG_EXPORT optplug_status optplug_host_open(const optplug_host_options *options,
                                                optplug_host_optimizer **optimizer, optplug_error *error);
/* NULL is allowed. */
OPTPLUG_EXPORT void optplug_host_close(optplug_host_optimizer *optimizer);

/* What `optplug inspect --json` tells of what an expression names, or, for the expression NULL, what `optplug list
   --json` tells of a search path.  *size bytes with the NUL are needed; `text` is filled when `capacity` suffices.
   NULL stands for the standard places, as in optplug_host_options. */
OPTPLUG_EXPORT optplug_status optplug_host_describe(const char *expression, const char *search_path,
                                                    const char *probe, char *text, uint64_t capacity,
                                                    uint64_t *size, optplug_error *error);

/* ---- Looking at it -------------------------------------------------------------------------------- */

/* One optimizer of the tree. */
typedef struct optplug_host_node {
  uint32_t struct_size;
  uint32_t parent;        /* its wrapper's place among the nodes, 0 for the root */
  const char *name;       /* as the plugin describes it */
  const char *path;       /* "" for the root, "base." for its base, "base.base." below that */
  const char *file;       /* the plugin's */
  uint32_t granularity;   /* OPTPLUG_GRANULARITY_... */
  uint32_t granularity_block;
  uint64_t capabilities;  /* OPTPLUG_CAPABILITY_... */
} optplug_host_node;

typedef struct optplug_host_hyperparameter {
  uint32_t struct_size;
  uint32_t node;          /* whose it is */
  const char *path;       /* "k", "base.lr" */
  const char *key;        /* its last part where that means this one, else the path */
  const optplug_hyperparameter *description; /* the plugin's */
} optplug_host_hyperparameter;

/* A piece of optimizer state, to be read and written in place between two steps.  After writing call
   optplug_host_state_changed. */
typedef struct optplug_host_array {
  uint32_t struct_size;
  uint32_t kind;          /* OPTPLUG_HOST_ARRAY_... */
  uint32_t node;          /* whose it is; 0 for ARRAY_MASTER */
  uint32_t parameter;     /* whose it is, or OPTPLUG_HOST_NO_PARAMETER */
  const char *name;       /* "exp_avg", "step", "master" */
  void *data;
  const int64_t *shape;
  uint32_t ndim;
  uint32_t role;          /* OPTPLUG_ROLE_... */
  optplug_dtype dtype;
  uint32_t extent;        /* OPTPLUG_SHAPE_...: how its elements belong to the parameter's */
} optplug_host_array;
#define OPTPLUG_HOST_ARRAY_SLOT 0u    /* what an optimizer keeps of a parameter, or of the model */
#define OPTPLUG_HOST_ARRAY_COUNTER 1u /* int64 "step": steps that a parameter took with a gradient under a node */
#define OPTPLUG_HOST_ARRAY_MASTER 2u  /* float32 "master": what a parameter of 16 bits is rounded from */
#define OPTPLUG_HOST_NO_PARAMETER 0xFFFFFFFFu

typedef struct optplug_host_view {
  uint32_t struct_size;
  uint32_t flags;               /* out: OPTPLUG_HOST_REEVALUATES ... USES_PROGRAMS */
  optplug_span nodes;           /* out: of optplug_host_node, wrappers before their bases */
  optplug_span hyperparameters; /* out: of optplug_host_hyperparameter */
  optplug_span arrays;          /* out: of optplug_host_array, by parameter, then those of the model */
  uint64_t step;                /* out: steps taken */
  uint32_t granularity;         /* out: the coarsest of the tree */
  uint32_t granularity_block;
} optplug_host_view;
/* A step needs optplug_host_step_arguments.reevaluate. */
#define OPTPLUG_HOST_REEVALUATES 0x1u
#define OPTPLUG_HOST_HAS_EVALUATION_WEIGHTS 0x2u
/* A step sums up over tensors, groups or the model, so that a part of a tensor does not suffice. */
#define OPTPLUG_HOST_REDUCES 0x4u
/* OPTPLUG_HOST_JIT: compiled programs take the steps, but for those that optplug_host_program_problem tells of. */
#define OPTPLUG_HOST_USES_PROGRAMS 0x8u

/* The spans live as long as the optimizer; set struct_size before.  State that starts as a copy of a parameter takes
   it as it is at the first view, step, save or restore. */
OPTPLUG_EXPORT optplug_status optplug_host_look(optplug_host_optimizer *optimizer, optplug_host_view *view,
                                                optplug_error *error);

/* Why the optimizers' own code has taken a step, or takes all, in spite of OPTPLUG_HOST_JIT: a sentence for people, the
   first reason that came up.  *problem is NULL when there is none; else it lives as long as the optimizer. */
OPTPLUG_EXPORT optplug_status optplug_host_program_problem(optplug_host_optimizer *optimizer,
                                                           const char **problem, optplug_error *error);

/* A hyperparameter's value for a group.  `index` counts view.hyperparameters. */
OPTPLUG_EXPORT optplug_status optplug_host_get(optplug_host_optimizer *optimizer, uint32_t index,
                                               uint32_t group, double *value, optplug_error *error);
/* Changes it between two steps, for a group or for OPTPLUG_HOST_ALL_GROUPS.  Choices count from 0, true is 1.  Nothing
   changes when it fails. */
OPTPLUG_EXPORT optplug_status optplug_host_set(optplug_host_optimizer *optimizer, uint32_t index,
                                               uint32_t group, double value, optplug_error *error);
/* The place of the hyperparameter that a path, or an unambiguous last part of one, names. */
OPTPLUG_EXPORT optplug_status optplug_host_find(optplug_host_optimizer *optimizer, const char *name,
                                                uint32_t *index, optplug_error *error);

/* ---- Training ------------------------------------------------------------------------------------- */

typedef struct optplug_host_step_arguments {
  uint32_t struct_size;
  uint32_t flags;                /* OPTPLUG_HOST_CLIPS, OPTPLUG_HOST_KNOWS_LOSS, OPTPLUG_HOST_SCALES */
  const void *const *gradients;  /* per parameter, of its shape and dtype; NULL: it has none */
  const int64_t *const *gradient_strides; /* per parameter, as for parameters; NULL, or a NULL in it: row-major */
  double clipping_norm;          /* CLIPS: gradients are scaled by min(1, clipping_norm / (norm + 1e-6)) */
  double gradient_scale;         /* SCALES: multiplies every gradient, before clipping */
  double loss;                   /* KNOWS_LOSS: of this evaluation */
  /* Computes loss and gradients again, from the parameters as they are when it is called, into the same memory.
     Whatever it returns but OPTPLUG_OK ends the step with that status; parameters and state are then undefined.
     Uses of the optimizer inside fail, and it may not be closed there. */
  optplug_status(OPTPLUG_CALL *reevaluate)(void *context, double *loss);
  void *context;                 /* handed to reevaluate */
  double norm;                   /* out: CLIPS: the gradients' norm before clipping, also when it is not finite */
} optplug_host_step_arguments;
#define OPTPLUG_HOST_CLIPS 0x1u
#define OPTPLUG_HOST_KNOWS_LOSS 0x2u
#define OPTPLUG_HOST_SCALES 0x4u

/* Updates every parameter that has a gradient, in place; wrappers may update the others too. */
OPTPLUG_EXPORT optplug_status optplug_host_step(optplug_host_optimizer *optimizer,
                                                optplug_host_step_arguments *arguments,
                                                optplug_error *error);

/* Puts the weights to evaluate with, as Lookahead's slow weights, into the parameters.  Until `leave` has put the
   training weights back, bit for bit, no step may be taken, and neither state nor parameters moved, saved, restored
   or reset.  Without such weights, or before the first step, neither does anything. */
OPTPLUG_EXPORT optplug_status optplug_host_enter_evaluation(optplug_host_optimizer *optimizer,
                                                            optplug_error *error);
OPTPLUG_EXPORT optplug_status optplug_host_leave_evaluation(optplug_host_optimizer *optimizer,
                                                            optplug_error *error);

/* Says that a parameter lies elsewhere now, with the same shape and strides.  NULL is allowed for an empty one. */
OPTPLUG_EXPORT optplug_status optplug_host_move(optplug_host_optimizer *optimizer, uint32_t parameter,
                                                void *data, optplug_error *error);

/* Says that the state of an OPTPLUG_HOST_ARRAY_SLOT lies elsewhere now: in memory of the caller, 64-byte aligned, of
   the same size, needed until the state moves again or the optimizer is closed.  What lies there is the state from
   now on.  NULL moves it back into the library's memory, with what it held before.  `array` counts view.arrays. */
OPTPLUG_EXPORT optplug_status optplug_host_move_state(optplug_host_optimizer *optimizer, uint32_t array,
                                                      void *data, optplug_error *error);

/* ---- State ---------------------------------------------------------------------------------------- */

/* Everything that is needed to continue bit for bit, but for the parameters themselves, as one safetensors file
   in memory: "<parameter>/<path.>slot", step counters, hyperparameters.  *size bytes are needed; `bytes` is filled
   when `capacity` suffices. */
OPTPLUG_EXPORT optplug_status optplug_host_save(optplug_host_optimizer *optimizer, void *bytes,
                                                uint64_t capacity, uint64_t *size, optplug_error *error);
/* Takes over what optplug_host_save wrote; nothing changes when it fails. */
OPTPLUG_EXPORT optplug_status optplug_host_restore(optplug_host_optimizer *optimizer, const void *bytes,
                                                   uint64_t size, optplug_error *error);

/* Gives all state of a parameter its initial value, as if it had never had a gradient. */
OPTPLUG_EXPORT optplug_status optplug_host_reset(optplug_host_optimizer *optimizer, uint32_t parameter,
                                                 optplug_error *error);
/* The same for several parameters at once, which on a GPU is one launch. */
OPTPLUG_EXPORT optplug_status optplug_host_reset_several(optplug_host_optimizer *optimizer,
                                                         const uint32_t *parameters, uint32_t count,
                                                         optplug_error *error);
/* To be called when arrays of state were written.  `step`: steps taken by the whole, up to 2^53 as all counters. */
OPTPLUG_EXPORT optplug_status optplug_host_state_changed(optplug_host_optimizer *optimizer, uint64_t step,
                                                         optplug_error *error);

/* ---- On a GPU ------------------------------------------------------------------------------------- */

/* With OPTPLUG_HOST_CUDA the steps run on an NVIDIA GPU, with the bits of those on the CPU, where every optimizer of
   the tree has a formula (OPTPLUG_EXTENSION_FORMULA).  The driver (libcuda.so.1) and NVRTC (libnvrtc.so.12 or newer, or
   what OPTPLUG_NVRTC names) are found when they are needed; kernels are kept below $XDG_CACHE_HOME/optplug.

     open -> use_cuda -> look -> move_state for every array without data -> step, step, ...

   - Addresses of parameters and gradients are the GPU's, and row-major.
   - Arrays whose `data` is NULL in the view need memory of the GPU: optplug_host_move_state hands it over, masters
     too.  All state gets its initial value at the first step, reset or state_changed.
   - Everything is enqueued on the stream of use_cuda; nothing waits for the GPU.
   - A step may be captured in a CUDA graph once another has been taken.  A replay is then the next step, with its
     constants worked out anew.  Captured are the gradients' addresses, which of them there are, and their scale.
     Settings count that were set before the replay was launched, and changes wait for the replays that were.  Do
     not replay, nor capture anew, on several streams at once.
   - Steps cannot clip gradients; neither evaluation weights nor save and restore are there.  Copy the arrays to an
     optimizer on the CPU for those. */

/* Says which GPU to use, by the driver's number, and on which stream (a CUstream; NULL is the default one) work is
   enqueued from now on.  UNIMPLEMENTED, with the reason, when this optimizer cannot be stepped on a GPU here.  The GPU
   stays the same. */
OPTPLUG_EXPORT optplug_status optplug_host_use_cuda(optplug_host_optimizer *optimizer, int32_t device,
                                                    void *stream, optplug_error *error);
/* Waits until replayed graphs have taken their steps, so that counters in the view are right.  Tells what went wrong
   in a replay. */
OPTPLUG_EXPORT optplug_status optplug_host_settle(optplug_host_optimizer *optimizer, optplug_error *error);

/* ---- The sizes of 1.0, for readers ---------------------------------------------------------------- */

#define OPTPLUG_HOST_PARAMETER_SIZE_1_0 48u
#define OPTPLUG_HOST_SETTING_SIZE_1_0 24u
#define OPTPLUG_HOST_OPTIONS_SIZE_1_0 80u
#define OPTPLUG_HOST_NODE_SIZE_1_0 48u
#define OPTPLUG_HOST_HYPERPARAMETER_SIZE_1_0 32u
#define OPTPLUG_HOST_ARRAY_SIZE_1_0 56u
#define OPTPLUG_HOST_VIEW_SIZE_1_0 72u
#define OPTPLUG_HOST_STEP_ARGUMENTS_SIZE_1_0 72u
OPTPLUG_ASSERT(host_parameter, sizeof(optplug_host_parameter) == OPTPLUG_HOST_PARAMETER_SIZE_1_0);
OPTPLUG_ASSERT(host_setting, sizeof(optplug_host_setting) == OPTPLUG_HOST_SETTING_SIZE_1_0);
OPTPLUG_ASSERT(host_options, sizeof(optplug_host_options) == OPTPLUG_HOST_OPTIONS_SIZE_1_0);
OPTPLUG_ASSERT(host_node, sizeof(optplug_host_node) == OPTPLUG_HOST_NODE_SIZE_1_0);
OPTPLUG_ASSERT(host_hyperparameter, sizeof(optplug_host_hyperparameter) == OPTPLUG_HOST_HYPERPARAMETER_SIZE_1_0);
OPTPLUG_ASSERT(host_array, sizeof(optplug_host_array) == OPTPLUG_HOST_ARRAY_SIZE_1_0);
OPTPLUG_ASSERT(host_view, sizeof(optplug_host_view) == OPTPLUG_HOST_VIEW_SIZE_1_0);
OPTPLUG_ASSERT(host_step_arguments,
               sizeof(optplug_host_step_arguments) == OPTPLUG_HOST_STEP_ARGUMENTS_SIZE_1_0);

#ifdef __cplusplus
}
#endif
#endif /* OPTPLUG_HOST_H */
