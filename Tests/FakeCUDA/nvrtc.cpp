// A stand-in for NVRTC: compiles kernels for this machine's CPU, for the stand-in of the driver.
//
// c++ -shared -fPIC -DHEADER='"…/cuda_on_cpu.hpp"' -Wl,-soname,libnvrtc.so.13 nvrtc.cpp
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

struct Program {
  std::string source, log, code;
};

void replace(std::string &text, const std::string &old, const std::string &by) {
  for (size_t at; (at = text.find(old)) != std::string::npos;) text.replace(at, old.size(), by);
}

std::string contents(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The kernel's blocks in reverse order, for none may depend on another, and its threads one after another.
const char *const launcher = R"(
extern "C" void launch(const void *segments, const void *chunks, const void *k, unsigned blocks) {
  for (unsigned i = blocks; i-- > 0;) {
    blockIdx.x = i;
    for (threadIdx.x = 0; threadIdx.x < 256; threadIdx.x++)
      optplug_program((const segment *)segments, (const chunk *)chunks, (const constants *)k);
  }
}
)";

}  // namespace

extern "C" {

int nvrtcVersion(int *major, int *minor) {
  *major = 13, *minor = 0;
  return 0;
}

int nvrtcGetNumSupportedArchs(int *count) {
  *count = 3;
  return 0;
}

int nvrtcGetSupportedArchs(int *architectures) {
  architectures[0] = 70, architectures[1] = 80, architectures[2] = 90;
  return 0;
}

const char *nvrtcGetErrorString(int status) { return status == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR"; }

int nvrtcCreateProgram(Program **program, const char *source, const char *, int, const char *const *,
                       const char *const *) {
  *program = new Program{source, "", ""};
  return 0;
}

int nvrtcDestroyProgram(Program **program) {
  delete *program;
  *program = nullptr;
  return 0;
}

int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
  std::string target;
  for (int i = 0; i < count; i++)
    if (std::strncmp(options[i], "--gpu-architecture=", 19) == 0) target = options[i] + 19;
  char folder[] = "/tmp/optplug-nvrtc-XXXXXX";
  if (target.empty() || !mkdtemp(folder)) return 1;
  std::string text = program->source;
  // Two instructions of the device for which C++ has other words.
  replace(text, R"(asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));)", "y = from_half(x);");
  replace(text, R"(asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));)", "y = to_half(x);");
  const std::string base = folder;
  std::ofstream(base + "/kernel.cpp") << "#include \"" HEADER "\"\n" << text << launcher;
  // A vector at an address that is not one's ends the process.
  const std::string command = "c++ -fsanitize=alignment -fsanitize-undefined-trap-on-error -std=c++17 -O1 "
                              "-ffp-contract=off -march=native -shared -fPIC -o " + base + "/kernel.so " + base +
                              "/kernel.cpp 2> " + base + "/log";
  const int status = std::system(command.c_str());
  program->log = contents(base + "/log");
  const std::string object = contents(base + "/kernel.so");
  const unsigned long long size = object.size();
  program->code = "FAKECUDA" + std::string(reinterpret_cast<const char *>(&size), 8) + object;
  for (const char *name : {"/kernel.cpp", "/kernel.so", "/log"}) std::remove((base + name).c_str());
  rmdir(folder);
  return status == 0 ? 0 : 6;
}

int nvrtcGetProgramLogSize(Program *program, size_t *size) {
  *size = program->log.size() + 1;
  return 0;
}
int nvrtcGetProgramLog(Program *program, char *log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return 0;
}
int nvrtcGetCUBINSize(Program *program, size_t *size) {
  *size = program->code.size();
  return 0;
}
int nvrtcGetCUBIN(Program *program, char *code) {
  std::memcpy(code, program->code.data(), program->code.size());
  return 0;
}
int nvrtcGetPTXSize(Program *program, size_t *size) { return nvrtcGetCUBINSize(program, size); }
int nvrtcGetPTX(Program *program, char *code) { return nvrtcGetCUBIN(program, code); }

}  // extern "C"
