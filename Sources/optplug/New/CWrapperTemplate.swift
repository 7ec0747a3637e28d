// A new wrapper in C: source and test.

extension CTemplate {
  var wrapper: String {
    """
    /* \(name.text): an average of the weights, to evaluate and export with (Polyak and Juditsky 1992); put yours here.

         the base steps;   a <- a + (1 - decay) (p - a) */
    #include <optplug.h>
    #include <stdlib.h>
    #include <string.h>

    OPTPLUG_PLUGIN_NOTE(0);

    /* Nothing that changes with training may be here: that belongs in slots. */
    struct optplug_instance {
      optplug_base base;
    };

    enum { DECAY, SETTINGS };

    static const optplug_hyperparameter settings[SETTINGS] = {
        [DECAY] = {.name = "decay", .doc = "Share of the average that a step keeps.", .default_value = 0.999,
                   .max_value = 1},
    };

    static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                                 const optplug_create_info *info, optplug_instance **instance, optplug_error *error) {
      (void)optimizer, (void)host, (void)error;
      *instance = malloc(sizeof **instance);
      if (*instance == NULL) return OPTPLUG_RESOURCE_EXHAUSTED;
      (*instance)->base = *OPTPLUG_AT(info->bases, optplug_base, 0);
      return OPTPLUG_OK;
    }

    static void destroy(optplug_instance *instance) { free(instance); }

    /* Asks for an array per parameter that starts as a copy of it; the host allocates, saves and restores it. */
    static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
      static const optplug_slot average = {.struct_size = sizeof average, .role = OPTPLUG_ROLE_PARAMETER_COPY,
                                           .name = "average", .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1},
                                           .initial = OPTPLUG_INITIAL_PARAMETER};
      (void)self, (void)error;
      for (uint32_t i = 0; i < plan->parameters.count; i++) {
        uint32_t index;
        const optplug_status status = plan->add_slot(plan, i, &average, &index);
        if (status != OPTPLUG_OK) return status;
      }
      return OPTPLUG_OK;
    }

    /* The update of a segment in one type, and the exchange of weights and average. */
    #define DEFINE_UPDATE(REAL)                                                     \\
      static void update_##REAL(const optplug_segment *piece, double decay) {       \\
        const REAL rate = (REAL)(1 - decay);                                        \\
        const REAL *restrict p = piece->parameter;                                  \\
        REAL *restrict a = piece->slots[0];                                         \\
        for (int64_t i = 0; i < piece->count; i++) a[i] += rate * (p[i] - a[i]);    \\
      }                                                                             \\
      static void swap_##REAL(const optplug_segment *piece) {                       \\
        REAL *restrict p = piece->parameter, *restrict a = piece->slots[0];         \\
        for (int64_t i = 0; i < piece->count; i++) {                                \\
          const REAL weight = p[i];                                                 \\
          p[i] = a[i];                                                              \\
          a[i] = weight;                                                            \\
        }                                                                           \\
      }

    DEFINE_UPDATE(float)
    DEFINE_UPDATE(double)

    /* The base is called once in every call, whether there are segments or not. */
    static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
      const optplug_status status = self->base.optimizer->step(self->base.instance, frame->children[0], error);
      if (status != OPTPLUG_OK) return status;
      for (uint32_t s = 0; s < frame->segments.count; s++) {
        const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
        const double decay = frame->hyperparameters[piece->group_index][DECAY];
        if (frame->dtype.bits == 64) {
          update_double(piece, decay);
        } else {
          update_float(piece, decay);
        }
      }
      return OPTPLUG_OK;
    }

    /* Doing it twice restores every bit, so it both enters and leaves the view. */
    static optplug_status exchange(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
      (void)self, (void)error;
      for (uint32_t s = 0; s < frame->segments.count; s++) {
        const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
        if (frame->dtype.bits == 64) {
          swap_double(piece);
        } else {
          swap_float(piece);
        }
      }
      return OPTPLUG_OK;
    }

    static const void *get_extension(const optplug_optimizer *optimizer, const char *id) {
      static const optplug_eval_view view = {.struct_size = sizeof view, .enter = exchange, .leave = exchange};
      (void)optimizer;
      return strcmp(id, OPTPLUG_EXTENSION_EVAL_VIEW) == 0 ? &view : NULL;
    }

    static const char *const roles[] = {"base"};
    static const optplug_optimizer description = {
        .struct_size = sizeof description,
        .granularity = OPTPLUG_GRANULARITY_ELEMENT,
        .state_version = 1,
        /* NULL_GRADIENT: weights without a gradient are averaged too. */
        .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_NULL_GRADIENT |
                        OPTPLUG_CAPABILITY_GRADIENT_SCALE | OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
        .name = "\(name.text)",
        .version = "0.1.0",
        .summary = "An average of the weights, for evaluation.",
        .hyperparameters = {settings, SETTINGS, sizeof settings[0]},
        .base_roles = roles,
        .base_count = 1,
        .create = create,
        .destroy = destroy,
        .plan = plan,
        .step = step,
        .get_extension = get_extension,
    };
    \(entry)
    """
  }

