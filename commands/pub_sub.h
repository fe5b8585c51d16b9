// Publish and subscribe: who listens to which channels, and the messages that they get.
//
// The registry knows subscribers as sessions and hands each message, as bytes of the subscriber's protocol version, to
// an outlet; what a connection is, only the outlet knows. Publishing takes time for the subscribers of the channel and
// for all patterns; leaving a channel takes time for its subscribers. Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "commands/session.h"
#include "commands/subscriptions.h"

namespace cowslip::commands {

class PubSub {
 public:
  // Takes messages to the subscribers.
  class Outlet {
   public:
    virtual ~Outlet() = default;
    // Must neither publish nor change subscriptions.
    virtual void deliver(Session& subscriber, std::string_view message) = 0;
    // Everybody has got the last message: now subscribers may be closed, and so leave.
    virtual void delivered() = 0;
  };

  explicit PubSub(Outlet& outlet) : outlet_(outlet) {}
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  // False when it was subscribed already. The session must not end before it has left, see leave().
  bool subscribe(Session& session, SubscriptionKind kind, std::string_view name);
  // False when it was not subscribed.
  bool unsubscribe(Session& session, SubscriptionKind kind, std::string_view name);
  // Ends all subscriptions of the session, which is not told: it is being reset, or gone.
  void leave(Session& session);

  // Sends the message to the subscribers of the channel, then to those of patterns that match it. Returns how many
  // times it was sent: a client may get it several times, once for each of its patterns.
  size_t publish(std::string_view channel, std::string_view message);
  // The same for a shard channel, which patterns do not concern.
  size_t publish_to_shard(std::string_view channel, std::string_view message);

  // True when publish() reaches nobody, whatever the channel.
  bool nobody_listens() const { return table(SubscriptionKind::kChannel).empty() && patterns().empty(); }
  // How many names have subscribers.
  size_t names(SubscriptionKind kind) const { return table(kind).size(); }
  size_t subscribers(SubscriptionKind kind, std::string_view name) const;
  // Calls visit(name) for the names that have subscribers, in no order.
  template <typename Visit>
  void for_each_name(SubscriptionKind kind, Visit&& visit) const {
    for (const auto& [name, sessions] : table(kind)) visit(std::string_view(name));
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // By name, those who listen in the order of their coming. A name without subscribers is not there. The keys stay
  // where they are: the sessions' subscriptions are views of them.
  using Table = std::unordered_map<std::string, std::vector<Session*>, Hash, std::equal_to<>>;
  class Message;

  Table& table(SubscriptionKind kind) { return tables_[static_cast<size_t>(kind)]; }
  const Table& table(SubscriptionKind kind) const { return tables_[static_cast<size_t>(kind)]; }
  const Table& patterns() const { return table(SubscriptionKind::kPattern); }
  static void remove(Table& table, std::string_view name, Session& session);
  size_t send(const std::vector<Session*>& subscribers, Message message);
  size_t send_to_channel(SubscriptionKind kind, std::string_view word, std::string_view channel,
                         std::string_view message);

  Outlet& outlet_;
  std::array<Table, kSubscriptionKinds> tables_;
};

}  // namespace cowslip::commands
