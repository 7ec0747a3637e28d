// A new plugin in C.

/// The files of a folder that `make` builds.
struct CTemplate {
  let name: PluginName
  let isWrapper: Bool
  /// The folder of optplug.h.
  let header: String

  var files: [NewFile] {
    [
      NewFile(path: "\(name.text).c", text: isWrapper ? wrapper : optimizer),
      NewFile(path: "test.c", text: isWrapper ? wrapperTest : optimizerTest),
      NewFile(path: "Makefile", text: makefile), NewFile(path: "README.md", text: readme),
      NewFile(path: ".gitignore", text: "*.so\n/test\n"),
    ]
  }

  private var makefile: String {
    """
    # Where optplug.h is.
    OPTPLUG ?= \(header)
    CFLAGS ?= -O3 -fno-math-errno
    FLAGS = $(CFLAGS) -std=c11 -Wall -Wextra -I "$(OPTPLUG)"

    \(name.text).so: \(name.text).c
    \t$(CC) $(FLAGS) -shared -fPIC $< -o $@ -lm

    # Steps by hand, without a host.
    test: test.c \(name.text).c
    \t$(CC) $(FLAGS) $< -o $@ -lm
    \t./test

    # What hosts rely on.
    validate: \(name.text).so
    \toptplug validate ./$<

    clean:
    \t$(RM) \(name.text).so test

    .PHONY: test validate clean

    """
  }

  private var readme: String {
    let use = isWrapper ? "./\(name.text).so(decay=0.99, adam)" : "./\(name.text).so(lr=0.01)"
    return """
      # \(name.text)

      \(isWrapper ? "A wrapper" : "An optimizer") for [OptPlug](\(header)/optplug.h), in `\(name.text).c`.

          make            # builds \(name.text).so
          make test       # checks two steps by hand
          make validate   # checks what hosts rely on, with optplug
          optplug inspect ./\(name.text).so
          convtrain lenet --optimizer-plugin '\(use)'

      The formula is in `step`: put yours there, name its settings in `settings`, and ask in `plan` for the state that it
      keeps. `make OPTPLUG=FOLDER` builds with optplug.h from elsewhere.

      """
  }

  private var optimizer: String {
    """
    /* \(name.text): gradient descent with momentum (Polyak 1964); put your formula here.

         v <- momentum v + g,   p <- p - lr v */
    #include <math.h>
    #include <optplug.h>
    #include <stddef.h>

    OPTPLUG_PLUGIN_NOTE(0);

    enum { LR, MOMENTUM, SETTINGS };

    static const optplug_hyperparameter settings[SETTINGS] = {
        [LR] = {.name = "lr", .doc = "Step size.", .default_value = 1e-2, .max_value = HUGE_VAL},
        [MOMENTUM] = {.name = "momentum", .doc = "Share of the velocity that a step keeps.", .default_value = 0.9,
                      .max_value = 1},
    };

    /* Asks for one array of state per parameter; the host allocates, zeroes, saves and restores it. */
    static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
      static const optplug_slot velocity = {.struct_size = sizeof velocity, .role = OPTPLUG_ROLE_FIRST_MOMENT,
                                            .name = "velocity", .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}};
      (void)self, (void)error;
      for (uint32_t i = 0; i < plan->parameters.count; i++) {
        uint32_t index;
        const optplug_status status = plan->add_slot(plan, i, &velocity, &index);
        if (status != OPTPLUG_OK) return status;
      }
      return OPTPLUG_OK;
    }

    /* The update of a segment in one type. Constants are computed in double and rounded once. */
    #define DEFINE_UPDATE(NAME, REAL)                                                       \\
      static void NAME(const optplug_segment *piece, const double *values, double scale) {  \\
        const REAL lr = (REAL)values[LR], momentum = (REAL)values[MOMENTUM];                \\
        const REAL scaled = (REAL)scale;                                                    \\
        REAL *restrict p = piece->parameter, *restrict v = piece->slots[0];                 \\
        const REAL *restrict g = piece->gradient;                                           \\
        for (int64_t i = 0; i < piece->count; i++) {                                        \\
          v[i] = momentum * v[i] + scaled * g[i];                                           \\
          p[i] -= lr * v[i];                                                                \\
        }                                                                                   \\
      }

    DEFINE_UPDATE(update_float, float)
    DEFINE_UPDATE(update_double, double)

    /* Called from any thread with any pieces: what it does may depend on the frame alone. */
    static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
      (void)self, (void)error;
      for (uint32_t s = 0; s < frame->segments.count; s++) {
        const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
        const double *values = frame->hyperparameters[piece->group_index];
        if (frame->dtype.bits == 64) {
          update_double(piece, values, frame->gradient_scale);
        } else {
          update_float(piece, values, frame->gradient_scale);
        }
      }
      return OPTPLUG_OK;
    }

    static const optplug_optimizer description = {
        .struct_size = sizeof description,
        .granularity = OPTPLUG_GRANULARITY_ELEMENT,
        .state_version = 1,
        .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                        OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
        .name = "\(name.text)",
        .version = "0.1.0",
        .summary = "Gradient descent with momentum.",
        .hyperparameters = {settings, SETTINGS, sizeof settings[0]},
        .plan = plan,
        .step = step,
    };
    \(entry)
    """
  }

  var entry: String {
    """
    static const optplug_optimizer *const optimizers[] = {&description};
    static const optplug_library library = {.struct_size = sizeof library,
                                            .abi_minor_built = OPTPLUG_ABI_MINOR,
                                            .optimizer_count = 1,
                                            .optimizers = optimizers};

    OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out,
                                                   optplug_error *error) {
      (void)host, (void)error;
      *out = &library;
      return OPTPLUG_OK;
    }

    """
  }

  private var optimizerTest: String {
    """
    /* Two steps of \(name.text), computed by hand. */
    #include "\(name.text).c"

    #include <stdio.h>

    int main(void) {
      float p[] = {1, 2, 3}, v[] = {0, 0, 0};
      const float g[] = {1, 0, -2};
      const double values[SETTINGS] = {[LR] = 0.5, [MOMENTUM] = 0.5};
      const double *groups[] = {values};
      void *slots[] = {v};
      const optplug_segment piece = {.parameter = p, .gradient = g, .slots = slots, .count = 3, .parameter_step = 1};
      const optplug_frame frame = {.struct_size = sizeof frame,
                                   .step = 1,
                                   .segments = {&piece, 1, sizeof piece},
                                   .hyperparameters = groups,
                                   .dtype = {OPTPLUG_DTYPE_FLOAT, 32, 1},
                                   .gradient_scale = 1};
      for (int i = 0; i < 2; i++) {
        if (step(NULL, &frame, NULL) != OPTPLUG_OK) return puts("step failed"), 1;
      }
      /* The velocity is g, then 1.5 g; so the weights lose 0.5 g and 0.75 g. */
      const float expected[] = {-0.25f, 2, 5.5f};
      for (int i = 0; i < 3; i++) {
        if (p[i] != expected[i]) return printf("p[%d] is %g, not %g\\n", i, p[i], expected[i]), 1;
      }
      puts("ok");
      return 0;
    }

    """
  }
}
