// A forked child that does its work, says so, and stays until it is let go of: what it shares can be looked at.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace cowslip::memory {

class ReadingChild {
 public:
  // `work` returns whether it found what it expected.
  explicit ReadingChild(const std::function<bool()>& work = [] { return true; }) {
    if (::pipe(pipe_) != 0) return;
    pid_ = ::fork();
    if (pid_ != 0) return;
    const bool good = work();
    (void)!::write(pipe_[1], &good, 1);
    for (;;) ::pause();
  }
  ~ReadingChild() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  ReadingChild(const ReadingChild&) = delete;
  ReadingChild& operator=(const ReadingChild&) = delete;

  pid_t pid() const { return pid_; }
  // Waits for the work's end.
  bool succeeded() const {
    bool good = false;
    return ::read(pipe_[0], &good, 1) == 1 && good;
  }

 private:
  int pipe_[2] = {-1, -1};
  pid_t pid_ = -1;
};

}  // namespace cowslip::memory
