#include "commands/command_keys.h"

#include <cassert>

namespace cowslip::commands {

std::vector<KeySpec> key_specs_of(const CommandSpec& spec) {
  if (!spec.key_specs.empty()) return {spec.key_specs.begin(), spec.key_specs.end()};
  if (spec.keys.first == 0) return {};
  return {{.range = spec.keys, .flags = spec.key_flags}};
}

std::vector<KeyReference> keys_of(const CommandSpec& spec, std::span<const std::string_view> args) {
  std::vector<KeyReference> keys;
  const auto count = static_cast<int>(args.size());
  for (const auto& [range, flags] : key_specs_of(spec)) {
    assert(range.step > 0);
    const int last = range.last < 0 ? count + range.last : range.last;
    const uint16_t actual_flags = spec.variable_key_flags != nullptr ? spec.variable_key_flags(args) : flags;
    for (int i = range.first; i <= last && i < count; i += range.step) {
      keys.push_back({static_cast<size_t>(i), actual_flags});
    }
  }
  return keys;
}

}  // namespace cowslip::commands
