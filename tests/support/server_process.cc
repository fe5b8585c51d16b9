#include "tests/support/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/random.h"
#include "tests/support/refused_advice.h"

namespace cowslip::testing {

namespace {

// A port that was free a moment ago. Another process may take it before the server does; launch() then tries again.
int free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw_errno("find a free port");
  }
  return ntohs(address.sin_port);
}

bool names(const std::vector<std::string>& directives, std::string_view directive) {
  return std::find(directives.begin(), directives.end(), directive) != directives.end();
}

// The parent of a process, from /proc/PID/stat, whose second field may hold spaces and parentheses.
pid_t parent_of(const std::string& pid) {
  const std::string stat = read_file("/proc/" + pid + "/stat");
  const size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 4 > stat.size() || stat[end + 2] == 'Z') return 0;
  return std::atoi(stat.c_str() + end + 4);
}

}  // namespace

std::string cowslip_binary() {
  const char* given = std::getenv("COWSLIP_SERVER");
  return given != nullptr ? given : COWSLIP_SERVER_BINARY;
}

ServerProcess::ServerProcess(ServerOptions options) : options_(std::move(options)) {
  if (options_.binary.empty()) options_.binary = cowslip_binary();
  if (options_.unix_socket) endpoint_.unix_path = file("server.sock");
  if (options_.snapshot) write_file(snapshot_path(), *options_.snapshot);
  if (options_.run_as) lend_binary();
  if (options_.run_as && ::chown(directory().c_str(), *options_.run_as, *options_.run_as) != 0) throw_errno("chown");
  launch();
}

// The build's folder may be closed to other users.
void ServerProcess::lend_binary() {
  if (options_.binary.find('/') == std::string::npos) return;
  std::filesystem::copy_file(options_.binary, file("server"));
  options_.binary = file("server");
}

ServerProcess::~ServerProcess() {
  kill_all();
}

