#include "server/http/http_server.h"

#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "server/config.h"
#include "server/connection.h"
#include "server/event_loop.h"
#include "server/http/exchange.h"
#include "server/http/routes.h"
#include "server/listening_socket.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

constexpr int kAcceptsPerCall = 16;
constexpr auto kLookAfter = std::chrono::seconds(1);
// What a request that came with the end of its stream has time for.
constexpr int64_t kHungUpPatienceUs = 200'000;
// After a pass that took longer, HTTP rests so many times as long, but no longer than a wait that nobody minds.
constexpr auto kLongPass = std::chrono::microseconds(500);
constexpr int kRestFactor = 4;
constexpr auto kLongestRest = std::chrono::milliseconds(50);
// What every connection has to complete a request, also when others wait for its place.
constexpr int64_t kShortestPatienceUs = 1'000'000;
// When accept() fails for want of descriptors or memory, or there are too many connections, the next one stays in the
// queue and the socket readable.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// The answers' headers that do not depend on the request: nothing is kept, embedded, guessed or passed on.
constexpr std::pair<const char*, const char*> kCommonHeaders[] = {
    {"Cache-Control", "no-store"},      {"X-Content-Type-Options", "nosniff"},           {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"}, {"Cross-Origin-Resource-Policy", "same-origin"},
};

std::string_view header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string_view() : value;
}

int count_headers(MHD_Connection* connection, std::string_view name) {
  struct Count {
    std::string_view name;
    int found;
  } count = {name, 0};
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* state, MHD_ValueKind, const char* key, const char*) {
        auto& [wanted, found] = *static_cast<Count*>(state);
        found += equals_ignore_case(key, wanted) ? 1 : 0;
        return MHD_YES;
      },
      &count);
  return count.found;
}

std::string_view argument(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
  return value == nullptr ? std::string_view() : value;
}

bool is_from_this_machine(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return false;
  sockaddr_storage address = {};
  const bool ipv6 = info->client_addr->sa_family == AF_INET6;
  std::memcpy(&address, info->client_addr, ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  return is_loopback(address);
}

HttpRequest describe(MHD_Connection* connection, const char* path, const char* method) {
  return {.method = method,
          .path = path,
          .host = header(connection, "Host"),
          .many_hosts = count_headers(connection, "Host") > 1,
          .origin = header(connection, "Origin"),
          .fetch_site = header(connection, "Sec-Fetch-Site"),
          .authorization = header(connection, "Authorization"),
          .request_header = header(connection, "X-Cowslip-Request"),
          .id = argument(connection, "id"),
          .after = argument(connection, "after"),
          .from_this_machine = is_from_this_machine(connection)};
}

MHD_Result send(MHD_Connection* connection, const HttpResponse& response) {
  // MHD copies the body, and frees the copy.
  MHD_Response* made = MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                                       MHD_RESPMEM_MUST_COPY);
  if (made == nullptr) return MHD_NO;
  for (const auto& [name, value] : kCommonHeaders) MHD_add_response_header(made, name, value);
  MHD_add_response_header(made, "Content-Type", std::string(response.content_type).c_str());
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(made, std::string(name).c_str(), value.c_str());
  }
  const MHD_Result queued = MHD_queue_response(connection, response.status, made);
  MHD_destroy_response(made);
  return queued;
}

// Whether the other end has closed, or will send no more.
bool has_hung_up(int fd) {
  pollfd state = {.fd = fd, .events = POLLRDHUP, .revents = 0};
  return poll(&state, 1, 0) > 0;
}

bool is_loopback_socket(int fd) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 && is_loopback(address);
}

// MHD tells of every client that breaks off; that is worth a line only to those who look for it.
void log_words(void* logger, const char* format, va_list arguments) {
  std::array<char, 512> words = {};
  std::vsnprintf(words.data(), words.size(), format, arguments);
  std::string_view line(words.data());
  while (line.ends_with('\n')) line.remove_suffix(1);
  static_cast<Logger*>(logger)->verbose("HTTP: {}", line);
}

struct DaemonDeleter {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};

}  // namespace

// Everything that exists while we listen.
struct HttpServer::Daemon : std::enable_shared_from_this<Daemon> {
  Daemon(Server& owner, uint64_t& requests);
  ~Daemon();

  Status open();

