// What every test against a real server needs of its surroundings: folders that go away, seeds that come back, patience
// that fits the machine, and other programs' output.
//
// The harness reports what stops a test (no server, no socket) by throwing HarnessFailure: GoogleTest catches it, fails
// the test with its words, and the RAII owners below clean up. Nothing outside tests/ throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::testing {

struct HarnessFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws HarnessFailure with `what` and the words for errno.
[[noreturn]] void throw_errno(const std::string& what);

// A fresh folder, removed with all it holds.
class TempDir {
 public:
  TempDir();  // under $TMPDIR (or /tmp)
  explicit TempDir(const std::string& parent);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

std::string read_file(const std::string& path);  // empty when there is none
void write_file(const std::string& path, std::string_view bytes);
bool file_exists(const std::string& path);
std::vector<std::string> list_directory(const std::string& path);  // sorted names

// COWSLIP_SEED when it is set, otherwise a new one from the operating system; printed either way, so that a failed run
// can be repeated.
uint64_t announced_seed(std::string_view test_name);
// The integer in the environment variable `name`, or `otherwise`.
int64_t environment_integer(const char* name, int64_t otherwise);

// True in a sanitizer build, where everything takes several times as long.
bool sanitized();
// A generous time limit: `usual`, several times longer in a sanitizer build. Only hangs and lost wake-ups reach it.
std::chrono::milliseconds patience(std::chrono::milliseconds usual);

// Asks `condition` every few milliseconds until it holds; false when it still does not after patience(limit).
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(20));
void sleep_ms(int64_t duration_ms);

struct ProgramResult {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string output;  // standard output and error together
};
// Runs a program to its end, found through PATH. Throws when it cannot be started.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& standard_input = {});

}  // namespace cowslip::testing
