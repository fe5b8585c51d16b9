#include "server/config_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "server/config_directives.h"
#include "server/config_parser.h"

namespace cowslip::server {
namespace {

constexpr int kMaxIncludeDepth = 16;
constexpr std::string_view kBadDirective = "Bad directive or wrong number of arguments";

Result<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("Fatal error, can't read config file '{}'", name));
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

Result<std::string> read_config_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("Fatal error, can't open config file '{}'", path));
  return read_all(fd.get(), path);
}

std::string absolute_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  return resolved ? resolved.get() : path;
}

// `where` says which line: ", at line 3".
std::unexpected<Error> fatal(std::string_view where, std::string_view line, const Error& error) {
  return fail(error.code, fmt::format("\n*** FATAL CONFIG FILE ERROR (Cowslip {}) ***\nReading the {}\n>>> '{}'\n{}\n",
                                      COWSLIP_VERSION, where, line, error.message));
}

// The files an include line names: a pattern's matches in order, perhaps none, or the path itself.
std::vector<std::string> included_files(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
  std::vector<std::string> files;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return files;
}

Status change_directory(const std::string& directory) {
  if (directory.empty() || ::chdir(directory.c_str()) == 0) return {};
  return fail_errno(fmt::format("Can't chdir to '{}'", directory));
}

}  // namespace

Status ConfigStore::apply_line(std::span<const std::string> words) {
  const std::string& name = words[0];
  const Directive* directive = find_directive(name);
  if (directive == nullptr) {
    for (const std::string_view known : {"rename-command", "loadmodule", "user", "sentinel"}) {
      if (!equals_ignore_case(name, known)) continue;
      return fail(ErrorCode::kUnsupported, fmt::format("{} is not supported in this version", known));
    }
    return fail(ErrorCode::kInvalidArgument, std::string(kBadDirective));
  }
  if (words.size() == 1) return fail(ErrorCode::kInvalidArgument, "wrong number of arguments");
  return set_directive(*directive, values_, words.subspan(1));
}

Status ConfigStore::load_lines(std::string_view text, const Source& source) {
  Status status;
  for_each_line(text, [&](std::string_view raw, int number) {
    const std::string_view line = trimmed(raw);
    if (line.empty() || line[0] == '#') return true;
    const auto words = split_words(line);
    if (words && words->size() == 2 && equals_ignore_case((*words)[0], "include")) {
      if (source.follow_includes) status = include((*words)[1], source.depth + 1);
      return status.has_value();
    }
    const Status applied =
        words ? apply_line(*words) : fail(ErrorCode::kInvalidArgument, "Unbalanced quotes in configuration line");
    if (!applied) status = fatal(source.where(number), line, applied.error());
    return status.has_value() || source.tolerant;
  });
  return source.tolerant ? Status() : status;
}

std::string ConfigStore::Source::where(int line) const {
  if (command_line) return "command line";
  if (depth == 0) return fmt::format("configuration file, at line {}", line);
  return fmt::format("configuration file, at line {} of {}", line, name);
}

Status ConfigStore::include(const std::string& pattern, int depth) {
  if (depth > kMaxIncludeDepth) {
    return fail(ErrorCode::kLimit, fmt::format("Fatal error, config files include each other: '{}'", pattern));
  }
  for (const std::string& path : included_files(pattern)) {
    const auto text = read_config_file(path);
    if (!text) return std::unexpected(text.error());
    if (auto loaded = load_lines(*text, {.name = path, .depth = depth}); !loaded) return loaded;
  }
  return {};
}

Status ConfigStore::load_text(std::string_view text, std::string_view origin) {
  return load_lines(text, {.name = std::string(origin)});
}

Status ConfigStore::load(std::span<const std::string> arguments) {
  const CommandLine command_line = parse_command_line(arguments);
  if (!command_line.file.empty()) {
    const auto text = read_config_file(command_line.file);
    if (!text) return std::unexpected(text.error());
    file_ = absolute_path(command_line.file);
    if (auto loaded = load_text(*text, file_); !loaded) return loaded;
  }
  if (command_line.standard_input) {
    const auto text = read_all(STDIN_FILENO, "-");
    if (!text) return std::unexpected(text.error());
    if (auto loaded = load_text(*text, "-"); !loaded) return loaded;
  }
  for (const std::string& line : command_line.lines) {
    if (auto loaded = load_lines(line, {.name = "", .command_line = true}); !loaded) return loaded;
  }
  if (auto changed = change_directory(values_.dir); !changed) return changed;
  return set_directive(*find_directive("dir"), values_, std::vector<std::string>{"."});
}

