#include "persistence/background_save.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "persistence/rdb_loader.h"
#include "persistence/snapshot_file.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

using testing::eventually;
using testing::file_exists;
using testing::list_directory;
using testing::read_file;

class FailingForker final : public Forker {
 public:
  pid_t fork() override {
    errno = os_errno;
    return -1;
  }
  int os_errno = 0;
};

class BackgroundSaveTest : public ::testing::Test {
 protected:
  BackgroundSaveTest() {
    EXPECT_TRUE(log_.set_file(log_path_).has_value());
    for (int i = 0; i < 1000; i++) set(*keyspace_, 0, "key:" + std::to_string(i), "value:" + std::to_string(i));
    keyspace_->set_dirty(1000);
  }

  SaveRequest request(int64_t key_delay_us = 0) const {
    return {.target = FileTarget{path_},
            .options = {.key_save_delay_us = key_delay_us, .now_ms = kTestNowMs},
            .reason = "a test"};
  }

  // Serves the save as an event loop does, until it has ended.
  SaveOutcome finish(BackgroundSave& save) {
    std::optional<SaveOutcome> outcome;
    EXPECT_TRUE(eventually([&] {
      save.on_report();
      outcome = save.poll();
      return outcome.has_value();
    }));
    EXPECT_FALSE(save.running());
    EXPECT_EQ(save.report_fd(), -1);
    return outcome.value_or(SaveOutcome{});
  }

  // A child that is in the middle of its work.
  void start_slow(BackgroundSave& save) {
    ASSERT_TRUE(save.start(request(2000)).has_value());
    ASSERT_TRUE(eventually([&] {
      save.on_report();
      return save.state().current_save_keys_processed > 10;
    }));
    EXPECT_TRUE(file_exists(temporary_path_for(path_, save.child_pid())));
  }

  bool log_has(std::string_view text) const { return read_file(log_path_).find(text) != std::string::npos; }

  testing::TempDir folder_;
  testing::TempDir log_folder_;
  const std::string path_ = folder_.file("dump.rdb");
  const std::string log_path_ = log_folder_.file("log");
  std::unique_ptr<store::Keyspace> keyspace_ = make_keyspace();
  SystemClock clock_;
  Logger log_;
  testing::FaultyFileSystem files_;
};

TEST_F(BackgroundSaveTest, SavesTheDatasetAsItWas) {
  const Facts before = facts_of(*keyspace_);
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  ASSERT_TRUE(save.start(request()).has_value());
  const pid_t child = save.child_pid();
  EXPECT_TRUE(save.running());
  EXPECT_EQ(save.start(request()).error().code, ErrorCode::kBusy);
  keyspace_->flush_all(false);  // after the fork: of no concern to the child
  const SaveOutcome outcome = finish(save);
  EXPECT_TRUE(outcome.ok) << outcome.error->message;
  EXPECT_EQ(outcome.changes_at_start, 1000u);
  EXPECT_EQ(outcome.exit_code, 0);

  auto loaded = make_keyspace();
  ASSERT_TRUE(load_rdb(*loaded, files_, path_, {.now_ms = kTestNowMs}).has_value());
  expect_equal(facts_of(*loaded), before);
  EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"dump.rdb"});
  EXPECT_TRUE(log_has("* Background saving started by pid " + std::to_string(child)));
  EXPECT_TRUE(log_has(std::to_string(child) + ":C "));
  EXPECT_TRUE(log_has("* DB saved on disk"));
  EXPECT_TRUE(log_has("* Fork CoW for RDB: current "));
  EXPECT_TRUE(log_has("* Background saving terminated with success"));
}

