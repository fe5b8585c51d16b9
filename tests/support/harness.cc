#include "tests/support/harness.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "base/file.h"
#include "base/random.h"

namespace cowslip::testing {

namespace fs = std::filesystem;

void throw_errno(const std::string& what) {
  throw HarnessFailure(what + ": " + std::strerror(errno));
}

namespace {

std::string usual_parent() {
  const char* given = std::getenv("TMPDIR");
  return given != nullptr ? given : "/tmp";
}

}  // namespace

TempDir::TempDir() : TempDir(usual_parent()) {}

TempDir::TempDir(const std::string& parent) : path_(parent + "/cowslip-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw_errno("mkdtemp " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) throw_errno("write " + path);
}

bool file_exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& item : fs::directory_iterator(path)) names.push_back(item.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t announced_seed(std::string_view test_name) {
  const char* given = std::getenv("COWSLIP_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : os_random_u64() % 1'000'000'000;
  std::cout << fmt::format("{}: repeat this run with COWSLIP_SEED={}\n", test_name, seed) << std::flush;
  return seed;
}

int64_t environment_integer(const char* name, int64_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoll(given, nullptr, 10) : otherwise;
}

bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer);
#else
  return false;
#endif
}

std::chrono::milliseconds patience(std::chrono::milliseconds usual) {
  return sanitized() ? usual * 5 : usual;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + patience(limit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    sleep_ms(5);
  }
  return true;
}

void sleep_ms(int64_t duration_ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

namespace {

std::vector<char*> argument_pointers(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void become_program(const std::vector<std::string>& arguments, int input, int output) {
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(arguments[0].c_str(), argument_pointers(arguments).data());
  ::_exit(127);
}

// Input and output go through unnamed files, so neither side can wait for the other's pipe to drain.
UniqueFd unnamed_file() {
  const TempDir directory;
  UniqueFd fd(::open(directory.file("stream").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw_errno("open a temporary file");
  return fd;
}

std::string read_whole(int fd) {
  std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& standard_input) {
  const UniqueFd input = unnamed_file();
  const UniqueFd output = unnamed_file();
  if (::pwrite(input.get(), standard_input.data(), standard_input.size(), 0) < 0) throw_errno("pwrite");
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) become_program(arguments, input.get(), output.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("waitpid");
  }
  ProgramResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = read_whole(output.get());
  if (result.exit_code == 127) throw HarnessFailure("cannot start " + arguments[0]);
  return result;
}

}  // namespace cowslip::testing
