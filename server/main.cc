// cowslip-server [file] [--directive value ...]
//
// Reads the settings, prepares the process (folder, log, daemon, pidfile), and runs a Server. The only place that ends
// the process.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "memory/heap.h"
#include "server/config_store.h"
#include "server/server.h"
#include "server/system_report.h"

namespace cowslip::server {

namespace {

constexpr std::string_view kUsage =
    "Usage: cowslip-server [/path/to/cowslip.conf] [options] [-]\n"
    "       cowslip-server - (read config from stdin)\n"
    "       cowslip-server -v or --version\n"
    "       cowslip-server -h or --help\n"
    "       cowslip-server --check-system [/path/to/cowslip.conf] [options] (look for what hinders background saves)\n"
    "\n"
    "Examples:\n"
    "       cowslip-server (run the server with default conf)\n"
    "       echo 'maxmemory 128mb' | cowslip-server -\n"
    "       cowslip-server /etc/cowslip/6379.conf\n"
    "       cowslip-server --port 7777\n"
    "       cowslip-server --port 7777 --save ''\n"
    "       cowslip-server /etc/mycowslip.conf --loglevel verbose -\n";

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

// The options that only print something. True when one of them was there.
bool answer_question(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return false;
  if (arguments[0] == "-v" || arguments[0] == "--version") {
    print(stdout, fmt::format("Cowslip server v={} malloc={} bits={}\n", COWSLIP_VERSION, memory::heap_name(),
                              sizeof(void*) * CHAR_BIT));
    return true;
  }
  if (arguments[0] == "-h" || arguments[0] == "--help") {
    print(stdout, kUsage);
    return true;
  }
  return false;
}

std::string own_path(const char* name) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string(name) : path.string();
}

// Leaves the terminal. The parent ends here, with status 0.
void become_daemon() {
  if (fork() != 0) _exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  if (null > STDERR_FILENO) close(null);
}

// A file with the process's id, as long as it runs.
class PidFile {
 public:
  PidFile(std::string path, Logger& log) : path_(std::move(path)), log_(log) {
    if (path_.empty()) return;
    std::FILE* file = std::fopen(path_.c_str(), "w");
    if (file == nullptr) {
      log_.warning("Failed to write PID file: {}", std::strerror(errno));
      path_.clear();
      return;
    }
    fmt::print(file, "{}\n", getpid());
    std::fclose(file);
  }
  ~PidFile() {
    if (path_.empty()) return;
    log_.notice("Removing the pid file.");
    unlink(path_.c_str());
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
  Logger& log_;
};

bool open_log(const ServerConfig& config, Logger& log) {
  log.set_level(config.loglevel);
  const Status opened = log.set_file(config.logfile);
  if (opened) return true;
  print(stderr, fmt::format("Can't open the log file: {}\n", opened.error().message));
  return false;
}

void log_start(const ConfigStore& settings, const Logger& log, const std::string& executable) {
  log.notice("oO0OoO0OoO0Oo Cowslip is starting oO0OoO0OoO0Oo");
  log.notice("Cowslip version={}, bits={}, pid={}, just started", COWSLIP_VERSION, sizeof(void*) * CHAR_BIT, getpid());
  if (settings.file().empty()) {
    log.warning(
        "Warning: no config file specified, using the default config. In order to specify a config file use {} "
        "/path/to/cowslip.conf",
        executable);
  } else {
    log.notice("Configuration loaded");
  }
  log.notice("Running mode=standalone, port={}.", settings.values().port);
}

int run(std::vector<std::string> arguments, const char* name) {
  const std::string executable = own_path(name);
  const bool only_check = std::erase(arguments, "--check-system") != 0;
  ConfigStore settings;
  if (const Status loaded = settings.load(arguments); !loaded) {
    print(stderr, loaded.error().message);
    if (!loaded.error().message.ends_with('\n')) print(stderr, "\n");
    return 1;
  }
  const ServerConfig& config = settings.values();
  if (only_check) return print_system_report(config);
  Logger log;
  if (!open_log(config, log)) return 1;
  if (config.daemonize) become_daemon();
  log_start(settings, log, name);

  const std::string default_pidfile = config.daemonize ? "/var/run/redis.pid" : "";
  const PidFile pidfile(config.pidfile.empty() ? default_pidfile : config.pidfile, log);
  const SystemClock clock;
  Server server(settings, LaunchInfo{.executable = executable}, log, clock);
  return server.run();
}

}  // namespace

}  // namespace cowslip::server

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (cowslip::server::answer_question(arguments)) return 0;
  return cowslip::server::run(arguments, argv[0]);
}
