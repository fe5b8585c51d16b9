// Saving that fails: a clear error, the old snapshot untouched, nothing left behind, the server alive and saving again
// once the cause is gone.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

void expect_failure_is_told(const ServerProcess& server) {
  const std::string info = server.info("persistence");
  EXPECT_EQ(info_field(info, "rdb_last_bgsave_status"), "err");
  EXPECT_EQ(info_number(info, "rdb_bgsave_in_progress"), 0);
  EXPECT_EQ(server.client()("ECHO", "alive"), Reply::bulk("alive"));  // PING tells of the trouble, as Redis's does
}

void expect_no_temporary_file(const std::string& directory) {
  for (const auto& name : list_directory(directory)) EXPECT_EQ(name.find("temp"), std::string::npos) << name;
}

TEST(SaveFailure, MissingFolderStopsWritesUntilASaveSucceeds) {
  const ServerProcess server({.directives = {"--save", "3600", "1000000"}});
  Client client = server.client();
  const std::string folder = server.file("data");
  ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
  ASSERT_TRUE(client("CONFIG", "SET", "dir", folder).is_ok());
  ASSERT_TRUE(client("SET", "k", "v").is_ok());
  ASSERT_EQ(::rmdir(folder.c_str()), 0);
  EXPECT_EQ(background_save(server), "err");
  expect_failure_is_told(server);
  EXPECT_TRUE(server.log_has("No such file or directory"));

  EXPECT_TRUE(client("SET", "k", "w").text.starts_with("MISCONF "));
  EXPECT_TRUE(client("PING").text.starts_with("MISCONF "));
  EXPECT_EQ(client("GET", "k"), Reply::bulk("v"));
  ASSERT_TRUE(client("CONFIG", "SET", "stop-writes-on-bgsave-error", "no").is_ok());
  EXPECT_TRUE(client("SET", "k", "w").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes").is_ok());
  EXPECT_TRUE(client("SAVE").is_error());

  ASSERT_TRUE(client("CONFIG", "SET", "dir", server.directory()).is_ok());
  EXPECT_EQ(background_save(server), "ok");
  EXPECT_TRUE(client("SET", "k", "x").is_ok());
}

TEST(SaveFailure, ShutdownThatCannotSaveIsRefused) {
  ServerProcess server({.directives = {"--save", "3600", "1"}});
  Client client = server.client();
  const std::string folder = server.file("data");
  ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
  ASSERT_TRUE(client("CONFIG", "SET", "dir", folder).is_ok());
  ASSERT_TRUE(client("SET", "k", "v").is_ok());
  ASSERT_EQ(::rmdir(folder.c_str()), 0);
  EXPECT_EQ(client("SHUTDOWN"), Reply::error("ERR Errors trying to SHUTDOWN. Check logs."));
  EXPECT_EQ(client("GET", "k"), Reply::bulk("v"));
  EXPECT_EQ(client("SHUTDOWN", "FORCE").kind, Reply::Kind::kClosed);
  EXPECT_EQ(server.wait_exit(), 0);
}

TEST(SaveFailure, FileSizeLimitLeavesTheOldSnapshot) {
  const ServerProcess server({.limits = {{RLIMIT_FSIZE, 2 << 20}}});
  populate(server, 100, 1000);
  ASSERT_EQ(background_save(server), "ok");
  const std::string old_file = read_file(server.snapshot_path());
  populate(server, 5000, 1000);
  EXPECT_EQ(background_save(server), "err");
  expect_failure_is_told(server);
  EXPECT_EQ(read_file(server.snapshot_path()), old_file);
  expect_no_temporary_file(server.directory());
  EXPECT_TRUE(server.client()("SAVE").is_error());
  EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
  EXPECT_EQ(read_file(server.snapshot_path()), old_file);
  expect_no_temporary_file(server.directory());
}

// A file system of a few megabytes that nobody outside this process (and its servers) sees.
bool mount_small_disk(const std::string& path) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mkdir(path.c_str(), 0755) == 0 && ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=2m") == 0;
}

