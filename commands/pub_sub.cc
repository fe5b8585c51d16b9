#include "commands/pub_sub.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <utility>

#include "base/text.h"
#include "protocol/reply_writer.h"

namespace cowslip::commands {

// A message as the words it is made of, put into bytes once for each protocol version that a subscriber has.
class PubSub::Message {
 public:
  Message(std::initializer_list<std::string_view> words) : count_(words.size()) {
    std::ranges::copy(words, words_.begin());
  }

  std::string_view bytes(int resp_version) {
    std::string& form = forms_[resp_version >= protocol::kResp3 ? 1 : 0];
    if (form.empty()) {
      protocol::ReplyWriter writer(form, resp_version);
      writer.push(count_);
      for (size_t i = 0; i < count_; i++) writer.bulk(words_[i]);
    }
    return form;
  }

 private:
  static constexpr size_t kMostWords = 4;
  std::array<std::string_view, kMostWords> words_;
  size_t count_;
  std::array<std::string, 2> forms_;  // RESP2, RESP3; empty: nobody wanted it yet
};

bool PubSub::subscribe(Session& session, SubscriptionKind kind, std::string_view name) {
  if (session.subscriptions && session.subscriptions->of(kind).contains(name)) return false;
  if (!session.subscriptions) session.subscriptions = std::make_unique<Subscriptions>();
  Table& table = this->table(kind);
  auto found = table.find(name);
  if (found == table.end()) found = table.emplace(name, std::vector<Session*>()).first;
  found->second.push_back(&session);
  session.subscriptions->of(kind).insert(found->first);
  return true;
}

bool PubSub::unsubscribe(Session& session, SubscriptionKind kind, std::string_view name) {
  if (!session.subscriptions || session.subscriptions->of(kind).erase(name) == 0) return false;
  remove(table(kind), name, session);
  if (session.subscriptions->empty()) session.subscriptions.reset();
  return true;
}

void PubSub::leave(Session& session) {
  const auto subscriptions = std::move(session.subscriptions);
  if (!subscriptions) return;
  for (size_t kind = 0; kind < kSubscriptionKinds; kind++) {
    for (const std::string_view name : subscriptions->names[kind]) remove(tables_[kind], name, session);
  }
}

void PubSub::remove(Table& table, std::string_view name, Session& session) {
  const auto found = table.find(name);
  std::erase(found->second, &session);
  if (found->second.empty()) table.erase(found);
}

size_t PubSub::send(const std::vector<Session*>& subscribers, Message message) {
  for (Session* subscriber : subscribers) outlet_.deliver(*subscriber, message.bytes(subscriber->resp_version));
  return subscribers.size();
}

size_t PubSub::send_to_channel(SubscriptionKind kind, std::string_view word, std::string_view channel,
                               std::string_view message) {
  const auto found = table(kind).find(channel);
  return found == table(kind).end() ? 0 : send(found->second, {word, channel, message});
}

size_t PubSub::publish(std::string_view channel, std::string_view message) {
  size_t receivers = send_to_channel(SubscriptionKind::kChannel, "message", channel, message);
  for (const auto& [pattern, subscribers] : patterns()) {
    if (glob_match(pattern, channel)) receivers += send(subscribers, {"pmessage", pattern, channel, message});
  }
  if (receivers > 0) outlet_.delivered();
  return receivers;
}

size_t PubSub::publish_to_shard(std::string_view channel, std::string_view message) {
  const size_t receivers = send_to_channel(SubscriptionKind::kShardChannel, "smessage", channel, message);
  if (receivers > 0) outlet_.delivered();
  return receivers;
}

size_t PubSub::subscribers(SubscriptionKind kind, std::string_view name) const {
  const auto found = table(kind).find(name);
  return found == table(kind).end() ? 0 : found->second.size();
}

}  // namespace cowslip::commands