void ConfigStore::on_change(std::string_view directive, Hook hook) {
  hooks_.emplace(std::string(find_directive(directive)->name), std::move(hook));
}

namespace {

std::unexpected<Error> set_failed(std::string_view argument, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("CONFIG SET failed (possibly related to argument '{}') - {}", argument, why));
}

// CONFIG SET's one argument as the words of a line. Two spaces side by side hold an empty word, which few directives
// take.
std::vector<std::string> words_of(const Directive& directive, std::string_view value) {
  if (!directive.is(kMultiWord)) return {std::string(value)};
  std::vector<std::string> words;
  while (!value.empty()) {
    const size_t space = value.find(' ');
    words.emplace_back(value.substr(0, space));
    if (space == std::string_view::npos) break;
    value.remove_prefix(space + 1);
  }
  return words;
}

bool may_set_protected(const ServerConfig& config, bool local_client) {
  return config.enable_protected_configs == ProtectedAction::kYes ||
         (config.enable_protected_configs == ProtectedAction::kLocal && local_client);
}

// Why `setting` may not be set at all, judged before anything is changed.
Status may_set(const ConfigStore::Setting& setting, const Directive& directive, std::set<std::string>& seen,
               bool protected_allowed) {
  if (directive.is(kImmutable)) return set_failed(setting.name, "can't set immutable config");
  if (directive.is(kProtected) && !protected_allowed) return set_failed(setting.name, "can't set protected config");
  // By name: an alias beside the name it stands for is let through, as in Redis, and the later value holds.
  if (!seen.insert(to_lower(setting.name)).second) return set_failed(setting.name, "duplicate parameter");
  return {};
}

}  // namespace

Status ConfigStore::set(std::span<const Setting> settings, bool local_client) {
  std::set<std::string> seen;
  std::vector<const Directive*> directives;
  for (const Setting& setting : settings) {
    const Directive* directive = find_directive(setting.name);
    if (directive == nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("Unknown option or number of arguments for CONFIG SET - '{}'", setting.name));
    }
    const bool allowed = may_set_protected(values_, local_client);
    if (auto may = may_set(setting, *directive, seen, allowed); !may) return may;
    directives.push_back(directive);
  }
  ServerConfig changed = values_;
  for (size_t i = 0; i < settings.size(); i++) {
    if (directives[i]->name == "save") changed.save_is_default = true;  // here the line is the whole list
    const auto words = words_of(*directives[i], settings[i].value);
    if (auto taken = set_directive(*directives[i], changed, words); !taken) {
      return set_failed(settings[i].name, taken.error().message);
    }
  }
  return apply(settings, directives, std::move(changed));
}

Status ConfigStore::apply(std::span<const Setting> settings, std::span<const Directive* const> directives,
                          ServerConfig changed) {
  std::swap(values_, changed);  // `changed` now holds the old values
  for (size_t i = 0; i < directives.size(); i++) {
    const Status applied = run_hooks(*directives[i]);
    if (applied) continue;
    values_ = std::move(changed);
    for (size_t undone = 0; undone <= i; undone++) (void)run_hooks(*directives[undone]);
    return set_failed(settings[i].name, applied.error().message);
  }
  return {};
}

Status ConfigStore::run_hooks(const Directive& directive) {
  if (directive.name == "dir") {
    if (auto changed = change_directory(values_.dir); !changed) return changed;
  }
  const auto [first, last] = hooks_.equal_range(directive.name);
  for (auto hook = first; hook != last; ++hook) {
    if (auto done = hook->second(values_); !done) return done;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> ConfigStore::get(std::span<const std::string_view> patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  std::set<std::string, std::less<>> names;
  const auto add = [&](std::string name, const Directive& directive) {
    if (names.insert(name).second) found.emplace_back(std::move(name), directive_text(directive, values_));
  };
  for (const std::string_view pattern : patterns) {
    if (pattern.find_first_of("*?[") == std::string_view::npos) {
      const Directive* directive = find_directive(pattern);
      if (directive != nullptr) add(std::string(pattern), *directive);  // spelt as the client did
      continue;
    }
    for (const Directive& directive : all_directives()) {
      if (glob_match(pattern, directive.name, true)) add(std::string(directive.name), directive);
      if (!directive.alias.empty() && glob_match(pattern, directive.alias, true)) {
        add(std::string(directive.alias), directive);
      }
    }
  }
  return found;
}

std::string ConfigStore::get(std::string_view name) const {
  const Directive* directive = find_directive(name);
  return directive == nullptr ? "" : directive_text(*directive, values_);
}

}  // namespace cowslip::server