TEST_F(BackgroundSaveTest, StateAfterSuccess) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  EXPECT_EQ(save.state().last_outcome, "none");
  ASSERT_TRUE(save.start(request()).has_value());
  EXPECT_EQ(save.state().last_outcome, "running");
  (void)finish(save);
  const SnapshotState& state = save.state();
  EXPECT_FALSE(state.running);
  EXPECT_TRUE(state.last_bgsave_ok);
  EXPECT_EQ(state.saves, 1u);
  EXPECT_EQ(state.total_forks, 1u);
  EXPECT_GT(state.latest_fork_us, 0);
  EXPECT_GT(state.last_cow_size, 0u);
  EXPECT_EQ(state.current_cow_size, 0u);
  EXPECT_GE(state.last_bgsave_seconds, 0);
  EXPECT_NEAR(static_cast<double>(state.last_save_unix_s), static_cast<double>(clock_.unix_ms() / 1000), 2);
  EXPECT_EQ(state.last_outcome, "ok");
  EXPECT_EQ(state.last_reason, "a test");
  save.note_foreground_save(true);
  EXPECT_EQ(save.state().saves, 2u);
  save.reset_statistics();
  EXPECT_EQ(save.state().total_forks, 0u);
}

TEST_F(BackgroundSaveTest, ProgressWhileItRuns) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  ASSERT_TRUE(save.start(request(1000)).has_value());
  EXPECT_EQ(save.state().current_save_keys_total, 1000u);
  uint64_t last = 0, steps = 0;
  EXPECT_TRUE(eventually([&] {
    save.on_report();
    const uint64_t keys = save.state().current_save_keys_processed;
    if (keys > last) steps++;
    last = keys;
    EXPECT_EQ(save.state().current_fork_percent, static_cast<double>(keys) / 10);
    return steps >= 5 && keys == 1000;
  }));
  EXPECT_TRUE(finish(save).ok);
  EXPECT_EQ(save.state().current_save_keys_processed, 0u) << "nothing is being saved any more";
}

TEST_F(BackgroundSaveTest, AKilledChildLeavesTheOldSnapshotAndNoTrace) {
  testing::write_file(path_, "the old snapshot");
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  start_slow(save);
  ::kill(save.child_pid(), SIGKILL);
  const SaveOutcome outcome = finish(save);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_FALSE(outcome.cancelled);
  EXPECT_FALSE(save.state().last_bgsave_ok);
  EXPECT_EQ(save.state().last_outcome, "killed");
  EXPECT_EQ(outcome.error_words(), "signal 9");
  EXPECT_GE(outcome.unlink_us, 0);
  EXPECT_GT(outcome.cow.last.measured_at_us, 0);
  EXPECT_EQ(read_file(path_), "the old snapshot");
  EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"dump.rdb"});
  EXPECT_TRUE(log_has("# Background saving terminated by signal 9"));
}

TEST_F(BackgroundSaveTest, WhereTheOomKillerStruckItIsSaid) {
  for (const uint64_t kills : {1, 3}) {
    BackgroundSave save(
        {*keyspace_, keyspace_->chunks(), files_, clock_, log_, real_forker(), [kills] { return kills; }});
    start_slow(save);
    ::kill(save.child_pid(), SIGKILL);
    EXPECT_EQ(finish(save).oom_kills, kills);
    const std::string text = std::string("signal 9; the kernel's OOM killer struck in its control group ") +
                             (kills == 1 ? "once meanwhile" : "3 times meanwhile");
    EXPECT_EQ(save.state().last_error, text);
    EXPECT_EQ(save.state().last_outcome, "killed");
    EXPECT_TRUE(log_has("# Background saving terminated by " + text));
    start_slow(save);
    save.stop("a test");
    EXPECT_EQ(finish(save).oom_kills, 0u) << "that was us";
    EXPECT_FALSE(save.state().last_error.contains("OOM killer"));
  }
}

TEST_F(BackgroundSaveTest, AKilledChildLeavesNoTraceWhenTheParentChangedItsFolder) {
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  SaveRequest relative = request(2000);
  relative.target = FileTarget{"dump.rdb"};
  ASSERT_TRUE(save.start(relative).has_value());
  std::filesystem::current_path(here);
  ASSERT_TRUE(eventually([&] { return file_exists(temporary_path_for(path_, save.child_pid())); }));
  ::kill(save.child_pid(), SIGKILL);
  (void)finish(save);
  EXPECT_TRUE(list_directory(folder_.path()).empty());
}

