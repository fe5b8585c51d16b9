// The directives: from text to ServerConfig and back.
//
// One table (server/config_directives.cc) gives each directive its name, type, limits and the place of its value in
// ServerConfig. Everything else is made from it: redis.conf files, command line options, CONFIG GET, SET and REWRITE.
// Event loop only.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/config.h"

namespace cowslip::server {

struct Directive;  // server/config_directives.h

class ConfigStore {
 public:
  const ServerConfig& values() const { return values_; }

  // ---- at start ----
  // argv as redis-server's: [file] [--directive value ...]. Later settings win. A lone "-" reads standard input. The
  // error's message is whole: what Redis prints before it exits with status 1. Takes no hook into account.
  Status load(std::span<const std::string> arguments);
  // redis.conf syntax; `origin` names it in the errors.
  Status load_text(std::string_view text, std::string_view origin);
  // Absolute path of the configuration file, or empty.
  const std::string& file() const { return file_; }

  // ---- while running ----
  // Called after `directive` changed. A failure takes the whole CONFIG SET back; its message goes to the client. Hooks
  // run in the order of the command's arguments, and again with the old values when a later one fails.
  using Hook = std::function<Status(const ServerConfig& values)>;
  // REQUIRES: the directive exists. A second hook for one directive runs after the first.
  void on_change(std::string_view directive, Hook hook);

  struct Setting {
    std::string_view name;
    std::string_view value;
  };
  // All or nothing. The error is the reply to CONFIG SET without its "ERR ". `local_client` lets protected directives
  // through where enable-protected-configs says "local".
  Status set(std::span<const Setting> settings, bool local_client = true);

  // Names and values of the directives that match any of `patterns`, in the order of the table.
  std::vector<std::pair<std::string, std::string>> get(std::span<const std::string_view> patterns) const;
  // The value as CONFIG GET shows it; empty when there is no such directive.
  std::string get(std::string_view name) const;

  // Writes the present values into the configuration file, which is replaced atomically: comments and order stay,
  // a changed directive's line is replaced, a new one appended. REQUIRES: !file().empty().
  Status rewrite() const;
  // What rewrite() makes of `old_text`. Pure.
  std::string rewritten(std::string_view old_text) const;

  // The ServerConfig for tests and for those who start without arguments.
  void replace_values(ServerConfig values) { values_ = std::move(values); }

 private:
  // Where lines come from, for errors, and how to read them.
  struct Source {
    std::string name;
    int depth = 0;  // of includes
    bool command_line = false;
    bool follow_includes = true;
    bool tolerant = false;  // pass over lines that make no sense
    std::string where(int line) const;
  };
  Status load_lines(std::string_view text, const Source& source);
  Status apply_line(std::span<const std::string> words);
  Status include(const std::string& pattern, int depth);
  Status apply(std::span<const Setting> settings, std::span<const Directive* const> directives, ServerConfig changed);
  Status run_hooks(const Directive& directive);

  ServerConfig values_;
  std::string file_;
  std::multimap<std::string, Hook, std::less<>> hooks_;
};

}  // namespace cowslip::server
