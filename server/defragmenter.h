// Runs the evacuation of sparse chunks (store/evacuation.h) beside the clients: activedefrag.
//
// A slice of a fraction of a millisecond, then a rest, so that between active-defrag-cycle-min and -max percent of the
// time are spent: the more of the memory is holes (from active-defrag-threshold-lower to -upper percent), the more. In
// a save it rests. When there is nothing to do, ten times a second, it takes back the empty chunks that databases keep
// for their next key. Event loop only.
#pragma once

#include <cstdint>
#include <memory>

namespace cowslip::server {

class Server;

class Defragmenter {
 public:
  explicit Defragmenter(Server& server);
  ~Defragmenter();

  // Starts the timer; it runs as long as the loop does.
  void start();

  // A save has ended: its holes may be used now. A slice is run at once, since the next save may begin at any time.
  void on_save_end();

  // Percent of the time at present; 0 when there is nothing to do (active_defrag_running).
  int64_t running_percent() const { return running_percent_; }
  int64_t total_us() const { return total_us_; }      // time spent, ever
  int64_t current_us() const { return current_us_; }  // since there was last nothing to do

 private:
  struct Timer;

  void schedule(int64_t rest_us);
  int64_t run_slice();
  int64_t effort_percent() const;

  Server& server_;
  std::unique_ptr<Timer> timer_;
  int64_t running_percent_ = 0;
  int64_t total_us_ = 0;
  int64_t current_us_ = 0;
};

}  // namespace cowslip::server
