// The whole seam to libffi: calls and closures whose signatures are data.
#ifndef OPTPLUG_CFFI_SHIM_H
#define OPTPLUG_CFFI_SHIM_H

#include <ffi.h>

// libffi's type descriptions are mutable globals, which Swift does not let anyone take the address of.

static inline ffi_type *cffi_void(void) { return &ffi_type_void; }
static inline ffi_type *cffi_int8(void) { return &ffi_type_sint8; }
static inline ffi_type *cffi_uint8(void) { return &ffi_type_uint8; }
static inline ffi_type *cffi_int16(void) { return &ffi_type_sint16; }
static inline ffi_type *cffi_uint16(void) { return &ffi_type_uint16; }
static inline ffi_type *cffi_int32(void) { return &ffi_type_sint32; }
static inline ffi_type *cffi_uint32(void) { return &ffi_type_uint32; }
static inline ffi_type *cffi_int64(void) { return &ffi_type_sint64; }
static inline ffi_type *cffi_uint64(void) { return &ffi_type_uint64; }
static inline ffi_type *cffi_float(void) { return &ffi_type_float; }
static inline ffi_type *cffi_double(void) { return &ffi_type_double; }
static inline ffi_type *cffi_pointer(void) { return &ffi_type_pointer; }

// What `ffi_prep_closure_loc` calls, under a name that Swift can write.
typedef void (*cffi_handler)(ffi_cif *signature, void *result, void **arguments, void *context);

#endif
