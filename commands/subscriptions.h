// What one client has subscribed to. Changed by PubSub only (commands/pub_sub.h). Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace cowslip::commands {

enum class SubscriptionKind { kChannel, kPattern, kShardChannel };
inline constexpr size_t kSubscriptionKinds = 3;

struct Subscriptions {
  // Views of the names in the registry, valid as long as the subscription.
  std::array<std::unordered_set<std::string_view>, kSubscriptionKinds> names;

  std::unordered_set<std::string_view>& of(SubscriptionKind kind) { return names[static_cast<size_t>(kind)]; }
  size_t count(SubscriptionKind kind) const { return names[static_cast<size_t>(kind)].size(); }
  bool empty() const {
    for (const auto& set : names) {
      if (!set.empty()) return false;
    }
    return true;
  }
};

}  // namespace cowslip::commands