void ServerProcess::kill_all() {
  for (const pid_t group : groups_) ::kill(-group, SIGKILL);
  groups_.clear();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::vector<std::string> ServerProcess::command_line() const {
  std::vector<std::string> line = {options_.binary};
  const auto& given = options_.directives;
  const auto add = [&](const std::string& directive, const std::string& value) {
    const bool configured = options_.config_text.find(directive.substr(2) + " ") != std::string::npos;
    if (!names(given, directive) && !configured) line.insert(line.end(), {directive, value});
  };
  if (!options_.config_text.empty()) line.push_back(file("cowslip.conf"));
  add("--port", std::to_string(endpoint_.port));
  if (!endpoint_.unix_path.empty()) add("--unixsocket", endpoint_.unix_path);
  add("--dir", directory());
  add("--save", "");
  add("--bind", "127.0.0.1");
  add("--enable-debug-command", "yes");
  add("--enable-protected-configs", "yes");  // tests move the folder under a running server
  line.insert(line.end(), given.begin(), given.end());
  return line;
}

void ServerProcess::become_server(const std::vector<std::string>& arguments) const {
  ::setpgid(0, 0);
  const int log = ::open(file("server.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  for (const auto& [resource, value] : options_.limits) {
    const rlimit limit{value, value};
    ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  }
  if (options_.run_as &&
      (::setgroups(0, nullptr) != 0 || ::setgid(*options_.run_as) != 0 || ::setuid(*options_.run_as) != 0)) {
    ::_exit(126);
  }
  if (options_.huge_pages_disabled) ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  if (!options_.refused_advice.empty() && !refuse_advice(options_.refused_advice)) ::_exit(125);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which would reset it
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  ::_exit(127);
}

void ServerProcess::launch() {
  if (!options_.config_text.empty() && !file_exists(file("cowslip.conf"))) {
    write_file(file("cowslip.conf"), options_.config_text);
  }
  for (int attempt = 0;; ++attempt) {
    if (!options_.unix_socket && endpoint_.port == 0) endpoint_.port = free_port();
    const auto arguments = command_line();
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("fork");
    if (pid == 0) become_server(arguments);
    ::setpgid(pid, pid);  // as the child does itself: whichever comes first
    pid_ = pid;
    groups_.push_back(pid);
    try {
      return wait_ready();
    } catch (const HarnessFailure&) {
      const bool port_taken = log().find("Address already in use") != std::string::npos;
      kill_all();
      if (!port_taken || attempt == 3) throw;
      endpoint_.port = 0;
    }
  }
}

bool ServerProcess::answers(bool must_be_loaded) {
  try {
    Connection connection(endpoint_);
    const Reply reply = connection("PING");
    return reply.kind != Reply::Kind::kClosed && !(must_be_loaded && reply.text.starts_with("LOADING"));
  } catch (const HarnessFailure&) {
    return false;
  }
}

void ServerProcess::wait_ready() {
  if (options_.wait == ServerOptions::Wait::kNothing) return;
  const bool loaded = options_.wait == ServerOptions::Wait::kLoaded;
  bool alive = true;
  const bool ready = eventually([&] { return !(alive = running()) || answers(loaded); }, std::chrono::seconds(30));
  if (!alive || !ready) {
    throw HarnessFailure(fmt::format("{} does not answer; its log:\n{}", options_.binary, log()));
  }
}

Connection ServerProcess::connection3() const {
  Connection connection(endpoint_);
  const Reply reply = connection("HELLO", "3");
  if (reply.kind != Reply::Kind::kMap) throw HarnessFailure("HELLO 3 gave " + describe(reply));
  return connection;
}

std::string ServerProcess::info(std::string_view section) const {
  return client()("INFO", section).text;
}

bool ServerProcess::log_has(std::string_view text, std::chrono::milliseconds limit) const {
  return eventually([&] { return log().find(text) != std::string::npos; }, limit);
}

pid_t ServerProcess::child() const {
  for (const auto& name : list_directory("/proc")) {
    if (name[0] >= '1' && name[0] <= '9' && parent_of(name) == pid_) return std::atoi(name.c_str());
  }
  return 0;
}

bool ServerProcess::running() {
  siginfo_t info{};
  return pid_ > 0 && ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void ServerProcess::signal(int number) const {
  ::kill(pid_, number);
}

int ServerProcess::wait_exit(std::chrono::milliseconds limit) {
  if (pid_ == 0) throw HarnessFailure("the server was not running");
  if (!eventually([&] { return !running(); }, limit))
    throw HarnessFailure("the server does not end; its log:\n" + log());
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int ServerProcess::terminate() {
  signal(SIGTERM);
  return wait_exit();
}

void ServerProcess::kill_hard() {
  signal(SIGKILL);
  wait_exit();
}

void ServerProcess::start_again() {
  launch();
}

void ServerProcess::start_again(std::vector<std::string> directives) {
  options_.directives = std::move(directives);
  launch();
}

std::string wait_for_save(const ServerProcess& server) {
  Client client = server.client();
  std::string info;
  const bool ended = eventually(
      [&] {
        info = client("INFO", "persistence").text;
        return info_field(info, "rdb_bgsave_in_progress") == "0";
      },
      std::chrono::seconds(60));
  if (!ended) throw HarnessFailure("the background save does not end");
  return info_field(info, "rdb_last_bgsave_status");
}

std::string background_save(const ServerProcess& server) {
  Client client = server.client();
  const Reply reply = client("BGSAVE");
  if (reply.is_error()) return reply.text;
  return wait_for_save(server);
}

void populate(const ServerProcess& server, int count, size_t bytes, const std::string& prefix) {
  Client client = server.client();
  Random random(static_cast<uint64_t>(count) * bytes + 1);
  std::string value(bytes, '\0');
  for (int i = 0; i < count; ++i) {
    for (char& c : value) c = static_cast<char>(random.below(256));
    client.append({"SET", prefix + std::to_string(i), value});
    if (i % 1000 == 999 || i + 1 == count) {
      for (int left = i % 1000; left >= 0; --left) {
        const Reply reply = client.read();
        if (!reply.is_ok()) throw HarnessFailure("SET gave " + describe(reply));
      }
    }
  }
}

namespace {

// A process may change the limits of another of the same user.
[[noreturn]] void change_limit_and_exit(uid_t user, pid_t pid, int resource, uint64_t soft) {
  rlimit limit{};
  const auto kind = static_cast<__rlimit_resource>(resource);
  if (::setgroups(0, nullptr) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0) ::_exit(1);
  if (::prlimit(pid, kind, nullptr, &limit) != 0) ::_exit(2);
  limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
  ::_exit(::prlimit(pid, kind, &limit, nullptr) == 0 ? 0 : 3);
}

}  // namespace

void change_soft_limit(const ServerProcess& server, int resource, uint64_t soft) {
  const pid_t helper = ::fork();
  if (helper < 0) throw_errno("fork");
  if (helper == 0) change_limit_and_exit(kUnprivilegedUser, server.pid(), resource, soft);
  int status = 0;
  ::waitpid(helper, &status, 0);
  if (status != 0) throw HarnessFailure(fmt::format("prlimit on the server failed, status {}", status));
}

bool may_change_user() {
  return ::geteuid() == 0;
}

}  // namespace cowslip::testing
