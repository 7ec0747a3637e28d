// Turns a fatal signal into a result: where the fault was, and whose function ran.

#define _GNU_SOURCE

#include "CPluginValidator.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most = 4096 };

static struct guard {
  uintptr_t start, end;
  char what[120];
} guards[most];
static int guard_count;
static int result_file = -1;
static const char *volatile function;

void plugin_validator_set_function(const char *name) { function = name; }

/// Copies text into a JSON string; what would need escaping becomes a question mark.
static void copy(char *to, size_t capacity, const char *from) {
  size_t i = 0;
  for (; from[i] != 0 && i + 1 < capacity; i++) {
    unsigned char c = (unsigned char)from[i];
    to[i] = c < 32 || c == '"' || c == '\\' ? '?' : (char)c;
  }
  to[i] = 0;
}

void plugin_validator_guard(const void *start, uint64_t count, const char *what) {
  if (guard_count == most) return;
  struct guard *guard = &guards[guard_count];
  guard->start = (uintptr_t)start;
  guard->end = guard->start + count;
  copy(guard->what, sizeof guard->what, what);
  guard_count++;
}

void plugin_validator_unguard(const void *start) {
  for (int i = guard_count - 1; i >= 0; i--) {
    if (guards[i].start != (uintptr_t)start) continue;
    guards[i] = guards[--guard_count];
    return;
  }
}

static const char *signal_name(int number) {
  switch (number) {
  case SIGSEGV: return "SIGSEGV (a bad address)";
  case SIGBUS: return "SIGBUS (a bad address)";
  case SIGILL: return "SIGILL (an illegal instruction)";
  case SIGFPE: return "SIGFPE (a trapped arithmetic error)";
  case SIGABRT: return "SIGABRT (it aborted)";
  case SIGTRAP: return "SIGTRAP (a trap)";
  default: return "a fatal signal";
  }
}

static void report(int number, siginfo_t *info, void *context) {
  (void)context;
  char text[512];
  const char *running = function;
  uintptr_t at = (uintptr_t)info->si_addr;
  int length = 0;
  if ((number == SIGSEGV || number == SIGBUS) && info->si_code > 0) {
    for (int i = 0; i < guard_count && length == 0; i++) {
      if (at < guards[i].start || at >= guards[i].end) continue;
      length = snprintf(text, sizeof text, "{\"outcome\":\"failed\",\"message\":\"%s %s\"}",
                        running ? running : "code outside of calls", guards[i].what);
    }
  }
  if (length == 0) {
    length = snprintf(text, sizeof text, "{\"outcome\":\"crashed\",\"message\":\"%s in %s\"}", signal_name(number),
                      running ? running : "no function of the plugin");
  }
  ssize_t written = write(result_file, text, (size_t)length);
  _exit(written == length ? 0 : 70);
}

void plugin_validator_report_faults(int file) {
  result_file = file;
  // A stack of its own, since an overflowing stack is one of the faults.
  static char stack[1 << 16];
  stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&own, NULL);
  struct sigaction action = {0};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) sigaction(fatal[i], &action, NULL);
}
