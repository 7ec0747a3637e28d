// A stand-in for CUDA's driver: a GPU whose memory is the host's and whose kernels run on the CPU.
//
// It is strict. What is enqueued runs as late as possible (at a synchronization), and a stream's work after that of
// newer streams, so that memory which is used again too early shows. The host that touches the GPU's memory is ended by
// the system. What may not be done while a stream is captured, or inside a call of the host, fails.
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
// What is enqueued on different streams runs in no order but that of the waiting for it.
struct Stream {
  Graph *captured = nullptr;
  std::deque<Work> queue;
  long long enqueued = 0, done = 0;
  int launches = 0;
};
struct Event {
  Stream *stream = nullptr;
  long long end = 0;
};
struct Function {
  Launch launch;  // NULL for a kernel that was compiled for a real GPU
};

std::recursive_mutex guard;
std::map<uint64_t, size_t> allocations;
Stream default_stream;
std::vector<Stream *> streams = {&default_stream};
int captures = 0, launches = 0, failing_launches = 0;
bool runs_late = false, in_host_call = false, protects = true;
thread_local std::vector<int> contexts;
thread_local int capture_mode = 0;

void protect(int protection) {
  if (!protects) return;
  for (const auto &[address, size] : allocations) mprotect(reinterpret_cast<void *>(address), size, protection);
}

// Runs a stream's work up to a place in it.
void run(Stream *stream, long long end) {
  if (stream->done >= end) return;
  protect(PROT_READ | PROT_WRITE);
  while (stream->done < end) {
    const Work work = stream->queue.front();
    stream->queue.pop_front();
    stream->done++;
    work();
  }
  protect(PROT_NONE);
}

// The newest stream first, for there is no order between them.
void run_all() {
  for (size_t i = streams.size(); i-- > 0;) run(streams[i], streams[i]->enqueued);
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
    target->queue.push_back(std::move(work));
    target->enqueued++;
    if (!runs_late) run(target, target->enqueued);
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
// Those that were enqueued on a stream.
int fake_launches_on(Stream *stream) { return (stream ? stream : &default_stream)->launches; }
Stream *fake_stream() {
  Lock lock(guard);
  streams.push_back(new Stream);
  return streams.back();
}
int fake_allocations() { return static_cast<int>(allocations.size()); }
// What this thread may do while a stream is captured; 0 is the driver's usual.
int fake_capture_mode() { return capture_mode; }

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
void fake_replay(Graph *graph, Stream *stream) {
  for (const Work &work : graph->nodes) {
    Lock lock(guard);
    Stream *target = stream ? stream : &default_stream;
    target->queue.push_back(work);
    target->enqueued++;
    if (!runs_late) run(target, target->enqueued);
  }
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
  Lock lock(guard);
  *stream = new Stream;
  streams.push_back(*stream);
  return usable();
}
// Its work goes on; so does the object, for somebody might still name it.
int cuStreamDestroy_v2(Stream *) { return usable(); }
int cuStreamSynchronize(Stream *stream) {
  Lock lock(guard);
  if (int status = unsafe()) return status;
  Stream *target = stream ? stream : &default_stream;
  run(target, target->enqueued);
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
int cuEventRecord(Event *event, Stream *stream) {
  Lock lock(guard);
  Stream *target = stream ? stream : &default_stream;
  *event = {target, target->enqueued};
  return usable();
}
// An event that was never recorded has come.
int cuEventSynchronize(Event *event) {
  Lock lock(guard);
  if (int status = unsafe()) return status;
  if (event->stream) run(event->stream, event->end);
  return success;
}

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
  (stream ? stream : &default_stream)->launches++;
  return enqueue(stream, [=] {
    launches++;
    if (function->launch) function->launch(a[0], a[1], a[2], blocks);
  });
}

}  // extern "C"