  // ---- called by MHD ----
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* upload, size_t* upload_size, void** state);
  static void on_completed(void* self, MHD_Connection* connection, void** state, MHD_RequestTerminationCode code);
  static void on_connection(void* self, MHD_Connection* connection, void** state, MHD_ConnectionNotificationCode code);

  MHD_Result receive(MHD_Connection* connection, size_t* upload_size, void** state);
  MHD_Result answer(MHD_Connection* connection, const char* url, const char* method);
  void completed(MHD_Connection* connection);

  // ---- called by asio ----
  // A handler that does nothing once the daemon is gone: it may be in the loop's queue by then.
  template <typename Action>
  auto while_alive(Action action) {
    return [alive = weak_from_this(), action](asio::error_code error) {
      const auto self = alive.lock();
      if (self && !error) action();
    };
  }
  struct Socket {
    Socket(EventLoop& loop, UniqueFd fd) : descriptor(loop.context(), fd.release()), retry(loop.context()) {}
    asio::posix::stream_descriptor descriptor;
    asio::steady_timer retry;
  };
  bool start_mhd();
  void watch(Socket& socket);
  void accept_all(Socket& socket);
  void pause(Socket& socket);
  void watch_daemon();
  void run();
  void rest(std::chrono::steady_clock::duration pass);
  void look_after();
  bool has_room() const { return active_us.size() < kMaxConnections; }
  bool make_room();
  void drop_lingering();

  Server& server;
  uint64_t& requests;
  std::vector<std::unique_ptr<Socket>> sockets;
  bool loopback_only = true;
  std::unique_ptr<MHD_Daemon, DaemonDeleter> mhd;
  asio::posix::stream_descriptor epoll;  // MHD's own descriptor: released, not closed
  asio::steady_timer timer;
  asio::steady_timer rest_timer;
  bool run_pending = false;
  bool watching = false;  // the loop watches `epoll`
  bool resting = false;
  // When each connection was made, or completed its last request; monotonic.
  std::unordered_map<MHD_Connection*, int64_t> active_us;
};

HttpServer::Daemon::Daemon(Server& owner, uint64_t& counter)
    : server(owner),
      requests(counter),
      epoll(owner.loop().context()),
      timer(owner.loop().context()),
      rest_timer(owner.loop().context()) {}

HttpServer::Daemon::~Daemon() {
  epoll.release();
  sockets.clear();
  mhd.reset();  // calls on_connection() for each that is open
}

Status HttpServer::Daemon::open() {
  const ServerConfig& config = server.config();
  for (const std::string& address : config.http_bind) {
    auto fd = listen_on(address, {.port = config.http_port, .mark_id = config.socket_mark_id}, server.log());
    if (!fd) {
      server.log().warning("Failed listening on port {} (http).", config.http_port);
      return std::unexpected(fd.error());
    }
    if (!*fd) continue;
    loopback_only = loopback_only && is_loopback_socket(fd->get());
    sockets.push_back(std::make_unique<Socket>(server.loop(), std::move(*fd)));
  }
  if (sockets.empty()) return fail(ErrorCode::kIo, "None of the addresses of http-bind is available.");
  if (!start_mhd()) return fail(ErrorCode::kIo, "The HTTP server cannot be started.");
  for (const auto& socket : sockets) watch(*socket);
  watch_daemon();
  look_after();
  return {};
}

bool HttpServer::Daemon::start_mhd() {
  constexpr unsigned kFlags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
  mhd.reset(MHD_start_daemon(kFlags, 0, nullptr, nullptr, &Daemon::on_request, this,      //
                             MHD_OPTION_EXTERNAL_LOGGER, &log_words, &server.log(),       //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,                //
                             MHD_OPTION_CONNECTION_TIMEOUT, unsigned{kPatienceSeconds},   //
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMaxRequestBytes,        //
                             MHD_OPTION_NOTIFY_COMPLETED, &Daemon::on_completed, this,    //
                             MHD_OPTION_NOTIFY_CONNECTION, &Daemon::on_connection, this,  //
                             MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                        //
                             MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END));
  if (!mhd) return false;
  epoll.assign(MHD_get_daemon_info(mhd.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
  return true;
}

// ---- connections ----

void HttpServer::Daemon::watch(Socket& socket) {
  socket.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                               while_alive([this, &socket] { accept_all(socket); }));
}

void HttpServer::Daemon::accept_all(Socket& socket) {
  int failure = 0;
  for (int i = 0; i < kAcceptsPerCall && failure == 0 && (has_room() || make_room()); i++) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof peer;
    const int fd = accept4(socket.descriptor.native_handle(), reinterpret_cast<sockaddr*>(&peer), &length,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      failure = errno;
    } else {
      // It is MHD's now.
      MHD_add_connection(mhd.get(), fd, reinterpret_cast<sockaddr*>(&peer), length);
    }
  }
  run();
  if (!has_room()) drop_lingering();
  const bool harmless = failure == 0 || failure == EAGAIN || failure == EINTR || failure == ECONNABORTED;
  has_room() && harmless ? watch(socket) : pause(socket);
}

void HttpServer::Daemon::pause(Socket& socket) {
  socket.retry.expires_after(kAcceptPause);
  socket.retry.async_wait(while_alive([this, &socket] { watch(socket); }));
}

void HttpServer::Daemon::on_connection(void* self, MHD_Connection* connection, void**,
                                       MHD_ConnectionNotificationCode code) {
  auto* daemon = static_cast<Daemon*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    daemon->active_us[connection] = daemon->server.clock().monotonic_us();
  } else {
    daemon->active_us.erase(connection);
  }
}

void HttpServer::Daemon::look_after() {
  timer.expires_after(kLookAfter);
  timer.async_wait(while_alive([this] {
    server.http().answers().tidy();
    drop_lingering();
    run();
    look_after();
  }));
}