  var wrapperTest: String {
    """
    /* Two steps of \(name.text) over plain gradient descent, computed by hand. */
    #include "\(name.text).c"

    #include <stdio.h>

    /* p <- p - g */
    static optplug_status base_step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
      (void)self, (void)error;
      const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, 0);
      for (int64_t i = 0; i < piece->count; i++) ((float *)piece->parameter)[i] -= ((const float *)piece->gradient)[i];
      return OPTPLUG_OK;
    }

    static int differs(const char *what, const float *found, const float *expected) {
      for (int i = 0; i < 2; i++) {
        if (found[i] != expected[i]) return printf("%s[%d] is %g, not %g\\n", what, i, found[i], expected[i]);
      }
      return 0;
    }

    int main(void) {
      float p[] = {1, 2}, a[] = {1, 2};
      const float g[] = {1, -2};
      const double values[SETTINGS] = {[DECAY] = 0.5};
      const double *groups[] = {values};
      void *slots[] = {a};
      const optplug_segment piece = {.parameter = p, .gradient = g, .slots = slots, .count = 2, .parameter_step = 1};
      const optplug_frame child = {.struct_size = sizeof child,
                                   .segments = {&piece, 1, sizeof piece},
                                   .dtype = {OPTPLUG_DTYPE_FLOAT, 32, 1},
                                   .gradient_scale = 1};
      const optplug_frame *children[] = {&child};
      optplug_frame frame = child;
      frame.hyperparameters = groups;
      frame.children = children;

      const optplug_optimizer plain = {.struct_size = sizeof plain, .step = base_step};
      const optplug_base base = {.optimizer = &plain};
      const optplug_create_info info = {.struct_size = sizeof info, .bases = {&base, 1, sizeof base}};
      optplug_instance *self = NULL;
      if (create(&description, NULL, &info, &self, NULL) != OPTPLUG_OK) return puts("create failed"), 1;
      for (int i = 0; i < 2; i++) {
        if (step(self, &frame, NULL) != OPTPLUG_OK) return puts("step failed"), 1;
      }
      /* The weights go 1, 0, -1 and 2, 4, 6; the average half of the way each time. */
      const float weights[] = {-1, 6}, average[] = {-0.25f, 4.5f};
      if (differs("p", p, weights) || differs("a", a, average)) return 1;
      const optplug_eval_view *view = get_extension(&description, OPTPLUG_EXTENSION_EVAL_VIEW);
      if (view->enter(self, &frame, NULL) != OPTPLUG_OK || differs("the view's p", p, average)) return 1;
      if (view->leave(self, &frame, NULL) != OPTPLUG_OK || differs("p afterwards", p, weights)) return 1;
      destroy(self);
      puts("ok");
      return 0;
    }

    """
  }
}
