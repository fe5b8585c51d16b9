// Where the control groups of this process are in the file system: /proc/self/cgroup says what they are called,
// /proc/self/mountinfo where that part of the hierarchy is mounted. See cgroups(7), proc(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cowslip::memory {

// The folder `mount` + `below`, of a group; what lies above `mount` is out of sight.
struct CgroupPlace {
  std::string mount;  // no slash at its end
  std::string below;  // "" or "/..."
};

class CgroupMounts {
 public:
  // `root` stands for "/": tests put a folder there.
  explicit CgroupMounts(const std::string& root);

  // Where the process's own group may be, the likeliest first: the places that its name gives, then the mounts' own
  // roots, for in a container the name may be one that only the outside knows. Empty when nothing is mounted.
  const std::vector<CgroupPlace>& memory_v1() const { return memory_v1_; }
  const std::vector<CgroupPlace>& unified() const { return unified_; }
  // The hierarchy of version 2 has the memory controller. (Its topmost group has no figures of its own.)
  bool unified_counts_memory() const { return unified_counts_memory_; }

 private:
  std::vector<CgroupPlace> memory_v1_;
  std::vector<CgroupPlace> unified_;
  bool unified_counts_memory_ = false;
};

}  // namespace cowslip::memory