TEST_F(BackgroundSaveTest, ACancelledChildReportsAndCleansUp) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  start_slow(save);
  save.cancel();
  const SaveOutcome outcome = finish(save);
  EXPECT_TRUE(outcome.cancelled);
  EXPECT_EQ(outcome.unlink_us, -1) << "the child has removed its file itself";
  EXPECT_EQ(outcome.exit_code, 255);
  EXPECT_GT(outcome.cow.last.copied_bytes, 0u);
  EXPECT_TRUE(save.state().last_bgsave_ok) << "a save that was called off is no failure";
  EXPECT_EQ(save.state().last_outcome, "cancelled");
  EXPECT_EQ(outcome.error_words(), "");
  EXPECT_EQ(save.state().last_error, "");
  EXPECT_TRUE(list_directory(folder_.path()).empty());
}

TEST_F(BackgroundSaveTest, CancelledInsideOneLongSleep) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  ASSERT_TRUE(save.start(request(1'000'000'000)).has_value());
  auto outcome = save.cancel_and_wait();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->cancelled);
  EXPECT_FALSE(save.cancel_and_wait().has_value());
}

TEST_F(BackgroundSaveTest, AStoppedChildIsKilledAfterAWhile) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  start_slow(save);
  ::kill(save.child_pid(), SIGSTOP);
  auto outcome = save.cancel_and_wait();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->cancelled);
  EXPECT_EQ(outcome->signal, SIGKILL);
  EXPECT_TRUE(list_directory(folder_.path()).empty());
}

TEST_F(BackgroundSaveTest, ForkFailures) {
  FailingForker forker;
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_, forker});
  forker.os_errno = EAGAIN;
  Status status = save.start(request());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message, "Can't save in background: fork: Resource temporarily unavailable");
  EXPECT_EQ(status.error().os_errno, EAGAIN);
  forker.os_errno = ENOMEM;
  EXPECT_EQ(save.start(request()).error().message, "Can't save in background: fork: Cannot allocate memory");
  EXPECT_FALSE(save.running());
  EXPECT_FALSE(save.state().last_bgsave_ok);
  EXPECT_EQ(save.state().total_forks, 0u);
  EXPECT_GT(save.state().last_attempt_unix_ms, 0);
  EXPECT_TRUE(log_has("# Can't save in background: fork: Cannot allocate memory"));
}

TEST_F(BackgroundSaveTest, AFullDiskIsSaidInTheChildsWords) {
  testing::write_file(path_, "the old snapshot");
  files_.faults.write_limit_bytes = 1000;
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  ASSERT_TRUE(save.start(request()).has_value());
  const SaveOutcome outcome = finish(save);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.exit_code, 1);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->os_errno, ENOSPC);
  EXPECT_NE(outcome.error->message.find("No space left on device"), std::string::npos) << outcome.error->message;
  EXPECT_GT(outcome.cow.last.copied_bytes, 0u) << "a failed save has its price, too";
  EXPECT_EQ(read_file(path_), "the old snapshot");
  EXPECT_EQ(list_directory(folder_.path()).size(), 1u);
  EXPECT_TRUE(log_has("# Background saving error"));
  EXPECT_TRUE(log_has("No space left on device"));
  files_.faults = {};
  ASSERT_TRUE(save.start(request()).has_value());
  EXPECT_TRUE(finish(save).ok) << "the next save is a new chance";
  EXPECT_TRUE(save.state().last_bgsave_ok);
}

