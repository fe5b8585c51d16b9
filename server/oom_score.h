// The standing of the server and its saving child with the kernel's out-of-memory killer: the directives oom-score-adj
// and oom-score-adj-values. (The child gives itself its score, see persistence/save_child.)
//
// Source of the scale: proc(5), /proc/PID/oom_score_adj, -1000 (never) to 1000 (first). Lowering it below what the
// process was started with takes CAP_SYS_RESOURCE. Event loop only.
#pragma once

#include <string>

#include "base/error.h"
#include "server/config.h"

namespace cowslip::server {

class OomScore {
 public:
  // Remembers what the process was started with: what "relative" counts from, and what "no" goes back to.
  explicit OomScore(std::string path = "/proc/self/oom_score_adj");

  // What this setting comes to.
  int score(OomScoreMode mode, int value) const;
  // The same of a saving child; with "no" it is the highest all the same.
  int of_child(const ServerConfig& config) const;

  // Puts the server's setting into effect. kIo when the kernel refuses.
  Status apply(OomScoreMode mode, int value);

 private:
  std::string path_;
  int at_start_ = 0;
  bool changed_ = false;
};

}  // namespace cowslip::server
