// A stand-in for CUDA's driver: a GPU whose memory is the host's and whose kernels run on the CPU.
//
// It is stricter than the real one. What is enqueued runs as late as possible (at a synchronization), so that memory
// which is used again too early shows. The host that touches the GPU's memory is ended by the system. What may not be
// done while a stream is captured, or inside a call of the host, fails.
//
// c++ -shared -fPIC -Wl,-soname,libcuda.so.1 driver.cpp -ldl
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

enum { success = 0, invalid_value = 1, out_of_memory = 2, invalid_device = 101, invalid_image = 200,
       invalid_context = 201, not_found = 500, not_permitted = 800, capture_unsupported = 900 };

using Work = std::function<void()>;
using Launch = void (*)(const void *, const void *, const void *, unsigned);

struct Graph {
  std::vector<Work> nodes;
};
struct Stream {
  Graph *captured = nullptr;
};
struct Event {};
struct Function {
  Launch launch;  // NULL for a kernel that was compiled for a real GPU
};

std::recursive_mutex guard;
std::deque<Work> queue;
std::map<uint64_t, size_t> allocations;
Stream default_stream;
int captures = 0, launches = 0, failing_launches = 0;
bool runs_late = false, in_host_call = false, protects = true;
thread_local std::vector<int> contexts;
thread_local int capture_mode = 0;

void protect(int protection) {
  if (!protects) return;
  for (const auto &[address, size] : allocations) mprotect(reinterpret_cast<void *>(address), size, protection);
}

void run_all() {
  if (queue.empty()) return;
  protect(PROT_READ | PROT_WRITE);
  while (!queue.empty()) {
    const Work work = queue.front();
    queue.pop_front();
    work();
  }
  protect(PROT_NONE);
}

// The status of a call that needs a context, and may not be made inside a host's function.
int usable() {
  if (in_host_call) return not_permitted;
  return contexts.empty() ? invalid_context : success;
}

// That of one that may not be made while anything is captured.
int unsafe() {
  if (int status = usable()) return status;
  return captures > 0 && capture_mode != 2 ? capture_unsupported : success;
}

int enqueue(Stream *stream, Work work) {
  if (int status = usable()) return status;
  Stream *target = stream ? stream : &default_stream;
  if (target->captured) {
    target->captured->nodes.push_back(std::move(work));
  } else {
    queue.push_back(std::move(work));
    if (!runs_late) run_all();
  }
  return success;
}

using Lock = std::lock_guard<std::recursive_mutex>;

}  // namespace

extern "C" {

// ---- For tests ------------------------------------------------------------------------------------------

// What is enqueued waits for a synchronization.
void fake_run_late(int late) { runs_late = late; }
// Memory is the host's too, for a framework whose tensors lie there.
void fake_share_memory() { protects = false; }
// So many launches fail.
void fake_fail_launches(int count) { failing_launches = count; }
int fake_launches() { return launches; }

uint64_t fake_allocate(size_t size) {
  Lock lock(guard);
  void *place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return 0;
  if (protects) mprotect(place, size, PROT_NONE);
  allocations[reinterpret_cast<uint64_t>(place)] = size;
  return reinterpret_cast<uint64_t>(place);
}
int fake_free(uint64_t address) {
  Lock lock(guard);
  run_all();
  const auto found = allocations.find(address);
  if (found == allocations.end()) return invalid_value;
  munmap(reinterpret_cast<void *>(address), found->second);
  allocations.erase(found);
  return success;
}

void fake_copy(void *target, const void *source, size_t size) {
  Lock lock(guard);
  run_all();
  protect(PROT_READ | PROT_WRITE);
  std::memcpy(target, source, size);
  protect(PROT_NONE);
}
void fake_begin_capture(Stream *stream) {
  (stream ? stream : &default_stream)->captured = new Graph;
  captures++;
}
Graph *fake_end_capture(Stream *stream) {
  Stream *target = stream ? stream : &default_stream;
  Graph *graph = target->captured;
  target->captured = nullptr;
  captures--;
  return graph;
}
void fake_replay(Graph *graph) {
  Lock lock(guard);
  for (const Work &work : graph->nodes) queue.push_back(work);
  if (!runs_late) run_all();
}

// ---- The driver's own -----------------------------------------------------------------------------------

int cuInit(unsigned) { return success; }

int cuDriverGetVersion(int *version) {
  *version = 13000;
  return success;
}

// NVRTC asks for tables of the driver's inner functions, and takes no for an answer.
int cuGetExportTable(const void **table, const void *) {
  *table = nullptr;
  return not_found;
}

int cuGetErrorName(int status, const char **text) {
  static const std::map<int, const char *> names = {
      {invalid_value, "CUDA_ERROR_INVALID_VALUE"}, {out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY"},
      {invalid_context, "CUDA_ERROR_INVALID_CONTEXT"}, {not_permitted, "CUDA_ERROR_NOT_PERMITTED"},
      {capture_unsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}};
  const auto found = names.find(status);
  if (found == names.end()) return invalid_value;
  *text = found->second;
  return success;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  if (device < 0 || device > 1) return invalid_device;
  if (attribute == 75) *value = 8;
  else if (attribute == 76) *value = device == 1 ? 9 : 0;  // 8.9 is newer than 8.0, and not known to the compiler
  else return invalid_value;
  return success;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = reinterpret_cast<void *>(static_cast<intptr_t>(device + 1));
  return success;
}
int cuCtxPushCurrent_v2(void *context) {
  if (in_host_call) return not_permitted;
  contexts.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)));
  return success;
}
int cuCtxPopCurrent_v2(void **) {
  if (contexts.empty()) return invalid_context;
  contexts.pop_back();
  return success;
}
int cuCtxSynchronize() {
  Lock lock(guard);
  if (int status = unsafe()) return status;
  run_all();
  return success;
}