TEST_F(BackgroundSaveTest, EveryStepThatFailsLeavesTheOldSnapshot) {
  testing::write_file(path_, "the old snapshot");
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  for (int testing::FileFaults::* fault :
       {&testing::FileFaults::create_errno, &testing::FileFaults::sync_errno, &testing::FileFaults::rename_errno}) {
    files_.faults = {};
    files_.faults.*fault = EIO;
    ASSERT_TRUE(save.start(request()).has_value());
    const SaveOutcome outcome = finish(save);
    ASSERT_TRUE(outcome.error.has_value());
    EXPECT_EQ(outcome.error->os_errno, EIO);
    EXPECT_EQ(read_file(path_), "the old snapshot");
    EXPECT_EQ(list_directory(folder_.path()).size(), 1u);
  }
}

TEST_F(BackgroundSaveTest, SomebodyElseReapedTheChild) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  ASSERT_TRUE(save.start(request()).has_value());
  ASSERT_EQ(::waitpid(save.child_pid(), nullptr, 0), save.child_pid());
  const SaveOutcome outcome = finish(save);
  EXPECT_TRUE(outcome.ok) << "its last report said so";
}

// What the child's /proc folder says while it lives.
std::string proc_text(pid_t pid, const std::string& name) {
  return read_file("/proc/" + std::to_string(pid) + "/" + name);
}

TEST_F(BackgroundSaveTest, TheChildIsAChildOfItsOwn) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  start_slow(save);
  const pid_t child = save.child_pid();
  EXPECT_EQ(proc_text(child, "comm"), "cowslip-rdb-bgs\n") << "15 characters are all that the kernel keeps";
  EXPECT_EQ(proc_text(child, "oom_score_adj"), "1000\n");
  theirs.reset();
  pollfd hung_up{ours.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&hung_up, 1, 5000), 1) << "the child must not hold other people's connections open";
  ::kill(child, SIGTERM);
  ::kill(child, SIGINT);
  ::kill(child, SIGHUP);
  EXPECT_TRUE(finish(save).ok) << "signals for the whole group are the parent's business";
}

TEST_F(BackgroundSaveTest, StreamsToASocket) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  for (int i = 0; i < 1000; i++) set(*keyspace_, 1, std::to_string(i), std::string(1000, static_cast<char>(i)));
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  SaveRequest stream = request();
  stream.target = SocketTarget{.fd = theirs.get()};
  stream.options.compression = false;
  ASSERT_TRUE(save.start(stream).has_value());
  EXPECT_TRUE(save.state().to_socket);
  theirs.reset();
  std::string got;
  char buffer[65536];
  for (pollfd readable{ours.get(), POLLIN, 0}; ::poll(&readable, 1, 20'000) == 1;) {
    const ssize_t n = ::read(ours.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    got.append(buffer, static_cast<size_t>(n));
  }
  const SaveOutcome outcome = finish(save);
  EXPECT_TRUE(outcome.ok);
  EXPECT_TRUE(outcome.to_socket);
  EXPECT_EQ(save.state().saves, 0u) << "nothing was saved on disk";

  ASSERT_TRUE(got.starts_with("$EOF:"));
  const std::string mark = got.substr(5, 40);
  ASSERT_EQ(got.substr(45, 2), "\r\n");
  ASSERT_TRUE(got.ends_with(mark));
  auto loaded = make_keyspace();
  MemorySource source(std::string_view(got).substr(47, got.size() - 87));
  ASSERT_TRUE(load_rdb(*loaded, source, 0, {.now_ms = kTestNowMs}).has_value());
  expect_equal(facts_of(*loaded), facts_of(*keyspace_));
  EXPECT_TRUE(log_has("Background RDB transfer terminated with success"));
}

TEST_F(BackgroundSaveTest, ACopyIsNotTheDatasetsSnapshot) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  const SnapshotState before = save.state();
  SaveRequest copy = request();
  copy.target = FileTarget{.path = folder_.file("copy.rdb"), .is_snapshot = false};
  ASSERT_TRUE(save.start(copy).has_value());
  EXPECT_TRUE(finish(save).ok);
  EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"copy.rdb"});
  EXPECT_EQ(save.state().saves, 0u) << "what will be removed again has saved nothing";
  EXPECT_EQ(save.state().last_save_unix_s, before.last_save_unix_s);
  EXPECT_EQ(save.state().last_bgsave_seconds, before.last_bgsave_seconds);
  EXPECT_EQ(save.state().last_attempt_unix_ms, before.last_attempt_unix_ms);

  copy.target = FileTarget{.path = folder_.file("missing/copy.rdb"), .is_snapshot = false};
  ASSERT_TRUE(save.start(copy).has_value());
  EXPECT_FALSE(finish(save).ok);
  EXPECT_TRUE(save.state().last_bgsave_ok) << "nor does its failure stop writes";
}

