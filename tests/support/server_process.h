// A server under test: started in a folder of its own on a free loopback port, watched, killed and started again.
//
// The object owns the process and its forked children. Whatever happens to the test, the destructor kills them (and the
// kernel kills the server if the test itself dies), and the folder goes with it. Use from one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/connection.h"
#include "tests/support/harness.h"

namespace cowslip::testing {

// The binary under test: $COWSLIP_SERVER, or the one of this build.
std::string cowslip_binary();
inline constexpr const char* kRedisBinary = "redis-server";

struct ServerOptions {
  // Command-line directives, {"--save", ""}. Port, folder and "no save points" are set unless named here.
  std::vector<std::string> directives = {};
  std::string binary = {};                   // empty: cowslip_binary()
  std::string config_text = {};              // not empty: written to cowslip.conf in the folder, passed first
  std::optional<std::string> snapshot = {};  // bytes of a dump.rdb to start with
  bool unix_socket = false;                  // listen on a Unix socket only
  enum class Wait { kLoaded, kAnswering, kNothing } wait = Wait::kLoaded;
  std::map<int, uint64_t> limits = {};  // RLIMIT_... -> soft and hard limit
  std::optional<uid_t> run_as = {};     // drop to this user (the test runs as root); it gets a copy of the binary
  std::set<int> refused_advice = {};    // MADV_... that the kernel refuses it (refused_advice.h)
  bool huge_pages_disabled = false;     // PR_SET_THP_DISABLE
};

class ServerProcess {
 public:
  // Starts and waits as `options.wait` says. Throws HarnessFailure, with the log, when the server does not come up.
  explicit ServerProcess(ServerOptions options = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  pid_t pid() const { return pid_; }
  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& directory() const { return directory_.path(); }
  std::string file(std::string_view name) const { return directory_.file(name); }
  std::string snapshot_path() const { return file("dump.rdb"); }

  Client client() const { return Client(endpoint_); }
  Connection connection() const { return Connection(endpoint_); }
  // A connection that has switched to RESP3.
  Connection connection3() const;
  std::string info(std::string_view section = "everything") const;

  // All that the server has logged, over restarts as well.
  std::string log() const { return read_file(file("server.log")); }
  bool log_has(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

  // The forked child, 0 when there is none.
  pid_t child() const;
  bool running();
  void signal(int number) const;
  // How it ended: the exit status, or -signal. Waits; throws when it does not end in time.
  int wait_exit(std::chrono::milliseconds limit = std::chrono::seconds(30));
  int terminate();   // SIGTERM and wait_exit
  void kill_hard();  // SIGKILL to the server alone, as an OOM killer does; its children live on
  // Starts it again in the same folder on the same port, with other directives if given. REQUIRES: it has ended.
  void start_again();
  void start_again(std::vector<std::string> directives);

 private:
  void lend_binary();
  void launch();
  void wait_ready();
  bool answers(bool must_be_loaded);
  void kill_all();
  std::vector<std::string> command_line() const;
  [[noreturn]] void become_server(const std::vector<std::string>& arguments) const;

  ServerOptions options_;
  TempDir directory_;
  Endpoint endpoint_;
  pid_t pid_ = 0;              // 0: not running
  std::vector<pid_t> groups_;  // one process group for each start, which its forked children share
};

// Waits until no background save runs. Returns rdb_last_bgsave_status.
std::string wait_for_save(const ServerProcess& server);
// BGSAVE, and wait_for_save().
std::string background_save(const ServerProcess& server);

// Sets `count` keys, "<prefix>0" and so on, to incompressible values of `bytes` bytes.
void populate(const ServerProcess& server, int count, size_t bytes, const std::string& prefix = "key:");

// A user to run servers as whom limits and permissions hold. Skips are decided by the test: true when we are root.
inline constexpr uid_t kUnprivilegedUser = 65534;
bool may_change_user();
// Sets the soft limit RLIMIT_... of a running server (to the hard one at most). REQUIRES: it runs as kUnprivilegedUser.
void change_soft_limit(const ServerProcess& server, int resource, uint64_t soft);

}  // namespace cowslip::testing