// MHD's own timeout begins anew with each byte, so a client that sends one now and then would stay for ever. And when a
// part of a request and the end of the stream come as one event, MHD reads the part and waits for another event.
void HttpServer::Daemon::drop_lingering() {
  const int64_t now_us = server.clock().monotonic_us();
  for (const auto& [connection, since_us] : active_us) {
    const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const int64_t patience_us = has_hung_up(fd) ? kHungUpPatienceUs : int64_t{kPatienceSeconds} * 1'000'000;
    if (now_us - since_us > patience_us) shutdown(fd, SHUT_RDWR);
  }
}

// Sends away who has completed no request for longest, so that silent connections do not keep a health check out.
// Returns false when none has been silent for long enough.
bool HttpServer::Daemon::make_room() {
  const auto longest = std::ranges::min_element(active_us, {}, [](const auto& entry) { return entry.second; });
  if (longest == active_us.end()) return false;
  if (server.clock().monotonic_us() - longest->second < kShortestPatienceUs) return false;
  shutdown(MHD_get_connection_info(longest->first, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, SHUT_RDWR);
  // MHD closes it in the pass that finds its end, and cleans up no later than in the next one.
  for (int pass = 0; pass < 2 && !has_room(); pass++) MHD_run(mhd.get());
  return has_room();
}

// ---- MHD's work ----

void HttpServer::Daemon::watch_daemon() {
  if (std::exchange(watching, true)) return;
  epoll.async_wait(asio::posix::stream_descriptor::wait_read, while_alive([this] {
                     watching = false;
                     run();
                     if (!resting) watch_daemon();
                   }));
}

// One pass over the connections that are ready. Some may be ready still: they go on after the commands that wait.
void HttpServer::Daemon::run() {
  if (resting) return;
  const auto began = std::chrono::steady_clock::now();
  MHD_run(mhd.get());
  const auto pass = std::chrono::steady_clock::now() - began;
  if (pass > kLongPass) return rest(pass);
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  const bool more = MHD_get_timeout(mhd.get(), &wait_ms) == MHD_YES && wait_ms == 0;
  if (!more || std::exchange(run_pending, true)) return;
  server.loop().defer([resume = while_alive([this] {
                         run_pending = false;
                         run();
                       })] { resume({}); });
}

void HttpServer::Daemon::rest(std::chrono::steady_clock::duration pass) {
  resting = true;
  rest_timer.expires_after(std::min<std::chrono::steady_clock::duration>(pass * kRestFactor, kLongestRest));
  rest_timer.async_wait(while_alive([this] {
    resting = false;
    run();
    if (!resting) watch_daemon();
  }));
}

MHD_Result HttpServer::Daemon::on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                                          const char*, const char*, size_t* upload_size, void** state) {
  auto* daemon = static_cast<Daemon*>(self);
  // MHD calls once when it has the head, then for each piece of a body, then when all is there.
  if (*state == nullptr || *upload_size != 0) return daemon->receive(connection, upload_size, state);
  return daemon->answer(connection, url, method);
}

// No request of ours has a body. One that comes is read and forgotten, so that the connection can go on; `state` counts
// it, from 1.
MHD_Result HttpServer::Daemon::receive(MHD_Connection*, size_t* upload_size, void** state) {
  const size_t received = reinterpret_cast<size_t>(*state) + *upload_size + (*state == nullptr ? 1 : 0);
  *upload_size = 0;
  *state = reinterpret_cast<void*>(received);
  return received <= kMaxRequestBytes ? MHD_YES : MHD_NO;
}

MHD_Result HttpServer::Daemon::answer(MHD_Connection* connection, const char* url, const char* method) {
  requests++;
  const AccessRules rules = {.password = server.config().requirepass,
                             .protected_mode = server.config().protected_mode,
                             .loopback_only = loopback_only};
  return send(connection, respond(server, describe(connection, url, method), rules));
}

void HttpServer::Daemon::on_completed(void* self, MHD_Connection* connection, void** state,
                                      MHD_RequestTerminationCode) {
  auto* daemon = static_cast<Daemon*>(self);
  *state = nullptr;
  const auto found = daemon->active_us.find(connection);
  if (found != daemon->active_us.end()) found->second = daemon->server.clock().monotonic_us();
}

// ---- the outside ----

HttpServer::HttpServer(Server& server) : server_(server), answers_(server.clock()) {}

HttpServer::~HttpServer() = default;

Status HttpServer::open() {
  if (server_.config().http_port == 0) return {};
  auto daemon = std::make_shared<Daemon>(server_, requests_);
  if (Status opened = daemon->open(); !opened) return opened;
  daemon_ = std::move(daemon);
  return {};
}

Status HttpServer::reopen() {
  // An address that stays is taken as long as the old socket has it.
  daemon_.reset();
  return open();
}

void HttpServer::close() {
  daemon_.reset();
}

bool HttpServer::listening() const {
  return daemon_ != nullptr;
}

bool HttpServer::loopback_only() const {
  return daemon_ != nullptr && daemon_->loopback_only;
}

uint64_t HttpServer::requests() const {
  return requests_;
}

}  // namespace cowslip::server
