// What each directive is: its name, where its value lives in ServerConfig, and how text becomes that value.
//
// A directive is one line of the table in config_directives.cc. Most are one of the kinds below; the rest bring two
// functions of their own (config_special.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "server/config.h"

namespace cowslip::server {

enum DirectiveFlag : uint32_t {
  kImmutable = 1u << 0,   // CONFIG SET refuses it
  kProtected = 1u << 1,   // CONFIG SET needs enable-protected-configs
  kMultiWord = 1u << 2,   // takes several words; CONFIG SET splits its one argument at spaces
  kSensitive = 1u << 3,   // a secret: never shown in SLOWLOG or MONITOR
  kRepeatable = 1u << 4,  // several lines of a file add up
};

struct BoolSetting {
  bool ServerConfig::* field;
};
struct IntegerSetting {
  int64_t ServerConfig::* field;
  int64_t min;
  int64_t max;
};
struct EncodingSetting {
  int64_t EncodingLimits::* field;
  int64_t min;
  int64_t max;
  bool memory = false;  // "64kb" is welcome
};
struct MemorySetting {
  uint64_t ServerConfig::* field;
  uint64_t min;
  uint64_t max;
};
struct TextSetting {
  std::string ServerConfig::* field;
  Status (*check)(std::string_view text) = nullptr;
};
using Words = std::span<const std::string>;
struct CustomSetting {
  Status (*set)(ServerConfig& config, Words words);
  std::string (*get)(const ServerConfig& config);
  // The lines a file needs for the present value, without the directive's name; null: one line with get()'s text.
  std::vector<std::string> (*lines)(const ServerConfig& config) = nullptr;
};
// Belongs to something this version does not have. Any value is kept and shown.
struct DormantSetting {
  std::string_view initial;
};
// Would switch on something this version does not have: only `off` is taken, anything else refused in so many words.
struct AbsentSetting {
  std::string_view off;
};

struct Directive {
  std::string_view name;
  std::string_view alias;  // an older name that means the same; may be empty
  uint32_t flags;
  std::variant<BoolSetting, IntegerSetting, EncodingSetting, MemorySetting, TextSetting, CustomSetting, DormantSetting,
               AbsentSetting>
      setting;

  bool is(DirectiveFlag flag) const { return (flags & flag) != 0; }
};

std::span<const Directive> all_directives();
// By name or alias, in any case; null when there is none.
const Directive* find_directive(std::string_view name);

// `words` are what follows the name on its line. On failure `config` is unchanged and the error is Redis's sentence.
Status set_directive(const Directive& directive, ServerConfig& config, Words words);
// As CONFIG GET shows it.
std::string directive_text(const Directive& directive, const ServerConfig& config);
// Whole lines for a configuration file.
std::vector<std::string> directive_lines(const Directive& directive, const ServerConfig& config);

}  // namespace cowslip::server
