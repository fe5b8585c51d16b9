#include "server/snapshot_feed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "persistence/snapshot_file.h"
#include "server/client_registry.h"
#include "server/event_loop.h"
#include "server/request_pump.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

constexpr size_t kPieceBytes = 256u << 10;

}  // namespace

void SnapshotFeed::enqueue(Connection& connection) {
  connection.replica_state = ReplicaState::kWaitingForSave;
  server_.clients().count_replica(+1);
  server_.statistics().sync_full++;
  server_.log().notice("Replica {} asks for synchronization", connection.address);
  waiting_.push_back(connection.session.id);
  // After this command's own reply has been sent: from the fork on, the socket is the child's to write to.
  server_.loop().defer([this] {
    if (!server_.saves().child_running()) start_next();
  });
}

bool SnapshotFeed::start_next() {
  while (!waiting_.empty()) {
    Connection* connection = server_.clients().find(waiting_.front());
    if (connection != nullptr && connection->output_bytes() > 0) return false;  // its reply is not out yet
    waiting_.pop_front();
    if (connection == nullptr) continue;
    const Status started = start_for(*connection);
    if (started) return true;
    connection->output += "-ERR Unable to perform background save";
    if (started.error().code == ErrorCode::kLimit) connection->output += ": " + started.error().message;
    connection->output += "\r\n";
    connection->session.close_after_reply = true;
    server_.pump().send_later(*connection);
  }
  return false;
}

Status SnapshotFeed::start_for(Connection& connection) {
  std::variant<persistence::FileTarget, persistence::SocketTarget> target;
  if (connection.accepts_eof) {
    target = persistence::SocketTarget{.fd = connection.fd.get()};
  } else {
    auto path = new_copy_path();
    if (!path) return std::unexpected(path.error());
    target = persistence::FileTarget{.path = *path, .is_snapshot = false};
    copy_path_ = std::move(*path);
  }
  auto started = server_.saves().start_for_client(target, "SYNC from " + connection.address);
  if (!started) return started;
  owns_child_ = true;
  client_id_ = connection.session.id;
  connection.replica_state = ReplicaState::kReceiving;
  return {};
}

void SnapshotFeed::on_child_end(const persistence::SaveOutcome& outcome) {
  if (!std::exchange(owns_child_, false)) return;
  Connection* connection = server_.clients().find(std::exchange(client_id_, 0));
  if (outcome.to_socket) {
    // Both ends know from the last bytes whether all went well; nothing else follows on this connection.
    if (connection != nullptr) server_.close_client(*connection);
    return;
  }
  if (connection != nullptr && outcome.ok) {
    begin_file_transfer(*connection);
  } else if (connection != nullptr) {
    server_.close_client(*connection);
  }
  remove_copy();
}

void SnapshotFeed::begin_file_transfer(Connection& connection) {
  Transfer transfer;
  transfer.file.reset(open(copy_path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status = {};
  if (!transfer.file || fstat(transfer.file.get(), &status) != 0) return server_.close_client(connection);
  transfer.left = static_cast<uint64_t>(status.st_size);
  connection.output += fmt::format("${}\r\n", transfer.left);
  transfers_.insert_or_assign(connection.session.id, std::move(transfer));
  server_.pump().send_later(connection);
}

void SnapshotFeed::on_sent(Connection& connection) {
  const auto found = transfers_.find(connection.session.id);
  if (found == transfers_.end()) return;
  Transfer& transfer = found->second;
  if (transfer.left == 0) return server_.close_client(connection);
  ssize_t count = 0;
  connection.output.resize_and_overwrite(kPieceBytes, [&](char* data, size_t size) {
    count = ::read(transfer.file.get(), data, size);
    return static_cast<size_t>(std::max<ssize_t>(count, 0));
  });
  if (count <= 0) return server_.close_client(connection);
  transfer.left -= std::min(transfer.left, static_cast<uint64_t>(count));
  server_.statistics().net_replication_output_bytes += static_cast<uint64_t>(count);
  server_.pump().send_later(connection);
}

void SnapshotFeed::on_close(Connection& connection) {
  if (!connection.is_replica()) return;
  transfers_.erase(connection.session.id);
  // The child would find out by itself, when its next piece cannot be sent.
  if (owns_child_ && client_id_ == connection.session.id) server_.saves().cancel();
}

void SnapshotFeed::keep_alive() {
  for (const uint64_t id : waiting_) {
    Connection* connection = server_.clients().find(id);
    if (connection == nullptr) continue;
    connection->output += '\n';
    server_.pump().send_later(*connection);
  }
  if (!owns_child_ || client_id_ == 0) return;
  Connection* receiving = server_.clients().find(client_id_);
  if (receiving == nullptr || receiving->accepts_eof) return;  // the child writes to that socket itself
  receiving->output += '\n';
  server_.pump().send_later(*receiving);
}

// Absolute, because CONFIG SET dir may take this process elsewhere while the child is at work. Named like an unfinished
// snapshot of this process, which writes none while there is a child: should the server be killed before it has removed
// the copy, the next start does.
Result<std::string> SnapshotFeed::new_copy_path() const {
  std::error_code error;
  auto path =
      std::filesystem::absolute(persistence::temporary_path_for(server_.saves().snapshot_path(), ::getpid()), error);
  if (error) return fail(ErrorCode::kIo, error.message());
  return path.string();
}

void SnapshotFeed::remove_copy() {
  if (!copy_path_.empty()) unlink(copy_path_.c_str());
  copy_path_.clear();
}

}  // namespace cowslip::server
