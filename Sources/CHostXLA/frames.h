// What XLA hands to a custom call: the layout of version 0 of its foreign function interface, as far as it is read
// here. A test compares it with the header that jaxlib ships.
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>

/// Every struct begins with its size as its writer knows it, and a list of extensions.
typedef struct xla_extension {
  size_t struct_size;
  int32_t kind;
  const struct xla_extension *next;
} xla_extension;
#define XLA_EXTENSION_METADATA 1

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  int32_t major_version;
  int32_t minor_version;
} xla_version;
#define XLA_MAJOR 0
/// The minors whose structs are known here: alike, as far as they are read.
#define XLA_FIRST_MINOR 1
#define XLA_LAST_MINOR 3

/// What a handler tells of itself when it is registered.
typedef struct {
  size_t struct_size;
  xla_version version;
  uint32_t traits;
} xla_metadata;

typedef struct {
  xla_extension extension;
  xla_metadata *metadata;
} xla_metadata_extension;

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  const char *message;
  int32_t code;
} xla_error_arguments;

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  xla_version version;
  const void *internals;
  void *(*create_error)(xla_error_arguments *arguments);
} xla_api;

/// Numbers of element types, those of XLA's PrimitiveType.
enum {
  XLA_S8 = 2, XLA_S16 = 3, XLA_S32 = 4, XLA_S64 = 5, XLA_U8 = 6, XLA_U16 = 7, XLA_U32 = 8, XLA_U64 = 9,
  XLA_F16 = 10, XLA_F32 = 11, XLA_F64 = 12, XLA_BF16 = 16
};

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  int32_t dtype;
  void *data;
  int64_t rank;
  const int64_t *dims;
} xla_buffer;

/// Operands, or results.
typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  int64_t count;
  const int32_t *kinds;
  void *const *items;
} xla_values;
#define XLA_VALUE_BUFFER 1

typedef struct {
  const char *text;
  size_t length;
} xla_text;

typedef struct {
  int32_t dtype;
  const void *value;
} xla_scalar;

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  int64_t count;
  const int32_t *kinds;
  const xla_text *const *names;
  void *const *items;
} xla_attributes;
#define XLA_ATTRIBUTE_SCALAR 3

typedef struct {
  size_t struct_size;
  const xla_extension *extensions;
  const xla_api *api;
  void *context;
  int32_t stage;
  xla_values operands;
  xla_values results;
  xla_attributes attributes;
} xla_frame;
#define XLA_STAGE_EXECUTE 3

/// Does the writer of `*p` know `field`?
#define XLA_HAS(p, type, field) ((p)->struct_size >= offsetof(type, field) + sizeof((p)->field))

#endif // FRAMES_H