int cuModuleLoadData(void **module, const void *image) {
  if (int status = usable()) return status;
  if (std::memcmp(image, "\177ELF", 4) == 0) {  // of the real compiler: it can be loaded, but not run
    *module = new Function{nullptr};
    return success;
  }
  if (std::memcmp(image, "FAKECUDA", 8) != 0) return invalid_image;
  unsigned long long size;
  std::memcpy(&size, static_cast<const char *>(image) + 8, 8);
  char path[] = "/tmp/optplug-kernel-XXXXXX";
  const int file = mkstemp(path);
  if (file < 0) return out_of_memory;
  const bool whole = write(file, static_cast<const char *>(image) + 16, size) == static_cast<ssize_t>(size);
  close(file);
  void *handle = whole ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  unlink(path);
  if (!handle) return invalid_image;
  *module = new Function{reinterpret_cast<Launch>(dlsym(handle, "launch"))};
  return success;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  if (std::strcmp(name, "optplug_program") != 0) return not_found;
  *function = module;
  return success;
}

int cuMemAlloc_v2(uint64_t *address, size_t size) {
  if (int status = unsafe()) return status;
  *address = fake_allocate(size);
  return *address ? success : out_of_memory;
}
int cuMemFree_v2(uint64_t address) {
  if (int status = unsafe()) return status;
  return fake_free(address);
}
int cuMemHostAlloc(void **place, size_t size, unsigned) {
  if (int status = unsafe()) return status;
  *place = std::calloc(1, size);
  return *place ? success : out_of_memory;
}
int cuMemFreeHost(void *place) {
  Lock lock(guard);
  if (int status = unsafe()) return status;
  run_all();
  std::free(place);
  return success;
}
int cuMemcpyHtoDAsync_v2(uint64_t address, const void *source, size_t size, Stream *stream) {
  Lock lock(guard);
  return enqueue(stream, [=] { std::memcpy(reinterpret_cast<void *>(address), source, size); });
}

int cuStreamCreate(Stream **stream, unsigned) {
  *stream = new Stream;
  return usable();
}
int cuStreamDestroy_v2(Stream *stream) {
  delete stream;
  return usable();
}
int cuStreamSynchronize(Stream *) {
  Lock lock(guard);
  if (int status = unsafe()) return status;
  run_all();
  return success;
}
int cuStreamIsCapturing(Stream *stream, int *status) {
  *status = (stream ? stream : &default_stream)->captured != nullptr;
  return usable();
}
int cuThreadExchangeStreamCaptureMode(int *mode) {
  std::swap(*mode, capture_mode);
  return success;
}

int cuEventCreate(Event **event, unsigned) {
  *event = new Event;
  return usable();
}
int cuEventDestroy_v2(Event *event) {
  delete event;
  return usable();
}
int cuEventRecord(Event *, Stream *) { return usable(); }
int cuEventSynchronize(Event *) { return cuCtxSynchronize(); }

int cuLaunchHostFunc(Stream *stream, void (*function)(void *), void *context) {
  Lock lock(guard);
  return enqueue(stream, [=] {
    protect(PROT_NONE);
    in_host_call = true;
    function(context);
    in_host_call = false;
    protect(PROT_READ | PROT_WRITE);
  });
}
int cuLaunchKernel(Function *function, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                   unsigned, Stream *stream, void **arguments, void **) {
  Lock lock(guard);
  if (blocks == 0 || threads != 256) return invalid_value;
  if (failing_launches > 0) return failing_launches--, 719;
  void *a[3];
  for (int i = 0; i < 3; i++) std::memcpy(&a[i], arguments[i], 8);
  return enqueue(stream, [=] {
    launches++;
    if (function->launch) function->launch(a[0], a[1], a[2], blocks);
  });
}

}  // extern "C"
