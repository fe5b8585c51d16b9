// Log lines in Redis's format: "<pid>:<role> 21 Nov 2026 20:23:24.123 * message".
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace cowslip {

enum class LogLevel { kDebug, kVerbose, kNotice, kWarning, kNothing };  // marks in the line: . - * #

// Writes whole lines with one write(2) each, so a forked child may share it with its parent. Thread-safe after
// configuration; opens the file for each line as Redis does, so logrotate needs no signal. A line that cannot be
// written is lost without a word: there is nowhere left to complain.
//
// A child of a process with threads calls set_role('C') before its first line. From then on no line asks the C library
// for the local time, whose lock another thread may have held during the fork; the zone is the one found at the fork.
class Logger {
 public:
  Logger() = default;  // notice and above to standard output

  // Empty path: standard output. Fails when the file cannot be opened for appending.
  Status set_file(const std::string& path);
  void set_level(LogLevel level) { level_ = level; }
  LogLevel level() const { return level_; }
  // The role letter: 'M' for a server, 'C' for a forked child, 'X' for a sentinel (unused here).
  void set_role(char role) { role_ = role; }
  bool enabled(LogLevel level) const { return level >= level_; }

  void write(LogLevel level, std::string_view message) const;

  template <typename... Args>
  void debug(fmt::format_string<Args...> f, Args&&... args) const {
    log(LogLevel::kDebug, f, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void verbose(fmt::format_string<Args...> f, Args&&... args) const {
    log(LogLevel::kVerbose, f, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void notice(fmt::format_string<Args...> f, Args&&... args) const {
    log(LogLevel::kNotice, f, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> f, Args&&... args) const {
    log(LogLevel::kWarning, f, std::forward<Args>(args)...);
  }

 private:
  template <typename... Args>
  void log(LogLevel level, fmt::format_string<Args...> f, Args&&... args) const {
    if (enabled(level)) write(level, fmt::format(f, std::forward<Args>(args)...));
  }

  LogLevel level_ = LogLevel::kNotice;
  char role_ = 'M';
  std::string path_;
};

}  // namespace cowslip
