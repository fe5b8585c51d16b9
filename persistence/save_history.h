// The file that saves are remembered in: cow-history.jsonl in the data folder, a line of JSON for each.
//
//     <folder>/cow-history.jsonl       the newest last; appended to with one write(2) per save
//     <folder>/cow-history.jsonl.1     what was there before it grew past its limit
//
// A line is on its way to the disk when write(2) has returned, no more: history is worth no fsync. A crash can tear the
// last line only; the next one begins on a line of its own, and a reader passes over what it cannot read.
//
// Thread: append() and load() are for the event loop. A thread of this object does the writing, for after a save the
// kernel may let a writer wait until some of the snapshot is on the disk. It starts with the first append().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "persistence/save_record.h"

namespace cowslip::persistence {

inline constexpr std::string_view kHistoryFileName = "cow-history.jsonl";

class SaveHistoryFile {
 public:
  // `log` outlives the object.
  explicit SaveHistoryFile(const Logger& log) : log_(log) {}
  // Writes what is still to be written.
  ~SaveHistoryFile();
  SaveHistoryFile(const SaveHistoryFile&) = delete;
  SaveHistoryFile& operator=(const SaveHistoryFile&) = delete;

  struct Place {
    std::string folder;      // absolute: the process may change to another one meanwhile
    uint64_t max_bytes = 0;  // of the file; before it would get larger it is renamed, and replaces the older one
  };
  struct Loaded {
    std::vector<SaveRecord> records;  // the oldest first
    uint64_t highest_id = 0;          // of them
    size_t skipped = 0;               // lines that make no sense
  };

  // The newest `count` saves of the folder. Says in the log if lines were passed over or a file could not be read;
  // that there is none is in order.
  Loaded load(const std::string& folder, size_t count) const;
  // Writes the record soon. A failure is logged, once until it works again.
  void append(Place place, SaveRecord record);
  // Waits until everything is written.
  void flush();

 private:
  struct Job {
    Place place;
    SaveRecord record;
  };
  void run();
  void note(const Status& written);

  const Logger& log_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  bool stopping_ = false;
  bool failing_ = false;
  std::thread thread_;
};

// The steps, for tests: appends the line, and renames the file first if it would get too large.
Status append_history_line(const SaveHistoryFile::Place& place, std::string_view line);

}  // namespace cowslip::persistence