TEST(SaveFailure, FullDisk) {
  const TempDir place;
  const std::string disk = place.file("disk");
  if (!mount_small_disk(disk)) GTEST_SKIP() << "needs the right to mount a file system";
  {
    const ServerProcess server({.directives = {"--dir", disk}});
    populate(server, 100, 1000);
    ASSERT_EQ(background_save(server), "ok");
    const std::string old_file = read_file(disk + "/dump.rdb");
    populate(server, 5000, 1000);
    EXPECT_EQ(background_save(server), "err");
    expect_failure_is_told(server);
    EXPECT_TRUE(server.log_has("No space left on device"));
    EXPECT_EQ(read_file(disk + "/dump.rdb"), old_file);
    expect_no_temporary_file(disk);
    server.client()("FLUSHALL");
    EXPECT_EQ(background_save(server), "ok");
  }
  ::umount(disk.c_str());
}

TEST(SaveFailure, ReadOnlyFolder) {
  if (!may_change_user()) GTEST_SKIP() << "needs root, to start the server as a user whom permissions hold";
  const ServerProcess server({.run_as = kUnprivilegedUser});
  populate(server, 100, 100);
  ASSERT_EQ(background_save(server), "ok");
  const std::string old_file = read_file(server.snapshot_path());
  ASSERT_EQ(::chmod(server.directory().c_str(), 0555), 0);
  EXPECT_EQ(background_save(server), "err");
  expect_failure_is_told(server);
  EXPECT_TRUE(server.log_has("Permission denied"));
  EXPECT_EQ(read_file(server.snapshot_path()), old_file);
  ASSERT_EQ(::chmod(server.directory().c_str(), 0755), 0);
  EXPECT_EQ(background_save(server), "ok");
}

TEST(SaveFailure, ForkIsRefused) {
  if (!may_change_user()) GTEST_SKIP() << "needs root, to start the server as a user whom RLIMIT_NPROC holds";
  const ServerProcess server({.run_as = kUnprivilegedUser});
  populate(server, 100, 100);
  ASSERT_EQ(background_save(server), "ok");  // also starts whatever threads a save needs
  change_soft_limit(server, RLIMIT_NPROC, 0);
  EXPECT_TRUE(server.client()("BGSAVE").is_error());
  expect_failure_is_told(server);
  EXPECT_TRUE(server.log_has("Resource temporarily unavailable"));
  change_soft_limit(server, RLIMIT_NPROC, UINT64_MAX);
  EXPECT_EQ(background_save(server), "ok");
}

TEST(SaveFailure, KilledChild) {
  const ServerProcess server;
  populate(server, 100, 100);
  ASSERT_EQ(background_save(server), "ok");
  const std::string old_file = read_file(server.snapshot_path());
  ASSERT_TRUE(server.client()("CONFIG", "SET", "rdb-key-save-delay", "1000000").is_ok());
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return server.child() != 0; }));
  ::kill(server.child(), SIGKILL);
  EXPECT_EQ(wait_for_save(server), "err");
  expect_failure_is_told(server);
  EXPECT_TRUE(server.log_has("Background saving terminated by signal 9"));
  EXPECT_EQ(read_file(server.snapshot_path()), old_file);
  expect_no_temporary_file(server.directory());
}

TEST(SaveFailure, AutomaticSaveIsTriedAgain) {
  const ServerProcess server({.directives = {"--save", "1", "1"}});
  Client client = server.client();
  const std::string folder = server.file("data");
  ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
  ASSERT_TRUE(client("CONFIG", "SET", "dir", folder).is_ok());
  ASSERT_EQ(::rmdir(folder.c_str()), 0);
  client("SET", "k", "v");
  EXPECT_TRUE(eventually([&] { return info_field(server.info("persistence"), "rdb_last_bgsave_status") == "err"; }));
  ASSERT_TRUE(client("CONFIG", "SET", "dir", server.directory()).is_ok());
  // Redis waits five seconds before it tries again.
  EXPECT_TRUE(eventually([&] { return info_field(server.info("persistence"), "rdb_last_bgsave_status") == "ok"; },
                         std::chrono::seconds(30)));
  EXPECT_TRUE(file_exists(server.snapshot_path()));
}

}  // namespace
}  // namespace cowslip::testing
