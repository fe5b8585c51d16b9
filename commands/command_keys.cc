#include "commands/command_keys.h"

#include <cassert>

#include "base/numbers.h"
#include "base/text.h"

namespace cowslip::commands {
namespace {

using Arguments = std::span<const std::string_view>;

class KeyFinder {
 public:
  KeyFinder(const CommandSpec& spec, Arguments args) : spec_(spec), args_(args) {}

  // False when the request contradicts itself.
  bool find(const KeySpec& keys) {
    switch (keys.search) {
      case KeySearch::kRange:
        find_range(keys);
        return true;
      case KeySearch::kCounted:
        return find_counted(keys);
      case KeySearch::kKeyword:
        find_keyword(keys);
        return true;
      case KeySearch::kUnknown:
        return true;  // of all such at once, below
    }
    return false;
  }
  std::vector<KeyReference> take() {
    if (spec_.find_keys != nullptr) spec_.find_keys(args_, found_);
    return std::move(found_);
  }

 private:
  void add(int64_t index, const KeySpec& keys) {
    const bool variable = spec_.variable_key_flags != nullptr;
    found_.push_back({static_cast<size_t>(index), variable ? spec_.variable_key_flags(args_) : keys.flags});
  }

  void find_range(const KeySpec& keys) {
    assert(keys.range.step > 0);
    const auto count = static_cast<int64_t>(args_.size());
    const int64_t last = keys.range.last < 0 ? count + keys.range.last : keys.range.last;
    for (int64_t i = keys.range.first; i <= last && i < count; i += keys.range.step) add(i, keys);
  }

  bool find_counted(const KeySpec& keys) {
    assert(keys.range.step > 0);
    const auto at = static_cast<size_t>(keys.range.first);
    if (at >= args_.size()) return false;
    const auto count = parse_int64(args_[at]);
    const auto following = static_cast<int64_t>(args_.size() - at - 1);
    if (!count || *count <= 0 || *count > following / keys.range.step) return false;
    for (int64_t i = 0; i < *count; i++) add(keys.range.first + 1 + i * keys.range.step, keys);
    return true;
  }

  void find_keyword(const KeySpec& keys) {
    for (auto i = static_cast<size_t>(keys.range.first); i + 1 < args_.size(); i++) {
      if (equals_ignore_case(args_[i], keys.keyword)) return add(static_cast<int64_t>(i) + 1, keys);
    }
  }

  const CommandSpec& spec_;
  Arguments args_;
  std::vector<KeyReference> found_;
};

}  // namespace

std::vector<KeySpec> key_specs_of(const CommandSpec& spec) {
  if (!spec.key_specs.empty()) return {spec.key_specs.begin(), spec.key_specs.end()};
  if (spec.keys.first == 0) return {};
  return {{.range = spec.keys, .flags = spec.key_flags}};
}

std::optional<std::vector<KeyReference>> keys_of(const CommandSpec& spec, Arguments args) {
  KeyFinder finder(spec, args);
  for (const KeySpec& keys : key_specs_of(spec)) {
    if (!finder.find(keys)) return std::nullopt;
  }
  return finder.take();
}

}  // namespace cowslip::commands