TEST_F(BackgroundSaveTest, AReceiverThatTakesNothingIsGivenUp) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  Random random(1);
  for (int i = 0; i < 3000; i++) set(*keyspace_, 1, std::to_string(i), random_text(random, 1000, false));
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  SaveRequest stream = request();
  stream.target = SocketTarget{.fd = theirs.get(), .stall_timeout_ms = 100};
  ASSERT_TRUE(save.start(stream).has_value());
  const SaveOutcome outcome = finish(save);
  EXPECT_FALSE(outcome.ok);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->os_errno, ETIMEDOUT) << outcome.error->message;
  EXPECT_TRUE(save.state().last_bgsave_ok) << "the disk is as good as it was";
}

TEST_F(BackgroundSaveTest, AReceiverThatHangsUpIsAnErrorAndNoSignal) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
  UniqueFd ours(sockets[0]), theirs(sockets[1]);
  ours.reset();
  BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
  SaveRequest stream = request();
  stream.target = SocketTarget{.fd = theirs.get()};
  ASSERT_TRUE(save.start(stream).has_value());
  const SaveOutcome outcome = finish(save);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.error->os_errno, EPIPE);
}

TEST_F(BackgroundSaveTest, TheChildDiesWithItsParent) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {  // a server in small
    BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
    const bool started = save.start(request(100'000)).has_value();
    const pid_t child = started ? save.child_pid() : 0;
    (void)!::write(report[1], &child, sizeof child);
    for (;;) ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_GT(child, 0);
  ASSERT_TRUE(eventually([&] { return file_exists(temporary_path_for(path_, child)); }));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(eventually([&] {
    const std::string status = proc_text(child, "status");
    return status.empty() || status.find("State:\tZ") != std::string::npos;
  }));
  EXPECT_TRUE(remove_stale_temporary_files(files_, folder_.path()).has_value());
  EXPECT_TRUE(list_directory(folder_.path()).empty()) << "the next start leaves nothing behind";
  ::close(report[0]);
  ::close(report[1]);
}

TEST_F(BackgroundSaveTest, DestroyedWhileAChildWorks) {
  pid_t child = 0;
  {
    BackgroundSave save({*keyspace_, keyspace_->chunks(), files_, clock_, log_});
    start_slow(save);
    child = save.child_pid();
  }
  EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), -1) << "it was waited for";
  EXPECT_TRUE(list_directory(folder_.path()).empty());
}

TEST_F(BackgroundSaveTest, ChildrenKilledAtRandomMomentsNeverPublishHalfAFile) {
  Random random(testing::announced_seed("BackgroundSave.KilledAtRandomMoments"));
  BackgroundSave save({*keyspace_, keyspace_->chunks(), real_file_system(), clock_, log_});
  for (int round = 0; round < 40; round++) {
    ASSERT_TRUE(save.start(request(round % 2 == 0 ? 0 : 10)).has_value());
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(8000)));
    ::kill(save.child_pid(), random.below(2) == 0 ? SIGKILL : SIGUSR1);
    (void)finish(save);
    for (const std::string& name : list_directory(folder_.path())) EXPECT_EQ(name, "dump.rdb");
    auto loaded = make_keyspace();
    auto report = load_rdb(*loaded, files_, path_, {.now_ms = kTestNowMs});
    if (report) {
      EXPECT_EQ(report->keys_loaded, 1000u);
    } else {
      EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
    }
  }
}

}  // namespace
}  // namespace cowslip::persistence
