#include "server/client_text.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cowslip::server {

std::optional<ClientType> parse_client_type(std::string_view name) {
  if (equals_ignore_case(name, "normal")) return ClientType::kNormal;
  if (equals_ignore_case(name, "slave") || equals_ignore_case(name, "replica")) return ClientType::kReplica;
  if (equals_ignore_case(name, "pubsub")) return ClientType::kPubSub;
  if (equals_ignore_case(name, "master")) return ClientType::kMaster;
  return {};
}

ClientType client_type_of(const Connection& connection) {
  if (connection.is_replica()) return ClientType::kReplica;
  return connection.session.is_subscriber() ? ClientType::kPubSub : ClientType::kNormal;
}

std::string client_flags(const Connection& connection) {
  std::string flags;
  if (connection.is_replica()) flags += 'S';
  if (connection.session.monitor) flags += 'O';
  if (connection.session.is_subscriber()) flags += 'P';
  if (connection.session.transaction.open()) flags += 'x';
  if (connection.is_blocked()) flags += 'b';
  if (const commands::Tracker* tracker = connection.tracker) {
    flags += 't';
    if (tracker->redirect_broken) flags += 'R';
    if (tracker->broadcast) flags += 'B';
  }
  if (connection.session.watcher.dirty()) flags += 'd';
  if (connection.session.close_after_reply) flags += 'c';
  if (connection.closed) flags += 'A';
  if (connection.unix_socket) flags += 'U';
  if (connection.session.no_evict) flags += 'e';
  if (connection.session.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

std::string client_line(const Connection& connection, int64_t now_ms) {
  const commands::Session& session = connection.session;
  const size_t spare_input = connection.input.capacity() - connection.input.size() + connection.input_start;
  std::string line =
      fmt::format("id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={}", session.id, connection.address,
                  local_address(connection), connection.fd.get(), session.name, (now_ms - connection.created_ms) / 1000,
                  (now_ms - connection.last_active_ms) / 1000, client_flags(connection), session.database);
  static const commands::Subscriptions kNone;
  const commands::Subscriptions& subscribed = session.is_subscriber() ? *session.subscriptions : kNone;
  line += fmt::format(" sub={} psub={} ssub={}", subscribed.count(commands::SubscriptionKind::kChannel),
                      subscribed.count(commands::SubscriptionKind::kPattern),
                      subscribed.count(commands::SubscriptionKind::kShardChannel));
  const int64_t queued = session.transaction.open() ? static_cast<int64_t>(session.transaction.size()) : -1;
  line += fmt::format(" multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={}", queued,
                      connection.input_bytes() + connection.shared_bytes, spare_input, connection.wait_bytes(),
                      connection.multi_bytes(), connection.output.capacity(), connection.output_peak);
  line += fmt::format(" obl={} oll=0 omem=0 tot-mem={} events={}", connection.output_bytes(), connection.memory_bytes(),
                      connection.awaits_writable ? "rw" : "r");
  const int64_t redirect = connection.tracker != nullptr ? static_cast<int64_t>(connection.tracker->redirect) : -1;
  line += fmt::format(" cmd={} user={} redir={} resp={} lib-name={} lib-ver={}",
                      session.last_command.empty() ? "NULL" : session.last_command, session.user, redirect,
                      session.resp_version, session.library_name, session.library_version);
  return line;
}

}  // namespace cowslip::server
