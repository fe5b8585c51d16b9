#include "persistence/byte_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace cowslip::persistence {
namespace {

// Waits until the peer takes bytes again.
Status wait_writable(int fd, int timeout_ms) {
  pollfd watched{fd, POLLOUT, 0};
  const int ready = ::poll(&watched, 1, timeout_ms);
  if (ready > 0 || (ready < 0 && errno == EINTR)) return {};
  return fail_errno("The receiver takes no more bytes", ready == 0 ? ETIMEDOUT : errno);
}

}  // namespace

Status DescriptorSink::append(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd_, data.data(), data.size());
    if (written >= 0) {
      data.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto status = wait_writable(fd_, stall_timeout_ms_); !status) return status;
    } else if (errno != EINTR) {
      return fail_errno("Write error sending the snapshot");
    }
  }
  return {};
}

}  // namespace cowslip::persistence
