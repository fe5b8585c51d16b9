// The forked child of a background save: everything that happens on its side.
//
// It is a copy of a process with several threads, of which only this one came along: locks that others held stay
// locked. So it uses the heap (whose allocators prepare for fork), the const keyspace, plain system calls and the log,
// and leaves through _exit, past every destructor and exit handler of its parent. What it has written of the dataset it
// gives back to the system at once (memory/snapshot_reader.h), so that its parent may write there again.
#pragma once

#include <sys/types.h>

#include "base/file.h"
#include "base/log.h"
#include "memory/chunk_pool.h"
#include "persistence/background_save.h"
#include "store/keyspace.h"

namespace cowslip::persistence {

struct SaveChildTask {
  const SaveRequest& request;
  const store::Keyspace& keyspace;
  memory::ChunkPool& chunks;  // the keyspace's
  FileSystem& files;
  const Logger& log;
  int report_fd;  // the pipe's writing end, non-blocking
  pid_t parent;
  std::string_view stream_mark;  // 40 hexadecimal digits, for a SocketTarget
  bool may_idle;                 // child_scheduling.h: asked by the parent
};

// Exit codes of the child.
inline constexpr int kChildOk = 0;
inline constexpr int kChildFailed = 1;
inline constexpr int kChildCancelled = 255;

// REQUIRES: all signals are blocked, and this is the child.
[[noreturn]] void run_save_child(const SaveChildTask& task);

}  // namespace cowslip::persistence
