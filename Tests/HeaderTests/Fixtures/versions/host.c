/* The smallest host: one parameter of six numbers in two segments, a wrapper over a base, some steps.
   usage: host WRAPPER.so BASE.so STEPS; prints the bits of the parameter. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optplug.h"

enum { ELEMENTS = 6, SLOTS = 4 };

static double parameter[ELEMENTS] = {1, -2, 3, 0.5, -0.25, 8}, gradient[ELEMENTS];
static const int64_t shape[1] = {ELEMENTS};

/* A node of the tree: wrapper or base. */
struct node {
  const optplug_optimizer *type;
  optplug_instance *instance;
  double values[8], slots[SLOTS][ELEMENTS];
  uint32_t slot_count;
};

static const void *no_extension(const optplug_host *host, const char *id) {
  (void)host, (void)id;
  return NULL;
}

static const optplug_host self = {.struct_size = sizeof self,
                                  .abi_minor = OPTPLUG_ABI_MINOR,
                                  .name = "host.c",
                                  .version = "1",
                                  .get_extension = no_extension};

static void fail(const char *what) {
  fprintf(stderr, "host: %s\n", what);
  exit(1);
}

static void load(struct node *node, const char *path) {
  const optplug_library *library = NULL;
  optplug_entry_v1_function entry;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
  uint32_t i;
  if (!handle || !(symbol = dlsym(handle, "optplug_entry_v1"))) fail("cannot load");
  memcpy(&entry, &symbol, sizeof entry);
  if (entry(&self, &library, NULL) != OPTPLUG_OK || library->abi_minor_required > OPTPLUG_ABI_MINOR) fail("refused");
  node->type = library->optimizers[0];
  if (node->type->struct_size < OPTPLUG_OPTIMIZER_SIZE_1_0) fail("too small");
  for (i = 0; i < node->type->hyperparameters.count; i++) {
    node->values[i] = OPTPLUG_AT(node->type->hyperparameters, optplug_hyperparameter, i)->default_value;
  }
}

static optplug_status add_slot(const optplug_plan *plan, uint32_t index, const optplug_slot *slot, uint32_t *out) {
  struct node *node = plan->host_data;
  (void)index;
  if (slot->struct_size < OPTPLUG_SLOT_SIZE_1_0 || node->slot_count == SLOTS) return OPTPLUG_INVALID_ARGUMENT;
  if (slot->initial == OPTPLUG_INITIAL_PARAMETER) memcpy(node->slots[node->slot_count], parameter, sizeof parameter);
  *out = node->slot_count++;
  return OPTPLUG_OK;
}

/* Segments by a stride that a later header may have made larger, with rubbish in what it appended. */
static void fill(struct node *node, optplug_segment segments[2], void *pointers[2][SLOTS], int64_t step) {
  int64_t offset = 0;
  memset(segments, 0xA5, 2 * sizeof segments[0]);
  for (int part = 0; part < 2; part++) {
    optplug_segment *segment = &segments[part];
    for (uint32_t s = 0; s < node->slot_count; s++) pointers[part][s] = node->slots[s] + offset;
    segment->parameter = parameter + offset;
    segment->gradient = gradient + offset;
    segment->slots = pointers[part];
    segment->offset = offset;
    segment->count = part == 0 ? 4 : ELEMENTS - 4;
    segment->parameter_step = step;
    segment->parameter_index = segment->group_index = 0;
    segment->base_gradient = NULL;
    offset += segment->count;
  }
}

int main(int count, char **arguments) {
  static struct node wrapper, base;
  struct node *nodes[2];
  const optplug_parameter table = {.name = "w",
                                   .shape = shape,
                                   .count = ELEMENTS,
                                   .ndim = 1,
                                   .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1},
                                   .device = {OPTPLUG_DEVICE_CPU, 0}};
  if (count != 4) fail("usage: host WRAPPER.so BASE.so STEPS");
  nodes[0] = &wrapper, nodes[1] = &base;
  load(&base, arguments[2]);
  load(&wrapper, arguments[1]);
  const optplug_base handed = {base.type, NULL};
  const optplug_create_info info = {.struct_size = sizeof info, .bases = {&handed, 1, sizeof handed}};
  if (wrapper.type->create(wrapper.type, &self, &info, &wrapper.instance, NULL) != OPTPLUG_OK) fail("create");
  for (int n = 1; n >= 0; n--) {
    const double *const rows[1] = {nodes[n]->values};
    const optplug_plan plan = {.struct_size = sizeof plan,
                               .group_count = 1,
                               .parameters = {&table, 1, sizeof table},
                               .hyperparameters = rows,
                               .host_data = nodes[n],
                               .add_slot = add_slot};
    if (nodes[n]->type->plan(nodes[n]->instance, &plan, NULL) != OPTPLUG_OK) fail("plan");
  }
  for (int64_t step = 1; step <= atoi(arguments[3]); step++) {
    optplug_segment segments[2][2];
    void *pointers[2][2][SLOTS];
    optplug_frame frames[2];
    const optplug_frame *children[1] = {&frames[1]};
    const double *rows[2][1];
    for (int i = 0; i < ELEMENTS; i++) gradient[i] = sin((double)(step * 7 + i));
    for (int n = 0; n < 2; n++) {
      memset(&frames[n], 0, sizeof frames[n]);
      fill(nodes[n], segments[n], pointers[n], step);
      rows[n][0] = nodes[n]->values;
      frames[n].struct_size = sizeof frames[n];
      frames[n].flags = OPTPLUG_FRAME_FIRST | OPTPLUG_FRAME_LAST | OPTPLUG_FRAME_WORKS;
      frames[n].step = (uint64_t)step;
      frames[n].segments = (optplug_span){segments[n], 2, sizeof segments[n][0]};
      frames[n].parameters = (optplug_span){&table, 1, sizeof table};
      frames[n].hyperparameters = rows[n];
      frames[n].children = n == 0 ? children : NULL;
      frames[n].dtype = table.dtype;
      frames[n].device = table.device;
      frames[n].gradient_scale = n == 0 ? 1 : 0.5;
      frames[n].loss = NAN;
    }
    if (wrapper.type->step(wrapper.instance, &frames[0], NULL) != OPTPLUG_OK) fail("step");
  }
  wrapper.type->destroy(wrapper.instance);
  for (int i = 0; i < ELEMENTS; i++) {
    uint64_t bits;
    memcpy(&bits, &parameter[i], sizeof bits);
    printf("%016llx\n", (unsigned long long)bits);
  }
  return 0;
}
