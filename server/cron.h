// What happens without a client asking: expiry, upkeep, samples, timeouts, save points. Event loop only.
#pragma once

#include <cstdint>
#include <memory>

namespace cowslip::server {

class Server;

class Cron {
 public:
  explicit Cron(Server& server);
  ~Cron();

  // Starts the timers; they run as long as the loop does.
  void start();
  // Runs per second now: config hz, raised with the number of clients when dynamic-hz is on.
  int64_t hz() const { return hz_; }
  // DEBUG SET-ACTIVE-EXPIRE.
  void set_active_expire(bool on) { active_expire_ = on; }
  bool active_expire() const { return active_expire_; }
  uint64_t runs() const { return runs_; }
  // One run; the timer calls it, and so does loading.
  void run_once();

 private:
  struct Timers;

  void schedule();
  void schedule_expiry();
  void run_expiry();
  bool delete_expired(int64_t until_us);
  // Frees a slice of what UNLINK and others left to be freed later, and sees to the next slice.
  void run_freeing();
  void adapt_hz();
  void sample_rates();
  void upkeep_store();

  Server& server_;
  std::unique_ptr<Timers> timers_;
  int64_t hz_ = 10;
  bool active_expire_ = true;
  uint64_t runs_ = 0;
  int64_t last_sample_us_ = 0;
  int64_t last_keep_alive_us_ = 0;
  bool expiry_pending_ = false;   // a slice is scheduled because more keys are due
  bool freeing_pending_ = false;  // the same of big values to be freed
  int next_expiry_database_ = 0;  // where the last slice stopped
};

}  // namespace cowslip::server
