#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>

#include "base/clock.h"
#include "base/file.h"

namespace cowslip {
namespace {

constexpr char kMarks[] = {'.', '-', '*', '#'};
constexpr char kChildRole = 'C';

// The distance of local time from UTC, remembered because localtime_r takes a lock that a forked child must not want.
// Process-wide as the time zone itself is. Zones change their distance at quarters of an hour only.
class LocalTime {
 public:
  // May be called by any thread of a process that is no forked child.
  void refresh(time_t now) {
    const int64_t quarter = now / kQuarterSeconds;
    if (quarter_.load(std::memory_order_relaxed) == quarter) return;
    tm local{};
    if (::localtime_r(&now, &local) == nullptr) return;
    utc_offset_seconds_.store(local.tm_gmtoff, std::memory_order_relaxed);
    quarter_.store(quarter, std::memory_order_relaxed);
  }

  // Takes no lock.
  std::chrono::sys_seconds shifted(time_t now) const {
    return std::chrono::sys_seconds(std::chrono::seconds(now + utc_offset_seconds_.load(std::memory_order_relaxed)));
  }

 private:
  static constexpr time_t kQuarterSeconds = 15 * 60;
  std::atomic<int64_t> quarter_ = -1;
  std::atomic<int64_t> utc_offset_seconds_ = 0;
};

constinit LocalTime local_time;

// Every fork finds the offset fresh: a server that was silent for half a year must not give its child last season's.
[[maybe_unused]] const int fork_handler =
    ::pthread_atfork([] { local_time.refresh(::time(nullptr)); }, nullptr, nullptr);

// "21 Nov 2026 20:23:24.123". By hand because strftime would follow the locale.
void append_time(fmt::memory_buffer& line, int64_t unix_us, bool in_child) {
  using namespace std::chrono;
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t now = unix_us / 1'000'000;
  if (!in_child) local_time.refresh(now);
  const sys_seconds local = local_time.shifted(now);
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const hh_mm_ss time(local - day);
  fmt::format_to(std::back_inserter(line), "{:02} {} {:04} {:02}:{:02}:{:02}.{:03}", static_cast<unsigned>(date.day()),
                 kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(),
                 time.minutes().count(), time.seconds().count(), unix_us / 1000 % 1000);
}

Result<UniqueFd> open_for_append(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (!fd) return fail_errno("Can't open the log file " + path);
  return fd;
}

// One write(2), unless the kernel takes less than the line.
void write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Status Logger::set_file(const std::string& path) {
  if (!path.empty()) {
    if (auto fd = open_for_append(path); !fd) return std::unexpected(fd.error());
  }
  path_ = path;
  return {};
}

void Logger::write(LogLevel level, std::string_view message) const {
  if (!enabled(level) || level >= LogLevel::kNothing) return;
  fmt::memory_buffer line;  // short lines stay on the stack
  fmt::format_to(std::back_inserter(line), "{}:{} ", ::getpid(), role_);
  append_time(line, SystemClock().unix_us(), role_ == kChildRole);
  fmt::format_to(std::back_inserter(line), " {} {}\n", kMarks[static_cast<int>(level)], message);
  if (path_.empty()) return write_line(STDOUT_FILENO, {line.data(), line.size()});
  if (auto fd = open_for_append(path_)) write_line(fd->get(), {line.data(), line.size()});
}

}  // namespace cowslip
