// Events of keys: what happened to which key, for whoever wants to hear of it (keyspace notifications).
//
// Whoever changes a key says so after the change, with one call. While nobody wants events of that class, the call is
// one test of a mask. What only the store sees (a key expired, was not found, is new), it reports itself; the rest is
// for the handlers of commands (CommandContext::notify). Event loop only.
#pragma once

#include <cstdint>
#include <string_view>

namespace cowslip::store {

// What kind of event it is: the letters of notify-keyspace-events.
enum class EventClass : uint32_t {
  kGeneric = 1u << 0,    // g: commands for keys of any type
  kString = 1u << 1,     // $
  kList = 1u << 2,       // l
  kSet = 1u << 3,        // s
  kHash = 1u << 4,       // h
  kSortedSet = 1u << 5,  // z
  kExpired = 1u << 6,    // x
  kEvicted = 1u << 7,    // e
  kStream = 1u << 8,     // t
  kModule = 1u << 9,     // d
  kKeyMiss = 1u << 10,   // m: a read of a key that is not there
  kNew = 1u << 11,       // n: a key that was not there before
};

class KeyEventListener {
 public:
  virtual ~KeyEventListener() = default;
  // `event` is Redis's name for it ("expired"). The views are valid during the call. Must not change the keyspace.
  virtual void on_event(std::string_view event, int database, std::string_view key) = 0;
};

class KeyEvents {
 public:
  // From now on `listener` hears of the classes in the mask `classes`, and nobody else of anything. Null: nobody.
  void listen(KeyEventListener* listener, uint32_t classes) {
    listener_ = listener;
    classes_ = listener != nullptr ? classes : 0;
  }
  bool wanted(EventClass of) const { return (classes_ & static_cast<uint32_t>(of)) != 0; }
  void notify(EventClass of, std::string_view event, int database, std::string_view key) const {
    if (wanted(of)) [[unlikely]]
      listener_->on_event(event, database, key);
  }

 private:
  uint32_t classes_ = 0;
  KeyEventListener* listener_ = nullptr;
};

}  // namespace cowslip::store
