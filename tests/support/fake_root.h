// A folder that stands for "/": code that reads the system's files under a root of its choice finds there what a test
// wrote. Header only, so that unit tests need no further library.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cowslip::testing {

class FakeRoot {
 public:
  FakeRoot() {
    std::string name = (std::filesystem::temp_directory_path() / "cowslip-root-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~FakeRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  const std::string& path() const { return path_; }
  // `name` begins with a slash, and its folders are made. Overwrites.
  void write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = path_ + std::string(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void remove(std::string_view name) const { std::filesystem::remove_all(path_ + std::string(name)); }

 private:
  std::string path_;
};

}  // namespace cowslip::testing
