#include "server/timed_file_system.h"

#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

// Everything takes as long as it says, and fails when told to.
class SlowFiles final : public FileSystem {
 public:
  class File final : public WritableFile {
   public:
    explicit File(SlowFiles& files) : files_(files) {}
    Status append(std::string_view data) override { return files_.take(data.size()); }
    Status sync() override { return files_.take(3'000); }
    void start_writeback(uint64_t, uint64_t) override {}
    Status finish_writeback(uint64_t, uint64_t) override { return {}; }
    void drop_cache(uint64_t, uint64_t) override {}
    Status close() override { return files_.take(50); }

   private:
    SlowFiles& files_;
  };

  Result<std::unique_ptr<WritableFile>> create(const std::string&) override { return std::make_unique<File>(*this); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string&) override { return fail(ErrorCode::kNotFound, "none"); }
  Status rename(const std::string&, const std::string&) override { return take(700); }
  Status remove(const std::string&) override { return take(60); }
  Status sync_directory(const std::string&) override { return take(400); }
  Result<std::vector<std::string>> list(const std::string&) override { return std::vector<std::string>{}; }

  Status take(int64_t us) {
    clock.advance_us(us);
    return failing ? fail(ErrorCode::kIo, "broken") : Status();
  }

  ManualClock clock;
  bool failing = false;
};

TEST(TimedFileSystem, TellsSyncAndRenameFromTheRest) {
  SlowFiles slow;
  TimedFileSystem files(slow, slow.clock);
  auto file = files.create("a");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE((*file)->append("12345").has_value());
  EXPECT_TRUE((*file)->sync().has_value());
  EXPECT_TRUE((*file)->close().has_value());
  EXPECT_TRUE(files.rename("a", "b").has_value());
  EXPECT_TRUE(files.sync_directory(".").has_value());
  EXPECT_TRUE(files.remove("b").has_value());
  EXPECT_EQ(files.fsync_us(), 3'400);
  EXPECT_EQ(files.rename_us(), 700);
}

TEST(TimedFileSystem, PassesFailuresOn) {
  SlowFiles slow;
  TimedFileSystem files(slow, slow.clock);
  auto file = files.create("a");
  ASSERT_TRUE(file.has_value());
  slow.failing = true;
  EXPECT_FALSE((*file)->sync().has_value());
  EXPECT_FALSE(files.rename("a", "b").has_value());
  EXPECT_FALSE(files.sync_directory(".").has_value());
  EXPECT_FALSE(files.open("a").has_value());
  EXPECT_EQ(files.fsync_us(), 3'400);
}

}  // namespace
}  // namespace cowslip::server
