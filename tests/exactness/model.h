// What a server's dataset has to be: a small Redis that knows every reply beforehand.
//
// Commands of one connection are executed in order, so the model at the moment a command is sent is the dataset at the
// moment the server executes it. Only time is not the sender's: keys whose name begins with "mortal:" may expire while
// the test runs. They are only set and deleted, which comes to the same whether they are still there or not, and stay
// in the model until that happens.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tests/support/connection.h"

namespace cowslip::testing {

inline constexpr int64_t kNever = -1;
inline constexpr int kDatabases = 16;
inline constexpr std::string_view kMortalPrefix = "mortal:";

// What an aggregate holds: a list its elements; a set members, a hash fields with values, a sorted set members with
// scores.
struct Elements {
  std::deque<std::string> list;
  std::map<std::string, std::string> pairs;
};

struct Value {
  std::string type = "string";
  std::string text = {};                    // of a string
  std::shared_ptr<Elements> elements = {};  // of the others; may be another's as well
  int64_t expire_at_ms = kNever;
  int64_t slack_ms = 0;  // how much later it may be: EXPIRE counts from when the server gets to it

  // All of it as one text (support/rdb_tools.h), by which two are compared.
  std::string whole() const;
};
using Keys = std::unordered_map<std::string, Value>;
using Contents = std::array<Keys, kDatabases>;

size_t key_count(const Contents& contents);
int64_t unix_ms();

class Model {
 public:
  // Executes it and returns the reply. REQUIRES: a command of the table in model.cc, with arguments that are right.
  Reply apply(const Arguments& command);

  const Contents& contents() const { return contents_; }
  const Keys& keys() const { return contents_[selected_]; }
  int selected() const { return static_cast<int>(selected_); }

 private:
  struct Handlers;

  Keys& keys() { return contents_[selected_]; }
  void put(const std::string& key, std::string text) { keys()[key] = {.text = std::move(text)}; }

  Contents contents_;
  size_t selected_ = 0;
};

}  // namespace cowslip::testing
