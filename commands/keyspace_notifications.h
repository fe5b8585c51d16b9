// Keyspace notifications: events of keys published as messages, to the channels that Redis has for them.
//
//   __keyspace@<database>__:<key>     the message is the event
//   __keyevent@<database>__:<event>   the message is the key
//
// Which events, and on which of the two channels, the setting notify-keyspace-events says. Event loop only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "commands/pub_sub.h"
#include "store/key_events.h"

namespace cowslip::commands {

// The setting as bits: those of store::EventClass, and the two channels.
inline constexpr uint32_t kNotifyKeyspace = 1u << 30;  // K
inline constexpr uint32_t kNotifyKeyevent = 1u << 31;  // E

// From letters in any order, and nothing where one has no meaning; and to letters in Redis's order, in which A stands
// for all classes but m and n, and hides n.
std::optional<uint32_t> parse_notification_flags(std::string_view letters);
std::string notification_flags_text(uint32_t flags);

class KeyspaceNotifications final : public store::KeyEventListener {
 public:
  explicit KeyspaceNotifications(PubSub& pub_sub) : pub_sub_(pub_sub) {}

  // Listens to what `flags` ask for, from now on. Without one of the two channels that is nothing.
  void configure(uint32_t flags, store::KeyEvents& events);
  void on_event(std::string_view event, int database, std::string_view key) override;

 private:
  PubSub& pub_sub_;
  uint32_t flags_ = 0;
};

}  // namespace cowslip::commands
