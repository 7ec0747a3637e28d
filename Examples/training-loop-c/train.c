// A training loop in C around liboptplug.so: fits a line to noisy points, with any optimizer.
//
//   cc train.c $(pkg-config --cflags --libs optplug-host) -lm -o train && ./train 'lookahead(k=5, adam(lr=0.05))'

#include <math.h>
#include <optplug_host.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 256, STEPS = 500 };

static float noise(void) { return (float)rand() / (float)RAND_MAX - 0.5f; }

int main(int argc, char **argv) {
  float slope = 0, offset = 0, slope_gradient, offset_gradient;
  float x[POINTS], y[POINTS];
  for (int i = 0; i < POINTS; i++) {
    x[i] = 4 * noise();
    y[i] = 3 * x[i] - 2 + 0.1f * noise();
  }

  // The tensors to train: where they lie, and what they are called in messages and checkpoints.
  const optplug_dtype float32 = {OPTPLUG_DTYPE_FLOAT, 32, 1};
  const optplug_host_parameter parameters[] = {
      {.struct_size = sizeof *parameters, .name = "slope", .data = &slope, .dtype = float32},
      {.struct_size = sizeof *parameters, .name = "offset", .data = &offset, .dtype = float32},
  };
  const optplug_host_options options = {
      .struct_size = sizeof options,
      .expression = argc > 1 ? argv[1] : "adam(lr=0.05)",
      .parameters = {parameters, 2, sizeof *parameters},
      .threads = 1,
  };
  char message[1024];
  optplug_error error = {sizeof error, sizeof message, message};
  optplug_host_optimizer *optimizer;
  if (optplug_host_open(&options, &optimizer, &error) != OPTPLUG_OK) return fprintf(stderr, "%s\n", message), 1;

  for (int step = 1; step <= STEPS; step++) {
    float loss = slope_gradient = offset_gradient = 0;
    for (int i = 0; i < POINTS; i++) {
      const float residual = slope * x[i] + offset - y[i];
      loss += residual * residual / POINTS;
      slope_gradient += 2 * residual * x[i] / POINTS;
      offset_gradient += 2 * residual / POINTS;
    }
    if (step % 100 == 0) printf("step %3d  loss %.4f  y = %.3f x %+.3f\n", step, loss, slope, offset);

    const void *const gradients[] = {&slope_gradient, &offset_gradient};
    optplug_host_step_arguments arguments = {.struct_size = sizeof arguments, .gradients = gradients};
    if (optplug_host_step(optimizer, &arguments, &error) != OPTPLUG_OK) return fprintf(stderr, "%s\n", message), 1;
  }
  optplug_host_close(optimizer);
  return fabsf(slope - 3) < 0.05f && fabsf(offset + 2) < 0.05f ? 0 : 1;
}
