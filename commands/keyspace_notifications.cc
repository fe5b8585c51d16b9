#include "commands/keyspace_notifications.h"

#include <fmt/format.h>

namespace cowslip::commands {
namespace {

using store::EventClass;

struct Letter {
  char letter;
  uint32_t flags;
};

constexpr Letter letter_of(char letter, EventClass of) {
  return {letter, static_cast<uint32_t>(of)};
}

// The order is that of the text.
constexpr Letter kClassLetters[] = {
    letter_of('g', EventClass::kGeneric), letter_of('$', EventClass::kString),  letter_of('l', EventClass::kList),
    letter_of('s', EventClass::kSet),     letter_of('h', EventClass::kHash),    letter_of('z', EventClass::kSortedSet),
    letter_of('x', EventClass::kExpired), letter_of('e', EventClass::kEvicted), letter_of('t', EventClass::kStream),
    letter_of('d', EventClass::kModule),  letter_of('n', EventClass::kNew),
};
constexpr Letter kOtherLetters[] = {
    {'K', kNotifyKeyspace}, {'E', kNotifyKeyevent}, letter_of('m', EventClass::kKeyMiss)};

constexpr uint32_t all_classes() {
  uint32_t all = 0;
  for (const auto& [letter, flags] : kClassLetters) all |= letter != 'n' ? flags : 0;
  return all;
}

constexpr uint32_t flags_of(char wanted) {
  if (wanted == 'A') return all_classes();
  for (const auto& [letter, flags] : kClassLetters) {
    if (letter == wanted) return flags;
  }
  for (const auto& [letter, flags] : kOtherLetters) {
    if (letter == wanted) return flags;
  }
  return 0;
}

}  // namespace

std::optional<uint32_t> parse_notification_flags(std::string_view letters) {
  uint32_t flags = 0;
  for (const char letter : letters) {
    const uint32_t meant = flags_of(letter);
    if (meant == 0) return std::nullopt;
    flags |= meant;
  }
  return flags;
}

std::string notification_flags_text(uint32_t flags) {
  std::string text;
  const auto add = [&](const Letter& letter) {
    if ((flags & letter.flags) != 0) text += letter.letter;
  };
  if ((flags & all_classes()) == all_classes()) {
    text += 'A';
  } else {
    for (const Letter& letter : kClassLetters) add(letter);
  }
  for (const Letter& letter : kOtherLetters) add(letter);
  return text;
}

void KeyspaceNotifications::configure(uint32_t flags, store::KeyEvents& events) {
  constexpr uint32_t kChannels = kNotifyKeyspace | kNotifyKeyevent;
  flags_ = flags;
  events.listen(this, (flags & kChannels) != 0 ? flags & ~kChannels : 0);
}

void KeyspaceNotifications::on_event(std::string_view event, int database, std::string_view key) {
  if (pub_sub_.nobody_listens()) return;
  if ((flags_ & kNotifyKeyspace) != 0) pub_sub_.publish(fmt::format("__keyspace@{}__:{}", database, key), event);
  if ((flags_ & kNotifyKeyevent) != 0) pub_sub_.publish(fmt::format("__keyevent@{}__:{}", database, event), key);
}

}  // namespace cowslip::commands
